"""Places in a plane: those that are near to each other are near there too."""

import numpy as np
import pytest
from numpy.typing import NDArray

from page.similarity.layout import MIN_MEASURED, NEAREST, lay_out, measure_kept, place_beside, project


def draw(n: int, n_groups: int, seed: int = 0) -> NDArray[np.float32]:
    """Return fingerprints in groups that lie far from each other."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 3, (n_groups, 40))
    return (centres[np.arange(n) % n_groups] + rng.normal(0, 1, (n, 40))).astype(np.float32)


def test_vectors_in_a_plane_are_projected_as_they_are() -> None:
    """Where two directions hold everything, all distances are kept, in one scale."""
    rng = np.random.default_rng(1)
    plane = (rng.normal(0, 1, (30, 2)) @ np.linalg.qr(rng.normal(0, 1, (9, 2)))[0].T).astype(np.float32)
    places = project(plane)

    assert places.min() >= 0
    assert places.max() <= 1
    ratios = [
        np.linalg.norm(places[i] - places[i + 1]) / np.linalg.norm(plane[i] - plane[i + 1])
        for i in range(len(plane) - 1)
    ]
    assert np.ptp(ratios) < 1e-5


def test_most_of_the_nearest_are_kept() -> None:
    """Of the ten nearest of each, more than half are among its ten nearest in the plane: far more than projected."""
    vectors = draw(300, 10)

    kept = measure_kept(vectors, lay_out(vectors))
    assert kept
    assert kept > 0.63  # t-SNE alone keeps 0.60
    assert kept > 1.5 * (measure_kept(vectors, project(vectors)) or 1)


@pytest.mark.parametrize("n", [3, 4, 9, 10, 11, 31])
def test_few_have_places(n: int) -> None:
    """However few they are, each has a place of its own within the picture."""
    places = lay_out(draw(n, n))

    assert places.shape == (n, 2)
    assert places.min() >= 0
    assert places.max() <= 1
    assert len({tuple(place) for place in places.round(4).tolist()}) == n


def test_equals_do_not_matter() -> None:
    """Vectors that are all the same are in the middle, and a copy is among the nearest to what it is of."""
    assert lay_out(np.ones((30, 40), np.float32)).tolist() == [[0.5, 0.5]] * 30
    places = lay_out(np.concatenate([draw(30, 3), draw(30, 3)]))

    distances = np.linalg.norm(places[:30, np.newaxis] - places[np.newaxis, 30:], axis=2)
    assert ((distances <= np.diag(distances)[:, np.newaxis]).sum(axis=1) <= NEAREST).all()


def test_the_same_are_laid_out_the_same() -> None:
    """The same vectors come to the same places, to the last digit."""
    vectors = draw(60, 4)

    assert lay_out(vectors).tolist() == lay_out(vectors).tolist()


def test_others_are_beside_their_nearest() -> None:
    """Each other vector is next to the place of the vector that it is nearest to, nobody in the place of another."""
    vectors, places = np.eye(9, dtype=np.float32) * 10, np.mgrid[0.1:0.9:3j, 0.1:0.9:3j].reshape(2, 9).T
    others = np.repeat(vectors, 20, axis=0) + np.tile(np.linspace(0.1, 2, 20), 9)[:, np.newaxis].astype(np.float32)
    beside = place_beside(others, vectors, places)

    distances = np.linalg.norm(beside[:, np.newaxis] - places, axis=2)
    assert distances.argmin(axis=1).tolist() == np.repeat(np.arange(9), 20).tolist()
    assert (np.diff(distances.min(axis=1).reshape(9, 20), axis=1) > 0).all()  # the nearest is next to it
    assert len({tuple(place) for place in [*beside.round(5).tolist(), *places.round(5).tolist()]}) == 9 * 21
    assert place_beside(others[:0], vectors, places).shape == (0, 2)


def test_what_is_kept_is_a_share() -> None:
    """It is 1 where the places are the vectors, and what chance gives where they are another's; None for a few."""
    vectors = draw(500, 500)[:, :2]

    assert measure_kept(vectors, vectors.astype(np.float64)) == 1
    assert measure_kept(vectors, vectors[::-1].astype(np.float64)) == pytest.approx(10 / 499, abs=0.01)
    assert measure_kept(vectors[: MIN_MEASURED - 1], vectors[: MIN_MEASURED - 1].astype(np.float64)) is None
