"""Mel levels become the tempo of a sound that has a beat.

*Conventions.* ``L_t`` are the mel levels of frame t in dB, raised to 80 dB below the highest level so far. Lags and
periods are in frames; a second has SR / HOP_LENGTH = 43.07 frames.

*Definition.* The onset strength s, its autocorrelation a in windows w, and the contrast C::

    s_t = mean over bands of max(L_t - L_(t-1), 0)
    a(k) = sum over windows of the autocorrelation at lag k of (s_t * hann_t)      WINDOW frames, every STEP frames
    A(k) = a(k) / a(0) / h(k)                                   h is the autocorrelation of the Hann window, h(0) = 1
    C(k) = (A(k) - b) / (1 - b)                                 b is the median of A over the lags of BASE

- *By its beats.* Each period P of CANDIDATES has the score ``mean(C(m P)) * exp(-(o / OCTAVES) ** 2 / 2)``, with m = 1,
  2, 3, 4 and 8 as far as the window reaches, and o the octaves between the tempo of P and CENTRE_BPM. The period of the
  highest score is then moved to where A is highest at its multiples. It need not be a whole number of frames: 120 BPM
  is not. The mean of C at its multiples is the clarity.
- *By its length.* A sound with a duration in LOOP_S may be a loop that is cut on the beat. If so, it has 2, 4, 8, 16 or
  32 beats, and one of these numbers gives a tempo from LOOP_BPM to twice that. The cyclic autocorrelation of s, without
  its mean and with its highest values limited, then has peaks at 1/4, 1/2, 1, 2 and 4 times the length of a beat. The
  mean of the two highest peaks is the clarity.

A clarity by the length of at least LOOP_CLEAR gives the tempo, in the octave that the beats say, if they say the same
tempo otherwise. Else the beats give the tempo, if their clarity is at least CLEAR and the sound is at least SHORTEST_S
long. Else the tempo is null. It is also null where the root mean square of s, in the windows where s is strong, is
below WEAK_DB.

*Source.* ``librosa.onset.onset_strength`` and ``librosa.feature.tempogram`` of librosa 1.0, except that the first is
not shifted in time and the second is not normalised. docs/numbers.md has the measurements behind each number.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

from analysis.definition import HOP_LENGTH, N_MELS, SR, TOP_DB
from analysis.features.spectra import BATCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.features.spectra import Spectra

FRAMES_PER_MINUTE = 60 * SR / HOP_LENGTH
WINDOW = 344  # frames, 8 s, as in ``librosa.feature.tempo``
STEP = 64  # frames
AT_ONCE = 16  # windows whose autocorrelations are computed together
N_CORRELATION = 720  # length of the FFT: at least twice WINDOW
BASE = slice(8, 260)  # lags, from 323 BPM to 10
REACH = 320  # the longest lag for which a window has enough frames
LOWEST_BPM, HIGHEST_BPM, CENTRE_BPM, OCTAVES = 48, 210, 115, 0.9
CANDIDATES = FRAMES_PER_MINUTE / np.geomspace(HIGHEST_BPM, LOWEST_BPM, 300)
MULTIPLES = np.array([1, 2, 3, 4, 8])
CORRECTIONS = np.linspace(0.965, 1.035, 141)
CLEAR, SHORTEST_S, WEAK_DB = 0.2, 2, 1.5
LOOP_S = (0.8, 12)
LOOP_BEATS, LOOP_BPM, LOOP_CLEAR = (2, 4, 8, 16, 32), 80, 0.4
SAME_OCTAVE = 0.06  # octaves: tempos that differ by less from whole octaves are the same
N_HEAD = int(LOOP_S[1] * SR / HOP_LENGTH) + 1  # frames of the longest loop
MEAN = np.full(N_MELS, 1 / N_MELS, np.float32)


class Tempo:
    """The sum of the windows' power spectra, and the onset strength of the first frames, as many as a loop may have."""

    def __init__(self) -> None:
        self._length = 0  # samples
        self._maximum = np.float32(-np.inf)  # dB
        # Clipped levels, of which row 0 is the last frame of the batch before: no frame rises from infinity.
        self._levels = np.full((1 + BATCH, N_MELS), np.inf, np.float32)
        self._rises = np.empty((BATCH, N_MELS), np.float32)
        self._head = np.zeros(0, np.float32)
        # Onset strength of frames whose windows are not complete, or not AT_ONCE yet. The first window begins before
        # the sound, and the last one ends after it.
        self._waiting = np.zeros(WINDOW + AT_ONCE * STEP + BATCH, np.float32)
        self._n_waiting = WINDOW // 2
        self._powers = np.zeros(N_CORRELATION // 2 + 1)  # sums over windows
        self._energy, self._square = 0.0, 0.0  # sums over windows of a(0) and of its square

    def add(self, spectra: Spectra) -> None:
        """Add the mel levels of some frames."""
        self._length += sum(map(len, spectra.blocks))
        strength = self._onset_strength(spectra.mel_levels)
        if len(self._head) < N_HEAD:
            self._head = np.concatenate([self._head, strength[: N_HEAD - len(self._head)]])
        self._wait(strength)
        if self._n_waiting >= WINDOW + (AT_ONCE - 1) * STEP:
            self._correlate()

    def fields(self) -> dict[str, dict[str, float] | None]:
        """Return ``tempo``, a map of ``bpm`` and ``clarity``, or None."""
        self._wait(np.zeros(WINDOW // 2, np.float32))
        self._correlate()
        found = self._find()
        return {"tempo": None if found is None else {"bpm": found[0], "clarity": min(1.0, found[1])}}

    def _find(self) -> tuple[float, float] | None:
        if not (self._energy > 0 and self._square / self._energy >= WEAK_DB**2 * float(np.square(_hann()).sum())):
            return None
        seconds = self._length / SR
        bpm, clarity = find_tempo(scipy.fft.irfft(self._powers, N_CORRELATION)[:WINDOW])
        loop = find_loop(self._head, self._length) if LOOP_S[0] < seconds <= LOOP_S[1] else None
        if loop is not None and loop[1] >= LOOP_CLEAR:
            octaves = float(np.log2(bpm / loop[0]))
            is_same = abs(octaves - round(octaves)) < SAME_OCTAVE
            return loop[0] * 2.0 ** (round(octaves) if is_same else 0), loop[1]
        return (bpm, clarity) if clarity >= CLEAR and seconds >= SHORTEST_S else None

    def _onset_strength(self, levels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the onset strength of some frames, [shape=(t,)]."""
        n = len(levels)
        self._maximum = max(self._maximum, levels.max())
        threshold = self._maximum - np.float32(TOP_DB)
        clipped = np.maximum(levels, threshold, out=self._levels[1 : 1 + n])
        np.maximum(self._levels[0], threshold, out=self._levels[0])
        rises = np.subtract(clipped, self._levels[:n], out=self._rises[:n])
        np.maximum(rises, 0, out=rises)
        self._levels[0] = clipped[-1]
        strength: NDArray[np.float32] = rises @ MEAN
        return strength

    def _wait(self, strength: NDArray[np.float32]) -> None:
        """Append the onset strength of some frames to what waits for its windows."""
        end = self._n_waiting + len(strength)
        self._waiting[self._n_waiting : end] = strength
        self._n_waiting = end

    def _correlate(self) -> None:
        """Add the power spectra, of which autocorrelations are made, of the windows that are complete."""
        n_windows = max(0, (self._n_waiting - WINDOW) // STEP + 1)
        windows = np.lib.stride_tricks.sliding_window_view(self._waiting, WINDOW)[::STEP][:n_windows] * _hann()
        spectra = scipy.fft.rfft(windows, N_CORRELATION, axis=1, workers=1)
        self._powers += (np.square(spectra.real) + np.square(spectra.imag)).sum(axis=0)
        energies = np.square(windows).sum(axis=1, dtype=np.float64)
        self._energy += float(energies.sum())
        self._square += float(energies @ energies)
        self._n_waiting -= n_windows * STEP
        self._waiting[: self._n_waiting] = self._waiting[n_windows * STEP :][: self._n_waiting].copy()


def find_tempo(tempogram: NDArray[np.float64]) -> tuple[float, float]:
    """Find the tempo that a sum of tempograms shows.

    Parameters
    ----------
    tempogram : np.ndarray [shape=(344,)], float64
        autocorrelations of onset strength under a Hann window, by lag in frames; above 0 at lag 0

    Rerotations
    -------
    bpm : float
    clarity : float, at most 1
        mean contrast at the multiples of the period

    Examples
    --------
    >>> import numpy as np
    >>> clicks = np.zeros(344)
    >>> clicks[np.rint(np.arange(16) * 43.07 / 2).astype(int)] = 1  # two a second
    >>> hann = np.hanning(345)[:-1]
    >>> tempogram = np.correlate(clicks * hann, clicks * hann, "full")[343:]
    >>> round(find_tempo(tempogram)[0])
    120
    """
    heights = tempogram / tempogram[0] / _correlation_of_hann()
    base = float(np.median(heights[BASE]))
    contrasts = (heights - base) / max(1e-9, 1 - base)
    lags, shares, preferences = _candidates()
    values = (_at(np.clip(contrasts, 0, 1), lags) * shares).sum(axis=1) * preferences
    period = _correct(heights, float(CANDIDATES[np.argmax(values)]))
    nearest = np.rint(_multiples(period)).astype(int)
    highest = np.max([contrasts[nearest - 1], contrasts[nearest], contrasts[nearest + 1]], axis=0)
    return FRAMES_PER_MINUTE / float(period), float(highest.mean())


def find_loop(strength: NDArray[np.float32], length: int) -> tuple[float, float] | None:
    """Find the tempo of a sound that is a loop, cut on the beat.

    Parameters
    ----------
    strength : np.ndarray [shape=(t,)], float32
        onset strength of all its frames, dB
    length : int
        samples of the sound

    Rerotations
    -------
    bpm : float, 80 to 160
    clarity : float, at most 1
        mean of the two highest peaks; None instead of both where there is no onset, or no number of beats fits
    """
    beats = next((n for n in LOOP_BEATS if LOOP_BPM <= 60 * n * SR / length < 2 * LOOP_BPM), None)
    highest = float(strength.mean() + 4 * strength.std())
    changes = np.minimum(strength, highest).astype(np.float64)
    changes -= changes.mean()
    if beats is None or not changes.any():
        return None
    n_frames = length / HOP_LENGTH  # need not be whole, as the loop is as long as its samples
    numbers = np.arange(1, min(200, int(n_frames / 2)) + 1)
    rotations = _powers_of(np.exp(-2j * np.pi / n_frames * np.arange(len(changes))), len(numbers))
    powers = np.square(np.abs(rotations @ changes))
    parts = [n for n in (beats / 4, beats / 2, beats, 2 * beats, 4 * beats) if 2 <= n <= len(numbers)]  # noqa: PLR2004
    heights = [float(powers @ np.cos(2 * np.pi * numbers / n)) for n in parts]
    return 60 * beats * SR / length, float(np.mean(sorted(heights)[-2:]) / powers.sum())


def _correct(heights: NDArray[np.float64], period: float) -> float:
    """Return the period, times that one of CORRECTIONS at whose multiples the heights are highest."""
    periods = period * CORRECTIONS
    numbers = (BASE.stop / periods).astype(int)  # of multiples up to the end of BASE; they differ by a few at most
    means = np.empty(len(periods))
    for n in set(numbers.tolist()):
        means[numbers == n] = _at(heights, np.outer(periods[numbers == n], np.arange(1, n + 1))).mean(axis=1)
    return float(periods[np.argmax(means)])


def _multiples(period: float) -> NDArray[np.float64]:
    """Return the multiples of a period up to the end of BASE."""
    return np.arange(1, int(BASE.stop / period) + 1, dtype=np.float64) * float(period)


def _powers_of(rotations: NDArray[np.complex128], n: int) -> NDArray[np.complex128]:
    """Return the first n powers of complex numbers, [shape=(n, t)], by multiplication, which is faster than exp."""
    powers = np.empty((n, len(rotations)), np.complex128)
    powers[0] = rotations
    done = 1
    while done < n:
        more = min(done, n - done)
        np.multiply(powers[:more], powers[done - 1], out=powers[done : done + more])
        done += more
    return powers


def _at(heights: NDArray[np.float64], lags: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the heights at lags that need not be whole, by linear interpolation."""
    values: NDArray[np.float64] = np.interp(lags, np.arange(len(heights)), heights)
    return values


@cache
def _candidates() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the lags at multiples of each candidate, their shares in its score, and the preference for its tempo."""
    lags = np.outer(CANDIDATES, MULTIPLES)
    is_within = lags < REACH
    octaves = np.log2(FRAMES_PER_MINUTE / CANDIDATES / CENTRE_BPM)
    return lags, is_within / is_within.sum(axis=1, keepdims=True), np.exp(-np.square(octaves / OCTAVES) / 2)


@cache
def _hann() -> NDArray[np.float32]:
    return np.hanning(WINDOW + 1)[:-1].astype(np.float32)


@cache
def _correlation_of_hann() -> NDArray[np.float64]:
    """Return the autocorrelation of the Hann window by lag, 1 at lag 0 and at least 0.02, so that it can divide."""
    correlation = np.correlate(_hann().astype(np.float64), _hann().astype(np.float64), "full")[WINDOW - 1 :]
    heights: NDArray[np.float64] = np.maximum(correlation / correlation[0], 0.02)
    return heights
