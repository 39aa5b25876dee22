"""Moments of a sound to go to: its loudest, and those at which something begins after silence.

*Conventions.* Moments are seconds, of the beginning of the stretch of ``peaks`` in which they are; ``peaks`` are signed
8-bit pairs (minimum, maximum) of equal stretches.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from page.display import is_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_LOUDEST = 5
N_BEGINNINGS = 12
SHORTEST_S = 5.0  # of a sound that has moments: a shorter one is seen at a glance
APART = 20  # the loudest moments are this part of the sound away from each other, at least
SILENCE = 0.03  # a stretch whose highest sample is below this share of the sound's is silent: -30 dB
SILENCE_S = 0.5  # a shorter silence is none


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments of a sound, seconds, in their order.

    Attributes:
        loudest: the loudest, of those that are near each other one.
        beginnings: the ends of its silences, those after the longest ones.
    """

    loudest: tuple[float, ...] = ()
    beginnings: tuple[float, ...] = ()


def find_moments(peaks: Any, duration: Any) -> Moments:
    """Return the moments of a sound, none of one that is short, silent or without peaks."""
    if not isinstance(peaks, bytes) or len(peaks) < 4 or not is_number(duration) or duration < SHORTEST_S:  # noqa: PLR2004
        return Moments()
    pairs = np.frombuffer(peaks[: len(peaks) // 2 * 2], np.int8).reshape(-1, 2).astype(int)
    heights = np.abs(pairs).max(axis=1)
    if not heights.any():
        return Moments()
    stretch_s = duration / len(heights)
    return Moments(
        tuple(float(place) * stretch_s for place in sorted(_loudest(heights))),
        tuple(float(place) * stretch_s for place in sorted(_beginnings(heights, SILENCE_S / stretch_s))),
    )


def _loudest(heights: NDArray[np.int_]) -> list[int]:
    found: list[int] = []
    for place in np.argsort(-heights, kind="stable").tolist():
        if all(abs(place - other) > len(heights) / APART for other in found) and heights[place]:
            found.append(place)
        if len(found) == N_LOUDEST:
            break
    return found


def _beginnings(heights: NDArray[np.int_], shortest: float) -> list[int]:
    is_silent = heights < max(SILENCE * heights.max(), 1)
    borders = [0, *(np.flatnonzero(np.diff(is_silent)) + 1).tolist(), len(heights)]
    silences = [(last - first, last) for first, last in pairwise(borders) if is_silent[first] and last < len(heights)]
    longest = sorted((silence for silence in silences if silence[0] >= shortest), key=lambda silence: -silence[0])
    return [last for _, last in longest[:N_BEGINNINGS]]
