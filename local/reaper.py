"""The last one out: when the process that started us is gone, however it went, its parts and its temp dir go too.

Run as ``python reaper.py DIRECTORY``. Standard input is a pipe to which each part writes its process id when it starts.
Its end is the end of the process that holds the other side, which no signal can keep from us.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

TERM_S = 2  # between asking the parts to end and ending them
KILL_S = 5  # until the ended are gone


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
    """Signal the group that the process leads or led; return False if it is gone.

    A leader of another birth is a stranger who was given the number later, which means that our group is gone.
    """
    if birth(pid) not in (born, ""):
        return False
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
        return True
    return False


def birth(pid: int) -> str:
    """Return what tells a process from another that had its id before: when it started; empty for none."""
    if sys.platform == "linux":
        with suppress(OSError):
            return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19].decode()
        return ""
    answer = subprocess.run(["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip()


if __name__ == "__main__":
    main(sys.argv[1])
