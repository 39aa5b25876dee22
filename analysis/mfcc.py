"""Blocks of samples become the 12 mean MFCCs, in memory that does not grow with the sound.

*Conventions.* ``y`` is mono float32 at 22 050 Hz. ``L`` is the log-mel power in dB, float32 [shape=(t, 128)]; frame t
is 2048 samples around sample 512 t, zeros beyond the ends.

*Source.* ``librosa.feature.mfcc(y=y, sr=22050, n_mfcc=12).mean(axis=1)`` of librosa 1.0 is the definition; the mel
filters and the window are librosa's own. Three steps are done otherwise, with the same result:

- The mean of the DCT is the DCT of the mean, so a band needs only its sum over frames of ``max(L, T)``, T = M - 80 dB,
  where M is the maximum over the whole sound (``top_db=80``). M is known when the last frame is.
- Where |y| <= 1, L <= 44.81 dB: by Parseval the powers of a frame's bins 1 to 1023 add up to at most 1024 times the
  window's energy, and bins 0 and 1024 have no weight. So T <= CERTAIN_DB. A level above that is never clipped and only
  added up; one below goes into a histogram of its band, which keeps count and sum of each bin. Once T is known, the sum
  of the bins above T is exact, and so is T times the count of those below.
- In the one bin that holds T, count c and sum s bound the sum: as ``max(v, T)`` is convex, it is at least
  ``max(s, c T)`` (Jensen) and at most its chord's. The middle of the two is taken. What it could be wrong by is added
  up over the bands; where that is more than TOLERANCE, or M so high (floats above full scale) that T > CERTAIN_DB, the
  sound is decoded once more, with T known from the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

import librosa.filters
import numpy as np
import scipy.fft

from analysis.definition import N_MFCC, SR
from analysis.errors import NotFiniteError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

N_FFT = 2048
HOP_LENGTH = 512
N_MELS = 128
TOP_DB = 80.0
AMIN = 1e-10
FLOOR_DB = -100.0  # of AMIN
CERTAIN_DB = 45.0 - TOP_DB  # T's upper bound at full scale, 44.81 - 80, and a little more
BIN_DB = 0.02  # of the histogram, which takes 7 MB with its 128 bands
N_BINS = round((CERTAIN_DB - FLOOR_DB) / BIN_DB) + 1
TOLERANCE = 1e-4  # of a coefficient; the promise is 1e-3
BATCH = 128  # frames at a time: of 24 to 256, the one that took least
GROUP = 16  # bands that one product computes: neighbours share bins, distant ones would multiply zeros


@dataclass(frozen=True, slots=True)
class Features:
    """What is computed of a sound.

    Attributes:
        mean_mfccs: means over the frames of 12 MFCCs.
        length: samples at 22 050 Hz.
    """

    mean_mfccs: tuple[float, ...]
    length: int


def mean_mfccs(recording: Iterable[NDArray[np.float32]]) -> Features:
    """Compute the means over frames of the MFCCs of a recording.

    Parameters
    ----------
    recording : iterable of np.ndarray [shape=(n,)], float32
        blocks of y at 22 050 Hz; iterated once, or seldom twice, so it must begin anew when it is

    Returns
    -------
    features : Features
        12 means, and the number of samples

    Raises
    ------
    NotFiniteError
        if samples are so large that their power is not a number
    """
    length = 0

    def counted() -> Iterator[NDArray[np.float32]]:
        nonlocal length
        for y in recording:
            length += len(y)
            yield y

    levels = _Levels()
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is seen in the maximum
        for log_mel in _log_mel(counted()):
            levels.add(log_mel)
    if not np.isfinite(levels.maximum):
        raise NotFiniteError("samples are so large that their power is infinite: full scale is 1")
    sums = levels.clipped_sums()
    if sums is None:
        if iter(recording) is recording:
            raise TypeError("recording can be iterated only once, but its levels take a second pass")
        sums = np.zeros(N_MELS)
        for log_mel in _log_mel(recording):
            sums += np.maximum(log_mel, np.float32(levels.threshold)).sum(axis=0)
    mean_log_mel = sums / levels.n_frames
    return Features(tuple(scipy.fft.dct(mean_log_mel, type=2, norm="ortho")[:N_MFCC].tolist()), length)


class _Levels:
    """Sums of levels per mel band, clipped at a threshold that is known only when all levels are.

    Attributes:
        maximum: highest level so far, dB.
        n_frames: frames so far.
    """

    def __init__(self) -> None:
        self.maximum = -np.inf
        self.n_frames = 0
        self._sums = np.zeros(N_MELS)  # of max(L, CERTAIN_DB)
        self._low_counts = np.zeros(N_MELS)  # of L < CERTAIN_DB
        self._bin_counts = np.zeros((N_MELS, N_BINS))  # of those that were above T as it was then
        self._bin_sums = np.zeros((N_MELS, N_BINS))

    @property
    def threshold(self) -> float:
        """T, dB, of the levels so far."""
        return self.maximum - TOP_DB

    def add(self, log_mel: NDArray[np.float32]) -> None:
        """Add the levels of some frames, [shape=(t, 128)], t <= BATCH."""
        self.n_frames += len(log_mel)
        self.maximum = float(np.maximum(self.maximum, log_mel.max()))
        self._sums += np.maximum(log_mel, np.float32(CERTAIN_DB)).sum(axis=0)
        is_low = log_mel < CERTAIN_DB
        self._low_counts += is_low.sum(axis=0, dtype=np.uint8)
        is_low &= log_mel > self.threshold
        places = np.flatnonzero(is_low)
        levels = log_mel.take(places)
        cells = ((levels - np.float32(FLOOR_DB)) * np.float32(1 / BIN_DB)).astype(np.intp)
        cells += (places & (N_MELS - 1)) * N_BINS  # N_MELS is a power of two: a faster %
        np.add.at(self._bin_counts.reshape(-1), cells, 1.0)
        np.add.at(self._bin_sums.reshape(-1), cells, levels.astype(np.float64))

    def clipped_sums(self) -> NDArray[np.float64] | None:
        """Return the sums over frames of max(L, T), [shape=(128,)]; None where they are not certain to TOLERANCE."""
        if self.threshold > CERTAIN_DB:
            return None
        k = int((self.threshold - FLOOR_DB) / BIN_DB) if self.threshold > FLOOR_DB else -1
        above = self._sums - self._low_counts * CERTAIN_DB + self._bin_sums[:, k + 1 :].sum(axis=1)
        if k < 0:
            return above
        count, total = self._bin_counts[:, k], self._bin_sums[:, k]
        below = self._low_counts - self._bin_counts[:, k:].sum(axis=1)
        start = FLOOR_DB + k * BIN_DB
        at_least = np.maximum(total, count * self.threshold)
        at_most = count * self.threshold + (total - count * start) / BIN_DB * (start + BIN_DB - self.threshold)
        wrong = np.abs(at_most - at_least).sum() / 2 / self.n_frames * np.sqrt(2 / N_MELS)
        return above + below * self.threshold + (at_least + at_most) / 2 if wrong <= TOLERANCE else None


def _log_mel(blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Yield L of BATCH frames at most, [shape=(t, 128)]; each is overwritten by the next."""
    window, filters = _window(), _filters()
    windowed = np.empty((BATCH, N_FFT), np.float32)
    power = np.empty((BATCH, N_FFT // 2 + 1), np.float32)
    mel = np.empty((BATCH, N_MELS), np.float32)
    for frames in _frames(blocks):
        n = len(frames)
        np.multiply(frames, window, out=windowed[:n])
        np.abs(scipy.fft.rfft(windowed[:n], overwrite_x=True, workers=1), out=power[:n])
        np.square(power[:n], out=power[:n])
        log_mel = mel[:n]
        for bands, bins, weights in filters:
            np.matmul(power[:n, bins], weights, out=log_mel[:, bands])
        np.maximum(log_mel, np.float32(AMIN), out=log_mel)
        np.log(log_mel, out=log_mel)
        log_mel *= np.float32(10 / np.log(10))
        yield log_mel


def _frames(blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Yield views of the centred frames, [shape=(t, 2048)], t <= BATCH; each is overwritten by the next."""
    y = np.zeros(N_FFT + (BATCH - 1) * HOP_LENGTH, np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(y, N_FFT)[::HOP_LENGTH]
    margin = N_FFT // 2
    n = margin
    for block in chain(blocks, [np.zeros(margin, np.float32)]):
        rest = block
        while len(rest):
            taken = rest[: len(y) - n]
            y[n : n + len(taken)] = taken
            n += len(taken)
            rest = rest[len(taken) :]
            if n == len(y):
                yield frames
                n = N_FFT - HOP_LENGTH
                y[:n] = y[-n:]
    if n >= N_FFT:
        yield frames[: (n - N_FFT) // HOP_LENGTH + 1]


@cache
def _window() -> NDArray[np.float32]:
    """Return librosa's window, periodic Hann; given as an array it keeps scipy.signal unimported."""
    return librosa.filters.get_window(np.hanning(N_FFT + 1)[:-1], N_FFT).astype(np.float32)


@cache
def _filters() -> list[tuple[slice, slice, NDArray[np.float32]]]:
    """Return librosa's mel filters in groups: the bands, the bins they reach, the weights [shape=(bins, bands)]."""
    weights = librosa.filters.mel(sr=SR, n_fft=N_FFT, n_mels=N_MELS).T
    groups = []
    for first in range(0, N_MELS, GROUP):
        bands = slice(first, first + GROUP)
        reached = np.flatnonzero(weights[:, bands].any(axis=1))
        bins = slice(int(reached[0]), int(reached[-1]) + 1)
        groups.append((bands, bins, np.ascontiguousarray(weights[bins, bands])))
    return groups
