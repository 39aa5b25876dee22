"""Queries over the sounds and the rejections: a page of the list, one document, a sample.

*Conventions.* A document is a plain dict. Each query says how many documents it reads at most, and is bounded in time.
A *cursor* is the text after which a page of the list begins: the sort value and the uid of the last document before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import Aborted, InternalServerError, ServiceUnavailable
from google.api_core.retry import Retry
from google.cloud import firestore

from analysis import document, login
from page.documents.cache import Cache

if TYPE_CHECKING:
    from page.config import Config

PAGE_SIZE = 50
CALL_S = 20
PASSING = (Aborted, InternalServerError, ServiceUnavailable)
RETRY = Retry(
    predicate=lambda error: isinstance(error, PASSING) and not login.has_ended(error),
    initial=0.2,
    maximum=2,
    timeout=6,
)
DOCUMENT_TTL_S = 300  # a document changes only when its upload is analysed anew
SAMPLE_TTL_S = 600
UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LAST_CHARACTER = "\U0010ffff"  # sorts after all others, so name + LAST_CHARACTER ends the names that begin with name
REJECTION_FIELDS = tuple(field.name for field in document.REJECTION_FIELDS)
SAMPLED_FIELDS = ("uid", "blob_name", "duration", "rms_db", "source", "mean_mfccs", "fingerprint")


def _has_vectors(field: document.Field) -> bool:
    return field.type in {"doubles", "vector"} or any(map(_has_vectors, field.fields))


# A row of the list shows no vectors, which are long; every other field is read, also one that is new.
LISTED_FIELDS = tuple(field.name for field in document.SOUND_FIELDS if not _has_vectors(field))

_sounds: Cache[dict[str, Any]] = Cache(DOCUMENT_TTL_S, 500)
_samples: Cache[list[dict[str, Any]]] = Cache(SAMPLE_TTL_S, 4)
_counts: Cache[int] = Cache(SAMPLE_TTL_S, 4)


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection that is listed.

    Attributes:
        kind: "sounds" or "rejections".
        name: its name in the database.
        time_field: the field that the newest come first by.
        fields: the fields that a list reads.
    """

    kind: str
    name: str
    time_field: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """A page of a list.

    Attributes:
        documents: at most PAGE_SIZE.
        next_cursor: where the next page begins; None after the last.
    """

    documents: list[dict[str, Any]]
    next_cursor: str | None


class BadCursorError(ValueError):
    """The cursor is none that this page has made."""


class UnknownSoundError(LookupError):
    """No sound has this uid."""


def sounds_of(config: Config) -> Collection:
    """Return the collection of sounds."""
    return Collection("sounds", config.settings.sounds_collection, "uploaded_at", LISTED_FIELDS)


def rejections_of(config: Config) -> Collection:
    """Return the collection of rejections."""
    return Collection("rejections", config.settings.rejections_collection, "rejected_at", REJECTION_FIELDS)


def list_newest(config: Config, collection: Collection, cursor: str = "") -> Results:
    """Return a page of the list, the newest first; it reads PAGE_SIZE + 1 documents at most."""
    query = _ordered(config, collection, collection.time_field, firestore.Query.DESCENDING)
    if cursor:
        text, uid = _split_cursor(cursor)
        try:
            time = datetime.fromisoformat(text) if text else None
        except ValueError:
            raise BadCursorError(cursor) from None
        query = query.start_after({collection.time_field: time, "__name__": uid})
    return _read_results(query, collection.time_field)


def list_by_prefix(config: Config, collection: Collection, prefix: str, cursor: str = "") -> Results:
    """Return a page of those whose names begin with a prefix, by name; it reads PAGE_SIZE + 1 documents at most."""
    query = _ordered(config, collection, "blob_name", firestore.Query.ASCENDING)
    if cursor:
        text, uid = _split_cursor(cursor)
        query = query.start_after({"blob_name": text, "__name__": uid})
    else:
        query = query.start_at({"blob_name": prefix})
    return _read_results(query.end_at({"blob_name": prefix + LAST_CHARACTER}), "blob_name")


def read_sound(config: Config, uid: str) -> dict[str, Any]:
    """Return the document of a sound; raises UnknownSoundError where there is none."""

    def read() -> dict[str, Any]:
        sound = _read_document(config, config.settings.sounds_collection, uid)
        if sound is None:
            raise UnknownSoundError(uid)
        return sound

    return _sounds.get((config, uid), read)


def read_rejection(config: Config, uid: str) -> dict[str, Any] | None:
    """Return the document of a rejection, None where there is none."""
    return _read_document(config, config.settings.rejections_collection, uid)


def read_sample(config: Config, n: int) -> list[dict[str, Any]]:
    """Return SAMPLED_FIELDS of all sounds, or of n of them where there are more.

    They are the first n by uid: a uid is a hash, so they are a random sample, and the same one every time.
    """

    def read() -> list[dict[str, Any]]:
        query = collection_of(config, config.settings.sounds_collection).order_by("__name__")
        return [snapshot.to_dict() for snapshot in query.select(SAMPLED_FIELDS).limit(n).get(**call_options())]

    return _samples.get((config, n), read)


def count_sounds(config: Config) -> int:
    """Return how many sounds there are; a thousand of them are billed as one read."""

    def count() -> int:
        sounds = collection_of(config, config.settings.sounds_collection)
        return int(sounds.count().get(**call_options())[0][0].value)

    return _counts.get(config, count)


def collection_of(config: Config, name: str) -> Any:
    """Return a collection of the database."""
    return _client(config.project, config.settings.firestore_database).collection(name)


def call_options() -> dict[str, Any]:
    """Return the retry and the timeout of one call."""
    return {"retry": RETRY, "timeout": CALL_S}


def _ordered(config: Config, collection: Collection, field: str, direction: str) -> Any:
    query = collection_of(config, collection.name).select(collection.fields)
    return query.order_by(field, direction=direction).order_by("__name__", direction=direction)


def _read_results(query: Any, field: str) -> Results:
    documents = [snapshot.to_dict() for snapshot in query.limit(PAGE_SIZE + 1).get(**call_options())]
    if len(documents) <= PAGE_SIZE:
        return Results(documents, None)
    last = documents[PAGE_SIZE - 1]
    value = last.get(field)
    text = value.isoformat() if isinstance(value, datetime) else value or ""
    return Results(documents[:PAGE_SIZE], f"{text}~{last['uid']}")


def _split_cursor(cursor: str) -> tuple[str, str]:
    text, _, uid = cursor.rpartition("~")
    if not UID.fullmatch(uid):
        raise BadCursorError(cursor)
    return text, uid


def _read_document(config: Config, collection_name: str, uid: str) -> dict[str, Any] | None:
    if not UID.fullmatch(uid):
        return None
    found: dict[str, Any] | None = collection_of(config, collection_name).document(uid).get(**call_options()).to_dict()
    return found


@cache
def _client(project: str, database: str) -> firestore.Client:
    return firestore.Client(project=project, database=database)
