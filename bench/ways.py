"""The ways to compute mean MFCCs that are compared: plain librosa, ours, and the peers.

*Conventions.* A way is loaded, which imports what it needs, and then takes a path and gives (length, means); length is
in samples at 22 050 Hz, None where the way does not tell.
"""

import importlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

type Features = tuple[int | None, list[float]]
type Way = Callable[[str], Features]

SR = 22050  # Hz


def load(name: str) -> Way:
    """Import what a way needs and return it."""
    return {"plain": _load_plain, "ours": _load_ours, "ffmpeg": _load_ffmpeg}.get(name, lambda: _load_peer(name))()


def _load_plain() -> Way:
    # librosa imports these at the first call; they are imports, not analysis.
    import librosa
    import scipy.signal  # noqa: F401

    analyze_array, load_file = librosa.feature.mfcc, librosa.load

    def plain(path: str) -> Features:
        y, sr = load_file(path)
        return len(y), analyze_array(y=y, sr=sr, n_mfcc=12).mean(axis=1).tolist()

    return plain


def _load_ours() -> Way:
    from analysis import audio, mfcc
    from analysis.settings import Settings

    settings = Settings()

    def ours(path: str) -> Features:
        with Path(path).open("rb") as file:
            features = mfcc.mean_mfccs(audio.open_recording(file, settings))
        return features.length, list(features.mean_mfccs)

    return ours


def _load_ffmpeg() -> Way:
    """Load plain librosa behind ffmpeg's command line, for what librosa cannot read: an independent decoder."""
    import librosa
    import numpy as np
    import scipy.signal  # noqa: F401

    analyze_array, resample = librosa.feature.mfcc, librosa.resample
    ffmpeg, ffprobe = shutil.which("ffmpeg"), shutil.which("ffprobe")

    def plain(path: str) -> Features:
        wanted = ["-select_streams", "a:0", "-show_entries", "stream=sample_rate,channels,duration", "-of", "csv=p=0"]
        told = subprocess.run([ffprobe, "-v", "error", *wanted, path], capture_output=True, text=True, check=True)
        source_rate, channels, duration = told.stdout.strip().split(",")
        n_samples = round(float(duration) * int(source_rate))  # older ones decode the last packet's padding too
        decode = [ffmpeg, "-v", "error", "-i", path, "-map", "a:0", "-f", "f32le", "-"]
        samples = np.frombuffer(subprocess.run(decode, capture_output=True, check=True).stdout, np.float32)
        y = samples.reshape(-1, int(channels))[:n_samples].mean(axis=1)
        y = resample(y, orig_sr=int(source_rate), target_sr=SR)
        return len(y), analyze_array(y=y, sr=SR, n_mfcc=12).mean(axis=1).tolist()

    return plain


def _load_peer(name: str) -> Way:
    os.environ["MPLBACKEND"] = "agg"  # audioflux imports matplotlib
    return importlib.import_module("bench.peers").LOADERS[name]()
