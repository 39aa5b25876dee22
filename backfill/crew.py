"""Processes that analyse objects side by side, each on its own: what ends one is tried again, and no other notices.

*Conventions.* An object is with one process at a time. An error, a process that ends and one that takes longer than the
platform would let it are tried again after the others, at most ATTEMPTS times in all; then the object has failed.
"""

from __future__ import annotations

import signal
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from backfill.mended import Mended

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from multiprocessing.process import BaseProcess

    from analysis.settings import Settings
    from backfill.comparison import Finding

ATTEMPTS = 3
PAUSE_S = 5  # before an object is tried again, times the attempts it had
OBJECT_S = 540  # of one object, as the function has
CHECK_S = 0.5
# Firestore asks for at most 500 writes a second into a collection to begin with, and 50 % more every five minutes.
WRITES_PER_S = 500
# So many failures without a success between them are not the objects' fault.
FAILURES_IN_A_ROW = 30


class OutageError(Exception):
    """Nearly every object fails, so the bucket, the database or the rights do."""


@dataclass(slots=True)
class _Job:
    """An object on its way.

    Attributes:
        finding: which.
        attempts: how often it was tried.
        not_before: moment of the clock before which it is not tried again.
    """

    finding: Finding
    attempts: int = 0
    not_before: float = 0.0


@dataclass(slots=True)
class _Member:
    """A process, with the object it has, if any.

    Attributes:
        process: the process.
        job: its object.
        started: moment of the clock at which it got that.
    """

    process: BaseProcess
    job: _Job | None = None
    started: float = 0.0


def mend_all(
    findings: Iterable[Finding], settings: Settings, n_processes: int, writes_per_s: float = WRITES_PER_S
) -> Generator[tuple[Finding, Mended]]:
    """Analyse the objects and yield what became of each, in the order in which they end.

    Raises OutageError when nearly all fail. Its processes are gone when it ends, or is closed.
    """
    crew = _Crew(settings, n_processes)
    jobs = (_Job(finding) for finding in findings)
    again: deque[_Job] = deque()
    failures, next_write = 0, time.monotonic()
    try:
        while True:
            for member in crew.idle():
                if (job := _next_job(jobs, again)) is None:
                    break
                next_write = max(next_write + 1 / writes_per_s, time.monotonic())
                time.sleep(max(0.0, next_write - time.monotonic()))
                crew.give(member, job)
            if not crew.busy() and not again:
                return
            for job, mended in crew.ended():
                failures = failures + 1 if mended.kind == "failed" else 0
                if mended.kind == "failed" and job.attempts < ATTEMPTS:
                    job.not_before = time.monotonic() + PAUSE_S * job.attempts
                    again.append(job)
                else:
                    yield job.finding, mended
                if failures >= FAILURES_IN_A_ROW:
                    raise OutageError(f"{failures} attempts in a row failed, the last by: {mended.message}")
    finally:
        crew.end()


def _next_job(jobs: Iterator[_Job], again: deque[_Job]) -> _Job | None:
    """Return a new object while there is one, then one to be tried again whose time has come."""
    if (job := next(jobs, None)) is not None:
        return job
    return again.popleft() if again and again[0].not_before <= time.monotonic() else None


class _Crew:
    """The processes, by the connection to each."""

    def __init__(self, settings: Settings, n_processes: int) -> None:
        self._settings = settings
        self._members: dict[Connection, _Member] = {}
        for _ in range(n_processes):
            self._hire()

    def idle(self) -> list[Connection]:
        return [connection for connection, member in self._members.items() if member.job is None]

    def busy(self) -> list[Connection]:
        return [connection for connection, member in self._members.items() if member.job is not None]

    def give(self, connection: Connection, job: _Job) -> None:
        member = self._members[connection]
        job.attempts += 1
        member.job, member.started = job, time.monotonic()
        with suppress(OSError):  # a process that has ended is seen where its answer is awaited
            connection.send(job.finding.upload)

    def ended(self) -> Iterator[tuple[_Job, Mended]]:
        """Wait a little, and yield what has ended since."""
        busy = self.busy()
        if not busy:
            time.sleep(CHECK_S)
        ready = wait(busy, CHECK_S)
        for connection in busy:
            member = self._members[connection]
            job, member.job = member.job, None
            if job is None:
                continue
            if connection in ready:
                try:
                    mended = connection.recv()
                except (EOFError, OSError):
                    member.process.join()
                    mended = Mended("failed", f"its process ended with {member.process.exitcode}")
                    self._replace(connection)
            elif time.monotonic() - member.started > OBJECT_S:
                mended = Mended("failed", f"it took longer than {OBJECT_S} s")
                self._replace(connection)
            else:
                member.job = job
                continue
            yield job, mended

    def end(self) -> None:
        """End all processes, whatever they have: an object half done is found missing the next time."""
        for connection in list(self._members):
            self._dismiss(connection)

    def _hire(self) -> None:
        ours, theirs = get_context("spawn").Pipe()
        process = get_context("spawn").Process(target=_work, args=(theirs, self._settings), daemon=True)
        process.start()
        theirs.close()  # or the end of the process would not be seen
        self._members[ours] = _Member(process)

    def _replace(self, connection: Connection) -> None:
        self._dismiss(connection)
        self._hire()

    def _dismiss(self, connection: Connection) -> None:
        member = self._members.pop(connection)
        connection.close()
        member.process.kill()
        member.process.join()


def _work(connection: Connection, settings: Settings) -> None:
    """Analyse what comes, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that speaks with the person
    from backfill.mending import mend  # noqa: PLC0415 - only these processes need the signal stack

    while True:
        try:
            upload = connection.recv()
        except EOFError:
            return
        try:
            mended = mend(upload, settings)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again, and then listed
            mended = Mended("failed", f"{type(error).__name__}: {error}")
        connection.send(mended)
