"""Ends the programs that this process started, and removes their temp dir, after this process has ended in any way.

``reaping`` runs this file as a process of its own, the reaper: ``python reaper.py DIRECTORY``. Every program that is
started writes its process id into a pipe, the standard input of the reaper. The system closes the pipe when the process
that called ``reaping`` ends, even by SIGKILL. Then the reaper ends the programs.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import IO

TERM_S = 2  # between SIGTERM and SIGKILL
KILL_S = 5  # after SIGKILL, until the programs are gone
REAPER_S = TERM_S + KILL_S + 2  # until the reaper has ended

_PIPE: ContextVar[IO[bytes] | None] = ContextVar("pipe to the reaper", default=None)


@contextmanager
def reaping(directory: Path) -> Iterator[None]:
    """Run a reaper for the programs that are started within the context, and for the directory.

    The directory need not exist yet. It is removed when the context is left, too.
    """
    command = [sys.executable, "-I", "-S", __file__, str(directory)]
    reaper = subprocess.Popen(command, stdin=subprocess.PIPE, cwd="/", start_new_session=True)
    outer = _PIPE.set(reaper.stdin)
    try:
        yield
    finally:
        _PIPE.reset(outer)
        with suppress(subprocess.TimeoutExpired):
            reaper.communicate(timeout=REAPER_S)  # closes the pipe, and waits
        shutil.rmtree(directory, ignore_errors=True)  # in case somebody killed the reaper


def pipe_to_reaper() -> IO[bytes] | None:
    """Return the pipe for the process id of a new program; None outside of ``reaping``."""
    return _PIPE.get()


def main(directory: str) -> None:
    """Read process ids until the pipe is closed, then end those processes and remove the directory."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    start_times = {}
    for line in sys.stdin.buffer:
        pid = int(line)
        start_times[pid] = start_time(pid)
    for number, seconds in ((signal.SIGTERM, TERM_S), (signal.SIGKILL, KILL_S)):
        deadline = time.monotonic() + seconds
        left = [pid for pid in start_times if signal_group(pid, start_times[pid], number)]
        while left and time.monotonic() < deadline:
            time.sleep(0.02)
            left = [pid for pid in left if signal_group(pid, start_times[pid], 0)]
    shutil.rmtree(directory, ignore_errors=True)


def signal_group(pid: int, started: str, number: int) -> bool:
    """Signal the process group that a program leads or led; return False if the group is gone.

    A process of that id with another start time is not the program: the system has reused the id, which it does only
    after the group is gone.
    """
    if start_time(pid) not in (started, ""):
        return False
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
        return True
    return False


def start_time(pid: int) -> str:
    """Return the start time of a process, as the system writes it; empty if there is no such process."""
    if sys.platform == "linux":
        with suppress(OSError):
            return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19].decode()
        return ""
    answer = subprocess.run(["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip()


if __name__ == "__main__":
    main(sys.argv[1])
