"""The sounds of a catalog that can be compared, for a picture of them: a random sample that is always the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from page.catalog.selection import Selection
from page.display import container

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from page.catalog.view import View

SPREAD = 2654435761  # an odd number near 2**32 divided by the golden ratio: its multiples have no visible order


@dataclass(frozen=True, slots=True)
class Points:
    """Sounds whose fingerprints are of one length.

    Attributes:
        changed: the number of the change of the catalog after which this was read.
        count: how many sounds there are.
        n_comparable: how many of them have a fingerprint of that length.
        ids: those of the sample, in random order.
        fingerprints: theirs [shape=(n, d)].
        durations: s, NaN where there is none.
        levels: dBFS, -inf for digital silence, NaN where there is none.
        containers: formats of the files, as people call them.
    """

    changed: int
    count: int
    n_comparable: int
    ids: NDArray[np.int64]
    fingerprints: NDArray[np.float32]
    durations: NDArray[np.float32]
    levels: NDArray[np.float32]
    containers: list[str]


def choose_points(view: View, changed: int, n: int) -> Points:
    """Return a sample of n sounds, or all where there are fewer, of those whose fingerprints have the commonest length.

    Where a sound comes or goes, one of a large collection makes room or moves up; the others stay, in their order.
    """
    columns = view.columns
    mask = view.select("sounds", Selection())
    count = int(np.count_nonzero(mask))
    dimensions = columns.column("dimensions")
    numbers = np.bincount(dimensions[mask], minlength=2)
    length = int(numbers[1:].argmax()) + 1
    ids = np.flatnonzero(mask & (dimensions == length))
    spread = (ids.astype(np.uint64) * np.uint64(SPREAD)) % np.uint64(2**32)
    if len(ids) > n:
        first = np.argpartition(spread, n)[:n]
        chosen = first[np.argsort(spread[first])]
    else:
        chosen = np.argsort(spread)
    n_comparable, ids = len(ids), ids[chosen]
    return Points(
        *(changed, count, n_comparable, ids, columns.fingerprints(ids)[:, :length]),
        *(columns.column("duration")[ids], columns.column("level")[ids]),
        [container(view.labels[code]) for code in columns.column("label")[ids].tolist()],
    )
