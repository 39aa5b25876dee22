"""How much memory this process holds, and the most it held since a moment, in MB (10⁶ bytes)."""

import resource
import sys
from contextlib import suppress
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
RUSAGE_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes


def start() -> float:
    """Return what is resident now, and begin a new peak where the system lets us (Linux)."""
    with suppress(OSError):
        CLEAR.write_text("5")
        return _status("VmRSS")
    return _peak_ever()


def peak() -> float:
    """Return the most that was resident since ``start``; elsewhere than on Linux since the process began."""
    return _status("VmHWM") if CLEAR.exists() else _peak_ever()


def _status(key: str) -> float:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) * 1024 / 1e6


def _peak_ever() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RUSAGE_UNIT / 1e6
