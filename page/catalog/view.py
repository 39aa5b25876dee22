"""The columns are looked at: the rows of a selection in their order, a page at a time, and their numbers by folder."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from page.catalog.records import KINDS, NO_TIME, PITCHES
from page.catalog.selection import BPM_SHARE
from page.catalog.storage import GONE, LIVE
from page.catalog.text import split_words
from page.display import container

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from page.catalog.columns import Columns, Mask
    from page.catalog.records import Kind
    from page.catalog.selection import Selection, Sort

ORDERS: dict[Sort, tuple[str, int]] = {
    "newest": ("listed_at", -1),
    "oldest": ("listed_at", 1),
    "longest": ("duration", -1),
    "shortest": ("duration", 1),
    "loudest": ("level", -1),
    "quietest": ("level", 1),
}  # by which column; by name the file sorts
MOVED = 1000  # rows that are moved one by one in an order
MAX_COUNTED = 200  # folders or formats that are named with their counts


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of the selected rows are in each folder and of each format or reason, the most first.

    Attributes:
        folders: the folders directly in the selected one.
        labels: formats of sounds, or reasons of rejections.
    """

    folders: list[tuple[str, int]]
    labels: list[tuple[str, int]]


class View:
    """The columns and the texts of its codes; orders are kept until the columns change."""

    def __init__(self, columns: Columns, read_ids_by_text: Callable[[], list[int]]) -> None:
        self.columns = columns
        self.labels: dict[int, str] = {}  # folders, formats and reasons, by code
        self._read_ids_by_text = read_ids_by_text
        self._orders: dict[Sort, tuple[int, NDArray[np.int64]]] = {}

    def select(self, kind: Kind, selection: Selection) -> Mask:
        """Return which rows are selected."""
        columns = self.columns
        mask: Mask = columns.column("kind") == KINDS.index(kind)
        mask &= columns.column("state") == (GONE if selection.gone else LIVE)
        wanted, unwanted = split_words(selection.q)
        for word in wanted:
            mask &= columns.find_word(word)
        for word in unwanted:
            mask &= ~columns.find_word(word)
        if selection.folder:
            codes = [code for code, text in self.labels.items() if text.startswith(selection.folder)]
            mask &= self._has_code("folder", codes)
        if label := selection.format or selection.reason:
            name = container(label).casefold()
            codes = [code for code, text in self.labels.items() if container(text).casefold() == name]
            mask &= self._has_code("label", codes)
        for name, least, most in (
            ("duration", selection.min_s, selection.max_s),
            ("level", selection.min_db, selection.max_db),
        ):
            if least is not None:
                mask &= columns.column(name) >= np.float32(least)
            if most is not None:
                mask &= columns.column(name) <= np.float32(most)
        if selection.note:
            mask &= columns.column("pitch") == PITCHES.index(selection.note)
        if selection.bpm is not None:
            bpm = columns.column("bpm")
            near = [
                np.abs(bpm - factor * selection.bpm) <= BPM_SHARE * factor * selection.bpm for factor in (0.5, 1, 2)
            ]
            mask &= np.logical_or.reduce(near)
        return mask

    def page(self, mask: Mask, sort: Sort, after: int | None, n: int) -> NDArray[np.int64]:
        """Return the first n ids of a mask in an order, those after an id where one is given."""
        order = self.order(sort)
        if after is not None:
            order = order[int(np.argmax(order == after)) + 1 :]
        # Most often the first rows hold enough of them, so not all are looked at.
        for end in (64 * n, 4096 * n):
            found = order[:end][mask[order[:end]]]
            if len(found) >= n or end >= len(order):
                return found[:n]
        return order[mask[order]][:n]

    def order(self, sort: Sort) -> NDArray[np.int64]:
        """Return all ids in an order, and 0; what has no value comes last, and equals in the order of their ids."""
        version, order = self._orders.get(sort, (-1, None))
        if order is not None and version == self.columns.version:
            return order
        changed = self.columns.changed_since(version)
        order = self._sort(sort) if order is None or len(changed) > MOVED else self._move(sort, order, changed)
        self._orders[sort] = (self.columns.version, order)
        return order

    def known_order(self, sort: Sort) -> NDArray[np.int64] | None:
        """Return an order if it was asked for before, and is cheap to bring up to date."""
        is_known = sort in self._orders and len(self.columns.changed_since(self._orders[sort][0])) <= MOVED
        return self.order(sort) if is_known else None

    def put_order(self, sort: Sort, order: NDArray[np.int64]) -> None:
        """Take over an order that was computed of these columns before."""
        self._orders[sort] = (self.columns.version, order)

    def count(self, mask: Mask, folder: str) -> Counts:
        """Return the counts of a mask, in a folder."""
        columns = self.columns
        folders: dict[str, int] = {}
        for code, number in self._count_codes(columns.column("folder")[mask]):
            child, slash, _ = self.labels[code][len(folder) :].partition("/")
            if slash and self.labels[code].startswith(folder):
                folders[folder + child + "/"] = folders.get(folder + child + "/", 0) + number
        labels: dict[str, int] = {}
        for code, number in self._count_codes(columns.column("label")[mask]):
            if text := container(self.labels[code]):  # which several names may stand for
                labels[text] = labels.get(text, 0) + number
        return Counts(_most(folders), _most(labels))

    def _count_codes(self, codes: NDArray[Any]) -> list[tuple[int, int]]:
        numbers = np.bincount(codes) if len(codes) else np.empty(0, np.int64)
        present = np.flatnonzero(numbers)
        return list(zip(present.tolist(), numbers[present].tolist(), strict=True))

    def _has_code(self, column: str, codes: list[int]) -> Mask:
        wanted = np.zeros(max(self.labels, default=0) + 1, bool)
        wanted[codes] = True
        mask: Mask = wanted[self.columns.column(column)]
        return mask

    def _sort(self, sort: Sort) -> NDArray[np.int64]:
        if sort == "name":
            order = np.array([0, *self._read_ids_by_text()], np.int64)
            return order[order < self.columns.n]  # others may have been written meanwhile
        return np.argsort(self._values(sort, slice(None)), kind="stable")

    def _move(self, sort: Sort, order: NDArray[np.int64], changed: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return an order in which some rows have changed, or are new."""
        is_changed = np.zeros(self.columns.n, bool)
        is_changed[changed] = True
        others = order[~is_changed[order]]

        def key(row: int) -> tuple[bool, Any, int]:
            if sort == "name":
                return False, self.columns.text(row), row
            (value,) = self._values(sort, slice(row, row + 1)).tolist()
            return isnan(value), 0.0 if isnan(value) else value, row

        moved = sorted(changed.tolist(), key=key)
        return np.insert(others, [bisect_left(others, key(row), key=key) for row in moved], moved)

    def _values(self, sort: Sort, rows: slice) -> NDArray[np.float64]:
        """Return what rows are sorted by, the lowest first; NaN where there is none."""
        name, sign = ORDERS[sort]
        values = self.columns.column(name)[rows].astype(np.float64)
        values[values == NO_TIME] = np.nan
        return values * sign


def _most(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MAX_COUNTED]
