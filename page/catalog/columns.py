"""The rows of the catalog in memory, as arrays: what filters, sorts and finds in them takes no query.

*Conventions.* Position ``i`` of each array belongs to the row whose id is ``i``; position 0 to none. Texts stand one
after the other in one buffer, each ended by END; a row whose text changes has its new one at the buffer's end.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from analysis.definition import N_FINGERPRINT
from page.catalog.records import RECORD
from page.catalog.storage import DELETED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

type Mask = NDArray[np.bool_]

END = b"\n"  # of a text; in none, as there is a space for each control character
BLOCK = 2**17  # fingerprints that are compared at a time, so that what is computed on the way stays small
CACHED_WORDS = 16
ROUNDED = 1e-5  # share of the squares by which those of distances can be wrong
MARGIN = 64  # nearest that are looked at more exactly than float32 products are, besides those that are asked for
COLUMNS: dict[str, np.dtype[Any]] = {
    name: RECORD[name]
    for name in (
        *("listed_at", "duration", "level", "bpm", "pitch", "dimensions"),
        *("length", "size", "md5", "crc32c"),
    )
}
STATES: dict[str, np.dtype[Any]] = {
    "kind": np.dtype("u1"),
    "state": np.dtype("u1"),
    "folder": np.dtype("i4"),
    "label": np.dtype("i4"),
}


class Columns:
    """The arrays of all rows, brought up to date by ``apply``."""

    def __init__(self) -> None:
        self.n = 1  # positions that are used, the 0th included
        self.version = 0  # raised by each change
        self._columns: dict[str, NDArray[Any]] = {
            name: np.zeros(1024, dtype) for name, dtype in (COLUMNS | STATES).items()
        }
        self._fingerprints = np.zeros((1024, N_FINGERPRINT), np.float32)
        self._norms = np.zeros(1024, np.float32)  # squares of their lengths
        self._changed = np.zeros(1024, np.int64)  # the version in which each row was written last
        self._texts = bytearray()
        self._starts = np.zeros(1024, np.int64)  # where each text begins
        self._owners = np.zeros(1024, np.int64)  # whose it is; 0 where the row has a newer one
        self._text_of = np.full(1024, -1, np.int64)
        self._n_texts = 0
        self._words: OrderedDict[str, Mask] = OrderedDict()

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Return the columns of which to_arrays gave these; raises KeyError or ValueError for others."""
        columns = cls()
        n, n_texts = len(arrays["kind"]), len(arrays["starts"])
        if len(arrays["fingerprints"]) != n or any(len(arrays[name]) != n for name in columns._columns):
            raise ValueError("the arrays do not belong together")
        columns.n, columns.version, columns._n_texts = n, 1, n_texts
        columns._columns = {name: arrays[name] for name in columns._columns}
        columns._fingerprints, columns._norms = arrays["fingerprints"], arrays["norms"]
        columns._texts, columns._starts, columns._owners = (
            bytearray(arrays["texts"]),
            arrays["starts"],
            arrays["owners"],
        )
        columns._changed = np.ones(n, np.int64)
        columns._text_of = np.full(n, -1, np.int64)
        columns._text_of[columns._owners] = np.arange(n_texts)
        return columns

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that is held, without the texts that rows had before."""
        starts, owners = self._starts[: self._n_texts], self._owners[: self._n_texts]
        texts, lengths = np.frombuffer(self._texts, np.uint8), np.diff(starts, append=len(self._texts))
        if not owners.all():
            kept = owners != 0
            texts, lengths, owners = texts[np.repeat(kept, lengths)], lengths[kept], owners[kept]
            starts = np.cumsum(lengths) - lengths
        whole: dict[str, NDArray[Any]] = {"fingerprints": self._fingerprints[: self.n], "norms": self._norms[: self.n]}
        texts_of: dict[str, NDArray[Any]] = {"texts": texts, "starts": starts, "owners": owners}
        return {name: self.column(name) for name in self._columns} | whole | texts_of

    def column(self, name: str) -> NDArray[Any]:
        """Return a column of all rows."""
        values: NDArray[Any] = self._columns[name][: self.n]
        return values

    def apply(self, rows: Sequence[tuple[int, int, int, int, int, bytes, str]]) -> None:
        """Put rows in their places: id, kind, state, folder, label, record and text of each."""
        if not rows:
            return
        ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
        self._reserve(int(ids.max()) + 1, len(rows))
        for place, name in enumerate(STATES, 1):
            self._columns[name][ids] = np.fromiter((row[place] for row in rows), np.int64, len(rows))
        records = np.frombuffer(b"".join(row[5] for row in rows), RECORD)
        for name in COLUMNS:
            self._columns[name][ids] = records[name]
        self._fingerprints[ids] = records["fingerprint"]
        self._norms[ids] = np.einsum("ij,ij->i", records["fingerprint"], records["fingerprint"])
        self._add_texts(ids, [row[6] for row in rows])
        self._words.clear()
        self.version += 1
        self._changed[ids] = self.version

    def changed_since(self, version: int) -> NDArray[np.int64]:
        """Return the rows that were written after a version."""
        return np.flatnonzero(self._changed[: self.n] > version)

    def text(self, row: int) -> bytes:
        """Return the text of a row, as UTF-8."""
        number = self._text_of[row]
        if number < 0:
            return b""
        end = self._starts[number + 1] if number + 1 < self._n_texts else len(self._texts)
        return bytes(self._texts[self._starts[number] : end - len(END)])

    def find_word(self, word: str) -> Mask:
        """Return in whose texts a folded word stands, anywhere."""
        if word not in self._words:
            self._words[word] = self._find_word(word)
            while len(self._words) > CACHED_WORDS:
                self._words.popitem(last=False)
        self._words.move_to_end(word)
        return self._words[word]

    def find_nearest(self, query: NDArray[np.float32], n: int, mask: Mask) -> NDArray[np.int64]:
        """Return at least the n rows of a mask whose fingerprints are nearest to one [shape=(dimensions,)].

        More than n are returned, in the order of distances that are only nearly exact, as they are computed as
        |a|^2 + |b|^2 - 2 ab in float32: who asks computes those of the returned exactly.
        """
        if not len(query):
            return np.empty(0, np.int64)
        padded, squares = _pad(query), np.empty(self.n, np.float32)
        for first in range(0, self.n, BLOCK):
            block = slice(first, min(first + BLOCK, self.n))
            squares[block] = self._norms[block] - 2 * (self._fingerprints[block] @ padded)
        squares[~(mask & (self.column("dimensions") == len(query)))] = np.inf
        n = min(n + MARGIN, self.n)
        nearest = np.argpartition(squares, n - 1)[:n]
        nearest = nearest[np.isfinite(squares[nearest])]
        return nearest[np.argsort(squares[nearest], kind="stable")]

    def find_near(self, ids: NDArray[np.int64], radius: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return pairs of a row, and a position among some rows, whose fingerprints are nearer to each other than that.

        Some that are hardly further are among them, as the distances are computed in float32.
        """
        queries, squares = self._fingerprints[ids], self._norms[ids] * (1 - ROUNDED)
        found = []
        for first in range(0, self.n, BLOCK):
            block = slice(first, min(first + BLOCK, self.n))
            with np.errstate(over="ignore", invalid="ignore"):  # of what float32 does not hold infinity is compared
                least = (self._norms[block] * (1 - ROUNDED))[:, None] + (squares - radius**2)
                rows, positions = np.nonzero(self._fingerprints[block] @ (2 * queries.T) >= least)
            found.append((rows + first, positions))
        rows, positions = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return rows, positions

    def distances(self, query: NDArray[np.float32], others: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the Euclidean distances of rows to a fingerprint [shape=(dimensions,)]."""
        differences = self._fingerprints[others].astype(np.float64) - _pad(query)
        distances: NDArray[np.float64] = np.sqrt(np.einsum("ij,ij->i", differences, differences))
        return distances

    def fingerprints(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return fingerprints [shape=(n, N_FINGERPRINT)], padded with zeros where they are shorter."""
        return self._fingerprints[ids]

    def is_there(self) -> Mask:
        """Return which rows are of a document that is there."""
        there: Mask = self.column("state") != DELETED
        return there

    def _find_word(self, word: str) -> Mask:
        mask = np.zeros(self.n, bool)
        pattern = re.compile(re.escape(word.encode(errors="replace")) + b"[^" + END + b"]*" + END)
        # A match goes to the end of its text, so that each text has one at most.
        hits = np.fromiter((match.start() for match in pattern.finditer(self._texts)), np.int64)
        owners = self._owners[np.searchsorted(self._starts[: self._n_texts], hits, "right") - 1]
        mask[owners] = True
        mask[0] = False
        return mask

    def _add_texts(self, ids: NDArray[np.int64], texts: list[str]) -> None:
        earlier = self._text_of[ids]
        self._owners[earlier[earlier >= 0]] = 0
        encoded = [text.encode(errors="replace") for text in texts]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded)) + len(END)
        places = slice(self._n_texts, self._n_texts + len(ids))
        self._starts[places] = len(self._texts) + np.cumsum(lengths) - lengths
        self._owners[places] = ids
        self._text_of[ids] = np.arange(places.start, places.stop)
        self._n_texts = places.stop
        self._texts += END.join(encoded) + END

    def _reserve(self, n: int, n_texts: int) -> None:
        self.n = max(self.n, n)
        for name, column in self._columns.items():
            self._columns[name] = _grow(column, self.n)
        self._fingerprints, self._norms = _grow(self._fingerprints, self.n), _grow(self._norms, self.n)
        self._changed = _grow(self._changed, self.n)
        self._text_of = _grow(self._text_of, self.n, -1)
        self._starts = _grow(self._starts, self._n_texts + n_texts)
        self._owners = _grow(self._owners, self._n_texts + n_texts)


def _pad(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.pad(vector, (0, N_FINGERPRINT - len(vector)))


def _grow[T: np.generic](array: NDArray[T], n: int, filled: int = 0) -> NDArray[T]:
    """Return an array of at least so many places with the same beginning; half of them more, so that few are made."""
    if len(array) >= n:
        return array
    grown = np.full((n + n // 2, *array.shape[1:]), filled, array.dtype)
    grown[: len(array)] = array
    return grown
