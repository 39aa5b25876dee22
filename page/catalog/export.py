"""Sounds or rejections as CSV or Parquet, in memory for one batch, however many there are.

*Conventions.* The columns are the fields of ``analysis/document.py``, in their order. CSV holds lists and maps as JSON
and bytes as base64; Parquet holds lists, structs and bytes. Times are UTC. A column is null where a document lacks the
field, or holds a value of another type.
"""

from __future__ import annotations

import base64
import csv
import io
import json
from datetime import UTC, datetime
from itertools import batched
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud.firestore_v1.vector import Vector

from analysis.document import REJECTION_FIELDS, SOUND_FIELDS
from page.catalog import source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.document import Field
    from page.catalog.records import Kind
    from page.config import Config

BATCH = 500
TIME = pa.timestamp("us", tz="UTC")
ARROW_TYPES = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "double": pa.float64(),
    "doubles": pa.list_(pa.float64()),
    "vector": pa.list_(pa.float64()),
    "bytes": pa.binary(),
    "timestamp": TIME,
}
FORMATS = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


def _arrow_type(field: Field) -> pa.DataType:
    if field.type == "map":
        return pa.struct([(inner.name, _arrow_type(inner)) for inner in field.fields])
    return ARROW_TYPES[field.type]


SCHEMA = pa.schema([(field.name, _arrow_type(field)) for field in SOUND_FIELDS])
SCHEMAS: dict[Kind, pa.Schema] = {
    "sounds": SCHEMA,
    "rejections": pa.schema([(field.name, _arrow_type(field)) for field in REJECTION_FIELDS]),
}


def export(documents: Iterator[list[dict[str, Any]]], extension: str, schema: pa.Schema = SCHEMA) -> Iterator[bytes]:
    """Yield documents as a file, csv or parquet."""
    batches = ([clean(document, schema) for document in batch] for batch in documents)
    return write_csv(batches, schema) if extension == "csv" else write_parquet(batches, schema)


def read_batches(config: Config, kind: Kind = "sounds") -> Iterator[list[dict[str, Any]]]:
    """Yield all documents of the collection, BATCH at a time at most, in the order of their uids; each is one read."""
    for batch in batched(source.read_range(config, kind), BATCH):
        yield [document for _, document in batch]


def clean(document: dict[str, Any], schema: pa.Schema = SCHEMA) -> dict[str, Any]:
    """Return a value for each column of a schema: of the column's type, or None."""
    return {column.name: _clean(document.get(column.name), column.type) for column in schema}


def write_csv(batches: Iterator[list[dict[str, Any]]], schema: pa.Schema = SCHEMA) -> Iterator[bytes]:
    """Yield the line of the columns' names, then the lines of the batches."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(schema.names)
    for batch in batches:
        writer.writerows([_flatten(value) for value in document.values()] for document in batch)
        yield _take(text)
    yield _take(text)


def write_parquet(batches: Iterator[list[dict[str, Any]]], schema: pa.Schema = SCHEMA) -> Iterator[bytes]:
    """Yield a Parquet file with a row group for each batch."""
    sink = _Sink()
    with pq.ParquetWriter(pa.PythonFile(sink, "w"), schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(pa.RecordBatch.from_pylist(batch, schema))
            yield sink.take()
    yield sink.take()


def _clean(value: Any, column_type: pa.DataType) -> Any:
    if pa.types.is_list(column_type):
        numbers = list(value) if isinstance(value, list | tuple | Vector) else []
        return [float(number) for number in numbers] if numbers and all(map(_is_number, numbers)) else None
    if pa.types.is_struct(column_type):
        is_map = isinstance(value, dict)
        return {part.name: _clean(value.get(part.name), part.type) for part in column_type} if is_map else None
    if pa.types.is_timestamp(column_type):
        return datetime.fromtimestamp(value.timestamp(), UTC) if isinstance(value, datetime) else None
    if pa.types.is_floating(column_type):
        return float(value) if _is_number(value) else None
    if pa.types.is_boolean(column_type):
        return value if isinstance(value, bool) else None
    accepted = int if pa.types.is_integer(column_type) else bytes if pa.types.is_binary(column_type) else str
    return value if isinstance(value, accepted) and not isinstance(value, bool) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _flatten(value: Any) -> Any:
    match value:
        case dict():
            return json.dumps(_without_nulls(value))
        case list():
            return json.dumps(value)
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            return value.isoformat()
    return value


def _without_nulls(value: Any) -> Any:
    """Return a map without the parts that the document does not have."""
    if not isinstance(value, dict):
        return value
    return {name: _without_nulls(part) for name, part in value.items() if part is not None}


def _take(text: io.StringIO) -> bytes:
    taken = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return taken


class _Sink(io.RawIOBase):
    """A file to write to, whose bytes are taken while it is written."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        self._position += len(self._pieces[-1])
        return len(self._pieces[-1])

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken
