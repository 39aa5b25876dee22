"""What is cached, how long, and what is not."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from page.media.cache import Cache

N_THREADS = 8


class Slow:
    """A computation that lasts until all threads have asked for it, and counts how often it is begun."""

    def __init__(self, compute: Callable[[], int]) -> None:
        self._compute = compute
        self.n_begun = 0
        self.may_end = threading.Event()

    def __call__(self) -> int:
        """Compute."""
        self.n_begun += 1
        assert self.may_end.wait(20)
        return self._compute()


def ask_at_once(cache: Cache[int], slow: Slow) -> list[BaseException | int | None]:
    """Ask for a key in many threads while it is computed, and return what each gets."""
    asking = threading.Barrier(N_THREADS + 1)

    def ask() -> int:
        asking.wait(20)
        return cache.get("x", slow)

    with ThreadPoolExecutor(N_THREADS) as pool:
        answers = [pool.submit(ask) for _ in range(N_THREADS)]
        asking.wait(20)
        threading.Event().wait(0.2)  # until the others have asked too: less would only notice less
        slow.may_end.set()
        return [answer.exception() or answer.result() for answer in answers]


def test_a_value_is_computed_once() -> None:
    """Many threads that ask for a key while it is computed, and who comes later, share one computation."""
    cache: Cache[int] = Cache(60, 10)
    slow = Slow(lambda: 7)

    assert ask_at_once(cache, slow) == [7] * N_THREADS
    assert cache.get("x", slow) == 7
    assert slow.n_begun == 1
    assert cache.get("y", lambda: 8) == 8


def test_an_exception_is_shared_but_not_cached() -> None:
    """Threads that wait for what fails fail with it, instead of trying in turn; who comes later tries anew."""
    cache: Cache[int] = Cache(60, 10)
    slow = Slow(lambda: 1 // 0)
    answers = ask_at_once(cache, slow)

    assert [type(answer) for answer in answers] == [ZeroDivisionError] * N_THREADS
    assert slow.n_begun == 1
    with pytest.raises(ZeroDivisionError):
        cache.get("x", slow)
    assert slow.n_begun == 2
    assert cache.get("x", lambda: 5) == 5


def test_a_value_expires() -> None:
    """What is too old is computed anew."""
    cache: Cache[int] = Cache(0, 10)

    assert [cache.get("x", lambda: 4), cache.get("x", lambda: 5)] == [4, 5]


def test_the_least_recently_used_goes() -> None:
    """Where there are too many, the one goes that nobody has asked for the longest."""
    cache: Cache[int] = Cache(60, 2)
    for key in "abac":
        cache.get(key, lambda: 1)

    assert {key: cache.get(key, lambda: 2) for key in "acb"} == {"a": 1, "c": 1, "b": 2}
