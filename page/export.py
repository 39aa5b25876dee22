"""The whole collection as CSV or Parquet, streamed: memory for one batch, whatever the number of sounds.

*Conventions.* Columns are the fields' names, in the order of the contract. What is a list or a map is JSON in CSV,
``peaks`` are base64; Parquet keeps them as lists, a struct and bytes. Times are UTC. A field that a document lacks, or
that is of another type than the contract's, is null.
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

from page.listing import RETRY, collection_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from page.scope import Scope

BATCH = 500
CALL_SOUNDS = 5000  # that one call streams: no call has to last as long as the whole
CALL_S = 300
TIME = pa.timestamp("us", tz="UTC")
SOURCE = pa.struct(
    [("container", pa.string()), ("codec", pa.string()), ("sample_rate", pa.int64()), ("channels", pa.int64())]
)
NOTE = pa.struct([("midi", pa.float64()), ("name", pa.string()), ("clarity", pa.float64())])
TEMPO = pa.struct([("bpm", pa.float64()), ("clarity", pa.float64())])
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("uid", "blob_name", "file_name")),
        ("length", pa.int64()),
        ("mean_mfccs", pa.list_(pa.float64())),
        ("bucket", pa.string()),
        *((name, pa.int64()) for name in ("generation", "size")),
        *((name, pa.string()) for name in ("content_type", "md5_hash")),
        ("uploaded_at", TIME),
        ("sample_rate", pa.int64()),
        ("duration", pa.float64()),
        ("source", SOURCE),
        ("fingerprint", pa.list_(pa.float64())),
        ("note", NOTE),
        ("tempo", TEMPO),
        ("peaks", pa.binary()),
        *((name, pa.float64()) for name in ("peak_db", "rms_db", "silence")),
        ("event_id", pa.string()),
        ("analyzed_at", TIME),
        ("analysis_version", pa.int64()),
    ]
)
FORMATS = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


def export(scope: Scope, ending: str) -> Iterator[bytes]:
    """Yield the collection as a file of that ending, csv or parquet; one read for each sound."""
    batches = read_batches(scope)
    return write_csv(batches) if ending == "csv" else write_parquet(batches)


def read_batches(scope: Scope, call_sounds: int = CALL_SOUNDS) -> Iterator[list[dict[str, Any]]]:
    """Yield all sounds, at most BATCH at a time, in the order of their uids."""
    query = collection_of(scope, scope.settings.sounds_collection).order_by("__name__").limit(call_sounds)
    last, n_read = None, call_sounds
    while n_read == call_sounds:
        n_read = 0
        snapshots = (query.start_after(last) if last else query).stream(retry=RETRY, timeout=CALL_S)
        for batch in batched(snapshots, BATCH):
            n_read, last = n_read + len(batch), batch[-1]
            yield [clean(snapshot.to_dict()) for snapshot in batch]


def clean(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with the contract's fields, each of the contract's type or None."""
    return {field.name: _clean(document.get(field.name), field.type) for field in SCHEMA}


def write_csv(batches: Iterator[list[dict[str, Any]]]) -> Iterator[bytes]:
    """Yield the lines of the batches, after a line of the columns' names."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(SCHEMA.names)
    for batch in batches:
        writer.writerows([_flatten(value) for value in document.values()] for document in batch)
        yield _take(text)
    yield _take(text)


def write_parquet(batches: Iterator[list[dict[str, Any]]]) -> Iterator[bytes]:
    """Yield a Parquet file, a row group for each batch."""
    written = _Written()
    with pq.ParquetWriter(pa.PythonFile(written, "w"), SCHEMA, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(pa.RecordBatch.from_pylist(batch, SCHEMA))
            yield written.take()
    yield written.take()


def _clean(value: Any, kind: pa.DataType) -> Any:
    if pa.types.is_list(kind):
        values = list(value) if isinstance(value, list | tuple) or hasattr(value, "to_map_value") else None
        return [float(number) for number in values] if values and all(map(_is_number, values)) else None
    if pa.types.is_struct(kind):
        return (
            {part.name: _clean(value.get(part.name), part.type) for part in kind} if isinstance(value, dict) else None
        )
    if pa.types.is_timestamp(kind):
        return datetime.fromtimestamp(value.timestamp(), UTC) if isinstance(value, datetime) else None
    if pa.types.is_floating(kind):
        return float(value) if _is_number(value) else None
    accepted = int if pa.types.is_integer(kind) else bytes if pa.types.is_binary(kind) else str
    return value if isinstance(value, accepted) and not isinstance(value, bool) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _flatten(value: Any) -> Any:
    match value:
        case list() | dict():
            return json.dumps(value)
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            return value.isoformat()
    return value


def _take(text: io.StringIO) -> bytes:
    taken = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return taken


class _Written(io.RawIOBase):
    """What has been written and not yet been taken."""

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
