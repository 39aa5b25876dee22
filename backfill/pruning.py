"""Removal of the document of an object that is gone, after the bucket was asked for the object once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import FailedPrecondition, NotFound

from analysis.document import make_uid
from analysis.errors import Skipped
from analysis.upload import check_selected
from backfill.listings import get_upload
from backfill.reading import CALL_S, RETRY

if TYPE_CHECKING:
    from google.cloud import firestore, storage  # type: ignore[attr-defined]  # it ships no types

    from analysis.settings import Settings
    from analysis.upload import Upload
    from backfill.listings import StoredDocument


def prune(document: StoredDocument, bucket: storage.Bucket, client: firestore.Client, settings: Settings) -> str:
    """Remove a document; return the reason if it has to stay, "" if it is gone.

    It stays if its object is there after all, if a newer upload of the name has no document yet (its event is on the
    way), and if it is written between the last reading and the removal.
    """
    upload = get_upload(bucket, document.blob_name)
    if upload and upload.generation == document.generation:
        return "its object is there"
    if upload and _is_unanswered(upload, client, settings):
        return f"generation {upload.generation} of {document.blob_name!r} has no document yet"
    reference = client.collection(document.collection).document(document.uid)
    snapshot = _read(reference)
    if not snapshot.exists:
        return ""
    option = client.write_option(last_update_time=snapshot.update_time)
    try:
        RETRY(lambda: reference.delete(option=option, retry=None, timeout=CALL_S))()
    except (NotFound, FailedPrecondition):  # it was written or removed in between
        return "it was written a moment ago" if _read(reference).exists else ""
    return ""


def _read(reference: firestore.DocumentReference) -> firestore.DocumentSnapshot[Any]:
    snapshot: firestore.DocumentSnapshot[Any] = RETRY(lambda: reference.get(retry=None, timeout=CALL_S))()
    return snapshot


def _is_unanswered(upload: Upload, client: firestore.Client, settings: Settings) -> bool:
    """Return whether an upload has neither sound nor rejection, and is not skipped."""
    try:
        check_selected(upload, settings)
    except Skipped:
        return False
    uid = make_uid(upload)
    references = [
        client.collection(collection).document(uid)
        for collection in (settings.sounds_collection, settings.rejections_collection)
    ]
    snapshots = RETRY(lambda: list(client.get_all(references, [], retry=None, timeout=CALL_S)))()
    return not any(snapshot.exists for snapshot in snapshots)
