"""Copies in the whole collection: groups of the same file, and groups of the same sound in different files.

*Conventions.* A group is what one file could stand for. Its first is the oldest, by the time of its upload, and by id
where times are equal; sounds without a time come last.

*Same file.* Sounds are in one group that have the same MD5; one without MD5 joins those with its CRC32C and size.

*Same sound.* Of each group of files the first stands for all, so that no two of a group are the same file. The oldest
sound that is in no group yet begins one, and takes all others that are in none and that tell_same of
analysis/similarity.py calls the same sound as this first one. So a sound is compared with the first of its group, and
no group is a chain, along which one sound could become another.

*After a change.* Sounds that are joined by a chain of the same, files or sounds, are grouped without regard to all
others. So ``regroup`` follows the chains from what has changed and groups what it finds; other groups stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from analysis.definition import SAME_LENGTH, SAME_SOUND_DISTANCE
from page.catalog.records import KINDS, NO_COUNT, NO_TIME
from page.catalog.same_sounds import find_same_sounds
from page.catalog.storage import LIVE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from page.catalog.columns import Columns, Mask

type Ids = NDArray[np.int64]

NEVER = np.iinfo(np.int64).max  # a time after all others
MAX_COMPARED = 2**26  # fingerprints with which regroup compares: find_groups takes four times as long
COMPARED_AT_ONCE = 16


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Groups of copies: those of files first, and of each kind those first that take the most bytes more than needed.

    Attributes:
        ids: the ids of all members, a group after the other, the oldest of each first.
        sizes: bytes of each member, 0 where that is not known.
        times: when each member was uploaded, µs; NEVER where that is not known.
        starts: where each group begins in ids, and where the last ends.
        n_file: how many of the groups are of the same file; the others are of the same sound.
    """

    ids: Ids
    sizes: Ids
    times: Ids
    starts: Ids
    n_file: int

    @classmethod
    def from_arrays(cls, arrays: dict[str, Ids]) -> Self:
        """Return the groups of which to_arrays gave these; raises KeyError or ValueError for others."""
        members, starts = arrays["members"], arrays["group_starts"]
        if members.ndim != 2 or len(members) != 3 or not len(starts) or starts[-1] != members.shape[1]:  # noqa: PLR2004
            raise ValueError("the arrays do not belong together")
        return cls(members[0], members[1], members[2], starts, int(arrays["n_file_groups"]))

    def to_arrays(self) -> dict[str, Ids]:
        """Return all that is held, as arrays of which each has a name."""
        members = np.stack([self.ids, self.sizes, self.times])
        return {"members": members, "group_starts": self.starts, "n_file_groups": np.array(self.n_file)}

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
        return _make_groups(group, self.ids[kept], self.sizes[kept], self.times[kept], self.n_file)

    def select(self, mask: Mask) -> Groups:
        """Return the groups of which one member or more is selected."""
        return self.take(np.flatnonzero(self._has(mask)))

    def without(self, mask: Mask) -> Groups:
        """Return the groups of which no member is selected."""
        return self.take(np.flatnonzero(~self._has(mask)))

    def by_kind(self) -> tuple[Groups, Groups]:
        """Return the groups of the same file, and those of the same sound."""
        return self.take(np.arange(self.n_file)), self.take(np.arange(self.n_file, len(self)))

    def copies(self, n: int) -> Mask:
        """Return which of n rows are members without being the first of their group."""
        mask = np.zeros(n, bool)
        mask[np.delete(self.ids, self.starts[:-1])] = True
        return mask

    def sorted(self) -> Groups:
        """Return them in their order: those that free as much begin with that whose first is the oldest."""
        firsts = self.starts[:-1]
        is_sound = np.arange(len(self)) >= self.n_file
        return self.take(np.lexsort([self.ids[firsts], self.times[firsts], -self.freed, is_sound]))

    def take(self, chosen: Ids) -> Groups:
        """Return some of the groups, in another order; those of files must come first."""
        counts = self.counts[chosen]
        ends = np.cumsum(counts)
        places = np.repeat(self.starts[chosen] - ends + counts, counts) + np.arange(ends[-1] if len(ends) else 0)
        starts = np.concatenate([[0], ends])
        n_file = int(np.count_nonzero(chosen < self.n_file))
        return Groups(self.ids[places], self.sizes[places], self.times[places], starts, n_file)

    def _has(self, mask: Mask) -> Mask:
        """Return which groups have a member that is selected."""
        if not len(self):
            return np.empty(0, bool)
        has: Mask = np.logical_or.reduceat(mask[self.ids], self.starts[:-1])
        return has


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What is compared of sounds, the oldest first; a position stands for the same sound in each.

    Attributes:
        ids: their ids.
        sizes: bytes of each file, NO_COUNT where that is missing.
        times: when each was uploaded, µs; NEVER where that is not known.
        md5: hashes of their MD5, 0 where they have none.
        crc32c: hashes of their CRC32C and size, 0 where they have none.
        lengths: samples of each, NO_COUNT where that is missing.
        dimensions: how many numbers each fingerprint has; 0 where there is none.
        fingerprints: [shape=(n, N_FINGERPRINT)].
    """

    ids: Ids
    sizes: NDArray[np.int64]
    times: NDArray[np.int64]
    md5: NDArray[np.uint64]
    crc32c: NDArray[np.uint64]
    lengths: NDArray[np.int64]
    dimensions: NDArray[np.uint8]
    fingerprints: NDArray[np.float32]


def are_there(columns: Columns) -> Mask:
    """Return which rows are sounds whose files are there."""
    mask: Mask = (columns.column("kind") == KINDS.index("sounds")) & (columns.column("state") == LIVE)
    return mask


def read_candidates(columns: Columns, mask: Mask) -> Candidates:
    """Copy from the columns what is compared of some rows."""
    ids = np.flatnonzero(mask)
    times = columns.column("listed_at")[ids]
    times[times == NO_TIME] = NEVER
    order = np.argsort(times, kind="stable")
    ids = ids[order]
    return Candidates(
        ids,
        columns.column("size")[ids],
        times[order],
        columns.column("md5")[ids],
        columns.column("crc32c")[ids],
        columns.column("length")[ids],
        columns.column("dimensions")[ids],
        columns.fingerprints(ids),
    )


def find_groups(candidates: Candidates) -> Groups:
    """Return the groups of copies."""
    first = find_same_files(candidates.md5, candidates.crc32c)
    is_one = (first == np.arange(len(first))) & (candidates.dimensions > 0) & (candidates.lengths != NO_COUNT)
    return _join(_group_files(candidates, first), _group_sounds(candidates, np.flatnonzero(is_one))).sorted()


def regroup(columns: Columns, groups: Groups, changed: Ids) -> Groups | None:
    """Return what find_groups would, from the groups of before and the rows that have changed since then.

    None is returned where so much is concerned that find_groups takes no longer.
    """
    if len(changed) > MAX_COMPARED // columns.n:
        return None
    there = are_there(columns)
    files, sounds = groups.by_kind()
    by_file = np.zeros(columns.n, bool)  # which rows are concerned
    by_file[changed] = True
    by_sound = by_file.copy()

    by_file[files.select(by_file).ids] = True
    _add_same_files(columns, there, by_file)
    candidates = read_candidates(columns, there & by_file)
    new_files = _group_files(candidates, find_same_files(candidates.md5, candidates.crc32c))
    new_files = _join(files.without(by_file), new_files)

    copies = new_files.copies(columns.n)
    by_sound |= copies != files.copies(columns.n)  # of the same files the first alone is compared by its sound
    by_sound[sounds.select(by_sound).ids] = True
    can_sound = there & ~copies & (columns.column("dimensions") > 0) & (columns.column("length") != NO_COUNT)
    if not _add_same_sounds(columns, can_sound, by_sound):
        return None
    candidates = read_candidates(columns, can_sound & by_sound)
    new_sounds = _group_sounds(candidates, np.arange(len(candidates.ids)))
    return _join(_join(new_files, sounds.without(by_sound)), new_sounds).sorted()


def _add_same_files(columns: Columns, there: Mask, mask: Mask) -> None:
    """Add to a mask all that have a checksum of one of it, and all that have one of those."""
    n_before = -1
    while n_before != (n_before := int(np.count_nonzero(mask))):
        for name in ("md5", "crc32c"):
            hashes = columns.column(name)
            known = np.unique(hashes[mask & there])
            mask |= there & np.isin(hashes, known[known != 0])


def _add_same_sounds(columns: Columns, can_sound: Mask, mask: Mask) -> bool:
    """Add to a mask all that are the same sound as one of it, and all that are as one of those.

    False is returned where more than MAX_COMPARED fingerprints would be compared.
    """
    lengths, n_left = columns.column("length"), MAX_COMPARED // columns.n
    waiting = np.flatnonzero(mask & can_sound)
    while len(waiting):
        batch, waiting = waiting[:COMPARED_AT_ONCE], waiting[COMPARED_AT_ONCE:]
        n_left -= len(batch)
        if n_left < 0:
            return False
        row, one = columns.find_near(batch, SAME_SOUND_DISTANCE)
        is_new = can_sound[row] & ~mask[row] & (np.abs(lengths[row] - lengths[batch[one]]) <= SAME_LENGTH)
        new = np.unique(row[is_new])
        mask[new] = True
        waiting = np.concatenate([waiting, new])
    return True


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


def _group_files(candidates: Candidates, first: Ids) -> Groups:
    order = np.argsort(first, kind="stable")
    return _make_groups(first[order], candidates.ids[order], *_of(candidates, order), len(first))


def _group_sounds(candidates: Candidates, positions: Ids) -> Groups:
    kinds = candidates.dimensions[positions].astype(np.int64)
    first = find_same_sounds(candidates.fingerprints[positions], candidates.lengths[positions], kinds)
    order = np.argsort(first, kind="stable")
    members = positions[order]
    return _make_groups(first[order], candidates.ids[members], *_of(candidates, members), 0)


def _of(candidates: Candidates, positions: Ids) -> tuple[Ids, Ids]:
    return np.maximum(candidates.sizes[positions], 0), candidates.times[positions]


def _make_groups(group: Ids, ids: Ids, sizes: Ids, times: Ids, n_file: int) -> Groups:
    """Return groups of at least two, of members that stand together; those below n_file are of files."""
    begins = np.flatnonzero(np.diff(group, prepend=-1))
    counts = np.diff(np.append(begins, len(group)))
    is_one = counts > 1
    kept = np.repeat(is_one, counts)
    starts = np.concatenate([[0], np.cumsum(counts[is_one])])
    n_file = int(np.count_nonzero(group[begins[is_one]] < n_file))
    return Groups(ids[kept], sizes[kept], times[kept], starts, n_file)


def _join(one: Groups, other: Groups) -> Groups:
    """Return the groups of both; those of files must come first."""
    return Groups(
        np.concatenate([one.ids, other.ids]),
        np.concatenate([one.sizes, other.sizes]),
        np.concatenate([one.times, other.times]),
        np.concatenate([one.starts, len(one.ids) + other.starts[1:]]),
        one.n_file + other.n_file,
    )
