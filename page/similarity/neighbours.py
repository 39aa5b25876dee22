"""The neighbours of a sound: those whose fingerprints are nearest to its own.

*Conventions.* A distance is Euclidean, between two fingerprints. Firestore bills a search as one read for each hundred
sounds of the collection, so its answer is cached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.cloud.firestore_v1.base_vector_query import DistanceMeasure

from analysis.definition import SAME_DISTANCE
from analysis.similarity import tell_same
from page.documents.cache import Cache
from page.documents.queries import LISTED_FIELDS, call_options, collection_of

if TYPE_CHECKING:
    from page.config import Config

MAX_NEIGHBOURS = 100
TTL_S = 600
# Half of the sounds that docs/similarity.md was measured on have no neighbour within 2.9.
LABELS = ((SAME_DISTANCE, "extremely alike"), (2.8, "very alike"), (4.5, "alike"), (6.8, "somewhat alike"))
FAR_LABEL = "little alike"

_neighbours: Cache[list[dict[str, Any]]] = Cache(TTL_S, 200)


def find_neighbours(config: Config, sound: dict[str, Any], n: int) -> list[dict[str, Any]]:
    """Return the documents of the n nearest sounds, nearest first, each with ``distance`` and ``same``; never itself.

    ``same`` is what tell_same says of the two: "file", "sound" or None. A sound without a fingerprint, which is digital
    silence, has no neighbours.
    """
    fingerprint = sound.get("fingerprint")
    if not fingerprint:
        return []

    def search() -> list[dict[str, Any]]:
        fields = (*LISTED_FIELDS, "fingerprint", "distance")
        query = collection_of(config, config.settings.sounds_collection).select(fields)
        nearest = query.find_nearest(
            "fingerprint", fingerprint, n + 1, DistanceMeasure.EUCLIDEAN, distance_result_field="distance"
        )
        found = [snapshot.to_dict() for snapshot in nearest.get(**call_options())]
        others = [document for document in found if document.get("uid") != sound["uid"]][:n]
        for other in others:
            other["same"] = tell_same(sound, other)
            del other["fingerprint"]
        return others

    return _neighbours.get((config, sound["uid"], n), search)


def label_distance(distance: float) -> str:
    """Return how alike two sounds are, in words."""
    return next((label for limit, label in LABELS if distance < limit), FAR_LABEL)
