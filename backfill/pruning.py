"""The document of an object that is gone is removed, after a second look at the object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import FailedPrecondition, NotFound

from analysis.document import make_uid
from analysis.errors import Skipped
from analysis.upload import check_selected
from backfill.inventory import CALL_S, RETRY, look_at

if TYPE_CHECKING:
    from google.cloud import firestore, storage  # type: ignore[attr-defined]  # it ships no types

    from analysis.settings import Settings
    from analysis.upload import Upload
    from backfill.inventory import Kept


def prune(kept: Kept, bucket: storage.Bucket, client: firestore.Client, settings: Settings) -> str:
    """Remove a document, and return "" when it is gone, else why it stays.

    It stays where its object is there after all, where a newer upload of the name has no document yet (its
    event is under way), and where the document was written since it was read.
    """
    upload = look_at(bucket, kept.blob_name)
    if upload and upload.generation == kept.generation:
        return "its object is there"
    if upload and _is_under_way(upload, client, settings):
        return f"generation {upload.generation} of {kept.blob_name!r} has no document yet"
    reference = client.collection(kept.collection).document(kept.uid)
    document = _read(reference)
    if not document.exists:
        return ""
    option = client.write_option(last_update_time=document.update_time)
    try:
        RETRY(lambda: reference.delete(option=option, retry=None, timeout=CALL_S))()
    except (NotFound, FailedPrecondition):  # it was written or removed in between
        return "it was written a moment ago" if _read(reference).exists else ""
    return ""


def _read(reference: firestore.DocumentReference) -> firestore.DocumentSnapshot[Any]:
    document: firestore.DocumentSnapshot[Any] = RETRY(lambda: reference.get(retry=None, timeout=CALL_S))()
    return document


def _is_under_way(upload: Upload, client: firestore.Client, settings: Settings) -> bool:
    """Return whether an upload is wanted and has neither sound nor rejection."""
    try:
        check_selected(upload, settings.include_names, settings.exclude_names)
    except Skipped:
        return False
    uid = make_uid(upload)
    references = [
        client.collection(collection).document(uid)
        for collection in (settings.sounds_collection, settings.rejections_collection)
    ]
    documents = RETRY(lambda: list(client.get_all(references, [], retry=None, timeout=CALL_S)))()
    return not any(document.exists for document in documents)
