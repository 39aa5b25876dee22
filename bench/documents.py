"""Documents as the function would have written them, by the hundred thousand: to fill a database with."""

import base64
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import Any

import numpy as np
from google.api_core.exceptions import Cancelled
from google.api_core.retry import Retry, if_exception_type
from google.cloud import firestore
from google.cloud.firestore_v1.vector import Vector

from analysis.definition import ANALYSIS_VERSION, N_FINGERPRINT, N_MFCC, SR
from analysis.document import SOUND_FIELDS, Field

RETRY = Retry(if_exception_type(Cancelled))  # with which the emulator answers while somebody ends a listener
FIRST_MOMENT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def make_document(name: str, *, seed: int = 0, **fields: Any) -> dict[str, Any]:
    """Return the document of a sound, with every field that each has; what is not given is random."""
    rng = np.random.default_rng(seed)
    values = _make_values(name, seed, rng, fields)
    drawn = {
        field.name: _draw(field, rng) for field in SOUND_FIELDS if field.name not in values and not field.is_optional
    }
    document = values | drawn | fields
    return {field.name: document.pop(field.name) for field in SOUND_FIELDS if field.name in document} | document


def _make_values(name: str, seed: int, rng: np.random.Generator, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that belong together, such as the duration and the length."""
    bucket = fields.get("bucket", "sounds")
    generation = fields.get("generation", 1_790_000_000_000_000 + seed)
    uploaded_at = fields.get("uploaded_at", FIRST_MOMENT + timedelta(seconds=seed))
    length = fields.get("length", int(rng.integers(2000, 400_000)))
    loud = np.abs(rng.normal(0, 40, 400)).clip(1, 127)
    return {
        "uid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"gs://{bucket}/{name}#{generation}")),
        "blob_name": name,
        "file_name": name,
        "length": length,
        "mean_mfccs": rng.normal(0, 30, N_MFCC).tolist(),
        "bucket": bucket,
        "generation": generation,
        "size": 44 + 2 * length,
        "content_type": "audio/x-wav",
        "md5_hash": base64.b64encode(rng.bytes(16)).decode(),
        "crc32c": base64.b64encode(rng.bytes(4)).decode(),
        "uploaded_at": uploaded_at,
        "sample_rate": SR,
        "duration": length / SR,
        "source": {"container": "WAV", "codec": "PCM_16", "sample_rate": 44100, "channels": 1, "complete": True},
        "fingerprint": Vector(rng.normal(0, 1, N_FINGERPRINT).tolist()),
        "tempo": {"bpm": 120.5, "clarity": 0.6},
        "note": {"midi": 57.98, "name": "A#3", "clarity": 0.95},
        "peaks": np.stack([-loud, loud], axis=1).astype(np.int8).tobytes(),
        "peak_db": -1.0,
        "rms_db": float(rng.uniform(-40, -10)),
        "silence": 0.1,
        "event_id": str(seed),
        "analyzed_at": (uploaded_at or FIRST_MOMENT) + timedelta(seconds=2),
        "analysis_version": ANALYSIS_VERSION,
    }


def _draw(field: Field, rng: np.random.Generator) -> Any:  # noqa: PLR0911  a table
    """Return a value of a field's type."""
    match field.type:
        case "string":
            return f"{field.name} {rng.integers(100)}"
        case "boolean":
            return bool(rng.integers(2))
        case "integer":
            return int(rng.integers(100))
        case "double":
            return float(rng.normal())
        case "doubles" | "vector":
            numbers = rng.normal(0, 1, field.n if isinstance(field.n, int) else 20).tolist()
            return Vector(numbers) if field.type == "vector" else numbers
        case "bytes":
            return rng.bytes(16)
        case "timestamp":
            return FIRST_MOMENT + timedelta(seconds=int(rng.integers(86_400)))
    return {part.name: _draw(part, rng) for part in field.fields}


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


def write_documents(collection: firestore.CollectionReference, documents: Iterable[dict[str, Any]]) -> None:
    """Write documents, many at a time."""
    client = collection.document()._client  # noqa: SLF001  a collection does not tell otherwise whose it is
    for some in batched(documents, 400):
        batch = client.batch()
        for document in some:
            batch.set(collection.document(document["uid"]), document)
        batch.commit(retry=RETRY)
