"""Objects that fail are tried again after the others, and do not stop them unless nothing can be analysed at all."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.pipeline import Answer
from analysis.upload import Upload
from backfill import work_queue
from backfill.comparison import Comparison, State
from backfill.work_queue import FAILURES_BEFORE_CANARY, MAX_ATTEMPTS, Failure, OutageError, Result, WorkQueue

SOUND: Result = Answer("sound", "uid")
FAILURE: Result = Failure("so it is")
CANARY = Comparison(State.SOUND, Upload("bucket", "canary", 1, 1), None)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait for its next attempt."""
    monkeypatch.setattr(work_queue, "BACKOFF_S", 0)


class Clock:
    """Time that passes only when a test says so."""

    now = 0.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now


def analyse(are_bad: list[bool], *, works: bool = True) -> tuple[list[str], Counter[str]]:
    """What is finished, in its order, and how often each object was tried; the bad ones fail every time."""
    objects = [Comparison(State.MISSING, Upload("bucket", str(n), 1, 1), None) for n in range(len(are_bad))]
    queue, finished, attempts = WorkQueue(objects, CANARY), [], Counter()
    while item := queue.take():
        name = item.comparison.upload.blob_name
        attempts[name] += 1
        fails = not works if name == "canary" else are_bad[int(name)]
        if queue.finish(item, FAILURE if fails else SOUND):
            finished.append(name)
    return finished, attempts


@given(st.lists(st.booleans(), max_size=200))
def test_each_object_ends_once_and_is_tried_a_bounded_number_of_times(are_bad: list[bool]) -> None:
    """Whichever fail, each ends once: a good one after one attempt, a bad one after the last."""
    finished, attempts = analyse(are_bad)

    del attempts["canary"]
    assert sorted(finished, key=int) == [str(n) for n in range(len(are_bad))]
    assert attempts == {str(n): MAX_ATTEMPTS if is_bad else 1 for n, is_bad in enumerate(are_bad)}


def test_neighbours_that_fail_do_not_stop_the_rest() -> None:
    """Where a hundred in a row fail and the canary does not, the rest is done; the canary is asked now and then."""
    finished, attempts = analyse([True] * 100 + [False] * 10)

    assert finished[:10] == [str(n) for n in range(100, 110)]
    assert len(finished) == 110
    assert attempts["canary"] == 100 // FAILURES_BEFORE_CANARY


def test_nothing_that_works_is_an_outage() -> None:
    """Where the canary fails too, that is the end; fewer failures than that are the objects' own."""
    with pytest.raises(OutageError, match="not even what was analysed before"):
        analyse([False] * 5 + [True] * 100, works=False)

    finished, _ = analyse([False, *[True] * (FAILURES_BEFORE_CANARY - 1)], works=False)
    assert len(finished) == FAILURES_BEFORE_CANARY


def test_bounds_are_those_that_are_promised() -> None:
    """An object is tried three times, and thirty that fail in a row are suspicious, as docs/backfill.md says."""
    assert (MAX_ATTEMPTS, FAILURES_BEFORE_CANARY) == (3, 30)


def test_an_object_waits_longer_after_every_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed object is tried again after the new ones, and after a pause that grows with its attempts."""
    clock = Clock()
    monkeypatch.setattr(work_queue, "time", clock)
    monkeypatch.setattr(work_queue, "BACKOFF_S", 5)
    first, second = (Comparison(State.MISSING, Upload("bucket", name, 1, 1), None) for name in "ab")
    queue = WorkQueue([first, second], CANARY)

    item = queue.take()
    assert not queue.finish(item, FAILURE)
    other = queue.take()
    assert (item.comparison, other.comparison) == (first, second)
    assert queue.finish(other, SOUND)
    for pause in (5, 10):
        clock.now += pause - 1
        assert (queue.take(), queue.has_retries) == (None, True)
        clock.now += 1
        assert queue.take() is item
        is_final = queue.finish(item, FAILURE)
        assert is_final is (pause == 10)
    assert (queue.take(), queue.has_retries, item.attempts) == (None, False, 3)


def test_what_succeeds_between_failures_is_no_outage() -> None:
    """Only failures in a row are suspicious: one success between them, and nobody asks the canary."""
    _, attempts = analyse(([True] * (FAILURES_BEFORE_CANARY - 1) + [False]) * 3, works=False)

    assert "canary" not in attempts


def test_a_failure_that_repeats_is_one_object() -> None:
    """Second and third attempts are not counted as further objects that fail."""
    _, attempts = analyse([True] * (FAILURES_BEFORE_CANARY - 1), works=False)

    assert "canary" not in attempts


def test_the_last_of_the_failures_in_a_row_calls_for_the_canary() -> None:
    """Exactly as many failures as the bound are enough."""
    with pytest.raises(OutageError):
        analyse([True] * FAILURES_BEFORE_CANARY, works=False)
