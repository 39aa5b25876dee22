"""A document becomes a row of the catalog: what is sorted, filtered and compared of it, as numbers.

*Conventions.* Missing numbers are NaN, a missing time is NO_TIME, a missing pitch NO_PITCH. Times are microseconds
since 1970. A fingerprint has ``dimensions`` numbers, 0 where there is none; the others are zero. A missing length or
size is -1, and the hash of a checksum that is missing 0.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from math import inf, nan
from typing import Any, Literal

import numpy as np
from google.cloud.firestore_v1.vector import Vector

from analysis.definition import N_FINGERPRINT
from page.catalog.encoding import encode, numbers_of
from page.catalog.text import make_text
from page.display import is_number

type Kind = Literal["sounds", "rejections"]

KINDS: tuple[Kind, ...] = ("sounds", "rejections")
TIME_FIELDS = {"sounds": "analyzed_at", "rejections": "rejected_at"}  # when a document was written
LISTED_TIMES = {"sounds": "uploaded_at", "rejections": "rejected_at"}  # what the newest come first by
NO_TIME, NO_PITCH, NO_COUNT = -(2**62), -1, -1
PITCHES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
NOTE_NAME = re.compile(r"([A-G]#?)-?[0-9]+")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NUMBERS = struct.Struct("<qfffbB2x")  # listed at, duration, level, bpm, pitch, dimensions
IDENTITY = struct.Struct("<qqQQ")  # length, size, and the hashes of MD5, and of CRC32C with size
RECORD = np.dtype(
    [
        *(("listed_at", "<i8"), ("duration", "<f4"), ("level", "<f4"), ("bpm", "<f4")),
        *(("pitch", "i1"), ("dimensions", "u1"), ("unused", "V2"), ("fingerprint", "<f4", (N_FINGERPRINT,))),
        *(("length", "<i8"), ("size", "<i8"), ("md5", "<u8"), ("crc32c", "<u8")),
    ]
)


@dataclass(frozen=True, slots=True)
class Row:
    """What the catalog keeps of a document.

    Attributes:
        kind: which collection it is in.
        uid: its id.
        name: name of the blob.
        bucket: the bucket of the blob; None where the document names none, or no blob in it.
        generation: the generation of the blob.
        written_at: when the document was written, µs.
        folder: the name up to its last slash.
        label: of a sound its container, of a rejection its reason.
        record: the numbers, as RECORD.
        text: what is searched.
        document: the document, encoded.
    """

    kind: Kind
    uid: str
    name: str
    bucket: str | None
    generation: int | None
    written_at: int
    folder: str
    label: str
    record: bytes
    text: str
    document: bytes


def make_row(kind: Kind, uid: str, document: dict[str, Any]) -> Row:
    """Return the row of a document, whatever its fields are."""
    document = {**document, "uid": uid}
    name = document.get("blob_name")
    name = name if isinstance(name, str) else ""
    bucket, generation = document.get("bucket"), document.get("generation")
    return Row(
        kind,
        uid,
        name,
        bucket if isinstance(bucket, str) and name else None,
        generation if isinstance(generation, int) and not isinstance(generation, bool) else None,
        microseconds(document.get(TIME_FIELDS[kind])),
        name[: name.rfind("/") + 1],
        _label(kind, document),
        _make_record(kind, document),
        make_text(document),
        encode(document),
    )


def microseconds(time: Any) -> int:
    """Return a time as microseconds since 1970, NO_TIME for what is none."""
    return (time - EPOCH) // timedelta(microseconds=1) if isinstance(time, datetime) and time.tzinfo else NO_TIME


def _label(kind: Kind, document: dict[str, Any]) -> str:
    source = document.get("source")
    held = (
        document.get("reason") if kind == "rejections" else source.get("container") if isinstance(source, dict) else ""
    )
    return held if isinstance(held, str) else ""


def _make_record(kind: Kind, document: dict[str, Any]) -> bytes:
    vector = vector_of(document.get("fingerprint"))
    listed_at = microseconds(document.get(LISTED_TIMES[kind]))
    duration, bpm = _number(document.get("duration")), _number(_part(document, "tempo", "bpm"))
    numbers = NUMBERS.pack(listed_at, duration, _level(document), bpm, _pitch(document), len(vector) // 4)
    return numbers + vector.ljust(4 * N_FINGERPRINT, b"\0") + _make_identity(document)


def _make_identity(document: dict[str, Any]) -> bytes:
    """Return what tells whether two files are the same: hashes of checksums, as these are texts of any length."""
    size, md5, crc32c = _count(document.get("size")), document.get("md5_hash"), document.get("crc32c")
    return IDENTITY.pack(
        _count(document.get("length")),
        size,
        _hash(md5) if isinstance(md5, str) and md5 else 0,
        _hash(f"{crc32c} {size}") if isinstance(crc32c, str) and crc32c and size > 0 else 0,
    )


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest())


def vector_of(fingerprint: Any) -> bytes:
    """Return the numbers of a fingerprint as float32; none where it is not one that can be compared."""
    try:
        numbers = numbers_of(fingerprint) if isinstance(fingerprint, Vector) else list(fingerprint or ())
        with np.errstate(over="ignore"):
            vector = np.array(numbers, "<f4")
    except (TypeError, ValueError):
        return b""
    is_one = vector.ndim == 1 and len(vector) <= N_FINGERPRINT and np.isfinite(vector).all()
    return vector.tobytes() if is_one else b""


def _level(document: dict[str, Any]) -> float:
    """Return the level, dBFS; that of digital silence, whose field is null, is below all others."""
    if "rms_db" in document and document["rms_db"] is None:
        return -inf
    return _number(document.get("rms_db"))


def _pitch(document: dict[str, Any]) -> int:
    name = _part(document, "note", "name")
    match = NOTE_NAME.fullmatch(name) if isinstance(name, str) else None
    return PITCHES.index(match[1]) if match and match[1] in PITCHES else NO_PITCH


def _part(document: dict[str, Any], field: str, part: str) -> Any:
    value = document.get(field)
    return value.get(part) if isinstance(value, dict) else None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else NO_COUNT


def _number(value: Any) -> float:
    # What float32 does not hold cannot be packed.
    return float(value) if is_number(value) and abs(value) < 1e38 else nan  # noqa: PLR2004
