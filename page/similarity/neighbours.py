"""The neighbours of a sound: those whose fingerprints are nearest to its own.

*Conventions.* A distance is Euclidean, between two fingerprints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.definition import SAME_DISTANCE, SAME_SOUND_DISTANCE
from analysis.similarity import tell_same

if TYPE_CHECKING:
    from page.catalog.catalog import Catalog
    from page.catalog.selection import Selection

MAX_NEIGHBOURS = 1000
MORE = 4  # times as many are compared at the next step
# Half of the sounds that docs/similarity.md was measured on have no neighbour within 2.9.
LABELS = ((SAME_DISTANCE, "extremely alike"), (2.8, "very alike"), (4.5, "alike"), (6.8, "somewhat alike"))
FAR_LABEL = "little alike"


def find_neighbours(
    catalog: Catalog, sound: dict[str, Any], n: int, selection: Selection | None = None
) -> list[dict[str, Any]]:
    """Return the documents of the n nearest sounds, nearest first, never itself.

    Each has ``distance``, ``similarity``, which is the distance in words, and ``same``, which is what tell_same says of
    the two: "file", "sound" or None. A sound without a fingerprint, which is digital
    silence, has no neighbours.
    """
    return [
        neighbour.document
        | {"distance": neighbour.distance, "same": tell_same(sound, neighbour.document)}
        | {"similarity": label_distance(neighbour.distance)}
        for neighbour in catalog.find_neighbours(sound, n, selection)
    ]


def find_groups(
    catalog: Catalog, sound: dict[str, Any], n: int, selection: Selection | None = None, least: int = 1
) -> tuple[list[list[dict[str, Any]]], int | None]:
    """Return the n nearest sounds, in groups of copies, and how many to ask for to see more; None where all are there.

    Where these are fewer than ``least`` groups, as many are copies of each other, so many groups are looked for.
    """
    asked = n
    while True:
        found = find_neighbours(catalog, sound, n, selection)
        groups, has_more = group_copies(found), len(found) == n < MAX_NEIGHBOURS
        following = min(MORE * n, MAX_NEIGHBOURS)
        if not has_more or len(groups) >= least:
            break
        n = following
    if n > asked and len(groups) > least:
        return groups[:least], n
    return groups, following if has_more else None


def group_copies(neighbours: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return neighbours, nearest first, in groups: each neighbour with its copies, as tell_same calls them."""
    groups: list[list[dict[str, Any]]] = []
    for neighbour in neighbours:
        # Whoever is further from the sound than that cannot be as near to each other.
        near = (group for group in groups if neighbour["distance"] - group[0]["distance"] <= SAME_SOUND_DISTANCE)
        group = next((group for group in near if tell_same(group[0], neighbour)), None)
        if group is None:
            groups.append([neighbour])
        else:
            group.append(neighbour)
    return groups


def label_distance(distance: float) -> str:
    """Return how alike two sounds are, in words."""
    return next((label for limit, label in LABELS if distance < limit), FAR_LABEL)
