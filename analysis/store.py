"""One sound or one rejection is written to Firestore, where the two never exist together, or both are removed.

*Conventions.* A repeat of an event writes the same document, so every call that failed may be made again.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import (
    Aborted,
    AlreadyExists,
    DeadlineExceeded,
    FailedPrecondition,
    InternalServerError,
    ResourceExhausted,
    ServiceUnavailable,
    Unknown,
)
from google.api_core.retry import Retry
from google.cloud import firestore
from google.cloud.firestore_v1.vector import Vector

from analysis import login
from analysis.definition import ANALYSIS_VERSION
from analysis.document import SOUND_FIELDS, read_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.settings import Settings

CALL_S = 5  # of one attempt; a commit to the emulator takes 0.04
RETRY_S = 30  # no attempt begins later than this after the first; the platform's own retries go on from there
PASSING = (Aborted, DeadlineExceeded, InternalServerError, ResourceExhausted, ServiceUnavailable)
STREAM_REMOVED = "Stream removed"  # how gRPC calls a connection that went away (firebase-admin-python#633)


def passes(error: Exception) -> bool:
    """Return whether an error of Firestore's passes by itself."""
    is_passing = isinstance(error, PASSING) or (isinstance(error, Unknown) and STREAM_REMOVED in str(error))
    return is_passing and not login.has_ended(error)


RETRY = Retry(predicate=passes, initial=0.2, maximum=5, timeout=RETRY_S)
# Commits of one document, where others write it between our reading and our writing: so many repeats may come at once.
MAX_COMMITS = 16

# Reasons that say nothing of the content, so they do not replace a sound of an older version.
PASSING_REASONS = frozenset({"expired", "failed", "requester_pays"})


def write_sound(sound: dict[str, Any], settings: Settings) -> bool:
    """Write our fields of ``sounds/{uid}``, delete ``rejections/{uid}`` in the same commit, and return True.

    Where the document exists, each of our fields is replaced, or deleted if the sound does not have it. Fields that
    people added stay. Where it is of a newer version, nothing is written, and False is returned.
    """
    client = _client(settings.firestore_database)
    reference = client.collection(settings.sounds_collection).document(sound["uid"])
    rejection = client.collection(settings.rejections_collection).document(sound["uid"])
    document = dict(sound)
    if "fingerprint" in sound:
        document["fingerprint"] = Vector(sound["fingerprint"])
    absent = {field.name: firestore.DELETE_FIELD for field in SOUND_FIELDS if field.name not in sound}

    def fill(batch: firestore.WriteBatch, existing: firestore.DocumentSnapshot[Any] | None) -> None:
        if existing is None:
            batch.create(reference, document)
        else:
            batch.update(reference, document | absent, _unchanged(client, existing))
        batch.delete(rejection)

    return _commit(client, reference, fill, newest=ANALYSIS_VERSION)


def write_rejection(rejection: dict[str, Any], settings: Settings) -> bool:
    """Write ``rejections/{uid}`` and return True; where ``sounds/{uid}`` exists, write nothing and return False.

    A sound of an older version does not count: the same commit deletes it, unless the reason is one of PASSING_REASONS.
    """
    client = _client(settings.firestore_database)
    sound = client.collection(settings.sounds_collection).document(rejection["uid"])
    reference = client.collection(settings.rejections_collection).document(rejection["uid"])

    def fill(batch: firestore.WriteBatch, existing: firestore.DocumentSnapshot[Any] | None) -> None:
        # Where there is no sound this deletes nothing: it is the condition that there is none. A transaction would do
        # the same in four calls, which cannot be bounded in time as a commit is.
        batch.delete(sound, client.write_option(exists=False) if existing is None else _unchanged(client, existing))
        batch.set(reference, rejection)

    return _commit(client, sound, fill, newest=-1 if rejection["reason"] in PASSING_REASONS else ANALYSIS_VERSION - 1)


def remove(uid: str, settings: Settings) -> None:
    """Delete ``sounds/{uid}`` and ``rejections/{uid}`` in one commit, so far as they exist."""
    client = _client(settings.firestore_database)
    batch = client.batch()
    for collection in (settings.sounds_collection, settings.rejections_collection):
        batch.delete(client.collection(collection).document(uid))
    batch.commit(retry=RETRY, timeout=CALL_S)


def _commit(
    client: firestore.Client,
    sound: firestore.DocumentReference,
    fill: Callable[[firestore.WriteBatch, firestore.DocumentSnapshot[Any] | None], None],
    newest: int,
) -> bool:
    """Commit what ``fill`` adds to a batch; return False where the sound is of a version above ``newest``.

    ``fill`` is given the sound that is there, and makes it a condition that the sound has not changed. At first it is
    given None, so that a new document takes one call.
    """
    existing: firestore.DocumentSnapshot[Any] | None = None
    n_commits = 0
    while True:
        batch = client.batch()
        fill(batch, existing)
        n_commits += 1
        try:
            batch.commit(retry=RETRY, timeout=CALL_S)
        except (AlreadyExists, FailedPrecondition):
            if n_commits == MAX_COMMITS:
                raise
        else:
            return True
        snapshot = sound.get(["analysis_version"], retry=RETRY, timeout=CALL_S)
        existing = snapshot if snapshot.exists else None
        if existing is not None and read_version(existing.to_dict() or {}) > newest:
            return False


def _unchanged(client: firestore.Client, existing: firestore.DocumentSnapshot[Any]) -> Any:
    """Return the condition that nobody has written the document since it was read."""
    return client.write_option(last_update_time=existing.update_time)


@cache
def _client(database: str) -> firestore.Client:
    return firestore.Client(database=database)
