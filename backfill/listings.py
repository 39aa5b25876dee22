"""The two listings that are compared: the live objects of a bucket, and the documents of a collection.

*Conventions.* Both are in the order of the blob names' UTF-8 bytes: Cloud Storage lists and Firestore sorts by them.
Each is read page by page, so memory does not grow with its length. Where an error comes in the middle of a page, the
rest is asked for from there.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import GoogleAPICallError, RetryError, ServiceUnavailable
from google.cloud.firestore import FieldFilter

from analysis.document import make_uid
from analysis.upload import Upload, read_upload
from backfill.reading import CALL_S, NEVER, STORAGE_RETRY, patiently
from backfill.stored_document import (
    DOCUMENT_FIELDS,
    StoredDocument,
    fields_to_read,
    is_name,
    is_text,
    make_stored_document,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from google.cloud import firestore, storage  # type: ignore[attr-defined]  # it ships no types

    from analysis.settings import Settings

OBJECTS_PER_PAGE = 1000  # the most that Cloud Storage gives in one call
DOCUMENTS_PER_PAGE = 5000  # 12 MB
N_COUNTS = 3  # of a collection, before what is written meanwhile is taken for documents without a name
OBJECT_FIELDS = "bucket,name,generation,size,contentType,md5Hash,crc32c,timeCreated,customerEncryption"


class UnreadableError(Exception):
    """The bucket or a collection could not be read to its end, so the comparison cannot be made."""


@dataclass(slots=True)
class Calls:
    """How many calls the comparison made.

    Attributes:
        to_bucket: pages of the listing, and look-ups.
        to_database: pages of queries, and look-ups.
        listed: how many documents were listed of a collection, by its id.
    """

    to_bucket: int = 0
    to_database: int = 0
    listed: Counter[str] = field(default_factory=Counter)


def list_uploads(bucket: storage.Bucket, prefix: str, calls: Calls, *, start: str = "") -> Iterator[Upload]:
    """Yield the bucket's live objects in order of name, from ``start`` on, as uploads without an event.

    Raises UnreadableError when the bucket cannot be listed.
    """
    token = None
    while True:
        page, token = list_page(bucket, calls, prefix=prefix, start=start, token=token)
        yield from page
        if token is None:
            return


def list_page(
    bucket: storage.Bucket, calls: Calls, *, prefix: str = "", start: str = "", token: str | None = None
) -> tuple[list[Upload], str | None]:
    """Return a page of the bucket's live objects in order of name, and the token of the next page, if there is one.

    Raises UnreadableError when the bucket cannot be listed.
    """

    def read() -> tuple[list[Upload], str | None]:
        calls.to_bucket += 1
        blobs = bucket.list_blobs(
            prefix=prefix or None,
            start_offset=start or None,
            page_token=token,
            page_size=OBJECTS_PER_PAGE,
            fields=f"items({OBJECT_FIELDS}),nextPageToken",
            timeout=CALL_S,
            retry=None,
        )
        try:
            page = next(blobs.pages)
        except json.JSONDecodeError as error:
            raise ServiceUnavailable(f"the answer is no JSON: {error}") from error
        return [read_upload(_resource(bucket.name, blob)) for blob in page], blobs.next_page_token

    with _readable(f"the objects of gs://{bucket.name} cannot be listed"):
        return patiently(read, f"the objects of gs://{bucket.name}", STORAGE_RETRY)


def list_documents(
    collection: firestore.CollectionReference,
    bucket_name: str,
    prefix: str,
    calls: Calls,
    asked: tuple[str, ...] = (),
    *,
    are_rejections: bool = False,
) -> Iterator[StoredDocument]:
    """Yield a collection's documents of a bucket's uploads in order of blob name; ``asked`` is the setting FEATURES.

    The query also returns documents of other buckets, which are dropped here: an index over both fields would cost more
    than it saves. Documents that do not say which bucket they are of are unreadable. Raises UnreadableError when the
    collection cannot be read.
    """
    query = collection.order_by("blob_name").select(fields_to_read(asked)).limit(DOCUMENTS_PER_PAGE)
    if prefix:
        query = query.where(filter=FieldFilter("blob_name", ">=", prefix))
    name = prefix
    for snapshot in _read_pages(query, collection.id, calls):
        calls.listed[collection.id] += 1
        fields = snapshot.to_dict() or {}
        if is_name(fields.get("blob_name")):
            name = fields["blob_name"]
            if not name.startswith(prefix):
                return
        bucket = fields.get("bucket")
        if bucket == bucket_name or not is_text(bucket):
            yield make_stored_document(snapshot, name, asked, is_rejection=are_rejections)


def list_nameless(
    collection: firestore.CollectionReference, bucket_name: str, calls: Calls, *, are_rejections: bool = False
) -> Iterator[StoredDocument]:
    """Yield a collection's documents that have no blob_name, which no query by it returns: all are unreadable.

    There are none if there are no more documents than were listed just before. A count tells that at the price of a
    read for each thousand documents. Where others were written meanwhile, counts of all and of those with a name are
    compared, N_COUNTS times at most. Only then the whole collection is read. Raises UnreadableError when the collection
    cannot be read.
    """
    all_of_them, named = collection.order_by("__name__"), collection.order_by("blob_name")
    if _count(all_of_them, collection.id, calls) <= calls.listed[collection.id]:
        return
    if any(_count(all_of_them, collection.id, calls) <= _count(named, collection.id, calls) for _ in range(N_COUNTS)):
        return
    query = all_of_them.select(DOCUMENT_FIELDS).limit(DOCUMENTS_PER_PAGE)
    for snapshot in _read_pages(query, collection.id, calls):
        fields = snapshot.to_dict() or {}
        bucket = fields.get("bucket")
        if "blob_name" not in fields and (bucket == bucket_name or not is_text(bucket)):
            yield make_stored_document(snapshot, "", (), is_rejection=are_rejections)


def get_documents(
    client: firestore.Client, settings: Settings, uploads: Sequence[Upload], calls: Calls
) -> tuple[list[StoredDocument], list[StoredDocument]]:
    """Return the sounds and the rejections that have the ids of these uploads, in the uploads' order, by one call.

    Raises UnreadableError when the collections cannot be read.
    """
    collections = settings.sounds_collection, settings.rejections_collection
    names = {make_uid(upload): upload.blob_name for upload in uploads}
    references = [client.collection(collection).document(uid) for collection in collections for uid in names]
    snapshots = read_documents(client, references, fields_to_read(settings.features), calls)
    sounds, rejections = (
        [
            make_stored_document(
                snapshots[collection, uid], name, settings.features, is_rejection=collection == collections[1]
            )
            for uid, name in names.items()
            if (collection, uid) in snapshots
        ]
        for collection in collections
    )
    return sounds, rejections


def read_documents(
    client: firestore.Client, references: Iterable[firestore.DocumentReference], fields: Iterable[str], calls: Calls
) -> dict[tuple[str, str], firestore.DocumentSnapshot[Any]]:
    """Return the documents that there are, by the ids of their collection and themselves.

    Raises UnreadableError when the collections cannot be read.
    """
    waiting = {(reference.parent.id, reference.id): reference for reference in references}
    found: dict[tuple[str, str], firestore.DocumentSnapshot[Any]] = {}
    fields = list(fields)

    def read() -> None:
        calls.to_database += 1
        n_waiting = len(waiting)
        try:
            for snapshot in client.get_all([*waiting.values()], fields, retry=None, timeout=CALL_S):
                del waiting[snapshot.reference.parent.id, snapshot.id]
                if snapshot.exists:
                    found[snapshot.reference.parent.id, snapshot.id] = snapshot
        except GoogleAPICallError:
            if len(waiting) == n_waiting:
                raise
        else:
            waiting.clear()

    while waiting:
        with _readable("the documents cannot be read"):
            patiently(read, "the documents")
    return found


def get_upload(bucket: storage.Bucket, blob_name: str, calls: Calls | None = None) -> Upload | None:
    """Return the live object of a name, None if there is none."""

    def read() -> storage.Blob | None:
        if calls:
            calls.to_bucket += 1
        return bucket.get_blob(blob_name, timeout=CALL_S, retry=None)

    blob = patiently(read, f"an object of gs://{bucket.name}", STORAGE_RETRY)
    return None if blob is None else read_upload(_resource(bucket.name, blob))


@contextmanager
def _readable(what: str) -> Iterator[None]:
    try:
        yield
    except (GoogleAPICallError, RetryError) as error:
        raise UnreadableError(f"{what}: {error}") from error


def _read_pages(query: firestore.Query, collection: str, calls: Calls) -> Iterator[firestore.DocumentSnapshot[Any]]:
    """Yield the documents of a query with DOCUMENTS_PER_PAGE as its limit, and of those that follow it."""
    last: firestore.DocumentSnapshot[Any] | None = None
    while True:
        page, is_whole = _read_page(query if last is None else query.start_after(last), collection, calls)
        for last in page:
            yield last
        if is_whole and len(page) < DOCUMENTS_PER_PAGE:
            return


def _count(query: firestore.Query, collection: str, calls: Calls) -> int:
    def read() -> int:
        calls.to_database += 1
        counted: Any = query.count()  # the client's types call it a class
        return int(counted.get(retry=NEVER, timeout=CALL_S)[0][0].value)

    with _readable(f"the collection {collection} cannot be read"):
        return patiently(read, f"the collection {collection}")


def _read_page(
    query: firestore.Query, collection: str, calls: Calls
) -> tuple[list[firestore.DocumentSnapshot[Any]], bool]:
    """Return the documents of a query, and whether they are all: after an error those that came before it are not."""

    def read() -> tuple[list[firestore.DocumentSnapshot[Any]], bool]:
        calls.to_database += 1
        page: list[firestore.DocumentSnapshot[Any]] = []
        try:
            for snapshot in query.stream(retry=NEVER, timeout=CALL_S):
                page.append(snapshot)  # noqa: PERF402 - `extend` would lose what came before an error
        except GoogleAPICallError:
            if not page:
                raise
            return page, False
        return page, True

    with _readable(f"the collection {collection} cannot be read"):
        return patiently(read, f"the collection {collection}")


def _resource(bucket_name: str, blob: storage.Blob) -> dict[str, Any]:
    """Return the object resource that a finalize event of the object would have."""
    return {
        "bucket": bucket_name,
        "name": blob.name,
        "generation": blob.generation,
        "size": blob.size,
        "contentType": blob.content_type,
        "md5Hash": blob.md5_hash,
        "crc32c": blob.crc32c,
        "timeCreated": blob.time_created,
        "customerEncryption": blob._properties.get("customerEncryption"),  # noqa: SLF001 - the client has no property
    }
