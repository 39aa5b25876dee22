"""The text of a tag: decoded as it was written, on one line, and of bounded length.

*Conventions.* Anybody may have written a tag, so its text is not to be trusted anywhere, however clean it is here.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

type Tag = tuple[str, str]  # one of NAMES, and a text as it is in the file

NAMES = ("title", "artist", "album", "date", "comment", "origination_time")
MAX_CHARS = 500  # of a text; the rest is cut off
MAX_CHAR_BYTES = 4  # of UTF-8 and of UTF-16
TEXT_BYTES = 2048  # that are read of a text: MAX_CHARS characters, and what may stand before them
MAX_ITEMS = 1024  # chunks, blocks, frames or comments of a file: each takes some microseconds
SEPARATOR = "; "  # between several texts of one name

# These are compiled at their first use: most files have no tag.
CONTROLS = "[\x00-\x1f\x7f-\x9f\u2028\u2029]"
# Marks that turn the direction of what follows, marks of byte order, and what is no character.
UNSHOWN = "[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"


def clean(text: str) -> str:
    r"""Return a text up to its first NUL, as one line of at most MAX_CHARS characters that can be shown.

    >>> clean("\u202etwo  lines\r\nof text\0\0rest")
    'two lines of text'
    """
    text = text[:TEXT_BYTES].partition("\0")[0]
    line = " ".join(re.sub(CONTROLS, " ", re.sub(UNSHOWN, "", text)).split())
    return line if len(line) <= MAX_CHARS else line[: MAX_CHARS - 1] + "…"


def decode(content: bytes) -> str:
    """Return bytes as text whose encoding nothing declares: UTF-8 where it is that, else Windows-1252.

    >>> decode("Café".encode()), decode("Café".encode("latin-1"))
    ('Café', 'Café')
    """
    is_whole = len(content) < MAX_CHARS * MAX_CHAR_BYTES  # else it may end within a character
    try:
        return codecs.utf_8_decode(content, "strict", is_whole)[0]
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def join(texts: Iterable[str]) -> str:
    """Return several texts as one, without those that are beyond its length."""
    joined = ""
    for text in texts:
        if text and len(joined) < MAX_CHARS:
            joined += SEPARATOR + text if joined else text
    return joined
