"""Sounds that are the same by their fingerprints and lengths, each with the first of them, among a million.

*Conventions.* Distances are Euclidean, between two fingerprints. Sounds are the same that are nearer than
SAME_SOUND_DISTANCE and whose lengths differ by at most SAME_LENGTH, as tell_same of analysis/similarity.py has it.

*Speed.* Near sounds have near projections, as |a - b| >= |p(a) - p(b)| for a projection p. Sounds are put into cells by
their length and two projections, and into the order of a third within a cell; a sound is compared with those of its
cell whose third projection is near, and with those of cells beside it where it lies near their border: first by
N_PROJECTIONS projections, and if these are near by all numbers. Sounds are compared from the first on, and no more at a
time than MAX_PAIRS, so that a hundred thousand copies of one sound, all taken by the first, take no longer than others.
"""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np

from analysis.definition import SAME_LENGTH, SAME_SOUND_DISTANCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from page.catalog.columns import Mask

type Ids = NDArray[np.int64]

MAX_PAIRS = 2_000_000  # that may be compared at a time
BLOCK = 2**16  # pairs whose fingerprints are in memory at a time
N_PROJECTIONS = 8
SIDE = 4  # sides of a cell, in distances of the same: of a larger one fewer sounds lie near a border
N_SAMPLE = 20_000  # fingerprints that the directions of the projections are computed from
MAX_NUMBER = 1000.0  # of a fingerprint, where it is projected: fingerprints are far smaller
SLACK = 1e-3  # how much further projections may be, as they are rounded
ORDER_BITS, ORDER_STEP = 20, 2.0**-6  # of the third projection in a key
MIX = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5)  # odd, from xxHash


def find_same_sounds(fingerprints: NDArray[np.float32], lengths: NDArray[np.int64], kinds: NDArray[np.int64]) -> Ids:
    """Return for each sound the position of the first of its group, which is its own where it is in none.

    Sounds are in the order of their positions; those of different kinds are never the same.
    """
    index = _Index(fingerprints, lengths, kinds)
    first = np.full(len(fingerprints), -1)
    for batch in index.batches(first):
        one, other = index.find_near(batch, first)
        order = np.argsort(one, kind="stable")
        one, other = one[order], other[order]
        places = np.append(np.flatnonzero(np.diff(one, prepend=-1)), len(one))
        for begin, end in pairwise(places.tolist()):
            leader = one[begin]
            if first[leader] < 0:
                taken = other[begin:end]
                first[taken[first[taken] < 0]] = leader
                first[leader] = leader
    alone = first < 0
    first[alone] = np.flatnonzero(alone)
    return first


class _Index:
    """Sounds in the order of a key: their cell, which is a hash, and in it their third projection."""

    def __init__(self, fingerprints: NDArray[np.float32], lengths: NDArray[np.int64], kinds: NDArray[np.int64]) -> None:
        self._fingerprints, self._lengths, self._kinds = fingerprints, lengths, kinds
        places = _project(fingerprints)
        self._places, self._third = places.astype(np.float32), places[:, 2]
        sides = (SIDE * SAME_LENGTH, SIDE * SAME_SOUND_DISTANCE, SIDE * SAME_SOUND_DISTANCE)
        scaled = [lengths / sides[0], places[:, 0] / sides[1], places[:, 1] / sides[2]]
        cells = [np.floor(values).astype(np.int64) for values in scaled]
        self._within = [values - cell for values, cell in zip(scaled, cells, strict=True)]  # 0 to 1
        self._cell = np.zeros(len(lengths), np.uint64)
        for factor, values in zip(MIX, (*cells, kinds), strict=True):
            self._cell += values.astype(np.uint64) * np.uint64(factor)
        keys = _key(self._cell, self._third)
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self._ranges = self._find_ranges()

    def batches(self, first: Ids) -> Iterator[Ids]:
        """Yield those that may have others near, in their order; who is in a group by then is left out."""
        position, _, counts = self._ranges
        n_near = np.bincount(position, counts, len(first))
        left = np.flatnonzero(n_near > 1)  # one is the sound itself
        while len(left):
            n = max(int(np.searchsorted(np.cumsum(n_near[left[:MAX_PAIRS]]), MAX_PAIRS, "right")), 1)
            yield left[:n]
            left = left[n:]
            left = left[first[left] < 0]

    def find_near(self, batch: Ids, first: Ids) -> tuple[Ids, Ids]:
        """Return pairs of the same sound: one of the batch, and another after it that is in no group."""
        position, begins, counts = self._ranges
        in_batch = np.zeros(len(first), bool)
        in_batch[batch] = True
        asked = np.flatnonzero(in_batch[position])
        counts = counts[asked]
        one = np.repeat(position[asked], counts)
        steps = np.arange(len(one)) - np.repeat(np.cumsum(counts) - counts, counts)
        other = self._order[np.repeat(begins[asked], counts) + steps]
        kept = (other > one) & (first[other] < 0)
        kept &= np.abs(self._lengths[one] - self._lengths[other]) <= SAME_LENGTH
        one, other = one[kept], other[kept]
        for vectors, limit in (
            (self._places, SAME_SOUND_DISTANCE + SLACK),
            (self._fingerprints, SAME_SOUND_DISTANCE),
        ):
            near = _are_near(vectors, one, other, limit)
            one, other = one[near], other[near]
        near = self._kinds[one] == self._kinds[other]
        return one[near], other[near]

    def _find_ranges(self) -> tuple[Ids, Ids, Ids]:
        """Return where in the order those are that can be near a sound: its position, where they begin, and how many.

        A sound has a range for its own cell, and for each cell beside it whose border is near.
        """
        found: list[tuple[Ids, Ids, Ids]] = []
        reach = SAME_SOUND_DISTANCE + SLACK
        near = 1 / SIDE + SLACK
        for steps in product((0, -1, 1), repeat=len(self._within)):
            asked = np.ones(len(self._order), bool)
            for step, within in zip(steps, self._within, strict=True):
                if step:
                    asked &= (within <= near) if step < 0 else (within >= 1 - near)
            position = self._order[asked[self._order]]  # in the order of keys, which is faster
            shift = sum(step * factor for step, factor in zip(steps, MIX, strict=False)) % 2**64
            cell = self._cell[position] + np.uint64(shift)
            begins = np.searchsorted(self._keys, _key(cell, self._third[position] - reach), "left")
            counts = np.searchsorted(self._keys, _key(cell, self._third[position] + reach), "right") - begins
            some = counts > 0
            found.append((position[some], begins[some], counts[some]))
        return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))  # type: ignore[return-value]


def _are_near(vectors: NDArray[np.float32], one: Ids, other: Ids, limit: float) -> Mask:
    near = np.empty(len(one), bool)
    for start in range(0, len(one), BLOCK):
        block = slice(start, start + BLOCK)
        difference = vectors[one[block]] - vectors[other[block]]
        near[block] = np.einsum("ij,ij->i", difference, difference) < limit**2
    return near


def _key(cell: NDArray[np.uint64], third: NDArray[np.float64]) -> NDArray[np.uint64]:
    low = (np.floor(third / ORDER_STEP) + 2 ** (ORDER_BITS - 1)).astype(np.uint64)
    keys: NDArray[np.uint64] = (cell >> np.uint64(ORDER_BITS) << np.uint64(ORDER_BITS)) | low
    return keys


def _project(fingerprints: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return projections on the directions in which the fingerprints differ most [shape=(n, N_PROJECTIONS)]."""
    n = len(fingerprints)
    clipped = np.clip(fingerprints, -MAX_NUMBER, MAX_NUMBER)  # which brings none further from another
    sample = clipped[:: max(n // N_SAMPLE, 1)].astype(np.float64)
    if not n:
        return np.empty((0, N_PROJECTIONS))
    _, directions = np.linalg.eigh(np.cov(sample, rowvar=False, bias=True))
    places = np.empty((n, N_PROJECTIONS))
    for start in range(0, n, BLOCK):
        places[start : start + BLOCK] = (
            clipped[start : start + BLOCK].astype(np.float64) @ directions[:, : -N_PROJECTIONS - 1 : -1]
        )
    return places
