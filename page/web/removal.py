"""The command that removes files of the bucket, for a person to paste into a shell: the page itself removes nothing.

*Conventions.* Each file is named with its generation, so that nothing is removed that was uploaded after it was looked
at. gcloud takes *, ? and [ in a name for a pattern, so each stands in brackets, where it means itself.

*Source.* ``lib/googlecloudsdk/command_lib/storage/wildcard_iterator.py`` of the Google Cloud SDK 528: fnmatch's rules.
"""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

from page.config import is_emulated
from page.display import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from page.catalog.catalog import Place

WILDCARD = re.compile(r"[*?\[]")


def make_command(places: Iterable[Place]) -> str:
    """Return the command that removes these files, a line for each; without those whose place is not known."""
    uris = [uri for place in places if (uri := uri_of(place, is_pattern=True))]
    if not uris:
        return ""
    return " \\\n  ".join([*variables(), "gcloud storage rm", *map(quote, uris)])


def uri_of(place: Place, *, is_pattern: bool = False) -> str:
    """Return the address of a file with its generation, nothing where that is not known.

    >>> from page.catalog.catalog import Place
    >>> uri_of(Place("", "b", "a[1].wav", 5)), uri_of(Place("", "b", "a[1].wav", 5), is_pattern=True)
    ('gs://b/a[1].wav#5', 'gs://b/a[[]1].wav#5')
    """
    if not place.bucket or not place.name or place.generation is None:
        return ""
    name = WILDCARD.sub(lambda match: f"[{match[0]}]", place.name) if is_pattern else place.name
    return f"gs://{place.bucket}/{name}#{place.generation}"


def quote(text: str) -> str:
    r"""Return a text as one word of a shell; what cannot be seen as its bytes.

    >>> print(quote("tone 1.wav"), quote("$(id)'s"), quote("a\n\u202eb"))
    'tone 1.wav' '$(id)'"'"'s' $'a\x0a\xe2\x80\xaeb'
    """
    if text.isprintable() and visible(text) == text:
        return shlex.quote(text)
    return "$'" + "".join(map(_escape, text)) + "'"


def _escape(character: str) -> str:
    if character in "'\\":
        return f"\\{character}"
    if character.isascii() and character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode(errors="replace"))


def variables() -> list[str]:
    """Return the variables with which gcloud asks the emulator: a bucket in the cloud can have the same name."""
    if not is_emulated():
        return []
    url = f"{os.environ['STORAGE_EMULATOR_HOST'].rstrip('/')}/storage/v1/"
    variables = {"API_ENDPOINT_OVERRIDES_STORAGE": url, "AUTH_DISABLE_CREDENTIALS": "true", "CORE_PROJECT": "local"}
    return [f"CLOUDSDK_{name}={shlex.quote(value)}" for name, value in variables.items()]
