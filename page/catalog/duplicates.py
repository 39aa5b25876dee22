"""Copies in the whole collection: groups of the same file, and groups of the same sound in different files.

*Conventions.* A group is what one file could stand for. Its first is the oldest, by the time of its upload, and by id
where times are equal; sounds without a time come last.

*Same file.* Sounds are in one group that have the same MD5; one without MD5 joins those with its CRC32C and size.

*Same sound.* Of each group of files the first stands for all, so that no two of a group are the same file. The oldest
sound that is in no group yet begins one, and takes all others that are in none and that tell_same of
analysis/similarity.py calls the same sound as this first one. So a sound is compared with the first of its group, and
no group is a chain, along which one sound could become another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from page.catalog.records import KINDS, NO_COUNT, NO_TIME
from page.catalog.same_sounds import find_same_sounds
from page.catalog.storage import LIVE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from page.catalog.columns import Columns, Mask

type Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Groups of copies: those of files first, and of each kind those first that take the most bytes more than needed.

    Attributes:
        ids: the ids of all members, a group after the other, the oldest of each first.
        sizes: bytes of each member, 0 where that is not known.
        starts: where each group begins in ids, and where the last ends.
        n_file: how many of the groups are of the same file; the others are of the same sound.
    """

    ids: Ids
    sizes: Ids
    starts: Ids
    n_file: int

    def __len__(self) -> int:
        """Return how many groups there are."""
        return len(self.starts) - 1

    @property
    def counts(self) -> Ids:
        """How many members each group has."""
        return np.diff(self.starts)

    @property
    def freed(self) -> Ids:
        """The bytes of each group without its first."""
        ends = np.concatenate([[0], np.cumsum(self.sizes)])[self.starts]
        return np.diff(ends) - self.sizes[self.starts[:-1]]

    def keep(self, is_member: Mask) -> Groups:
        """Return the groups without members that are no longer there: a group has two or more."""
        kept = is_member[self.ids]
        if kept.all():
            return self
        group = np.repeat(np.arange(len(self)), self.counts)[kept]
        return _make_groups(group, self.ids[kept], self.sizes[kept], self.n_file)

    def select(self, mask: Mask) -> Groups:
        """Return the groups of which one member or more is selected."""
        if not len(self):
            return self
        chosen = np.logical_or.reduceat(mask[self.ids], self.starts[:-1])
        return self.take(np.flatnonzero(chosen))

    def take(self, chosen: Ids) -> Groups:
        """Return some of the groups, in another order; those of files must come first."""
        counts = self.counts[chosen]
        ends = np.cumsum(counts)
        places = np.repeat(self.starts[chosen] - ends + counts, counts) + np.arange(ends[-1] if len(ends) else 0)
        starts = np.concatenate([[0], ends])
        return Groups(self.ids[places], self.sizes[places], starts, int(np.count_nonzero(chosen < self.n_file)))


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What is compared of the sounds that are there, the oldest first; a position stands for the same sound in each.

    Attributes:
        ids: their ids.
        sizes: bytes of each file, NO_COUNT where that is missing.
        md5: hashes of their MD5, 0 where they have none.
        crc32c: hashes of their CRC32C and size, 0 where they have none.
        lengths: samples of each, NO_COUNT where that is missing.
        dimensions: how many numbers each fingerprint has; 0 where there is none.
        fingerprints: [shape=(n, N_FINGERPRINT)].
    """

    ids: Ids
    sizes: NDArray[np.int64]
    md5: NDArray[np.uint64]
    crc32c: NDArray[np.uint64]
    lengths: NDArray[np.int64]
    dimensions: NDArray[np.uint8]
    fingerprints: NDArray[np.float32]


def read_candidates(columns: Columns) -> Candidates:
    """Copy from the columns what is compared."""
    is_one = (columns.column("kind") == KINDS.index("sounds")) & (columns.column("state") == LIVE)
    ids = np.flatnonzero(is_one)
    times = columns.column("listed_at")[ids]
    ids = ids[np.argsort(np.where(times == NO_TIME, np.iinfo(np.int64).max, times), kind="stable")]
    return Candidates(
        ids,
        columns.column("size")[ids],
        columns.column("md5")[ids],
        columns.column("crc32c")[ids],
        columns.column("length")[ids],
        columns.column("dimensions")[ids],
        columns.fingerprints(ids),
    )


def find_groups(candidates: Candidates) -> Groups:
    """Return the groups of copies."""
    first_file = find_same_files(candidates.md5, candidates.crc32c)
    position = np.arange(len(first_file))
    can_sound = (first_file == position) & (candidates.dimensions > 0) & (candidates.lengths != NO_COUNT)
    chosen = np.flatnonzero(can_sound)
    first_sound = position.copy()
    first_sound[chosen] = chosen[
        find_same_sounds(
            candidates.fingerprints[chosen], candidates.lengths[chosen], candidates.dimensions[chosen].astype(np.int64)
        )
    ]
    group = np.concatenate([first_file, first_sound[chosen] + len(position)])
    members = np.concatenate([position, chosen])
    order = np.argsort(group, kind="stable")
    members = members[order]
    sizes = np.maximum(candidates.sizes, 0)
    groups = _make_groups(group[order], candidates.ids[members], sizes[members], len(position))
    return groups.take(np.lexsort([-groups.freed, np.arange(len(groups)) >= groups.n_file]))


def find_same_files(md5: NDArray[np.uint64], crc32c: NDArray[np.uint64]) -> Ids:
    """Return for each file the position of the first that is the same, which is its own where there is none before.

    Files are in the order of their positions; a hash is 0 where it is missing.
    """
    first = np.arange(len(md5))
    has_md5 = md5 != 0
    first[has_md5] = _first_of_equal(np.flatnonzero(has_md5), md5[has_md5])
    has_crc32c = np.flatnonzero(crc32c != 0)
    if has_md5[has_crc32c].all():
        return first
    # Of those with one CRC32C and size, who has no MD5 belongs to the first that has one, or else to the first.
    by_md5 = has_crc32c[np.argsort(~has_md5[has_crc32c], kind="stable")]
    _, places, group = np.unique(crc32c[by_md5], return_index=True, return_inverse=True)
    joined = first[by_md5[places]][group]
    lacking = ~has_md5[by_md5]
    first[by_md5[lacking]] = joined[lacking]
    # Who joined can be before the first.
    earliest = np.arange(len(md5))
    np.minimum.at(earliest, first, np.arange(len(md5)))
    return earliest[first]


def _first_of_equal(positions: Ids, keys: NDArray[np.uint64]) -> Ids:
    """Return for each the first position, of those in order, that has the same key."""
    _, places, group = np.unique(keys, return_index=True, return_inverse=True)
    return positions[places][group]


def _make_groups(group: Ids, ids: Ids, sizes: Ids, n_file: int) -> Groups:
    """Return groups of at least two, of members that stand together; those below n_file are of files."""
    begins = np.flatnonzero(np.diff(group, prepend=-1))
    counts = np.diff(np.append(begins, len(group)))
    is_one = counts > 1
    kept = np.repeat(is_one, counts)
    starts = np.concatenate([[0], np.cumsum(counts[is_one])])
    return Groups(ids[kept], sizes[kept], starts, int(np.count_nonzero(group[begins[is_one]] < n_file)))
