"""Documents as the function would have written them, by the hundred thousand: to fill a database with."""

import base64
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import Any

import numpy as np
from google.cloud import firestore
from google.cloud.firestore_v1.vector import Vector

from analysis.definition import ANALYSIS_VERSION, N_FINGERPRINT, SR

FIRST_MOMENT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


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
        "fingerprint": Vector(rng.normal(0, 1, N_FINGERPRINT).tolist()),
        "tempo": {"bpm": 120.5, "clarity": 0.6},
        "note": {"midi": 57.98, "name": "A#3", "clarity": 0.95},
        "peaks": peaks,
        "peak_db": -1.0,
        "rms_db": float(rng.uniform(-40, -10)),
        "silence": 0.1,
        "event_id": str(seed),
        "analyzed_at": moment + timedelta(seconds=2),
        "analysis_version": ANALYSIS_VERSION,
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


def plant(collection: firestore.CollectionReference, documents: Iterable[dict[str, Any]]) -> None:
    """Write documents, many at a time."""
    client = collection.document()._client  # noqa: SLF001  a collection does not tell otherwise whose it is
    for some in batched(documents, 400):
        batch = client.batch()
        for document in some:
            batch.set(collection.document(document["uid"]), document)
        batch.commit()
