"""The map: sounds that sound alike are near to each other."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from google.cloud.firestore_v1.vector import Vector

from bench.documents import make_document
from page.similarity.map import make_map, project
from tests.page.served_page import Page


def test_vectors_in_a_plane_are_mapped_as_they_are() -> None:
    """Where two directions hold everything, all distances are kept, in one scale."""
    rng = np.random.default_rng(1)
    plane = rng.normal(0, 1, (30, 2)) @ np.linalg.qr(rng.normal(0, 1, (9, 2)))[0].T
    places, kept = project(plane)

    assert kept == pytest.approx(1)
    assert places.min() >= 0
    assert places.max() <= 1
    ratios = [
        np.linalg.norm(places[i] - places[i + 1]) / np.linalg.norm(plane[i] - plane[i + 1])
        for i in range(len(plane) - 1)
    ]
    assert np.ptp(ratios) < 1e-9


def test_the_map_places_alike_sounds_together(serve_page: Callable[..., Page]) -> None:
    """Two groups of fingerprints are two groups in the picture."""
    page = serve_page()
    rng = np.random.default_rng(1)
    sounds = [
        make_document(
            f"{index % 2}/{index}.wav",
            seed=index,
            fingerprint=Vector((rng.normal(0, 1, 9) + index % 2 * 40).tolist()),
        )
        for index in range(20)
    ]
    page.insert(*sounds)

    found = json.loads(page.read("/map.json"))

    left, right = ([sound["x"] for sound in found["sounds"] if sound["folder"] == folder] for folder in ("0/", "1/"))
    assert (max(left) < min(right)) or (max(right) < min(left))
    assert found["count"] == 20
    assert found["kept"] > 0.9


def test_the_map_leaves_out_what_it_cannot_place() -> None:
    """Sounds without a fingerprint, or with one of another length than most, have no place; few make no picture."""
    sounds = [make_document(f"{seed}.wav", seed=seed) for seed in range(4)]
    odd = [make_document("short", seed=9, fingerprint=Vector([1.0])), make_document("none", seed=8, fingerprint=None)]
    made = make_map([*odd, *sounds], 1000)

    assert [sound["blob_name"] for sound in made["sounds"]] == [f"{seed}.wav" for seed in range(4)]
    assert (made["count"], made["read"]) == (1000, 6)
    assert make_map(sounds[:2], 2) == {"sounds": [], "count": 2, "read": 2, "kept": 0}
    assert make_map(sounds[:3], 3)["sounds"][0]["folder"] == ""


def test_sounds_that_are_all_the_same_are_in_the_middle() -> None:
    """Where nothing differs every place is the middle, and nothing is divided by nothing."""
    places, kept = project(np.ones((4, 9)))

    assert places.tolist() == [[0.5, 0.5]] * 4
    assert kept == 0
