"""What processes take of the machine: memory, the most of it since a moment, and processor time.

*Conventions.* Memory is resident, in MB (10⁶ bytes). A process is named by its id; where none is given it is this one.
Of this one a peak can be told on every system, of others memory and time only on Linux, which has them in /proc.
"""

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
RUSAGE_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes


def begin_peak(pid: int | None = None) -> float:
    """Return what is resident now, and begin a new peak where the system lets us (Linux)."""
    with suppress(OSError):
        (_directory(pid) / "clear_refs").write_text("5")
        return _status_mb(pid, "VmRSS")
    return _peak_ever_mb()


def peak(pid: int | None = None) -> float:
    """Return the most that was resident since ``begin_peak``; elsewhere than on Linux since this process began."""
    return _status_mb(pid, "VmHWM") if (_directory(pid) / "clear_refs").exists() else _peak_ever_mb()


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process, of all processes below it and of those below it that have ended, in s."""
    ticks = 0
    for process in (pid, *descendants(pid)):
        fields = (PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))  # utime, stime, and both of the children that have ended
    return ticks / os.sysconf("SC_CLK_TCK")


def descendants(pid: int) -> Iterator[int]:
    """Yield the ids of all processes below a process."""
    for child in (PROC / str(pid) / "task" / str(pid) / "children").read_text().split():
        yield int(child)
        yield from descendants(int(child))


def _directory(pid: int | None) -> Path:
    return PROC / ("self" if pid is None else str(pid))


def _status_mb(pid: int | None, key: str) -> float:
    line = next(line for line in (_directory(pid) / "status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) * 1024 / 1e6


def _peak_ever_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RUSAGE_UNIT / 1e6
