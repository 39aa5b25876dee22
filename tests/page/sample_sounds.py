"""Files of sounds in a bucket, and the fields of their documents that tell of them."""

import base64
import hashlib
import io
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import soundfile
from google.cloud import storage

from analysis.decoding.recording import open_recording
from analysis.definition import SR
from analysis.settings import Settings
from bench.documents import make_document

N_MANY = 120
HOSTILE = "x/<script>alert(1)</script>\"'\u202ecod.wav"


def many_sounds() -> list[dict[str, Any]]:
    """Return the documents of N_MANY sounds, the last of them the newest."""
    return [make_document(f"kit/{index:03}.wav", seed=index) for index in range(N_MANY)]


def upload(bucket: storage.Bucket, name: str, content: bytes) -> dict[str, Any]:
    """Upload a file and return the fields of its document that are about it."""
    blob = bucket.blob(name)
    blob.upload_from_string(content, "audio/x-wav")
    return {
        "bucket": bucket.name,
        "generation": int(blob.generation),
        "size": len(content),
        "md5_hash": base64.b64encode(hashlib.md5(content).digest()).decode(),
    }


def encode(y: np.ndarray, sr: int = SR, container: str = "WAV", codec: str = "PCM_16") -> bytes:
    """Return samples as a file."""
    file = io.BytesIO()
    soundfile.write(file, y, sr, subtype=codec, format=container)
    return file.getvalue()


def describe(y: np.ndarray) -> dict[str, Any]:
    """Return the fields of a document that tell of its samples [shape=(n,)] at 22 050 Hz."""
    bounds = np.linspace(0, len(y), min(len(y), 600) + 1).astype(int)[:-1]
    low, high = np.minimum.reduceat(y, bounds), np.maximum.reduceat(y, bounds)
    rms = float(np.sqrt(np.mean(y**2)))
    return {
        "length": len(y),
        "duration": len(y) / SR,
        "note": None,
        "tempo": None,
        "peaks": (np.stack([low, high], axis=1) * 127).round().astype(np.int8).tobytes(),
        "peak_db": 20 * float(np.log10(np.abs(y).max())) if rms else None,
        "rms_db": 20 * float(np.log10(rms)) if rms else None,
        "silence": float(np.mean(np.abs(y) < 1e-3)),
    }


def two_hours(click_s: float) -> bytes:
    """Return two hours of silence with a click, as FLAC at 8 kHz, which is small."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 8000, 1, "PCM_16", format="FLAC") as written:
        for minute in range(120):
            y = np.zeros(60 * 8000, np.int16)
            if minute == click_s // 60:
                y[round(click_s % 60 * 8000) :][:8] = 30_000
            written.write(y)
    return file.getvalue()


def analyse(content: bytes) -> dict[str, Any]:
    """Return the fields of a document that tell of a file's samples and of its format, as the analysis finds them."""
    with TemporaryFile() as file:
        file.write(content)
        file.flush()
        recording = open_recording(file, Settings())
        y = np.concatenate(list(recording))
    source = recording.source
    names = ("container", "codec", "sample_rate", "channels", "complete")
    return describe(y) | {"source": {name: getattr(source, name) for name in names}}


def without_nulls(document: dict[str, Any]) -> dict[str, Any]:
    """Return what a document holds; a column of the export is null for the parts of a map that it has not."""
    return {
        name: without_nulls(value) if isinstance(value, dict) else value
        for name, value in document.items()
        if value is not None
    }
