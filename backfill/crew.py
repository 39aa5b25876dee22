"""Processes that analyse objects side by side, each on its own: what ends one is tried again, and no other notices.

*Conventions.* An object is with one process at a time. An error, a process that ends and one that takes longer than the
platform would let it are tried again after the others, a bounded number of times; then the object has failed.
"""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from backfill.mended import Mended
from backfill.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from multiprocessing.process import BaseProcess

    from analysis.download import Pace
    from analysis.settings import Settings
    from backfill.comparison import Finding
    from backfill.turns import Job

OBJECT_S = 540  # of one object, as the function has, and what its bytes may take besides
CHECK_S = 0.5
# Firestore asks for at most 500 writes a second into a collection to begin with, and 50 % more every five minutes.
WRITES_PER_S = 500


@dataclass(slots=True)
class _Member:
    """A process, with the object it has, if any.

    Attributes:
        process: the process.
        job: its object.
        started: moment of the clock at which it got that.
    """

    process: BaseProcess
    job: Job | None = None
    started: float = 0.0


def mend_all(
    findings: Iterable[Finding],
    settings: Settings,
    n_processes: int,
    pace: Pace,
    witness: Finding,
    writes_per_s: float,
) -> Generator[tuple[Finding, Mended]]:
    """Analyse the objects and yield what became of each, in the order in which they end.

    Raises OutageError when the witness fails too. Its processes are gone when it ends, or is closed.
    """
    crew, turns, next_write = _Crew(settings, n_processes, pace), Turns(findings, witness), time.monotonic()
    try:
        while True:
            for member in crew.idle():
                if (job := turns.next()) is None:
                    break
                next_write = max(next_write + 1 / writes_per_s, time.monotonic())
                time.sleep(max(0.0, next_write - time.monotonic()))
                crew.give(member, job)
            if not crew.busy() and not turns.are_left:
                return
            for job, mended in crew.ended():
                if turns.is_over(job, mended):
                    yield job.finding, mended
    finally:
        crew.end()


class _Crew:
    """The processes, by the connection to each."""

    def __init__(self, settings: Settings, n_processes: int, pace: Pace) -> None:
        self._settings, self._pace = settings, pace
        self._members: dict[Connection, _Member] = {}
        for _ in range(n_processes):
            self._hire()

    def idle(self) -> list[Connection]:
        return [connection for connection, member in self._members.items() if member.job is None]

    def busy(self) -> list[Connection]:
        return [connection for connection, member in self._members.items() if member.job is not None]

    def give(self, connection: Connection, job: Job) -> None:
        member = self._members[connection]
        member.job, member.started = job, time.monotonic()
        with suppress(OSError):  # a process that has ended is seen where its answer is awaited
            connection.send(job.finding.upload)

    def ended(self) -> Iterator[tuple[Job, Mended]]:
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
            elif time.monotonic() - member.started > self._limit_s(job):
                mended = Mended("failed", f"it took longer than {self._limit_s(job):.0f} s")
                self._replace(connection)
            else:
                member.job = job
                continue
            yield job, mended

    def end(self) -> None:
        """End all processes, whatever they have: an object half done is found missing the next time."""
        for connection in list(self._members):
            self._dismiss(connection)

    def _limit_s(self, job: Job) -> float:
        size = (job.finding.upload and job.finding.upload.size) or 0
        return OBJECT_S + min(size / self._pace.bytes_per_s, self._pace.longest_s)

    def _hire(self) -> None:
        ours, theirs = get_context("spawn").Pipe()
        process = get_context("spawn").Process(target=_work, args=(theirs, self._settings, self._pace), daemon=True)
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


def _work(connection: Connection, settings: Settings, pace: Pace) -> None:
    """Analyse what comes, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that speaks with the person
    from backfill.mending import mend  # noqa: PLC0415 - only these processes need the signal stack

    while True:
        try:
            upload = connection.recv()
        except EOFError:
            return
        try:
            mended = mend(upload, settings, pace)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again, and then listed
            mended = Mended("failed", f"{type(error).__name__}: {error}")
        connection.send(mended)
