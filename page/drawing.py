"""Waveforms and spreads as the coordinates of SVG.

*Conventions.* ``peaks`` are signed 8-bit pairs (minimum, maximum) of equal stretches of a sound. A waveform is drawn
in a box of its number of columns by HEIGHT, full scale from top to bottom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEIGHT = 256
LEAST = 2  # height of silence, so that it is seen as such
ROW_COLUMNS = 88
LOW, HIGH = 10, 90  # percentiles of the spread that is drawn


@dataclass(frozen=True, slots=True)
class Waveform:
    """A waveform to draw.

    Attributes:
        columns: width of the box.
        path: the path's ``d``.
    """

    columns: int
    path: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One coefficient of a sound among those of the collection; places are from 0 to 100.

    Attributes:
        value: of the sound.
        median: of the collection.
        low: its LOW percentile.
        high: its HIGH percentile.
        at: place of the value.
        median_at: place of the median.
        low_at: place of low.
        high_at: place of high.
    """

    value: float
    median: float
    low: float
    high: float
    at: float
    median_at: float
    low_at: float
    high_at: float


def draw_waveform(peaks: Any, most: int = ROW_COLUMNS) -> Waveform | None:
    """Return the waveform of at most so many columns; None for what are no peaks."""
    if not isinstance(peaks, bytes) or len(peaks) < 2:  # noqa: PLR2004  a pair
        return None
    pairs = np.frombuffer(peaks[: len(peaks) // 2 * 2], np.int8).reshape(-1, 2).astype(int)
    first = np.arange(min(most, len(pairs))) * len(pairs) // min(most, len(pairs))
    low = np.minimum.reduceat(pairs[:, 0], first)
    high = np.maximum.reduceat(pairs[:, 1], first)
    top = np.minimum(HEIGHT // 2 - high, HEIGHT // 2 - LEAST // 2)
    bottom = np.maximum(HEIGHT // 2 - low, HEIGHT // 2 + LEAST // 2)
    path = "".join(f"M{x}.5 {y}V{end}" for x, (y, end) in enumerate(zip(top, bottom, strict=True)))
    return Waveform(len(first), path)


def draw_bars(means: Any, sample: list[dict[str, Any]]) -> list[Bar]:
    """Return each coefficient of a sound among those of a sample of the collection."""
    if not _are_means(means):
        return []
    others = np.array([document["mean_mfccs"] for document in sample if _are_means(document.get("mean_mfccs"))])
    values = np.asarray(means, float)
    if others.ndim != 2 or others.shape[1] != len(values):  # noqa: PLR2004  a table
        others = values[np.newaxis]
    low, median, high = np.percentile(others, (LOW, 50, HIGH), axis=0)
    least = np.minimum(others.min(axis=0), values)
    extent = np.maximum(np.maximum(others.max(axis=0), values) - least, 1e-9)

    def place(numbers: NDArray[np.float64]) -> list[float]:
        return [round(float(number), 2) for number in (numbers - least) / extent * 100]

    columns = zip(
        *(part.tolist() for part in (values, median, low, high)), *map(place, (values, median, low, high)), strict=True
    )
    return [Bar(*column) for column in columns]


def _are_means(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 12 and all(isinstance(mean, int | float) for mean in value)  # noqa: PLR2004  of n_mfcc
