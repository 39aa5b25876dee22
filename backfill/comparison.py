"""The bucket's objects against the collection's documents: what is there, stale, missing or gone.

*Conventions.* All lists are in the order of the blob names' UTF-8 bytes, so one pass over them is enough and memory
does not grow with their length. The order is checked, because in another order objects would seem to be missing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from heapq import merge
from itertools import batched, groupby
from typing import TYPE_CHECKING

from analysis.document import make_uid
from analysis.errors import ExpiredError, Skipped
from analysis.upload import check_selected
from backfill.listings import UnreadableError, get_documents
from backfill.stored_document import StoredDocument

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from google.cloud import firestore

    from analysis.settings import Settings
    from analysis.upload import Upload
    from backfill.listings import Calls

BATCH_SIZE = 300  # objects of which one call looks up the documents


class State(StrEnum):
    """What the comparison says of an object, or of a document without an object."""

    SOUND = "sound"
    NEWER = "newer"
    STALE = "stale"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    PENDING = "pending"
    MISSING = "missing"
    GONE = "gone"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One object with its document, or either without the other.

    Attributes:
        state: what the comparison says of them.
        upload: the object; None where it is gone; of an unreadable document the object that has its id, if any.
        document: the document; None where there is none.
    """

    state: State
    upload: Upload | None
    document: StoredDocument | None

    @property
    def size(self) -> int:
        """Bytes of the object."""
        return (self.upload and self.upload.size) or 0


def compare(
    uploads: Iterable[Upload],
    sounds: Iterable[StoredDocument],
    rejections: Iterable[StoredDocument],
    settings: Settings,
    pending_since: datetime | None = None,
) -> Iterator[Comparison]:
    """Yield a comparison for every object, and for every document whose object is not there or which is unreadable.

    An unreadable document is as if it were not there, unless a newer version of the analysis wrote it. An object that
    was uploaded after ``pending_since`` is pending instead of missing, and the documents of the objects that it
    replaced are not gone yet: the trigger may be at it. Raises UnreadableError when a list is not in order.
    """
    lists: tuple[Iterable[Upload | StoredDocument], ...] = (uploads, sounds, rejections)
    entries_by_name = groupby(merge(*map(_in_order, lists), key=_name), key=_name)
    for _, entries in entries_by_name:  # of one name, in the order of the lists: object, sounds, rejections
        upload: Upload | None = None
        document: StoredDocument | None = None
        for entry in entries:
            if not isinstance(entry, StoredDocument):
                upload = entry
            elif entry.problem:
                own = upload if upload is not None and entry.uid == make_uid(upload) else None
                yield Comparison(State.UNREADABLE, own, entry)
                if own and entry.is_newer and document is None:
                    document = entry
            elif upload is None or entry.uid != make_uid(upload):
                if upload is None or not _is_pending(upload, pending_since):
                    yield Comparison(State.GONE, None, entry)
            elif document is None:
                document = entry
            else:
                both = replace(entry, problem="it is a rejection of what has a sound")
                yield Comparison(State.UNREADABLE, upload, both)
        if upload is not None:
            yield Comparison(_state_of(upload, document, settings, pending_since), upload, document)


def compare_shard(
    uploads: Iterable[Upload],
    client: firestore.Client,
    settings: Settings,
    calls: Calls,
    pending_since: datetime | None = None,
) -> Iterator[Comparison]:
    """Yield a comparison for every object of a shard, and read only the documents of these objects."""
    for batch in batched(uploads, BATCH_SIZE):
        yield from compare(batch, *get_documents(client, settings, batch, calls), settings, pending_since)


def _in_order(entries: Iterable[Upload | StoredDocument]) -> Iterator[Upload | StoredDocument]:
    previous = b""
    for entry in entries:
        name = _name(entry)
        if name < previous:
            raise UnreadableError(f"a list is not in order of name: {name!r} came after {previous!r}")
        previous = name
        yield entry


def _name(entry: Upload | StoredDocument) -> bytes:
    return entry.blob_name.encode()


def _state_of(
    upload: Upload, document: StoredDocument | None, settings: Settings, pending_since: datetime | None
) -> State:
    if document is not None and document.is_newer:
        return State.REJECTED if document.reason else State.NEWER
    # `expired` says only that nobody analysed the object in time, so such a rejection is no answer.
    is_answered = document is not None and document.reason != ExpiredError.reason
    if document is not None and is_answered and not document.is_stale:
        return State.REJECTED if document.reason else State.SOUND
    try:
        check_selected(upload, settings)
    except Skipped:
        return State.SOUND if is_answered else State.SKIPPED
    if is_answered:
        return State.STALE
    return State.PENDING if document is None and _is_pending(upload, pending_since) else State.MISSING


def _is_pending(upload: Upload, since: datetime | None) -> bool:
    return since is not None and upload.uploaded_at is not None and upload.uploaded_at > since
