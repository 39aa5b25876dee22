"""Power spectra become the note of a sound that has a single pitch.

*Conventions.* ``P_t`` is the power spectrum of frame t, ``e_t`` its mean. Pitch is in MIDI numbers: 69 is A4, 440 Hz,
and 1 is a semitone. Lags k are in steps of 1 / FINER samples.

*Definition.* The mean spectrum S and its autocorrelation A::

    S = sum over frames of P_t * e_t ** LOUDNESS / e_t
    a(k) = irfft(S) at lag k                                    the autocorrelation, by Wiener and Khinchin
    A(k) = a(k) / a(0) / h(k)                                   h is the autocorrelation of the Hann window, h(0) = 1

A is 1 at a lag after which all that is heard repeats. The period is the first of the peaks of A that are at least CLOSE
times the highest. A tone also repeats after multiples of its period: at 2, 4, 8 ... times the period, up to a lag of
FAR, the highest value nearby corrects the period. The lowest of these values is the clarity. The note is null

- where the clarity is below CLEAR: noise, speech and melodies do not repeat after one lag from first to last frame;
- where the harmonics whose numbers are not multiples of 2, 3 or 5 have less than OWN of the power of all harmonics. A
  chord repeats after a period far below its tones, and no tone of the chord has these harmonics of that period;
- where the period is outside LOWEST_HZ to HIGHEST_HZ.

*Laws.* Gain changes nothing: it cancels out. Silence before and after the sound changes nothing: it weighs nothing.

*Source.* The autocorrelation method, as in P. Boersma, "Accurate short-term analysis of the fundamental frequency and
the harmonics-to-noise ratio of a sampled sound" (1993), from which the division by that of the window comes; here of
one mean spectrum, not of each frame. docs/numbers.md has the measurements behind each number.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.fft

from analysis.definition import N_FFT, SR
from analysis.features.fingerprint import LOUDNESS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.features.spectra import Spectra

N_BINS = N_FFT // 2 + 1  # of a spectrum
EVERY = 2  # a half of the frames tells enough, as they overlap by three quarters; BATCH is even
SILENT = 1e-34  # mean power of a frame that counts as digital silence
FIRST_BIN = 2  # bins 0 and 1 hold an offset
FINER = 8  # steps of the lag to a sample
LOWEST_HZ, HIGHEST_HZ = 30.0, 4300.0  # all keys of a piano but the lowest three
SHORTEST = 2 * FINER  # lag; it is below the period of HIGHEST_HZ, so that a higher tone is not taken for a lower one
LONGEST = int(FINER * SR / LOWEST_HZ)
FAR = 192 * FINER  # lag of the highest multiple of the period that is used
CLOSE = 0.9  # of the highest peak
CLEAR = 0.85
OWN = 0.01  # share of power; 1 % of 1700 notes have less
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MEAN = np.full(N_BINS, 1 / N_BINS, np.float32)  # powers @ MEAN are the means of frames


class Note:
    """The weighted sum of power spectra, added up frame by frame."""

    def __init__(self) -> None:
        self._spectrum = np.zeros(N_BINS)

    def add(self, spectra: Spectra) -> None:
        """Add the power spectra of some frames."""
        powers = spectra.powers[::EVERY]
        e = powers @ MEAN
        weights = np.where(e > SILENT, np.maximum(e, SILENT) ** (LOUDNESS - 1), 0).astype(np.float32)
        self._spectrum += weights @ powers

    def fields(self) -> dict[str, dict[str, Any] | None]:
        """Return ``note``, a map of ``midi``, ``name`` and ``clarity``, or None."""
        found = find_period(self._spectrum)
        if found is None or found[1] < CLEAR or _share_of_own_harmonics(self._spectrum, found[0]) < OWN:
            return {"note": None}
        period, clarity = found
        midi = 69 + 12 * float(np.log2(SR / period / 440))
        return {"note": {"midi": midi, "name": name_note(midi), "clarity": clarity}}


def find_period(spectrum: NDArray[np.float64]) -> tuple[float, float] | None:
    """Find the period of what a mean power spectrum shows.

    Parameters
    ----------
    spectrum : np.ndarray [shape=(1025,)], float64
        powers, of any level

    Returns
    -------
    period : float, samples
    clarity : float, 0 to 1
        share that repeats after the period; None instead of both where nothing does, or outside the range of notes

    Examples
    --------
    >>> import numpy as np
    >>> spectrum = np.zeros(1025)
    >>> spectrum[[19, 20, 21, 39, 40, 41]] = [1, 4, 1, 1, 4, 1]  # two partials, as a Hann window shows them
    >>> period, clarity = find_period(spectrum)
    >>> round(22050 / period, 1), round(clarity, 2)
    (215.3, 1.0)
    """
    padded = np.zeros(FINER * N_FFT // 2 + 1)
    padded[FIRST_BIN:N_BINS] = spectrum[FIRST_BIN:]
    heights = scipy.fft.irfft(padded)[: FINER * N_FFT // 2]
    if not (np.isfinite(heights[0]) and heights[0] > 0):
        return None
    heights /= heights[0] * _autocorrelation_of_window()
    within = heights[SHORTEST : LONGEST + 1]
    peaks = SHORTEST + 1 + np.flatnonzero((within[1:-1] > within[:-2]) & (within[1:-1] >= within[2:]))
    if not len(peaks):
        return None
    lag = int(peaks[np.argmax(heights[peaks] >= CLOSE * heights[peaks].max())])
    clarity, period, n_periods = heights[lag], _refine(heights, lag), 1
    while 2 * n_periods * period <= FAR:
        n_periods *= 2
        reach = int(period / 4) + 1
        start = int(n_periods * period) - reach
        lag = start + int(np.argmax(heights[start : start + 2 * reach + 1]))
        clarity, period = min(clarity, heights[lag]), _refine(heights, lag) / n_periods
    period /= FINER
    return (period, min(1.0, float(clarity))) if SR / HIGHEST_HZ <= period <= SR / LOWEST_HZ else None


def name_note(midi: float) -> str:
    """Return the name of the nearest semitone, such as A#3; C4 is 60.

    >>> name_note(57.8), name_note(-0.6)
    ('A#3', 'B-2')
    """
    octave, semitone = divmod(round(midi), 12)
    return f"{NAMES[semitone]}{octave - 1}"


def _share_of_own_harmonics(spectrum: NDArray[np.float64], period: float) -> float:
    """Return the share of the harmonics' power that is in those which are multiples of neither 2, 3 nor 5."""
    numbers = np.arange(1, int((N_BINS - 1) * period / N_FFT) + 1)
    powers = spectrum[np.rint(numbers * (N_FFT / period)).astype(int)]
    power = float(powers.sum())
    return float(powers[np.gcd(numbers, 2 * 3 * 5) == 1].sum()) / power if power else 0.0


def _refine(heights: NDArray[np.float64], lag: int) -> float:
    """Return where the parabola through a peak and its neighbours is highest."""
    before, at, after = heights[lag - 1 : lag + 2]
    bend = before - 2 * at + after
    is_peak = at >= before and at >= after and bend < 0
    return float(lag + (before - after) / 2 / bend) if is_peak else float(lag)


@cache
def _autocorrelation_of_window() -> NDArray[np.float64]:
    """Return the autocorrelation of the Hann window at each lag, [shape=(FINER * 1024,)]; 1 at 0."""
    window = np.hanning(N_FFT + 1)[:-1]
    correlation = scipy.fft.irfft(np.square(np.abs(scipy.fft.rfft(window, 2 * N_FFT))))[: N_FFT // 2 + 1]
    lags = np.arange(FINER * N_FFT // 2) / FINER
    heights: NDArray[np.float64] = np.interp(lags, np.arange(len(correlation)), correlation / correlation[0])
    return heights
