"""The two listings that are compared: the live objects of a bucket, and the documents of a collection.

*Conventions.* Both are in the order of the blob names' UTF-8 bytes: Cloud Storage lists and Firestore sorts by them.
Each is read page by page, so memory does not grow with its length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.cloud.firestore import FieldFilter
from google.cloud.storage.retry import DEFAULT_RETRY

from analysis import store
from analysis.definition import ANALYSIS_VERSION, librosa_name
from analysis.document import lacks_features, make_uid, read_version
from analysis.upload import Upload, read_upload

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.cloud import firestore, storage  # type: ignore[attr-defined]  # it ships no types

OBJECTS_PER_PAGE = 1000  # the most that Cloud Storage gives in one call
DOCUMENTS_PER_PAGE = 5000  # 12 MB
CALL_S = 60  # timeout of one call
RETRY_S = 300  # after the first attempt no further one begins; longer than the function's, as nobody waits for a page
RETRY = store.RETRY.with_delay(initial=0.5, maximum=20).with_timeout(RETRY_S)
STORAGE_RETRY = DEFAULT_RETRY.with_timeout(RETRY_S)
OBJECT_FIELDS = "bucket,name,generation,size,contentType,md5Hash,crc32c,timeCreated,customerEncryption"
DOCUMENT_FIELDS = ("bucket", "blob_name", "generation", "analysis_version", "reason")


class UnreadableError(Exception):
    """The bucket or a collection could not be read to its end, so the comparison cannot be made."""


@dataclass(slots=True)
class Calls:
    """How many calls the comparison made.

    Attributes:
        to_bucket: pages of the listing.
        to_database: pages of queries, and look-ups.
    """

    to_bucket: int = 0
    to_database: int = 0


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """What the comparison reads of a document.

    Attributes:
        collection: id of its collection.
        uid: its id.
        blob_name: name of the blob.
        generation: generation of the blob.
        is_stale: whether it is a sound of an older analysis version, or one of today's that lacks a feature which the
            settings ask for.
        reason: of a rejection; None for a sound.
    """

    collection: str
    uid: str
    blob_name: str
    generation: int
    is_stale: bool
    reason: str | None


def list_uploads(bucket: storage.Bucket, prefix: str, calls: Calls) -> Iterator[Upload]:
    """Yield the bucket's live objects in order of name, as uploads without an event.

    Raises UnreadableError when the bucket cannot be listed.
    """
    blobs = bucket.list_blobs(
        prefix=prefix or None,
        page_size=OBJECTS_PER_PAGE,
        fields=f"items({OBJECT_FIELDS}),nextPageToken",
        timeout=CALL_S,
        retry=STORAGE_RETRY,
    )
    try:
        for page in blobs.pages:
            calls.to_bucket += 1
            for blob in page:
                yield read_upload(_resource(bucket.name, blob))
    except (GoogleAPICallError, RetryError) as error:
        raise UnreadableError(f"the objects of gs://{bucket.name} cannot be listed: {error}") from error


def list_documents(
    collection: firestore.CollectionReference,
    bucket_name: str,
    prefix: str,
    calls: Calls,
    asked: tuple[str, ...] = (),
) -> Iterator[StoredDocument]:
    """Yield a collection's documents of a bucket's uploads in order of blob name; ``asked`` is the setting FEATURES.

    The query also returns documents of other buckets, which are dropped here: an index over both fields would cost more
    than it saves. Raises UnreadableError when the collection cannot be read.
    """
    names = FieldFilter("blob_name", ">=", prefix)  # with the empty prefix: all that are strings
    query = collection.where(filter=names).order_by("blob_name").select(_fields(asked)).limit(DOCUMENTS_PER_PAGE)
    page = None
    while page is None or len(page) == DOCUMENTS_PER_PAGE:
        next_query = query if page is None else query.start_after(page[-1])
        try:
            calls.to_database += 1
            page = RETRY(lambda query=next_query: query.get(retry=None, timeout=CALL_S))()
        except (GoogleAPICallError, RetryError) as error:
            raise UnreadableError(f"the collection {collection.id} cannot be read: {error}") from error
        for document in page:
            if not document.get("blob_name").startswith(prefix):
                return
            if (document.to_dict() or {}).get("bucket") == bucket_name:  # the tutorial's documents have no bucket
                yield _stored_document(collection.id, document, asked)


def get_documents(
    client: firestore.Client,
    collection: firestore.CollectionReference,
    uploads: Iterable[Upload],
    calls: Calls,
    asked: tuple[str, ...] = (),
) -> Iterator[StoredDocument]:
    """Yield the collection's documents of these uploads in order of blob name, by one call, as list_documents does.

    Raises UnreadableError when the collection cannot be read.
    """
    references = [collection.document(make_uid(upload)) for upload in uploads]
    if not references:
        return
    calls.to_database += 1
    try:
        documents = RETRY(lambda: list(client.get_all(references, _fields(asked), retry=None, timeout=CALL_S)))()
    except (GoogleAPICallError, RetryError) as error:
        raise UnreadableError(f"the collection {collection.id} cannot be read: {error}") from error
    found = [_stored_document(collection.id, document, asked) for document in documents if document.exists]
    yield from sorted(found, key=lambda document: document.blob_name)


def get_upload(bucket: storage.Bucket, blob_name: str) -> Upload | None:
    """Return the live object of a name, None if there is none."""
    blob = bucket.get_blob(blob_name, timeout=CALL_S, retry=STORAGE_RETRY)
    return None if blob is None else read_upload(_resource(bucket.name, blob))


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


def _fields(asked: tuple[str, ...]) -> list[str]:
    """Return the fields to read: of the features only those that are asked for, as some have many numbers."""
    return [*DOCUMENT_FIELDS, *sorted({f"features.{librosa_name(feature)}" for feature in asked})]


def _stored_document(
    collection: str, document: firestore.DocumentSnapshot[Any], asked: tuple[str, ...]
) -> StoredDocument:
    fields = document.to_dict() or {}
    version = read_version(fields)
    is_old = version < ANALYSIS_VERSION or (version == ANALYSIS_VERSION and lacks_features(fields, asked))
    return StoredDocument(
        collection=collection,
        uid=document.id,
        blob_name=fields["blob_name"],
        generation=int(fields.get("generation") or 0),
        is_stale="reason" not in fields and is_old,
        reason=fields.get("reason"),
    )
