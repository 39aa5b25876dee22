"""The sounds that are most like a file, for a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from page import display
from page.similarity.neighbours import find_neighbours
from page.web.fields import in_short
from page.web.rendering import as_json as to_json

if TYPE_CHECKING:
    from page.catalog.catalog import Catalog

N_NEIGHBOURS = 10
LOOK_S = 1


def fill(catalog: Catalog) -> None:
    """Wait until the catalog holds the whole collection, and tell on a terminal how far it is.

    Raises what keeps it from being read.
    """
    while not (progress := catalog.progress(LOOK_S)).is_filled:
        if progress.problem:
            raise progress.problem
        if sys.stderr.isatty():
            print(f"reading the collection: {progress.count} of {progress.total}", file=sys.stderr)


def list_neighbours(catalog: Catalog, sound: dict[str, Any], *, as_json: bool) -> str:
    """Return a line for the sound and one for each of its neighbours, or the neighbours as neighbours.json has them."""
    found = find_neighbours(catalog, sound, N_NEIGHBOURS)
    if as_json:
        return to_json(list(map(in_short, found)))
    facts = (
        *(display.visible(sound["blob_name"]), display.duration(sound["duration"]), display.source(sound["source"])),
        *(f"note {display.note(sound['note'])}", f"tempo {display.tempo(sound['tempo'])}"),
    )
    lines = [
        f"{one['distance']:7.2f}  {one['similarity']:15}  {_same(one['same']):14}  {display.visible(one['blob_name'])}"
        for one in found
    ]
    if not lines:
        silence = "digital silence has no fingerprint, so there is nothing to compare"
        lines = [silence if not sound.get("fingerprint") else "the collection has no sound to compare it with"]
    return "\n".join(["  ".join(facts), *lines])


def _same(same: str | None) -> str:
    return f"the same {same}" if same else ""
