"""The neighbours of a sound: which they are, and which of them are the same sound again."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from google.cloud.firestore_v1.vector import Vector

from analysis.definition import SAME_DISTANCE
from bench.documents import make_document
from page.documents import queries
from page.documents.queries import LISTED_FIELDS
from page.similarity import neighbours
from page.similarity.neighbours import FAR_LABEL, LABELS, is_same_sound, label_distance
from tests.page import sample_sounds
from tests.page.served_page import Page


def test_neighbours_are_nearest_first_without_itself(many: Page) -> None:
    """The answer has n sounds other than the one, in the order of their distances, which are Euclid's."""
    one = make_document("kit/007.wav", bucket=many.bucket.name, seed=7)
    found = json.loads(many.read(f"/sounds/{one['uid']}/neighbours.json?n=5"))

    distances = [neighbour["distance"] for neighbour in found]
    assert len(found) == 5
    assert distances == sorted(distances)
    assert one["uid"] not in {neighbour["uid"] for neighbour in found}
    vectors = {sound["uid"]: np.array(list(sound["fingerprint"])) for sound in sample_sounds.many_sounds(many)}
    expected = {uid: np.linalg.norm(vector - vectors[one["uid"]]) for uid, vector in vectors.items()}
    assert [neighbour["uid"] for neighbour in found] == sorted(expected, key=expected.get)[1:6]
    assert distances == pytest.approx([expected[neighbour["uid"]] for neighbour in found])


@pytest.mark.parametrize(
    ("asked", "n_found"),
    [("", 10), ("?n=", 10), ("?n=1", 1), ("?n=0", 1), ("?n=100", 100), ("?n=101", 100), ("?n=99999", 100)],
)
def test_as_many_neighbours_as_are_asked_for_within_bounds(many: Page, asked: str, n_found: int) -> None:
    """Ten where nobody says how many, at least one, and never more than a hundred, each of which is a read."""
    one = sample_sounds.many_sounds(many)[7]

    assert len(json.loads(many.read(f"/sounds/{one['uid']}/neighbours.json{asked}"))) == n_found


@pytest.mark.parametrize("asked", ["-1", "x", "1.5", "\u0661", "%B2", "9" * 5000])
def test_a_number_that_is_none_is_told(many: Page, asked: str) -> None:
    """What is no whole number of neighbours is a mistake of the asker, however long it is."""
    one = sample_sounds.many_sounds(many)[7]

    assert many.ask(f"/sounds/{one['uid']}/neighbours.json?n={quote(asked, safe='%')}")[0].status == 400


def test_neighbours_come_without_pictures(many: Page) -> None:
    """The JSON has what the list shows of each sound, its distance and whether it is the same, but no waveform."""
    one = sample_sounds.many_sounds(many)[7]
    found = json.loads(many.read(f"/sounds/{one['uid']}/neighbours.json?n=1"))[0]

    assert set(found) == set(LISTED_FIELDS) - {"peaks"} | {"distance", "same", "similarity"}


def test_the_same_sound_again_is_marked(serve_page: Callable[..., Page]) -> None:
    """The same bytes, or fingerprints that cannot be told apart, are the same sound; another is not."""
    page = serve_page()
    one = make_document("one.wav", bucket=page.bucket.name, seed=1, fingerprint=Vector([0.0, 0.0]))
    again = make_document(
        "again.wav", bucket=page.bucket.name, seed=2, fingerprint=Vector([30.0, 0.0]), md5_hash=one["md5_hash"]
    )
    near = make_document("near.wav", bucket=page.bucket.name, seed=3, fingerprint=Vector([0.01, 0.0]))
    other = make_document("other.wav", bucket=page.bucket.name, seed=4, fingerprint=Vector([20.0, 0.0]))
    page.insert(one, again, near, other)

    found = json.loads(page.read(f"/sounds/{one['uid']}/neighbours.json"))

    assert [(neighbour["blob_name"], neighbour["same"]) for neighbour in found] == [
        ("near.wav", True),
        ("other.wav", False),
        ("again.wav", True),
    ]


@pytest.mark.parametrize(
    ("md5_hash", "other_hash", "distance", "is_same"),
    [
        ("a", "a", 30.0, True),
        ("a", "b", 30.0, False),
        (None, None, 30.0, False),
        ("", "", 30.0, False),
        (None, "a", 30.0, False),
        (None, None, SAME_DISTANCE - 0.01, True),
        ("a", "b", SAME_DISTANCE, False),
    ],
)
def test_what_is_the_same_sound(
    md5_hash: str | None, other_hash: str | None, distance: float, *, is_same: bool
) -> None:
    """Equal hashes or near fingerprints say so; composite objects, which have no hash, are not equal by that."""
    assert is_same_sound({"md5_hash": md5_hash}, {"md5_hash": other_hash, "distance": distance}) == is_same
    if not md5_hash:
        assert is_same_sound({}, {"distance": distance}) == is_same


def test_distances_are_put_in_words() -> None:
    """Nearly the same are said to be those that are marked as the same; what is far is little alike."""
    assert LABELS[0] == (SAME_DISTANCE, "nearly the same")
    for (limit, label), next_label in zip(LABELS, [*(label for _, label in LABELS[1:]), FAR_LABEL], strict=True):
        assert label_distance(limit - 0.01) == label
        assert label_distance(limit) == next_label


def test_silence_has_no_neighbours(shared: Page) -> None:
    """A sound without a fingerprint is told to have nothing to compare."""
    silence = make_document("silence.wav", bucket=shared.bucket.name, rms_db=None, peak_db=None, silence=1.0)
    del silence["fingerprint"]
    shared.insert(silence)

    assert json.loads(shared.read(f"/sounds/{silence['uid']}/neighbours.json")) == []
    assert "nothing to compare" in shared.read(f"/sounds/{silence['uid']}/neighbours")
    assert "digital silence" in shared.read(f"/sounds/{silence['uid']}")


def test_the_only_sound_has_no_neighbours(serve_page: Callable[..., Page]) -> None:
    """Who has uploaded one sound is told what to do."""
    page = serve_page()
    one = make_document("one.wav", bucket=page.bucket.name)
    page.insert(one)

    assert "upload another sound" in page.read(f"/sounds/{one['uid']}/neighbours")


def test_no_more_is_read_than_is_shown(many: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search asks for the sound itself and its n neighbours: each document is a read."""
    asked: list[int] = []

    class Counted:
        """A query that notes how many documents it is to find."""

        def __init__(self, query: Any) -> None:
            self._query = query

        def select(self, fields: Any) -> "Counted":
            """Choose the fields."""
            return Counted(self._query.select(fields))

        def find_nearest(self, field: str, vector: Any, limit: int, *more: Any, **options: Any) -> Any:
            """Find the nearest."""
            asked.append(limit)
            return self._query.find_nearest(field, vector, limit, *more, **options)

    config = many.open_here(monkeypatch)
    monkeypatch.setattr(neighbours, "collection_of", lambda *of: Counted(queries.collection_of(*of)))

    assert len(neighbours.find_neighbours(config, sample_sounds.many_sounds(many)[3], 10)) == 10
    assert asked == [11]


def test_each_sound_has_its_own_neighbours(serve_page: Callable[..., Page]) -> None:
    """What is cached of one sound is not the answer for another, nor for another number of neighbours."""
    page = serve_page()
    places = {"a": [0.0, 0.0], "b": [1.0, 0.0], "c": [10.0, 0.0], "d": [11.0, 0.0]}
    sounds = [
        make_document(name, bucket=page.bucket.name, seed=seed, fingerprint=Vector(place))
        for seed, (name, place) in enumerate(places.items())
    ]
    page.insert(*sounds)

    for n in (1, 2):
        for sound, nearest in zip(sounds, "badc", strict=True):
            found = json.loads(page.read(f"/sounds/{sound['uid']}/neighbours.json?n={n}"))
            assert len(found) == n
            assert found[0]["blob_name"] == nearest
