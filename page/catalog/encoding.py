"""Documents as bytes and back: JSON, in which what JSON does not know is a map of one key that begins with a dollar.

*Conventions.* Numbers come back exactly, times to the microsecond in UTC. What Firestore holds besides (references,
places) comes back as text.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.base_document import BaseDocumentReference
from google.cloud.firestore_v1.vector import Vector

BYTES, TIME, VECTOR = "$bytes", "$time", "$vector"


def encode(document: dict[str, Any]) -> bytes:
    """Return a document as bytes: equal documents as equal bytes, whatever the order of their fields."""
    return json.dumps(
        document, default=_encode_value, ensure_ascii=False, separators=(",", ":"), sort_keys=True
    ).encode(errors="surrogatepass")


def decode(encoded: bytes) -> dict[str, Any]:
    """Return the document of some bytes."""
    document: dict[str, Any] = json.loads(encoded.decode(errors="surrogatepass"), object_hook=_decode_map)
    return document


def as_text(value: Any) -> str:
    """Return what JSON does not know as text: of a reference its path, of a place its latitude and longitude.

    >>> as_text(GeoPoint(53.5, -2))
    '53.5, -2'
    """
    match value:
        case BaseDocumentReference():
            return str(value.path)
        case GeoPoint():
            return f"{value.latitude}, {value.longitude}"
        case datetime():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
    return str(value)


def numbers_of(vector: Vector) -> Any:
    """Return the numbers of a vector; to go through the vector itself takes longer than all else."""
    return vector.to_map_value()["value"]  # type: ignore[no-untyped-call]


def _encode_value(value: Any) -> Any:
    match value:
        case bytes():
            return {BYTES: base64.b64encode(value).decode()}
        case datetime():
            return {TIME: value.astimezone(UTC).isoformat()}
        case Vector():
            return {VECTOR: base64.b64encode(np.array(numbers_of(value), "<f8").tobytes()).decode()}
    return as_text(value)


def _decode_map(value: dict[str, Any]) -> Any:
    if len(value) != 1:
        return value
    ((key, held),) = value.items()
    try:
        match key:
            case "$bytes":
                return base64.b64decode(held, validate=True)
            case "$time":
                return datetime.fromisoformat(held)
            case "$vector":
                return Vector(np.frombuffer(base64.b64decode(held, validate=True), "<f8").tolist())
    except (TypeError, ValueError):
        pass  # a map that somebody named so
    return value
