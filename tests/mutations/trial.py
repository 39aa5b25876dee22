"""A change is tried: its tests run in a copy of the checkout without it, then in another copy with it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from threading import Event, Lock

from tests.mutations.change import ROOT, Change, DoesNotApplyError, copy_checkout

FIRST_RUN_S = 900  # for tests without a change: emulators and a browser start, on a busy machine
TIMES, MORE_S = 5, 60  # how much longer than without it a run with a change may take
END_S = 30  # from Ctrl-C until a run is killed: its fixtures end what they started
POLL_S = 0.1
PASSED, FAILED, NOT_COLLECTED = 0, 1, 2  # pytest's exit codes


class Outcome(StrEnum):
    """What became of a change."""

    NOTICED = "noticed"
    NOT_NOTICED = "NOT noticed"
    DOES_NOT_APPLY = "does not apply"
    NOT_TRIED = "not tried"


@dataclass(frozen=True)
class Result:
    """What became of a change, and why.

    Attributes:
        outcome: in a word or two.
        reason: what pytest said last, or what kept it from being tried.
        seconds: how long its tests ran with it.
    """

    outcome: Outcome
    reason: str
    seconds: float = 0


@dataclass(frozen=True)
class Run:
    """A run of pytest.

    Attributes:
        status: its exit code; None where it was ended because it took too long.
        said: its last line.
        seconds: how long it took.
    """

    status: int | None
    said: str
    seconds: float


class InterruptedTrialError(Exception):
    """Somebody pressed Ctrl-C."""


@dataclass
class Trials:
    """Tries changes, several at once from several threads; tests that changes share run once without a change."""

    _stopped: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)
    _locks: dict[str, Lock] = field(default_factory=dict)
    _unchanged: dict[str, Run] = field(default_factory=dict)

    def stop(self) -> None:
        """End what runs; what was to run raises InterruptedTrialError."""
        self._stopped.set()

    def attempt(self, change: Change) -> Result:
        """Run the tests of a change without it, where that was not done yet, and with it."""
        try:
            change.changed(ROOT)
        except DoesNotApplyError as error:
            return Result(Outcome.DOES_NOT_APPLY, str(error))
        runs = [self._run_unchanged(test) for test in change.tests]
        for test, run in zip(change.tests, runs, strict=True):
            if run.status != PASSED:
                return Result(Outcome.NOT_TRIED, f"{test} fails without the change too: {run.said}")
            if "passed" not in run.said:
                return Result(Outcome.NOT_TRIED, f"{test} is skipped here: {run.said}")
        run = self._run(change.tests, sum(run.seconds for run in runs) * TIMES + MORE_S, change)
        noticed = run.status in {FAILED, NOT_COLLECTED, None}
        return Result(Outcome.NOTICED if noticed else Outcome.NOT_NOTICED, run.said, run.seconds)

    def _run_unchanged(self, test: str) -> Run:
        with self._lock:
            lock = self._locks.setdefault(test, Lock())
        with lock:
            if test not in self._unchanged:
                self._unchanged[test] = self._run((test,), FIRST_RUN_S)
            return self._unchanged[test]

    def _run(self, tests: tuple[str, ...], limit_s: float, change: Change | None = None) -> Run:
        folder = Path(tempfile.mkdtemp(prefix="mutation-"))
        try:
            checkout, temporary = folder / "checkout", folder / "tmp"
            checkout.mkdir()
            temporary.mkdir()
            copy_checkout(checkout)
            if change:
                (checkout / change.file).write_text(change.changed(checkout))
            with (folder / "output").open("w+") as output:
                began = time.monotonic()
                process = subprocess.Popen(
                    [sys.executable, "-m", "pytest", "-x", "-q", "--color=no", *tests],
                    cwd=checkout,
                    env=os.environ | {"TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                try:
                    ended = self._wait(process, began + limit_s)
                finally:
                    _end(process)
                seconds = time.monotonic() - began
                output.seek(0)
                said = _last_line(output.read()) if ended else f"not ended after {limit_s:.0f} s"
                return Run(process.returncode if ended else None, said, seconds)
        finally:
            shutil.rmtree(folder, ignore_errors=True)  # what a killed test left may still be written to

    def _wait(self, process: subprocess.Popen[bytes], deadline: float) -> bool:
        while process.poll() is None:
            if self._stopped.is_set():
                raise InterruptedTrialError
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a run and its process group: as Ctrl-C does, so that its fixtures end what they started, then by SIGKILL."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(output: str) -> str:
    lines = [line.strip("= ") for line in output.splitlines() if line.strip("= ")]
    counts = [line for line in lines if re.search(r"\d+ (passed|failed|skipped|errors?)\b.* in ", line)]
    return (counts or lines or ["it said nothing"])[-1]
