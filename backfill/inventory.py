"""The two lists that are compared, both in order of name: the bucket's live objects and a collection's documents.

*Conventions.* Order is that of the names' UTF-8 bytes, in which Cloud Storage lists and Firestore sorts. Both are read
page by page, a call and a bounded memory each, so their number does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import (
    Aborted,
    DeadlineExceeded,
    GoogleAPICallError,
    InternalServerError,
    ResourceExhausted,
    RetryError,
    ServiceUnavailable,
)
from google.api_core.retry import Retry, if_exception_type
from google.cloud.firestore import FieldFilter
from google.cloud.storage.retry import DEFAULT_RETRY

from analysis.definition import ANALYSIS_VERSION
from analysis.document import make_uid
from analysis.upload import Upload, read_upload

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.cloud import firestore, storage  # type: ignore[attr-defined]  # it ships no types

OBJECTS = 1000  # of one call: the most that Cloud Storage gives
DOCUMENTS = 5000  # of one call: 12 MB
CALL_S = 60  # of one call
RETRY_S = 300  # no attempt begins later than this after the first: a page may be read again, and nobody waits for it
RETRY = Retry(
    predicate=if_exception_type(Aborted, DeadlineExceeded, InternalServerError, ResourceExhausted, ServiceUnavailable),
    initial=0.5,
    maximum=20,
    timeout=RETRY_S,
)
OBJECT_FIELDS = "bucket,name,generation,size,contentType,md5Hash,crc32c,timeCreated,customerEncryption"
DOCUMENT_FIELDS = ("bucket", "blob_name", "generation", "analysis_version", "reason")


class UnreadableError(Exception):
    """The bucket or a collection could not be read to its end, so nothing can be said of either."""


@dataclass(slots=True)
class Calls:
    """How often the two were asked.

    Attributes:
        to_bucket: listings, of OBJECTS each.
        to_database: queries, of DOCUMENTS each, and look-ups.
    """

    to_bucket: int = 0
    to_database: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """A document that there is of an upload.

    Attributes:
        collection: id of its collection.
        uid: its id.
        blob_name: name of the blob.
        generation: generation of the blob.
        is_stale: whether it is a sound of an older definition.
        reason: of a rejection; None of a sound.
    """

    collection: str
    uid: str
    blob_name: str
    generation: int
    is_stale: bool
    reason: str | None


def list_uploads(bucket: storage.Bucket, prefix: str, calls: Calls) -> Iterator[Upload]:
    """Yield the bucket's live objects in order of name, as uploads of which no event tells."""
    fields = f"items({OBJECT_FIELDS}),nextPageToken"
    blobs = bucket.list_blobs(
        prefix=prefix or None,
        page_size=OBJECTS,
        fields=fields,
        timeout=CALL_S,
        retry=DEFAULT_RETRY.with_timeout(RETRY_S),
    )
    try:
        for page in blobs.pages:
            calls.to_bucket += 1
            for blob in page:
                yield read_upload(_resource(bucket.name, blob))
    except (GoogleAPICallError, RetryError) as error:
        raise UnreadableError(f"the objects of gs://{bucket.name} cannot be listed: {error}") from error


def list_documents(
    collection: firestore.CollectionReference, bucket_name: str, prefix: str, calls: Calls
) -> Iterator[Kept]:
    """Yield a collection's documents of a bucket's uploads in order of blob name.

    Those of other buckets are read too and passed over: an index over both fields would cost more than it saves.
    """
    names = FieldFilter("blob_name", ">=", prefix)  # with the empty prefix: all that are strings
    query = collection.where(filter=names).order_by("blob_name").select(DOCUMENT_FIELDS).limit(DOCUMENTS)
    page = None
    while page is None or len(page) == DOCUMENTS:
        following = query if page is None else query.start_after(page[-1])
        try:
            calls.to_database += 1
            page = RETRY(lambda query=following: query.get(retry=None, timeout=CALL_S))()
        except (GoogleAPICallError, RetryError) as error:
            raise UnreadableError(f"the collection {collection.id} cannot be read: {error}") from error
        for document in page:
            if not document.get("blob_name").startswith(prefix):
                return
            if (document.to_dict() or {}).get("bucket") == bucket_name:  # the tutorial's documents have none
                yield _keep(collection.id, document)


def look_up(
    client: firestore.Client, collection: firestore.CollectionReference, uploads: Iterable[Upload], calls: Calls
) -> Iterator[Kept]:
    """Yield the collection's documents of these uploads in order of blob name."""
    references = [collection.document(make_uid(upload)) for upload in uploads]
    if not references:
        return
    calls.to_database += 1
    try:
        documents = RETRY(lambda: list(client.get_all(references, DOCUMENT_FIELDS, retry=None, timeout=CALL_S)))()
    except (GoogleAPICallError, RetryError) as error:
        raise UnreadableError(f"the collection {collection.id} cannot be read: {error}") from error
    found = [_keep(collection.id, document) for document in documents if document.exists]
    yield from sorted(found, key=lambda kept: kept.blob_name)


def look_at(bucket: storage.Bucket, blob_name: str) -> Upload | None:
    """Return the live object of a name, None if there is none."""
    blob = bucket.get_blob(blob_name, timeout=CALL_S, retry=DEFAULT_RETRY.with_timeout(RETRY_S))
    return None if blob is None else read_upload(_resource(bucket.name, blob))


def _resource(bucket_name: str, blob: storage.Blob) -> dict[str, Any]:
    """Return what a finalize event would say of an object."""
    return {
        "bucket": bucket_name,
        "name": blob.name,
        "generation": blob.generation,
        "size": blob.size,
        "contentType": blob.content_type,
        "md5Hash": blob.md5_hash,
        "crc32c": blob.crc32c,
        "timeCreated": blob.time_created,
        "customerEncryption": blob._properties.get("customerEncryption"),  # noqa: SLF001 - the client has no name for it
    }


def _keep(collection: str, document: firestore.DocumentSnapshot[Any]) -> Kept:
    fields = document.to_dict() or {}
    return Kept(
        collection=collection,
        uid=document.id,
        blob_name=fields["blob_name"],
        generation=int(fields.get("generation") or 0),
        is_stale="reason" not in fields and (fields.get("analysis_version") or 0) < ANALYSIS_VERSION,
        reason=fields.get("reason"),
    )
