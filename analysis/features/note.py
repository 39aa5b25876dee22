"""Power spectra become the note that a sound holds, where it holds a single one.

*Conventions.* ``P`` are power spectra, float32 [shape=(t, 1025)]; ``e`` is a frame's mean power. Pitch is in MIDI
numbers: 69 is A4, 440 Hz, and 1 is a semitone. A lag is in steps of 1 / FINER samples.

*Definition.* S is the sum over frames of P, a frame weighing ``e ** LOUDNESS / e``. Its autocorrelation, divided by
that at lag 0 and by the autocorrelation of the window, is 1 at a lag at which all that is heard repeats. Of its peaks
within CLOSE of the highest, the first is the period. A tone repeats at the multiples of its period too: at 2, 4 ...
times the period, up to FAR samples, the peak beside is looked for and corrects the period. The lowest of these heights
is the clarity. The note is null

- where the clarity is below CLEAR: noise, speech and melodies repeat at no lag from the first frame to the last;
- where the harmonics that are multiples of neither 2, 3 nor 5 have less than OWN of the power of all harmonics: a chord
  repeats where all of its tones do, far below them, and of that period these harmonics belong to none of its tones;
- outside LOWEST_HZ to HIGHEST_HZ.

Gain changes nothing: it cancels out. Silence before and after changes nothing, as it weighs nothing.

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

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.features.spectra import Spectra

N_BINS = N_FFT // 2 + 1  # of a spectrum
EVERY = 2  # a half of the frames tells enough, as they overlap by three quarters; BATCH is even
LOUDNESS = 0.75  # exponent of the power, as in the fingerprint
SILENT = 1e-34  # mean power of a frame that is as good as digital silence
FIRST_BIN = 2  # an offset is in bins 0 and 1
FINER = 8  # steps of the lag to a sample
LOWEST_HZ, HIGHEST_HZ = 30.0, 4300.0  # all keys of a piano but the lowest three
SHORTEST = 2 * FINER  # lag at which the search begins: a tone above HIGHEST_HZ is found, not taken for a lower one
LONGEST = int(FINER * SR / LOWEST_HZ)
FAR = 192 * FINER  # lag up to which multiples of the period are looked for
CLOSE = 0.9  # of the highest peak
CLEAR = 0.85
OWN = 0.01  # share of power; of 1700 notes 1 in 100 has less
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MEAN = np.full(N_BINS, 1 / N_BINS, np.float32)  # powers times these are their mean


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
        how much repeats at that period; None in place of both where nothing does, or outside the range of notes

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
