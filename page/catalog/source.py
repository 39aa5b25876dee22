"""What the catalog is a copy of: the documents of both collections, and the bucket's listing.

*Conventions.* A function says how many documents it reads at most, as each is billed; counting a thousand is one read.
Uids are read in the order of their text, which is random: each is a hash.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import Aborted, DeadlineExceeded, InternalServerError, ServiceUnavailable
from google.api_core.retry import Retry
from google.cloud import firestore
from google.cloud.firestore_v1 import _helpers
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.vector import Vector
from google.cloud.storage.retry import DEFAULT_RETRY

from analysis import login
from page.catalog.records import TIME_FIELDS
from page.media.audio import storage_client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from page.catalog.records import Kind
    from page.config import Config

type Document = tuple[str, dict[str, Any]]  # its uid, and its fields

CALL_S = 20
STREAM_S = 300
PASSING = (Aborted, InternalServerError, ServiceUnavailable)
RETRY = Retry(
    predicate=lambda error: isinstance(error, PASSING) and not login.has_ended(error),
    initial=0.2,
    maximum=2,
    timeout=6,
)
CALL_DOCUMENTS = 50_000  # one call streams so many: a call that streams all would run into its time limit
PLAIN = frozenset({"boolean_value", "integer_value", "double_value", "string_value", "bytes_value"})
OBJECTS = 1000  # the most that Cloud Storage lists in one call
LISTED = "items(name,generation),nextPageToken"


def collection_of(config: Config, kind: Kind) -> Any:
    """Return a collection of the database."""
    settings = config.settings
    name = settings.sounds_collection if kind == "sounds" else settings.rejections_collection
    return _client(config.project, settings.firestore_database).collection(name)


def read_document(config: Config, kind: Kind, uid: str) -> dict[str, Any] | None:
    """Return a document, None where there is none; it is one read."""
    collection = collection_of(config, kind)
    query = collection.where(filter=FieldFilter("__name__", "==", collection.document(uid)))
    return next((document for _, document in _stream(query, CALL_S)), None)


def count_documents(config: Config, kind: Kind, first: str = "", end: str = "") -> int:
    """Return how many documents there are with uids in a range."""
    query = _in_range(collection_of(config, kind), first, end)
    return int(query.count().get(retry=RETRY, timeout=CALL_S)[0][0].value)


def read_range(config: Config, kind: Kind, after: str = "", first: str = "", end: str = "") -> Iterator[Document]:
    """Yield the documents with uids in a range, or after one, in the order of their uids; each is one read."""
    collection = collection_of(config, kind)
    query = _in_range(collection, first, end).order_by("__name__").limit(CALL_DOCUMENTS)
    last, n_read = after, CALL_DOCUMENTS
    while n_read == CALL_DOCUMENTS:
        n_read = 0
        following = query.start_after({"__name__": collection.document(last)}) if last else query
        try:
            for uid, document in _stream(following):
                n_read, last = n_read + 1, uid
                yield uid, document
        except (*PASSING, DeadlineExceeded) as error:  # which a slow connection runs into
            if not n_read or login.has_ended(error):
                raise
            n_read = CALL_DOCUMENTS  # it was broken off: the next call goes on after what came


def read_since(config: Config, kind: Kind, time: datetime) -> Iterator[Document]:
    """Yield the documents that were written since a time, by the time that they say."""
    query = collection_of(config, kind).where(filter=FieldFilter(TIME_FIELDS[kind], ">=", time))
    yield from _stream(query.order_by(TIME_FIELDS[kind]))


def list_objects(config: Config) -> Iterator[list[tuple[str, int]]]:
    """Yield the names and live generations of the bucket's objects, OBJECTS at a time."""
    bucket = storage_client(config.project).bucket(config.bucket_name)
    options = {"timeout": CALL_S, "retry": DEFAULT_RETRY.with_timeout(CALL_S)}
    for page in bucket.list_blobs(page_size=OBJECTS, fields=LISTED, **options).pages:
        yield [(blob.name, int(blob.generation)) for blob in page]


def _stream(query: Any, timeout_s: float = STREAM_S) -> Iterator[Document]:
    """Yield the documents of a query.

    The query's own snapshots copy each document deeply, and its messages wrap each part of it, which together takes
    longer than all else: the messages are read as they came.
    """
    responses, _ = query._get_stream_iterator(None, RETRY, timeout_s)  # noqa: SLF001
    for response in responses:
        message = response._pb  # noqa: SLF001
        if message.HasField("document"):
            database = message.document.name.partition("/documents/")[0]
            fields = {name: _decode(value, database) for name, value in message.document.fields.items()}
            yield message.document.name.rpartition("/")[2], fields


def _decode(value: Any, database: str) -> Any:
    """Return what a message of Firestore's Value holds, as the client decodes it, in half of the client's time.

    A reference is the path of its document, and begins with the database where that is another, of which the client
    makes an error.
    """
    kind = value.WhichOneof("value_type")
    if kind in PLAIN:
        return getattr(value, kind)
    if kind == "reference_value":
        return value.reference_value.removeprefix(f"{database}/documents/")
    if kind == "array_value":
        return [_decode(element, database) for element in value.array_value.values]
    if kind == "map_value":
        held = {name: _decode(part, database) for name, part in value.map_value.fields.items()}
        if held.get("__type__") == "__vector__":
            return Vector(held["value"])
        if len(held) != 1 or not next(iter(held)).startswith("__"):
            return held
    return _helpers.decode_value(value, None)  # and one of BSON's types is a map of one field


def _in_range(collection: Any, first: str, end: str) -> Any:
    query = collection
    if first:
        query = query.where(filter=FieldFilter("__name__", ">=", collection.document(first)))
    if end:
        query = query.where(filter=FieldFilter("__name__", "<", collection.document(end)))
    return query


@cache
def _client(project: str, database: str) -> firestore.Client:
    return firestore.Client(project=project, database=database)
