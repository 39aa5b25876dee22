"""Sounds and rejections as the database tells of them: a page of them, one of them, a sample of them.

*Conventions.* A document is a plain dict. No call reads more than it says, and each is bounded in time. A *mark* is
where a page of the list begins: the sort value and the uid of the last document before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import Aborted, InternalServerError, ServiceUnavailable
from google.api_core.retry import Retry, if_exception_type
from google.cloud import firestore

from page.remembering import Memory

if TYPE_CHECKING:
    from page.scope import Scope

PAGE_SOUNDS = 50
CALL_S = 20
RETRY = Retry(
    predicate=if_exception_type(Aborted, InternalServerError, ServiceUnavailable), initial=0.2, maximum=2, timeout=6
)
KEEP_ONE_S = 300  # the document of a uid does not change but by a new analysis
KEEP_SAMPLE_S = 600
UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LAST = "\U0010ffff"  # sorts after every other sign, so that name + LAST ends the names that begin with it
SOUND_FIELDS = (
    *("uid", "blob_name", "bucket", "generation", "size", "content_type", "md5_hash", "uploaded_at", "duration"),
    *("source", "note", "tempo", "peaks", "peak_db", "rms_db", "silence", "analyzed_at", "analysis_version"),
)
REJECTION_FIELDS = ("uid", "blob_name", "bucket", "generation", "reason", "message", "rejected_at")
SAMPLE_FIELDS = ("uid", "blob_name", "duration", "rms_db", "source", "mean_mfccs", "fingerprint")

_sounds: Memory[dict[str, Any]] = Memory(KEEP_ONE_S, 500)
_samples: Memory[list[dict[str, Any]]] = Memory(KEEP_SAMPLE_S, 4)
_counts: Memory[int] = Memory(KEEP_SAMPLE_S, 4)


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the two lists.

    Attributes:
        name: what it is called.
        collection: the collection it shows.
        time_field: what newest means.
        fields: what is read.
    """

    name: str
    collection: str
    time_field: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A page of a list.

    Attributes:
        documents: at most PAGE_SOUNDS.
        next_mark: where the next page begins; None at the end.
    """

    documents: list[dict[str, Any]]
    next_mark: str | None


class BadMarkError(ValueError):
    """The mark is none that a page has given."""


class UnknownSoundError(LookupError):
    """There is no sound of that uid."""


def sounds_of(scope: Scope) -> Kind:
    """Return the list of sounds."""
    return Kind("sounds", scope.settings.sounds_collection, "uploaded_at", SOUND_FIELDS)


def rejections_of(scope: Scope) -> Kind:
    """Return the list of rejections."""
    return Kind("rejections", scope.settings.rejections_collection, "rejected_at", REJECTION_FIELDS)


def read_newest(scope: Scope, kind: Kind, mark: str = "") -> Part:
    """Return a page of the newest, after the mark: as many reads as documents, and one."""
    query = _ordered(scope, kind, kind.time_field, firestore.Query.DESCENDING)
    if mark:
        text, uid = _read_mark(mark)
        try:
            moment = datetime.fromisoformat(text) if text else None
        except ValueError:
            raise BadMarkError(mark) from None
        query = query.start_after({kind.time_field: moment, "__name__": uid})
    return _read_part(query, kind.time_field)


def read_named(scope: Scope, kind: Kind, start: str, mark: str = "") -> Part:
    """Return a page of those whose names begin so, by name, after the mark."""
    query = _ordered(scope, kind, "blob_name", firestore.Query.ASCENDING)
    if mark:
        text, uid = _read_mark(mark)
        query = query.start_after({"blob_name": text, "__name__": uid})
    else:
        query = query.start_at({"blob_name": start})
    return _read_part(query.end_at({"blob_name": start + LAST}), "blob_name")


def read_sound(scope: Scope, uid: str) -> dict[str, Any]:
    """Return the document of a sound; raises UnknownSoundError where there is none."""

    def ask() -> dict[str, Any]:
        document = _read_document(scope, scope.settings.sounds_collection, uid)
        if document is None:
            raise UnknownSoundError(uid)
        return document

    return _sounds.get((scope, uid), ask)


def read_rejection(scope: Scope, uid: str) -> dict[str, Any] | None:
    """Return the document of a rejection, None where there is none."""
    return _read_document(scope, scope.settings.rejections_collection, uid)


def read_sample(scope: Scope, most: int) -> list[dict[str, Any]]:
    """Return all sounds, or a sample of so many where there are more.

    The first by uid: a uid is a hash, so they are as good as drawn by lot, and always the same.
    """

    def ask() -> list[dict[str, Any]]:
        query = collection_of(scope, scope.settings.sounds_collection).order_by("__name__")
        return [document.to_dict() for document in query.select(SAMPLE_FIELDS).limit(most).get(**patience())]

    return _samples.get((scope, most), ask)


def count_sounds(scope: Scope) -> int:
    """Return how many sounds there are; one read per thousand of them."""

    def ask() -> int:
        return int(collection_of(scope, scope.settings.sounds_collection).count().get(**patience())[0][0].value)

    return _counts.get(scope, ask)


def collection_of(scope: Scope, name: str) -> Any:
    """Return a collection of the database."""
    return _client(scope.project, scope.settings.firestore_database).collection(name)


def patience() -> dict[str, Any]:
    """Return how long one call may take, all attempts together."""
    return {"retry": RETRY, "timeout": CALL_S}


def _ordered(scope: Scope, kind: Kind, field: str, direction: str) -> Any:
    query = collection_of(scope, kind.collection).select(kind.fields)
    return query.order_by(field, direction=direction).order_by("__name__", direction=direction)


def _read_part(query: Any, field: str) -> Part:
    documents = [snapshot.to_dict() for snapshot in query.limit(PAGE_SOUNDS + 1).get(**patience())]
    if len(documents) <= PAGE_SOUNDS:
        return Part(documents, None)
    last = documents[PAGE_SOUNDS - 1]
    value = last.get(field)
    text = value.isoformat() if isinstance(value, datetime) else value or ""
    return Part(documents[:PAGE_SOUNDS], f"{text}~{last['uid']}")


def _read_mark(mark: str) -> tuple[str, str]:
    text, _, uid = mark.rpartition("~")
    if not UID.fullmatch(uid):
        raise BadMarkError(mark)
    return text, uid


def _read_document(scope: Scope, collection: str, uid: str) -> dict[str, Any] | None:
    if not UID.fullmatch(uid):
        return None
    document: dict[str, Any] | None = collection_of(scope, collection).document(uid).get(**patience()).to_dict()
    return document


@cache
def _client(project: str, database: str) -> firestore.Client:
    return firestore.Client(project=project, database=database)
