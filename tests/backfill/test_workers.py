"""Workers analyse side by side, no faster than Firestore allows, and go on when one of them dies."""

import errno
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from threading import Event
from urllib.parse import unquote

import psutil
import pytest

from analysis.download import IN_THE_CLOUD
from analysis.settings import Settings
from analysis.upload import Upload
from backfill import work_queue, workers
from backfill.comparison import Comparison, State
from backfill.work_queue import Failure, OutageError, Result
from backfill.workers import WRITES_PER_S, analyse_all, failure_of
from tests.fakes.serving import Quiet, serving
from tests.fakes.waiting import wait_until

SETTINGS = Settings(max_bytes=2**50)
MIB = 2**20
TIB = 2**40


class Clock:
    """Time that passes only when somebody sleeps or a test says so.

    Attributes:
        now: seconds.
        n_looks: how often the time was asked for.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.n_looks = 0

    def monotonic(self) -> float:
        """Return the time."""
        self.n_looks += 1
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let workers and queue go by a clock of the test."""
    clock = Clock()
    monkeypatch.setattr(workers, "time", clock)
    monkeypatch.setattr(work_queue, "time", clock)
    return clock


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AbstractContextManager[int]]]:
    """Serve a bucket in which an action, given the name of an object, decides the status of its download: else 404."""
    closed = Event()
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "project")

    def serve(action: Callable[[str, int], int | None]) -> AbstractContextManager[int]:
        class Handler(Quiet, BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                is_download = "alt=media" in query
                status = action(unquote(path.rpartition("/")[2]), self.client_address[1]) if is_download else None
                self.send_response(status or 404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:
                    closed.set()  # the process that asked was killed

        return serving(Handler)

    yield serve
    closed.set()


def missing(name: str, size: int | None = 1, uploaded_at: datetime | None = None) -> Comparison:
    """Return an object without a document."""
    return Comparison(State.MISSING, Upload("bucket", name, 1, size, uploaded_at=uploaded_at), None)


def placeholder(number: int) -> Comparison:
    """Return an object that needs no document, and no server to find that out."""
    return missing(f"{number}/", 0)


def analyse(objects: Iterator[Comparison], n_workers: int = 1, writes_per_s: float = 1e6) -> dict[str, Result]:
    """Return the result of each object."""
    results = analyse_all(
        objects, SETTINGS, n_workers, pace=IN_THE_CLOUD, canaries=[placeholder(0)], writes_per_s=writes_per_s
    )
    return {comparison.upload.blob_name: result for comparison, result in results}


def test_no_more_is_written_a_second_than_allowed(clock: Clock) -> None:
    """Objects are handed out one by one at the rate of the writes, and what was missed of it is not made up for."""
    handed_out = []

    def objects() -> Iterator[Comparison]:
        for number in range(12):
            handed_out.append(clock.now)
            yield placeholder(number)
            if number == 6:
                clock.now += 100

    results = analyse(objects(), n_workers=2, writes_per_s=4)

    pauses = [later - earlier for earlier, later in pairwise(handed_out)]
    assert len(results) == 12
    assert pauses == [*[0.25] * 6, 100.25, 0, *[0.25] * 3]


def test_the_rate_is_what_firestore_asks_for() -> None:
    """Firestore's documentation asks for at most 500 writes a second into a collection to begin with."""
    assert WRITES_PER_S == 500


def test_an_object_that_hangs_is_given_up(
    clock: Clock, bucket: Callable[..., AbstractContextManager[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object has the 540 s of a function and what its bytes may take to download besides, and no second more."""
    monkeypatch.setattr(work_queue, "MAX_ATTEMPTS", 1)
    monkeypatch.setattr(workers, "POLL_S", 0.02)
    objects = {
        "in time": (None, 539),
        "late": (None, 541),
        "8 MiB in time": (8 * MIB, 541),
        "8 MiB late": (8 * MIB, 543),
    }
    objects |= {"1 TiB in time": (TIB, 779), "1 TiB late": (TIB, 781)}

    def take(name: str, _: int) -> None:
        clock.now += objects[name][1]
        looks = clock.n_looks
        if "late" in name:
            Event().wait(10)  # the worker is killed meanwhile
        else:
            wait_until(lambda: clock.n_looks > looks + 5)

    with bucket(take) as port:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        results = analyse(missing(name, size) for name, (size, _) in objects.items())

    assert {name: result.message for name, result in results.items() if isinstance(result, Failure)} == {
        "late": "it took longer than 540 s",
        "8 MiB late": "it took longer than 542 s",
        "1 TiB late": "it took longer than 780 s",
    }
    assert {name for name, result in results.items() if not isinstance(result, Failure)} == objects.keys() - {
        "late",
        "8 MiB late",
        "1 TiB late",
    }


def test_a_process_that_dies_takes_nothing_along(
    bucket: Callable[..., AbstractContextManager[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was with a killed process is done by another; only killed every time it fails, by itself."""
    monkeypatch.setattr(work_queue, "BACKOFF_S", 0)
    asked: Counter[str] = Counter()

    def take(name: str, client_port: int) -> None:
        asked[name] += 1
        if name == "always" or (name == "once" and asked[name] == 1):
            for child in psutil.Process().children():
                with suppress(psutil.NoSuchProcess):  # it was killed by another thread of this server
                    if client_port in [connection.laddr.port for connection in child.net_connections()]:
                        child.kill()

    with bucket(take) as port:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        results = analyse(map(missing, ["a", "once", "b", "always", "c", "d"]), n_workers=2)

    assert asked == {"a": 1, "once": 2, "b": 1, "always": work_queue.MAX_ATTEMPTS, "c": 1, "d": 1}
    assert results.pop("always") == Failure("its process ended with -9")
    assert {name: result.kind for name, result in results.items()} == dict.fromkeys(
        ["a", "once", "b", "c", "d"], "gone"
    )


def test_its_processes_end_with_it(
    bucket: Callable[..., AbstractContextManager[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stops asking leaves no process behind, not even one that waits for a server."""
    reached = Event()

    def take(name: str, _: int) -> None:
        if name == "hangs":
            reached.set()
            Event().wait(30)

    with bucket(take) as port:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        results = analyse_all(
            map(missing, ["hangs", "first", "second"]),
            SETTINGS,
            2,
            pace=IN_THE_CLOUD,
            canaries=[placeholder(0)],
            writes_per_s=1e6,
        )
        next(results)
        assert reached.wait(30)
        assert len(multiprocessing.active_children()) == 2
        results.close()

    assert multiprocessing.active_children() == []


def test_an_object_of_any_age_is_analysed(
    bucket: Callable[..., AbstractContextManager[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function rejects an event that is too old; here old objects are what it is for."""
    monkeypatch.setattr(work_queue, "MAX_ATTEMPTS", 1)
    asked = []

    with bucket(lambda name, _: asked.append(name)) as port:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        results = analyse(iter([missing("old", uploaded_at=datetime(2000, 1, 1, tzinfo=UTC))]))

    assert asked == ["old"]
    assert {name: result.kind for name, result in results.items()} == {"old": "gone"}


def test_an_error_is_a_failure_that_is_named(
    bucket: Callable[..., AbstractContextManager[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever an analysis raises, its worker lives on, and the failure has the error's name and message."""
    monkeypatch.setattr(work_queue, "MAX_ATTEMPTS", 1)
    asked: set[int] = set()

    def take(name: str, _: int) -> int | None:
        asked.update(child.pid for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline()))
        return 403 if name == "forbidden" else None

    with bucket(take) as port:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        results = analyse(map(missing, ["forbidden", "other"]))

    assert results["forbidden"].message.startswith("Forbidden: 403 ")
    assert results["other"].kind == "gone"
    assert len(asked) == 1


def test_an_outage_comes_after_what_failed(
    bucket: Callable[..., AbstractContextManager[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the canaries fail too, each object that failed is told before the outage is, with its last error."""
    monkeypatch.setattr(work_queue, "FAILURES_BEFORE_CANARY", 3)
    told = []

    with bucket(lambda *_: 403) as port:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        results = analyse_all(
            map(missing, "abcdef"), SETTINGS, 1, pace=IN_THE_CLOUD, canaries=[missing("canary")], writes_per_s=1e6
        )
        with pytest.raises(OutageError, match="3 objects failed"):
            told.extend(results)

    assert [comparison.upload.blob_name for comparison, _ in told] == ["a", "b", "c"]
    assert all(result.message.startswith("Forbidden: 403 ") and not result.is_own for _, result in told)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE, errno.EROFS])
def test_a_full_disk_is_this_machines(number: int) -> None:
    """A disk without room and too many open files say nothing of the object, other errors may."""
    full, reset = (failure_of(OSError(each, "so it is")) for each in (number, errno.ECONNRESET))

    assert (full.is_of_this_machine, reset.is_of_this_machine) == (True, False)
    assert full.message == f"OSError: [Errno {number}] so it is"


def test_worker_whose_parent_is_gone_ends_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    """A worker ends quietly where its parent was ended before it read the last answer."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    worker = multiprocessing.get_context("spawn").Process(target=workers._work, args=(theirs, SETTINGS, IN_THE_CLOUD))
    theirs.send("an answer that nobody reads")
    ours.close()
    worker.start()
    worker.join(60)

    assert worker.exitcode == 0
    assert "Traceback" not in capfd.readouterr().err
