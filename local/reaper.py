"""Ends the programs that this process started, and removes their temp dir, when this process is gone, however it went.

``reaping`` runs this file as a process of its own, the reaper: ``python reaper.py DIRECTORY``. Its standard input is a
pipe, into which every program that is started meanwhile writes its process id. The reaper acts when the pipe ends, and
the pipe ends with the process that called ``reaping``: no signal can prevent that.
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

TERM_S = 2  # between asking the programs to end and ending them
KILL_S = 5  # until the ended are gone
REAPER_S = TERM_S + KILL_S + 2  # until the reaper is done

_PIPE: ContextVar[IO[bytes] | None] = ContextVar("pipe to the reaper", default=None)


@contextmanager
def reaping(directory: Path) -> Iterator[None]:
    """Let a reaper watch over the directory and over every program that is started until the context is left.

    The directory need not exist yet; it is removed when the context is left, too.
    """
    command = [sys.executable, "-I", "-S", __file__, str(directory)]
    reaper = subprocess.Popen(command, stdin=subprocess.PIPE, cwd="/", start_new_session=True)
    outer = _PIPE.set(reaper.stdin)
    try:
        yield
    finally:
        _PIPE.reset(outer)
        with suppress(subprocess.TimeoutExpired):
            reaper.communicate(timeout=REAPER_S)  # ends the pipe, and waits
        shutil.rmtree(directory, ignore_errors=True)  # if somebody ended the reaper


def pipe_to_reaper() -> IO[bytes] | None:
    """Return where a new program is to write its process id; None outside of ``reaping``."""
    return _PIPE.get()


def main(directory: str) -> None:
    """Read process ids until the pipe ends, then end what is left of them and remove the directory."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    births = {}
    for line in sys.stdin.buffer:
        pid = int(line)
        births[pid] = birth(pid)
    for number, seconds in ((signal.SIGTERM, TERM_S), (signal.SIGKILL, KILL_S)):
        deadline = time.monotonic() + seconds
        left = [pid for pid in births if signal_group(pid, births[pid], number)]
        while left and time.monotonic() < deadline:
            time.sleep(0.02)
            left = [pid for pid in left if signal_group(pid, births[pid], 0)]
    shutil.rmtree(directory, ignore_errors=True)


def signal_group(pid: int, born: str, number: int) -> bool:
    """Signal the process group that a program leads or led; return False if the group is gone.

    Where the process of that id was born at another time it is not the program: the system has given the id again,
    which it does not do while a group of that id is there.
    """
    if birth(pid) not in (born, ""):
        return False
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
        return True
    return False


def birth(pid: int) -> str:
    """Return when a process started, in the system's own words; empty if there is no such process."""
    if sys.platform == "linux":
        with suppress(OSError):
            return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19].decode()
        return ""
    answer = subprocess.run(["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip()


if __name__ == "__main__":
    main(sys.argv[1])
