"""Worker processes that analyse objects side by side, and the rate at which they get them.

*Conventions.* A worker has one object at a time. An error, a worker that dies and an object that takes too long are
failures of that object alone: the queue decides whether it is tried again.
"""

from __future__ import annotations

import errno
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from backfill.work_queue import Failure, OutageError, WorkQueue

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from multiprocessing.process import BaseProcess

    from analysis.download import Pace
    from analysis.settings import Settings
    from backfill.comparison import Comparison
    from backfill.work_queue import Result, WorkItem

OBJECT_TIMEOUT_S = 540  # as the function's, for an object without its download
POLL_S = 0.5
# A full disk and too many open files say nothing of the object.
ERRNOS_OF_THIS_MACHINE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EFBIG, errno.EROFS, errno.ENOENT}
)
# Firestore asks for at most 500 writes a second into a new collection, and 50 % more every five minutes.
WRITES_PER_S = 500


@dataclass(slots=True)
class _Worker:
    """A worker process.

    Attributes:
        process: the process.
        item: the object that it analyses, None while it is idle.
        started: time of the monotonic clock at which it got the object, in s.
    """

    process: BaseProcess
    item: WorkItem | None = None
    started: float = 0.0


def analyse_all(
    objects: Iterable[Comparison],
    settings: Settings,
    n_workers: int,
    *,
    pace: Pace,
    canaries: Iterable[Comparison],
    writes_per_s: float,
) -> Generator[tuple[Comparison, Result]]:
    """Analyse the objects, and yield the result of each as soon as it is final.

    All workers are stopped when the generator ends or is closed. Raises OutageError when the canaries fail, after the
    results of the objects that failed until then.
    """
    workers, queue, next_write = _Workers(settings, n_workers, pace), WorkQueue(objects, canaries), time.monotonic()
    try:
        while True:
            for connection in workers.idle():
                if (item := queue.take()) is None:
                    break
                next_write = max(next_write + 1 / writes_per_s, time.monotonic())
                time.sleep(max(0.0, next_write - time.monotonic()))
                workers.assign(connection, item)
            if not workers.busy() and not queue.has_more:
                yield from queue.rest()
                return
            for item, result in workers.results():
                yield from queue.finish(item, result)
    except OutageError as outage:
        yield from outage.failures
        raise
    finally:
        workers.stop()


def failure_of(error: Exception) -> Failure:
    """Return the failure that an error of an analysis is."""
    is_of_this_machine = isinstance(error, OSError) and error.errno in ERRNOS_OF_THIS_MACHINE
    return Failure(f"{type(error).__name__}: {error}", is_of_this_machine)


class _Workers:
    """All workers, by the connection to each."""

    def __init__(self, settings: Settings, n_workers: int, pace: Pace) -> None:
        self._settings, self._pace = settings, pace
        self._workers: dict[Connection, _Worker] = {}
        for _ in range(n_workers):
            self._start_one()

    def idle(self) -> list[Connection]:
        return [connection for connection, worker in self._workers.items() if worker.item is None]

    def busy(self) -> list[Connection]:
        return [connection for connection, worker in self._workers.items() if worker.item is not None]

    def assign(self, connection: Connection, item: WorkItem) -> None:
        worker = self._workers[connection]
        worker.item, worker.started = item, time.monotonic()
        with suppress(OSError):  # of a worker that died: `results` finds that out
            connection.send(item.comparison.upload)

    def results(self) -> Iterator[tuple[WorkItem, Result]]:
        """Wait until a worker is done, at most for POLL_S, and yield the results."""
        busy = self.busy()
        if not busy:
            time.sleep(POLL_S)
        ready = wait(busy, POLL_S)
        for connection in busy:
            worker = self._workers[connection]
            item, worker.item = worker.item, None
            if item is None:
                continue
            result: Result
            if connection in ready:
                try:
                    result = connection.recv()
                except (EOFError, OSError):
                    worker.process.join()
                    result = Failure(f"its process ended with {worker.process.exitcode}")
                    self._replace(connection)
            elif time.monotonic() - worker.started > self._timeout_s(item):
                result = Failure(f"it took longer than {self._timeout_s(item):.0f} s")
                self._replace(connection)
            else:
                worker.item = item
                continue
            yield item, result

    def stop(self) -> None:
        """Kill all workers; an object that one of them had is found missing by the next run."""
        for connection in list(self._workers):
            self._stop_one(connection)

    def _timeout_s(self, item: WorkItem) -> float:
        return OBJECT_TIMEOUT_S + min(item.comparison.size / self._pace.bytes_per_s, self._pace.longest_s)

    def _start_one(self) -> None:
        ours, theirs = get_context("spawn").Pipe()
        process = get_context("spawn").Process(target=_work, args=(theirs, self._settings, self._pace), daemon=True)
        resource_tracker.ensure_running()  # as its start unblocks SIGINT, before the first worker starts
        # Ctrl-C reaches the parent too, which stops its workers. What is blocked here is blocked in what it starts.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGQUIT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        theirs.close()  # or `ours` would stay open after the worker's death
        self._workers[ours] = _Worker(process)

    def _replace(self, connection: Connection) -> None:
        self._stop_one(connection)
        self._start_one()

    def _stop_one(self, connection: Connection) -> None:
        worker = self._workers.pop(connection)
        connection.close()
        worker.process.kill()
        worker.process.join()


def _work(connection: Connection, settings: Settings, pace: Pace) -> None:
    """Analyse what comes, until the other end is closed."""
    from analysis.pipeline import answer  # noqa: PLC0415 - only a worker needs it

    settings = replace(settings, max_event_age_s=inf)  # a backfill is for old objects
    while True:
        try:
            upload = connection.recv()
        except (EOFError, ConnectionResetError):  # the second where the parent ended before it read an answer
            return
        result: Result
        try:
            result = answer(upload, settings, pace)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again, and then listed
            result = failure_of(error)
        with suppress(ConnectionError):  # nobody waits for it: what comes next is the end
            connection.send(result)
