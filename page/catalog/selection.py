"""What of a catalog is listed: the parameters of an address, and the rows that they select, sorted and counted."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from page.catalog.records import PITCHES
from page.display import MINUS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from page.catalog.records import Kind

type Sort = Literal["newest", "oldest", "name", "longest", "shortest", "loudest", "quietest"]

SORTS: dict[Kind, tuple[Sort, ...]] = {
    "sounds": ("newest", "oldest", "name", "longest", "shortest", "loudest", "quietest"),
    "rejections": ("newest", "oldest", "name"),
}
MAX_TEXT = 1024  # characters of a parameter, as a name has no more bytes
MAX_WORDS = 20
NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")
UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FLATS = {"DB": "C#", "EB": "D#", "GB": "F#", "AB": "G#", "BB": "A#"}
BPM_SHARE = 0.04  # two people who tap along differ by so much


class BadParameterError(ValueError):
    """A parameter of an address is none that is accepted; the message says what is."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is listed, and in which order; a parameter that is not given is empty or None.

    Attributes:
        q: words that the text has, or, after a minus, has not.
        folder: what a name begins with, up to a slash.
        format: container of the file, by either of its names.
        min_s: shortest duration, s.
        max_s: longest duration, s.
        min_db: lowest level, dBFS.
        max_db: highest level, dBFS.
        note: a pitch class, one of PITCHES.
        bpm: tempo, to BPM_SHARE, also half or twice of it.
        reason: why an upload was rejected.
        sort: the order.
        gone: whether those are listed whose object is no longer live, instead of the others.
    """

    q: str = ""
    folder: str = ""
    format: str = ""
    min_s: float | None = None
    max_s: float | None = None
    min_db: float | None = None
    max_db: float | None = None
    note: str = ""
    bpm: float | None = None
    reason: str = ""
    sort: Sort = "newest"
    gone: bool = False

    @property
    def is_filtered(self) -> bool:
        """Whether anything is left out because of what was asked for."""
        return replace(self, sort="newest") != Selection()

    def with_value(self, name: str, value: str) -> dict[str, str]:
        """Return the parameters of its address, one of them changed."""
        return self.parameters(**{name: value})

    def parameters(self, **changes: Any) -> dict[str, str]:
        """Return the parameters of its address, some of them changed; those that say nothing are left out."""
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        values |= {name: (value, None) for name, value in changes.items()}
        return {name: _show(value) for name, (value, default) in values.items() if value not in {default, None, ""}}


def parse_selection(kind: Kind, parameters: Mapping[str, str]) -> Selection:
    """Return what an address asks for; raises BadParameterError."""
    given = {name: text.strip() for name, text in parameters.items() if text.strip()}
    sort = next((sort for sort in SORTS[kind] if sort == given.get("sort", "newest")), None)
    if sort is None:
        raise BadParameterError(f"sort is one of {', '.join(SORTS[kind])}")
    q = _parse_text(given, "q")
    if len(q.split()) > MAX_WORDS:
        raise BadParameterError(f"q has at most {MAX_WORDS} words")
    common = Selection(q, _parse_folder(parameters), sort=sort, gone=_parse_flag(given, "gone"))
    if kind == "rejections":
        return replace(common, reason=_parse_text(given, "reason"))
    return replace(
        common,
        format=_parse_text(given, "format"),
        min_s=_parse_number(given, "min_s", 0),
        max_s=_parse_number(given, "max_s", 0),
        min_db=_parse_number(given, "min_db"),
        max_db=_parse_number(given, "max_db"),
        note=_parse_note(given),
        bpm=_parse_number(given, "bpm", 0),
    )


def parse_count(text: str, default: int, most: int) -> int:
    """Return how many are asked for, at least one and not more than ``most``; raises BadParameterError."""
    if not text:
        return default
    if not re.fullmatch("[0-9]{1,9}", text):
        raise BadParameterError(f"n is a whole number from 1 to {most}")
    return min(max(int(text), 1), most)


def show_number(number: float) -> str:
    """Return a number as it is typed: without an exponent, and without zeros that say nothing."""
    return f"{number:.9f}".rstrip("0").rstrip(".")


def _parse_text(given: Mapping[str, str], name: str) -> str:
    text = given.get(name, "")
    if len(text) > MAX_TEXT:
        raise BadParameterError(f"{name} has at most {MAX_TEXT} characters")
    return text


def _parse_folder(parameters: Mapping[str, str]) -> str:
    folder = _parse_text(parameters, "folder")  # whose spaces count
    return folder if not folder or folder.endswith("/") else folder + "/"


def _parse_flag(given: Mapping[str, str], name: str) -> bool:
    if given.get(name, "0") not in {"0", "1"}:
        raise BadParameterError(f"{name} is 0 or 1")
    return given.get(name) == "1"


def _parse_number(given: Mapping[str, str], name: str, least: float | None = None) -> float | None:
    if name not in given:
        return None
    text = given[name].replace(",", ".").replace(MINUS, "-")  # as people type it, and as the page shows it
    if not NUMBER.fullmatch(text) or (least is not None and float(text) < least):
        raise BadParameterError(f"{name} is a number" + ("" if least is None else f" from {least} on"))
    return float(text)


def _parse_note(given: Mapping[str, str]) -> str:
    if "note" not in given:
        return ""
    asked = given["note"].upper().replace("\u266f", "#").replace("\u266d", "B")
    note = FLATS.get(asked, asked)
    if note not in PITCHES:
        raise BadParameterError(f"note is one of {', '.join(PITCHES)}")
    return note


def _show(value: Any) -> str:
    match value:
        case bool():
            return "1" if value else "0"
        case float():
            return show_number(value)
    return str(value)
