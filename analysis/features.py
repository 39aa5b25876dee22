"""A recording becomes the features of its document, all of them in the one pass over its samples.

*Conventions.* Blocks of ``y`` are mono float32 at 22 050 Hz; each room adds up what its features need, in constant
memory, and gives them at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.fingerprint import Fingerprint
from analysis.levels import Levels
from analysis.mfcc import MeanMfccs
from analysis.spectrum import mel_powers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Features:
    """What is computed of a sound.

    Attributes:
        length: samples at 22 050 Hz.
        mean_mfccs: means over the frames of 12 MFCCs.
        fingerprint: what is near where sounds sound alike; None for digital silence.
        peaks: signed 8-bit pairs (minimum, maximum) of equal stretches.
        peak_db: largest sample, dBFS; None for digital silence.
        rms_db: root of the mean square, dBFS; None for digital silence.
        silence: share of samples below -60 dBFS, 0 to 1.
    """

    length: int
    mean_mfccs: tuple[float, ...]
    fingerprint: tuple[float, ...] | None
    peaks: bytes
    peak_db: float | None
    rms_db: float | None
    silence: float


def extract(recording: Iterable[NDArray[np.float32]]) -> Features:
    """Compute the features of a recording.

    Parameters
    ----------
    recording : iterable of np.ndarray [shape=(n,)], float32
        blocks of y at 22 050 Hz; iterated once, or seldom twice, so it must begin anew when it is

    Returns
    -------
    features : Features

    Raises
    ------
    NotFiniteError
        if samples are so large that their power is not a number
    """
    levels, mfccs, fingerprint = Levels(), MeanMfccs(), Fingerprint()
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is seen in the maximum
        for powers in mel_powers(levels.watch(recording)):
            mfccs.add(powers)
            fingerprint.add(powers)
    means = mfccs.means()
    if means is None:
        if iter(recording) is recording:
            raise TypeError("recording can be iterated only once, but its mean MFCCs take a second pass")
        means = mfccs.means_of_second_pass(mel_powers(recording))
    return Features(
        levels.length,
        means,
        fingerprint.vector(),
        levels.peaks,
        levels.peak_db,
        levels.rms_db,
        levels.silence,
    )
