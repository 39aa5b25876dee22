"""Files of packages become y, as short as one asks for."""

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from analysis.definition import SR


def decode(path: Path, most_s: float) -> NDArray[np.float32]:
    """Return the beginning of a sound, mono at 22 050 Hz; what libsndfile cannot read raises its error."""
    with soundfile.SoundFile(path) as sound:
        y = sound.read(int(most_s * sound.samplerate), "float32", always_2d=True).mean(axis=1)
        resampled: NDArray[np.float32] = soxr.resample(y, sound.samplerate, SR).astype(np.float32)
        return resampled
