"""A stretch of a sound that is looked at: from when to when, and in how many columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil, floor
from typing import TYPE_CHECKING, Any

from analysis.definition import SR
from page.catalog.selection import BadParameterError
from page.media.samples import seconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_COLUMNS = 1000
SHORTEST_S = 0.01
SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
COLUMNS = re.compile(r"[0-9]{1,4}")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of y.

    Attributes:
        start: its first sample, at 22 050 Hz.
        stop: the sample after its last.
        columns: how many columns are drawn at most.
    """

    start: int
    stop: int
    columns: int = MAX_COLUMNS

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.stop - self.start) / SR


def whole(sound: dict[str, Any], columns: int = MAX_COLUMNS) -> Stretch:
    """Return the stretch that is all of a sound."""
    return Stretch(0, round(seconds_of(sound) * SR), columns)


def parse_stretch(sound: dict[str, Any], parameters: Mapping[str, str]) -> Stretch:
    """Return the stretch that ``from`` and ``to``, seconds, name in ``width`` columns; raise BadParameterError.

    What is beyond the end of the sound is left out; without parameters it is the whole sound.
    """
    columns = parameters.get("width", "") or str(MAX_COLUMNS)
    if not COLUMNS.fullmatch(columns) or not 1 <= int(columns) <= MAX_COLUMNS:
        raise BadParameterError(f"width=1 to width={MAX_COLUMNS}")
    all_of_it = whole(sound, int(columns))
    first, last = (parameters.get(name, "") for name in ("from", "to"))
    for text in (first, last):
        if text and not SECONDS.fullmatch(text):
            raise BadParameterError("from and to in seconds, such as from=83.5&to=93.5")
    start = floor(float(first) * SR) if first else 0
    stop = min(ceil(float(last) * SR), all_of_it.stop) if last else all_of_it.stop
    if stop - start < SHORTEST_S * SR and (start, stop) != (0, all_of_it.stop):
        raise BadParameterError(f"from= at least {SHORTEST_S} s before to=, and before the end of the sound")
    return Stretch(start, stop, int(columns))
