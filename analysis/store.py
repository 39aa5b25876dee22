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


def write_sound(sound: dict[str, Any], settings: Settings) -> None:
    """Write ``sounds/{uid}``, with its ``fingerprint`` as a vector, and delete ``rejections/{uid}`` in one commit."""
    document = dict(sound)
    if "fingerprint" in document:
        document["fingerprint"] = Vector(document["fingerprint"])
    client = _client(settings.firestore_database)
    batch = client.batch()
    batch.set(client.collection(settings.sounds_collection).document(sound["uid"]), document)
    batch.delete(client.collection(settings.rejections_collection).document(sound["uid"]))
    batch.commit(retry=RETRY, timeout=CALL_S)


def write_rejection(rejection: dict[str, Any], settings: Settings) -> bool:
    """Write ``rejections/{uid}`` and return True; where ``sounds/{uid}`` exists, write nothing and return False."""
    client = _client(settings.firestore_database)
    batch = client.batch()
    # This deletes nothing: it is the condition that there is no sound. A transaction would do the same in four calls,
    # which cannot be bounded in time as the one commit is.
    batch.delete(
        client.collection(settings.sounds_collection).document(rejection["uid"]),
        option=client.write_option(exists=False),
    )
    batch.set(client.collection(settings.rejections_collection).document(rejection["uid"]), rejection)
    try:
        batch.commit(retry=RETRY, timeout=CALL_S)
    except (AlreadyExists, FailedPrecondition):
        return False
    return True


@cache
def _client(database: str) -> firestore.Client:
    return firestore.Client(database=database)
