"""The methods to compute mean MFCCs: plain librosa, ours, and plain librosa behind ffmpeg's command line.

*Conventions.* A method has a loader, which imports what it needs and returns a function from a path to (length, means).
The length is in samples at 22 050 Hz, and None where the method does not tell it.
"""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from analysis.definition import N_MFCC, SR

type Features = tuple[int | None, list[float]]
type Method = Callable[[str], Features]


def _load_plain() -> Method:
    # librosa imports scipy.signal and its own submodules at their first use: here, so that they count as imports.
    import librosa
    import scipy.signal  # noqa: F401

    analyze_array, load_file = librosa.feature.mfcc, librosa.load

    def plain(path: str) -> Features:
        y, sr = load_file(path)
        return len(y), analyze_array(y=y, sr=sr, n_mfcc=N_MFCC).mean(axis=1).tolist()

    return plain


def _load_ours() -> Method:
    from analysis.decoding.recording import open_recording
    from analysis.features import extract
    from analysis.settings import Settings

    settings = Settings()

    def ours(path: str) -> Features:
        with Path(path).open("rb") as file:
            fields = extract(open_recording(file, settings))
        return fields["length"], fields["mean_mfccs"]

    return ours


def _load_ffmpeg() -> Method:
    """Load plain librosa behind ffmpeg's command line, for what librosa cannot read: an independent decoder."""
    import librosa
    import numpy as np
    import scipy.signal  # noqa: F401

    analyze_array, resample = librosa.feature.mfcc, librosa.resample
    ffmpeg, ffprobe = (shutil.which(name) or name for name in ("ffmpeg", "ffprobe"))

    def plain(path: str) -> Features:
        wanted = ["-select_streams", "a:0", "-show_entries", "stream=sample_rate,channels,duration", "-of", "csv=p=0"]
        told = subprocess.run([ffprobe, "-v", "error", *wanted, path], capture_output=True, text=True, check=True)
        source_rate, channels, duration = told.stdout.strip().split(",")
        n_samples = round(float(duration) * int(source_rate))  # older ffmpegs decode the last packet's padding too
        decode = [ffmpeg, "-v", "error", "-i", path, "-map", "a:0", "-f", "f32le", "-"]
        samples = np.frombuffer(subprocess.run(decode, capture_output=True, check=True).stdout, np.float32)
        y = samples.reshape(-1, int(channels))[:n_samples].mean(axis=1)
        y = resample(y, orig_sr=int(source_rate), target_sr=SR)
        return len(y), analyze_array(y=y, sr=SR, n_mfcc=N_MFCC).mean(axis=1).tolist()

    return plain


LOADERS: dict[str, Callable[[], Method]] = {"plain": _load_plain, "ours": _load_ours, "ffmpeg": _load_ffmpeg}
