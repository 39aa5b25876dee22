"""The pictures of a stretch of a sound: its waveform, and its levels over time and mel band, in one pass.

*Conventions.* Levels are those of the mel powers of the analysis, [shape=(t, n_mels)]. A column of the spectrogram
stands for one or more frames and shows the loudest of them, so that a short event is seen in a long sound. The
brightest colour is the highest level of the stretch, the darkest RANGE_DB below it; digital silence is dark. The
waveform has the lowest and the highest sample of each column.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from analysis.definition import HOP_LENGTH, N_FFT, N_MELS, TOP_DB
from analysis.features.spectra import compute_spectra

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from page.media.stretch import Stretch

RANGE_DB = TOP_DB
MIN_POWER = 1e-10  # librosa's: a power that is lower is as good as silence
SILENT_DB = 10 * np.log10(np.float32(MIN_POWER))
FULL_SCALE = 32767
MARGIN = N_FFT  # samples of y around a stretch that its frames reach into; a whole number of hops
# matplotlib's magma, from dark to bright: even steps of lightness, which colour-blind people tell apart too
COLOURS = (
    *((0, 0, 4), (28, 16, 68), (79, 18, 123), (129, 37, 129), (181, 54, 122)),
    *((229, 80, 100), (251, 135, 97), (254, 194, 135), (252, 253, 191)),
)


@dataclass(frozen=True, slots=True)
class Picture:
    """The pictures of a stretch.

    Attributes:
        png: the spectrogram.
        peaks: pairs (minimum, maximum) of equal parts, 16-bit integers, the lowest byte first.
    """

    png: bytes
    peaks: bytes


def draw(blocks: Iterable[NDArray[np.float32]], stretch: Stretch) -> Picture:
    """Draw a stretch of y.

    Parameters
    ----------
    blocks : iterable of np.ndarray [shape=(n,)], float32
        y at 22 050 Hz, from ``reach`` on
    stretch : Stretch
        where it begins and ends in y, and its columns

    Returns
    -------
    picture : Picture
    """
    first, n_samples = reach(stretch).start - stretch.start, stretch.stop - stretch.start
    peaks = _Peaks(n_samples, stretch.columns)
    n_frames = 1 + n_samples // HOP_LENGTH
    loudest = np.full((min(n_frames, stretch.columns), N_MELS), MIN_POWER, np.float32)
    frame = first // HOP_LENGTH
    for spectra in compute_spectra(blocks):
        for y in spectra.blocks:
            peaks.add(y, first)
            first += len(y)
        frames = np.arange(frame, frame + len(spectra))
        frame += len(spectra)
        here = slice(*np.searchsorted(frames, (0, n_frames)))
        np.maximum.at(loudest, frames[here] * len(loudest) // n_frames, spectra.mel_powers[here])
    return Picture(_draw_levels(10 * np.log10(loudest.T[::-1])), peaks.tobytes())


def reach(stretch: Stretch) -> range:
    """Return the samples of y that the pictures of a stretch are made of: some more than its own."""
    margin = min(MARGIN, stretch.start // HOP_LENGTH * HOP_LENGTH)
    return range(stretch.start - margin, stretch.stop + MARGIN)


class _Peaks:
    """The lowest and highest sample of each column."""

    def __init__(self, n_samples: int, columns: int) -> None:
        n_columns = max(1, min(n_samples, columns))
        self._bounds = np.arange(n_columns) * n_samples // n_columns  # where each column begins
        self._n_samples = n_samples
        self._lowest = np.full(n_columns, np.inf, np.float32)
        self._highest = np.full(n_columns, -np.inf, np.float32)

    def add(self, y: NDArray[np.float32], first: int) -> None:
        """Add samples; ``first`` is the place of the first of them in the stretch."""
        start, stop = max(first, 0), min(first + len(y), self._n_samples)
        if start >= stop:
            return
        columns = slice(
            int(np.searchsorted(self._bounds, start, "right")) - 1, int(np.searchsorted(self._bounds, stop))
        )
        starts = np.maximum(self._bounds[columns], start) - first
        part = y[: stop - first]
        np.minimum(self._lowest[columns], np.minimum.reduceat(part, starts), out=self._lowest[columns])
        np.maximum(self._highest[columns], np.maximum.reduceat(part, starts), out=self._highest[columns])

    def tobytes(self) -> bytes:
        """Return the pairs; columns that nothing has come for are silent."""
        pairs = np.stack([self._lowest, self._highest], axis=1)
        pairs[np.isinf(pairs)] = 0
        return (np.clip(pairs, -1, 1) * FULL_SCALE).round().astype("<i2").tobytes()


def _draw_levels(levels: NDArray[np.float32]) -> bytes:
    """Return levels [shape=(n_mels, columns)], dB, the lowest band last, as PNG."""
    brightest = levels.max() if levels.max() > SILENT_DB else np.inf
    shades = np.clip((levels - brightest) / RANGE_DB + 1, 0, 1) * 255
    picture = Image.fromarray(shades.astype(np.uint8), "P")
    picture.putpalette(_palette())
    png = io.BytesIO()
    picture.save(png, "PNG", optimize=True)
    return png.getvalue()


@cache
def _palette() -> bytes:
    positions = np.linspace(0, 255, len(COLOURS))
    channels = [np.interp(np.arange(256), positions, channel) for channel in zip(*COLOURS, strict=True)]
    return np.stack(channels, axis=1).round().astype(np.uint8).tobytes()
