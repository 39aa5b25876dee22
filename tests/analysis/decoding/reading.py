"""A file is read three ways: as the function reads it, as librosa does, and as ffmpeg's own program does."""

import subprocess
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
import soundfile

from analysis.decoding import Source
from analysis.decoding.recording import open_recording
from analysis.settings import Settings


@dataclass(frozen=True)
class Sound:
    """What was read.

    Attributes:
        y: all samples, mono at 22 050 Hz.
        source: what the file says of itself.
    """

    y: np.ndarray
    source: Source

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.y) / 22050


def read(content: bytes, limits: Settings = Settings()) -> Sound:  # noqa: B008 - it is frozen
    """Read a file as the function does; raise why it is no sound."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        recording = open_recording(file, limits)
        y = np.concatenate(list(recording))
        return Sound(y, recording.source)


def read_with_librosa(content: bytes, name: str = "sound") -> np.ndarray | None:
    """Return what librosa reads of a file of some name; None where it cannot."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                y: np.ndarray = librosa.load(path)[0]
            except (soundfile.LibsndfileError, ValueError):  # ValueError: it asks for all samples that a header counts
                return None
        return y


def read_with_ffmpeg(program: str, content: bytes, channels: int) -> np.ndarray | None:
    """Return what ffmpeg's own program reads of a file, at the file's rate in mono; None where it cannot."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sound")
        path.write_bytes(content)
        command = [
            program,
            "-nostdin",
            "-v",
            "quiet",
            "-i",
            path,
            "-map",
            "0:a:0",
            "-f",
            "f32le",
            "-c:a",
            "pcm_f32le",
            "-",
        ]
        decoded = np.frombuffer(subprocess.run(command, check=False, capture_output=True).stdout, np.float32)
    return decoded.reshape(-1, channels).mean(axis=1) if len(decoded) else None
