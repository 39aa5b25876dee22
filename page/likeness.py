"""The sounds that sound most like one, and in words how alike they are.

*Conventions.* A distance is Euclidean, between fingerprints. A lookup is billed as a read for each hundred sounds of
the collection, so its answer is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.cloud.firestore_v1.base_vector_query import DistanceMeasure

from analysis.definition import SAME_DISTANCE
from page.listing import SOUND_FIELDS, collection_of, patience
from page.remembering import Memory

if TYPE_CHECKING:
    from page.scope import Scope

MOST = 100
KEEP_S = 600
# Half of the sounds that docs/similarity.md was measured on have no other within 2.9.
WORDS = ((1.25, "nearly the same"), (2.8, "very alike"), (4.5, "alike"), (6.8, "somewhat alike"))
FURTHER = "little alike"

_answers: Memory[list[dict[str, Any]]] = Memory(KEEP_S, 200)


def find_neighbours(scope: Scope, sound: dict[str, Any], n: int) -> list[dict[str, Any]]:
    """Return the documents of the n nearest, nearest first, without the sound itself; each has its ``distance``.

    A sound without a fingerprint, as digital silence is, has none.
    """
    fingerprint = sound.get("fingerprint")
    if not fingerprint:
        return []

    def ask() -> list[dict[str, Any]]:
        query = collection_of(scope, scope.settings.sounds_collection).select((*SOUND_FIELDS, "distance"))
        nearest = query.find_nearest(
            "fingerprint", fingerprint, n + 1, DistanceMeasure.EUCLIDEAN, distance_result_field="distance"
        )
        found = [snapshot.to_dict() for snapshot in nearest.get(**patience())]
        return [document for document in found if document.get("uid") != sound["uid"]][:n]

    return _answers.get((scope, sound["uid"], n), ask)


def is_same_again(sound: dict[str, Any], neighbour: dict[str, Any]) -> bool:
    """Whether a neighbour is the same sound once more: the same bytes, or a fingerprint that cannot be told apart."""
    same_bytes = bool(sound.get("md5_hash")) and sound["md5_hash"] == neighbour.get("md5_hash")
    return same_bytes or bool(neighbour["distance"] < SAME_DISTANCE)


def describe(distance: float) -> str:
    """Return a distance in words."""
    return next((words for limit, words in WORDS if distance < limit), FURTHER)
