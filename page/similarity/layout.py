"""Fingerprints become places in a plane, so that those that are near to each other there are near here too.

*Conventions.* A place is (x, y), both from 0 to 1 in the same scale; one beside another may be a little outside.
Distances are Euclidean, between fingerprints as between places.

*Source.* t-SNE (van der Maaten and Hinton, 2008) as scikit-learn computes it: it keeps the nearest of each, and says
little of what is far. After it the same gradient is followed a little further, in which the ten nearest of each alone
pull, and all alike: of 2000 sounds of many kinds, 51 % of the ten nearest are kept instead of 48 %. Fewer than
MIN_LAID_OUT have no neighbourhoods, so they are projected on their principal components.

``python -m page.similarity.layout`` does that in a process of its own, whose memory and time are not the page's: it
reads the fingerprints as .npy from stdin, and writes their places so to stdout.
"""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEAREST = 10  # that are compared
MIN_LAID_OUT = 10
MIN_MEASURED = 50  # of fewer the ten nearest are a large part, which any picture keeps
PERPLEXITY = 15  # about how many neighbours are kept near
MOMENTUM, N_STEPS = 0.8, 100  # after t-SNE
TURN = np.pi * (3 - np.sqrt(5))  # from one place to the next: so they fill a disc evenly
BLOCK = 2000  # vectors that are compared with all others at a time


def lay_out(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return places [shape=(n, 2)] of vectors [shape=(n, d)], the same for the same vectors; n is at least 3."""
    places = project(vectors)
    if len(vectors) < MIN_LAID_OUT or not np.ptp(places, axis=0).any():
        return places
    from sklearn.manifold import TSNE  # noqa: PLC0415  it takes two seconds to import
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  which scikit-learn brings

    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    # It would divide by the extent of what it begins with, so that begins at the projection itself.
    begun = ((places - places.mean(axis=0)) / places[:, 0].std() * 1e-4).astype(np.float32)
    with threadpool_limits(1):  # sums over several threads have no fixed order
        laid_out = TSNE(perplexity=perplexity, init=begun, random_state=0).fit_transform(vectors)
        nearer = _pull_nearest(vectors, laid_out)
    return _scale(nearer) if np.isfinite(nearer).all() else places


def project(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the places [shape=(n, 2)] of vectors on their first two principal components; n is at least 3.

    Examples
    --------
    >>> project(np.array([[0, 0, 0], [4, 0, 0], [0, 0, 2]], np.float32)).round(1).tolist()
    [[0.0, 0.3], [1.0, 0.3], [0.1, 0.7]]
    """
    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, np.newaxis]  # which are as good
    places = centred @ axes[:2].T
    return _scale(np.pad(places, ((0, 0), (0, 2 - places.shape[1]))))


def place_beside(
    others: NDArray[np.float32], vectors: NDArray[np.float32], places: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return places [shape=(n, 2)] of other vectors: each beside that of the vector that it is nearest to.

    Those of one vector are around it, the nearest next to it, within a radius that grows with their number.
    """
    nearest, distances = np.zeros(len(others), np.int64), np.zeros(len(others))
    for first in range(0, len(others), BLOCK):
        block = others[first : first + BLOCK]
        squares = _squares(block.astype(np.float64), vectors.astype(np.float64))
        nearest[first : first + BLOCK] = squares.argmin(axis=1)
        distances[first : first + BLOCK] = squares.min(axis=1)
    order = np.lexsort((distances, nearest))
    counts = np.bincount(nearest, minlength=len(vectors))
    ranks = np.empty(len(others))
    ranks[order] = np.arange(len(others)) - np.repeat(np.cumsum(counts) - counts, counts)
    # A disc of so many places takes the part of the picture that is as many of all.
    radii = 0.5 * np.sqrt((ranks + 1) / (len(others) + len(vectors)))
    around = np.stack([np.cos(TURN * ranks), np.sin(TURN * ranks)], axis=1)
    beside: NDArray[np.float64] = places[nearest] + around * radii[:, np.newaxis]
    return beside


def measure_kept(vectors: NDArray[np.float32], places: NDArray[np.float64]) -> float | None:
    """Return which share of the NEAREST by their vectors are among the NEAREST by their places, on average.

    None for fewer than MIN_MEASURED.
    """
    if len(vectors) < MIN_MEASURED:
        return None
    both = zip(_find_nearest(vectors).tolist(), _find_nearest(places).tolist(), strict=True)
    return float(np.mean([len(set(one).intersection(other)) for one, other in both])) / NEAREST


def _pull_nearest(vectors: NDArray[np.float32], places: NDArray[Any]) -> NDArray[Any]:
    """Follow the gradient of t-SNE for a few steps, with the nearest of each vector as what is to be near."""
    n = len(vectors)
    nearest = _find_nearest(vectors)
    pull: NDArray[Any] = np.zeros((n, n), np.float32)
    pull[np.arange(n)[:, np.newaxis], nearest] = 1
    pull = (pull + pull.T) / (2 * nearest.size)
    step, gains = np.zeros_like(places), np.ones_like(places)
    for _ in range(N_STEPS):
        near = 1 / (1 + _squares(places, places))
        np.fill_diagonal(near, 0)
        forces = (pull - near / near.sum()) * near
        gradient = 4 * (forces.sum(axis=1)[:, np.newaxis] * places - forces @ places)
        # As scikit-learn does it: who goes on in one direction goes faster, who turns back slower.
        gains = np.where(gradient * step < 0, gains + 0.2, gains * 0.8).clip(0.01)
        step = MOMENTUM * step - n / 4 * gains * gradient
        places = places + step
    return places


def _find_nearest(vectors: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the NEAREST of each vector, without itself [shape=(n, NEAREST)], or all others where they are fewer."""
    squares = _squares(vectors.astype(np.float64), vectors.astype(np.float64))
    np.fill_diagonal(squares, np.inf)
    n = min(NEAREST, len(vectors) - 1)
    return np.argpartition(squares, n, axis=1)[:, :n]


def _squares(ones: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
    """Return the squares of the distances, as |a|^2 + |b|^2 - 2 ab."""
    squares: NDArray[Any] = (
        (ones * ones).sum(axis=1)[:, np.newaxis] + (others * others).sum(axis=1) - 2 * ones @ others.T
    )
    return squares


def _scale(places: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return places from 0 to 1, in one scale, the shorter direction in the middle."""
    places = places.astype(np.float64)
    extent = np.ptp(places, axis=0)
    scale = extent.max() or 1.0
    scaled: NDArray[np.float64] = (places - places.min(axis=0)) / scale + (1 - extent / scale) / 2
    return scaled


def main() -> None:
    """Lay out what comes in."""
    vectors = np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False)
    places = io.BytesIO()  # as numpy asks a file for its position, which a pipe has not
    np.save(places, lay_out(vectors))
    sys.stdout.buffer.write(places.getvalue())


if __name__ == "__main__":
    main()
