"""What is searched: the name of a sound, its tags and what people added, without regard to case, accents or form."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from analysis.document import REJECTION_FIELDS, SOUND_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_TEXT = 4000  # characters of a document that are searched after its name
PART = "\x1f"  # between a name and the other texts: no word goes over it
OWN_FIELDS = {field.name for field in (*SOUND_FIELDS, *REJECTION_FIELDS)}


def fold(text: str) -> str:
    r"""Return a text in small letters without accents, in one Unicode form; a space for each control character.

    >>> fold("CAFÉ Straße") == fold("cafe\u0301 STRASSE")
    True
    """
    if text.isascii():
        folded = text.casefold()
    else:
        decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
        folded = "".join(character for character in decomposed if not unicodedata.combining(character))
    return folded if folded.isprintable() else "".join(map(_printable, folded))


def make_text(document: dict[str, Any]) -> str:
    """Return what is searched of a document: its name, then its tags, its message, and the texts that people added."""
    name = document.get("blob_name")
    parts = [fold(name) if isinstance(name, str) else ""]
    source = document.get("source")
    more = [source.get("tags") if isinstance(source, dict) else None, document.get("message")]
    more += [value for key, value in document.items() if key not in OWN_FIELDS]
    n_left = MAX_TEXT
    for text in _texts_of(more):
        if n_left <= 0:
            break
        parts.append(fold(text[:n_left]))
        n_left -= len(text)
    return PART.join(parts)


def split_words(q: str) -> tuple[list[str], list[str]]:
    """Return the words that all must be there, and those of which none may be, folded.

    >>> split_words("Kick -Loop -")
    (['kick', '-'], ['loop'])
    """
    words = fold(q).split()
    wanted = [word for word in words if not word.startswith("-") or word == "-"]
    return wanted, [word[1:] for word in words if word.startswith("-") and word != "-"]


def _texts_of(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for part in value.values():
                yield from _texts_of(part)
        case list():
            for part in value:
                yield from _texts_of(part)


@lru_cache(4096)
def _printable(character: str) -> str:
    return " " if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} else character
