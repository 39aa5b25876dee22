"""The command that copies files of the bucket here, for a person to paste into a shell, each into its own folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from page.media.zip_file import safe_name
from page.web.removal import quote, uri_of, variables

if TYPE_CHECKING:
    from collections.abc import Iterable

    from page.catalog.catalog import Place

MAX_FILES = 200  # of one command: a shell takes 128 kB at least


def make_commands(places: Iterable[Place]) -> str:
    """Return a command for each folder, and for each MAX_FILES of it; without files whose place is not known."""
    folders: dict[str, list[str]] = {}
    for place in places:
        if uri := uri_of(place, is_pattern=True):
            folder, slash, _ = place.name.rpartition("/")
            folders.setdefault(f"./{safe_name(folder)}/" if slash else "./", []).append(quote(uri))
    commands = []
    for folder, uris in folders.items():
        make = [] if folder == "./" else [f"mkdir -p {quote(folder)} &&"]
        for first in range(0, len(uris), MAX_FILES):
            words = [*make, *variables(), "gcloud storage cp"]
            commands.append(" \\\n  ".join([" ".join(words), *uris[first : first + MAX_FILES], quote(folder)]) + "\n")
    return "".join(commands)
