"""Waveforms and distributions as coordinates of SVG.

*Conventions.* ``peaks`` are signed 8-bit pairs (minimum, maximum) of equal stretches of a sound. A waveform is drawn
in a box that is as wide as its number of columns and HEIGHT high; full scale is the whole height.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.definition import N_MFCC

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEIGHT = 256
MIN_LINE = 2  # height of silence, so that silence is a line that one sees
ROW_COLUMNS = 88  # of a waveform in a list
LOW, HIGH = 10, 90  # the percentiles that the drawn spread is between


@dataclass(frozen=True, slots=True)
class Waveform:
    """A waveform to draw.

    Attributes:
        columns: width of the box.
        path: the ``d`` of its path.
    """

    columns: int
    path: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A value of a sound within the values of the collection; positions are from 0 (the least) to 100 (the most).

    Attributes:
        value: that of the sound.
        median: that of the collection.
        low: the LOW percentile of the collection.
        high: the HIGH percentile of the collection.
        value_at: position of the value.
        median_at: position of the median.
        low_at: position of the LOW percentile.
        high_at: position of the HIGH percentile.
    """

    value: float
    median: float
    low: float
    high: float
    value_at: float
    median_at: float
    low_at: float
    high_at: float


def draw_waveform(peaks: Any, max_columns: int = ROW_COLUMNS) -> Waveform | None:
    """Return a waveform of at most so many columns, each as high as the highest of its peaks; None without peaks."""
    if not isinstance(peaks, bytes) or len(peaks) < 2:  # noqa: PLR2004  a pair
        return None
    pairs = np.frombuffer(peaks[: len(peaks) // 2 * 2], np.int8).reshape(-1, 2).astype(int)
    n_columns = min(max_columns, len(pairs))
    first = np.arange(n_columns) * len(pairs) // n_columns
    low = np.minimum.reduceat(pairs[:, 0], first)
    high = np.maximum.reduceat(pairs[:, 1], first)
    top = np.minimum(HEIGHT // 2 - high, HEIGHT // 2 - MIN_LINE // 2)
    bottom = np.maximum(HEIGHT // 2 - low, HEIGHT // 2 + MIN_LINE // 2)
    path = "".join(f"M{x}.5 {y}V{end}" for x, (y, end) in enumerate(zip(top, bottom, strict=True)))
    return Waveform(n_columns, path)


def draw_bars(mean_mfccs: Any, sample: list[dict[str, Any]]) -> list[Bar]:
    """Return a bar for each coefficient of a sound, within those of a sample of the collection."""
    if not _are_mean_mfccs(mean_mfccs):
        return []
    values = np.asarray(mean_mfccs, float)
    others = [document["mean_mfccs"] for document in sample if _are_mean_mfccs(document.get("mean_mfccs"))]
    table = np.array(others or [mean_mfccs], float)
    low, median, high = np.percentile(table, (LOW, 50, HIGH), axis=0)
    least = np.minimum(table.min(axis=0), values)
    extent = np.maximum(np.maximum(table.max(axis=0), values) - least, 1e-9)

    def positions(numbers: NDArray[np.float64]) -> list[float]:
        return [round(float(number), 2) for number in (numbers - least) / extent * 100]

    quantities = (values, median, low, high)
    columns = zip(*(part.tolist() for part in quantities), *map(positions, quantities), strict=True)
    return [Bar(*column) for column in columns]


def _are_mean_mfccs(value: Any) -> bool:
    return isinstance(value, list) and len(value) == N_MFCC and all(isinstance(mean, int | float) for mean in value)
