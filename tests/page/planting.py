"""Plants sounds: their files in a bucket and their documents in a database, as the function would have written them."""

import base64
import hashlib
import io
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import soundfile
from google.cloud import firestore, storage
from google.cloud.firestore_v1.vector import Vector

SR = 22050
FIRST_MOMENT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
DIMENSIONS = 23


def make_document(name: str, *, seed: int = 0, **fields: Any) -> dict[str, Any]:
    """Return a document of the contract; what is not given is drawn by lot of the seed."""
    rng = np.random.default_rng(seed)
    bucket = fields.pop("bucket", "sounds")
    generation = fields.pop("generation", 1_790_000_000_000_000 + seed)
    moment = fields.pop("uploaded_at", FIRST_MOMENT + timedelta(seconds=seed))
    length = fields.pop("length", int(rng.integers(2000, 400_000)))
    loud = np.abs(rng.normal(0, 40, 400)).clip(1, 127)
    peaks = np.stack([-loud, loud], axis=1).astype(np.int8).tobytes()
    return {
        "uid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"gs://{bucket}/{name}#{generation}")),
        "blob_name": name,
        "file_name": name,
        "length": length,
        "mean_mfccs": rng.normal(0, 30, 12).tolist(),
        "bucket": bucket,
        "generation": generation,
        "size": 44 + 2 * length,
        "content_type": "audio/x-wav",
        "md5_hash": base64.b64encode(rng.bytes(16)).decode(),
        "uploaded_at": moment,
        "sample_rate": SR,
        "duration": length / SR,
        "source": {"container": "WAV", "codec": "PCM_16", "sample_rate": 44100, "channels": 1},
        "fingerprint": Vector(rng.normal(0, 5, DIMENSIONS).tolist()),
        "peaks": peaks,
        "peak_db": -1.0,
        "rms_db": float(rng.uniform(-40, -10)),
        "silence": 0.1,
        "event_id": str(seed),
        "analyzed_at": moment + timedelta(seconds=2),
        "analysis_version": 2,
    } | fields


def make_rejection(name: str, *, seed: int = 0, **fields: Any) -> dict[str, Any]:
    """Return the document of a rejection."""
    bucket, generation = fields.pop("bucket", "sounds"), 1_790_000_000_000_000 + seed
    return {
        "uid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"gs://{bucket}/{name}#{generation}")),
        "blob_name": name,
        "file_name": name,
        "bucket": bucket,
        "generation": generation,
        "reason": "corrupt",
        "message": "damaged, says libsndfile: Error in WAV file",
        "event_id": str(seed),
        "rejected_at": FIRST_MOMENT + timedelta(seconds=seed),
    } | fields


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
        "peaks": (np.stack([low, high], axis=1) * 127).round().astype(np.int8).tobytes(),
        "peak_db": 20 * float(np.log10(np.abs(y).max())) if rms else None,
        "rms_db": 20 * float(np.log10(rms)) if rms else None,
        "silence": float(np.mean(np.abs(y) < 1e-3)),
    }


def plant(collection: firestore.CollectionReference, documents: Iterator[dict[str, Any]]) -> None:
    """Write documents, many at a time."""
    client = collection._client
    batch, n_waiting = client.batch(), 0
    for document in documents:
        batch.set(collection.document(document["uid"]), document)
        n_waiting += 1
        if n_waiting == 400:
            batch.commit()
            batch, n_waiting = client.batch(), 0
    batch.commit()
