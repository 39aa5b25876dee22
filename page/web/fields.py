"""The fields of a sound as its page shows them: a label and a value for each, in the units that people use.

A field that is new in ``analysis/document.py`` has a row as soon as it is there: LABELS and FORMATS only say what reads
better than its name and its type.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from google.cloud.firestore_v1.vector import Vector

from analysis.definition import SILENT_DB, SR
from analysis.document import SOUND_FIELDS
from page import display
from page.catalog.encoding import as_text
from page.display import DASH, MINUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.document import Field

# These are shown in another place of the page: in its heading, or as a picture.
SHOWN_ELSEWHERE = {"blob_name", "file_name", "bucket", "sample_rate", "mean_mfccs", "fingerprint", "peaks"}
LABELS = {
    "rms_db": "Level",
    "peak_db": "Peak",
    "content_type": "Declared as",
    "md5_hash": "MD5",
    "crc32c": "CRC32C",
    "event_id": "Event",
    "analysis_version": "Analysis",
    "uid": "uid",
    "uploaded_at": "Uploaded",
    "analyzed_at": "Analysed",
}
MAX_NUMBERS = 12  # of a vector; the document as JSON has them all
# Which upload this was and which run analysed it comes last; what was found in the sound comes first.
LAST = (
    *("content_type", "size", "md5_hash", "crc32c", "generation", "event_id", "analysis_version", "uid"),
    *("uploaded_at", "analyzed_at"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A field to show.

    Attributes:
        label: what it is called.
        value: text; a time where it is one, so that the page can show it in the reader's time zone.
    """

    label: str
    value: str | datetime


def _has_vectors(field: Field) -> bool:
    return field.type in {"doubles", "vector", "bytes"} or any(map(_has_vectors, field.fields))


# A list shows no vectors and no waveform as numbers, which are long; every other field is told, also one that is new.
LONG_FIELDS = {field.name for field in SOUND_FIELDS if _has_vectors(field)}


def in_short(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document as the lists tell of it in JSON, without LONG_FIELDS."""
    return {name: value for name, value in document.items() if name not in LONG_FIELDS}


def make_rows(sound: dict[str, Any]) -> list[Row]:
    """Return a row for each field of a sound that is not shown elsewhere; an optional one that is absent has none.

    Fields that people have added come first, as they are.
    """
    ours = {field.name for field in SOUND_FIELDS}
    added = [Row(name, _format_added(value)) for name, value in sorted(sound.items()) if name not in ours]
    shown = [field for field in SOUND_FIELDS if field.name not in SHOWN_ELSEWHERE]
    shown.sort(key=lambda field: LAST.index(field.name) + 1 if field.name in LAST else 0)
    rows = [row for field in shown if field.name in sound or not field.is_optional for row in _rows_of(field, sound)]
    return [*added, *rows]


def _format_added(value: Any) -> str | datetime:  # noqa: PLR0911  a table
    match value:
        case str() | datetime():
            return value
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return display.number(value)
        case list() if all(isinstance(part, str) for part in value):
            return ", ".join(value) or DASH
        case bytes():
            return display.size(len(value))
        case list() | dict():
            return json.dumps(value, default=as_text, ensure_ascii=False)
    return DASH if value is None else as_text(value)


def _rows_of(field: Field, document: dict[str, Any]) -> list[Row]:
    """Return the rows of one field: of a map one for each part, after one for the parts that its format sums up."""
    value = document.get(field.name)
    label = LABELS.get(field.name, field.name.replace("_", " ").capitalize())
    if value is None and field.name in IF_NULL and field.name in document:
        return [Row(label, IF_NULL[field.name])]
    rows = [Row(label, FORMATS[field.name](value))] if field.name in FORMATS else []
    if field.fields and isinstance(value, dict):
        parts = [part for part in field.fields if part.name in value and part.name not in SUMMED_UP.get(field.name, ())]
        return rows + [row for part in parts for row in _rows_of(part, value)]
    return rows or [Row(label, _format(field, value))]


def _format(field: Field, value: Any) -> str | datetime:  # noqa: PLR0911  a table
    match field.type, value:
        case "timestamp", datetime():
            return value
        case "string", str():
            return value or DASH
        case "boolean", bool():
            return "yes" if value else "no"
        case "bytes", bytes():
            return display.size(len(value))
        case "doubles" | "vector", list() | Vector():
            return _format_numbers(list(value))
        case "integer" | "double", int() | float():
            return _format_number(field, value)
    return DASH


def _format_numbers(values: list[Any]) -> str:
    if not values or not all(map(display.is_number, values)):
        return DASH
    if len(values) > MAX_NUMBERS:
        return f"{len(values)} numbers from {display.number(min(values))} to {display.number(max(values))}"
    return " ".join(map(display.number, values))


def _format_number(field: Field, value: float) -> str:
    if field.unit in BY_UNIT:
        return BY_UNIT[field.unit](value)
    text = display.number(value)
    return text if text == DASH or " " in field.unit else f"{text} {field.unit}".rstrip()  # "0 to 1" is no unit


def _length(value: Any) -> str:
    return f"{display.number(value)} samples at {display.number(SR)} Hz" if display.is_number(value) else DASH


def _silence(value: Any) -> str:
    return f"{display.share(value)} below {MINUS}{abs(SILENT_DB)} dB" if display.is_number(value) else DASH


def _identifier(value: Any) -> str:
    return str(value) if isinstance(value, int) else DASH


def _version(value: Any) -> str:
    return f"version {value}" if isinstance(value, int) else DASH


BY_UNIT: dict[str, Callable[[Any], str]] = {
    "dBFS": display.level,
    "s": display.duration,
    "bytes": display.size,
}
FORMATS: dict[str, Callable[[Any], str]] = {
    "length": _length,
    "source": display.source,
    "note": display.note,
    "tempo": display.tempo,
    "silence": _silence,
    "generation": _identifier,
    "analysis_version": _version,
}
# The parts of a map that its format sums up; the other parts have rows of their own.
SUMMED_UP = {
    "source": {"container", "codec", "sample_rate", "channels"},
    "note": {"midi", "name", "clarity"},
    "tempo": {"bpm", "clarity"},
}
IF_NULL = {
    "rms_db": "digital silence",
    "peak_db": "digital silence",
    "note": "no single pitch",
    "tempo": "no beat",
    "md5_hash": "none: a composite object",
}
