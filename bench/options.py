"""What the command line decides."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """What every section of the benchmark is given.

    Attributes:
        runs: how often each method is run.
        quick: short sounds, to try the benchmark itself.
        cache: directory of the sound files.
    """

    runs: int
    quick: bool
    cache: Path

    def scaled(self, seconds: float, quick_seconds: float) -> float:
        """Return a sound's length: the real one, or the one for a quick try."""
        return quick_seconds if self.quick else seconds
