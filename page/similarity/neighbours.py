"""The neighbours of a sound: those whose fingerprints are nearest to its own.

*Conventions.* A distance is Euclidean, between two fingerprints. Firestore bills a search as one read for each hundred
sounds of the collection, so its answer is cached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.cloud.firestore_v1.base_vector_query import DistanceMeasure

from analysis.definition import SAME_DISTANCE
from page.documents.cache import Cache
from page.documents.queries import LISTED_FIELDS, call_options, collection_of

if TYPE_CHECKING:
    from page.config import Config

MAX_NEIGHBOURS = 100
TTL_S = 600
# Half of the sounds that docs/similarity.md was measured on have no neighbour within 2.9.
LABELS = ((SAME_DISTANCE, "nearly the same"), (2.8, "very alike"), (4.5, "alike"), (6.8, "somewhat alike"))
FAR_LABEL = "little alike"

_neighbours: Cache[list[dict[str, Any]]] = Cache(TTL_S, 200)


def find_neighbours(config: Config, sound: dict[str, Any], n: int) -> list[dict[str, Any]]:
    """Return the documents of the n nearest sounds, nearest first, each with its ``distance``; never the sound itself.

    A sound without a fingerprint, which is digital silence, has no neighbours.
    """
    fingerprint = sound.get("fingerprint")
    if not fingerprint:
        return []

    def search() -> list[dict[str, Any]]:
        query = collection_of(config, config.settings.sounds_collection).select((*LISTED_FIELDS, "distance"))
        nearest = query.find_nearest(
            "fingerprint", fingerprint, n + 1, DistanceMeasure.EUCLIDEAN, distance_result_field="distance"
        )
        found = [snapshot.to_dict() for snapshot in nearest.get(**call_options())]
        return [document for document in found if document.get("uid") != sound["uid"]][:n]

    return _neighbours.get((config, sound["uid"], n), search)


def is_same_sound(sound: dict[str, Any], neighbour: dict[str, Any]) -> bool:
    """Whether a neighbour is the same sound: its file has the same bytes, or its distance is below SAME_DISTANCE.

    Composite objects have no MD5, so that two of them are not the same by that.
    """
    has_same_bytes = bool(sound.get("md5_hash")) and sound["md5_hash"] == neighbour.get("md5_hash")
    return has_same_bytes or bool(neighbour["distance"] < SAME_DISTANCE)


def label_distance(distance: float) -> str:
    """Return how alike two sounds are, in words."""
    return next((label for limit, label in LABELS if distance < limit), FAR_LABEL)
