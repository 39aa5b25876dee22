"""One sound or one rejection is written to Firestore; the two never exist together.

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
)
from google.api_core.retry import Retry
from google.cloud import firestore
from google.cloud.firestore_v1.vector import Vector

from analysis import login
from analysis.definition import ANALYSIS_VERSION
from analysis.document import SOUND_FIELDS

if TYPE_CHECKING:
    from analysis.settings import Settings

CALL_S = 5  # of one attempt; a commit to the emulator takes 0.04
RETRY_S = 30  # no attempt begins later than this after the first; the platform's own retries go on from there
PASSING = (Aborted, DeadlineExceeded, InternalServerError, ResourceExhausted, ServiceUnavailable)
RETRY = Retry(
    predicate=lambda error: isinstance(error, PASSING) and not login.has_ended(error),
    initial=0.2,
    maximum=5,
    timeout=RETRY_S,
)


# Reasons that say nothing of the content, so they do not replace a sound of an older version.
PASSING_REASONS = frozenset({"expired", "failed"})


def write_sound(sound: dict[str, Any], settings: Settings) -> None:
    """Write our fields of ``sounds/{uid}``, and delete ``rejections/{uid}`` in one commit.

    Where the document exists, each of our fields is replaced, or deleted if the sound does not have it. Fields that
    people added stay.
    """
    names = [field.name for field in SOUND_FIELDS]
    document = {name: sound.get(name, firestore.DELETE_FIELD) for name in names}
    if "fingerprint" in sound:
        document["fingerprint"] = Vector(sound["fingerprint"])
    client = _client(settings.firestore_database)
    batch = client.batch()
    batch.set(client.collection(settings.sounds_collection).document(sound["uid"]), document, merge=names)
    batch.delete(client.collection(settings.rejections_collection).document(sound["uid"]))
    batch.commit(retry=RETRY, timeout=CALL_S)


def write_rejection(rejection: dict[str, Any], settings: Settings) -> bool:
    """Write ``rejections/{uid}`` and return True; where ``sounds/{uid}`` exists, write nothing and return False.

    A sound of an older version does not count: the same commit deletes it, unless the reason is one of PASSING_REASONS.
    """
    client = _client(settings.firestore_database)
    # This deletes nothing: it is the condition that there is no sound. A transaction would do the same in four calls,
    # which cannot be bounded in time as the one commit is.
    if _replace_sound(client, rejection, settings, client.write_option(exists=False)):
        return True
    if rejection["reason"] in PASSING_REASONS:
        return False
    sound = client.collection(settings.sounds_collection).document(rejection["uid"])
    snapshot = sound.get(["analysis_version"], retry=RETRY, timeout=CALL_S)
    if not snapshot.exists:  # removed meanwhile
        return _replace_sound(client, rejection, settings, client.write_option(exists=False))
    if (snapshot.get("analysis_version") or 0) >= ANALYSIS_VERSION:
        return False
    return _replace_sound(client, rejection, settings, client.write_option(last_update_time=snapshot.update_time))


def _replace_sound(client: firestore.Client, rejection: dict[str, Any], settings: Settings, condition: Any) -> bool:
    """Delete the sound and write the rejection in one commit; return False where the condition does not hold."""
    batch = client.batch()
    batch.delete(client.collection(settings.sounds_collection).document(rejection["uid"]), option=condition)
    batch.set(client.collection(settings.rejections_collection).document(rejection["uid"]), rejection)
    try:
        batch.commit(retry=RETRY, timeout=CALL_S)
    except (AlreadyExists, FailedPrecondition):
        return False
    return True


@cache
def _client(database: str) -> firestore.Client:
    return firestore.Client(database=database)
