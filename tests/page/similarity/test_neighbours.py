"""The neighbours of a sound: which they are, and which of them are of the same file or sound."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from google.cloud.firestore_v1.vector import Vector

from analysis.definition import SAME_DISTANCE
from bench.documents import make_document
from page.similarity.neighbours import FAR_LABEL, LABELS, label_distance
from tests.page import sample_sounds
from tests.page.served_page import Page, names_of


def test_neighbours_are_nearest_first_without_itself(many: Page) -> None:
    """The answer has n sounds other than the one, in the order of their distances, which are Euclid's."""
    one = make_document("kit/007.wav", seed=7)
    found = json.loads(many.read(f"/sounds/{one['uid']}/neighbours.json?n=5"))

    distances = [neighbour["distance"] for neighbour in found]
    assert len(found) == 5
    assert distances == sorted(distances)
    assert one["uid"] not in {neighbour["uid"] for neighbour in found}
    vectors = {sound["uid"]: np.array(list(sound["fingerprint"])) for sound in sample_sounds.many_sounds()}
    expected = {uid: np.linalg.norm(vector - vectors[one["uid"]]) for uid, vector in vectors.items()}
    assert [neighbour["uid"] for neighbour in found] == sorted(expected, key=expected.get)[1:6]
    assert distances == pytest.approx([expected[neighbour["uid"]] for neighbour in found])


@pytest.mark.parametrize(
    ("asked", "n_found"),
    [("", 10), ("?n=", 10), ("?n=1", 1), ("?n=0", 1), ("?n=100", 100), ("?n=99999", 119)],
)
def test_as_many_neighbours_as_are_asked_for_within_bounds(many: Page, asked: str, n_found: int) -> None:
    """Ten where nobody says how many, at least one, and no more than there are."""
    one = sample_sounds.many_sounds()[7]

    assert len(json.loads(many.read(f"/sounds/{one['uid']}/neighbours.json{asked}"))) == n_found


@pytest.mark.parametrize("asked", ["-1", "x", "1.5", "\u0661", "%B2", "9" * 5000])
def test_a_number_that_is_none_is_told(many: Page, asked: str) -> None:
    """What is no whole number of neighbours is a mistake of the asker, however long it is."""
    one = sample_sounds.many_sounds()[7]

    assert many.ask(f"/sounds/{one['uid']}/neighbours.json?n={quote(asked, safe='%')}")[0].status == 400


def test_neighbours_come_without_pictures(many: Page) -> None:
    """The JSON has what the list shows of each sound, its distance and whether it is the same, but no waveform."""
    one = sample_sounds.many_sounds()[7]
    found = json.loads(many.read(f"/sounds/{one['uid']}/neighbours.json?n=1"))[0]

    assert set(found) == set(one) - {"peaks", "fingerprint", "mean_mfccs"} | {"distance", "same", "similarity"}


def test_the_same_is_marked(serve_page: Callable[..., Page]) -> None:
    """A neighbour is of the same file, of the same sound, or neither, as analysis.similarity says and nothing else."""
    page = serve_page()

    def make(name: str, seed: int, place: float, **fields: Any) -> dict[str, Any]:
        return make_document(name, seed=seed, fingerprint=Vector([place, 0.0]), **{"length": 50_000} | fields)

    one = make("one.wav", 1, 0.0)
    page.insert(
        one,
        make("copy.wav", 2, 30.0, md5_hash=one["md5_hash"], length=1),
        make("composite.wav", 3, 31.0, md5_hash=None, crc32c=one["crc32c"], size=one["size"]),
        make("quieter.flac", 4, 0.01),
        make("longer.wav", 5, 0.02, length=60_000),
        make("near.wav", 6, SAME_DISTANCE - 0.01),
        make("other.wav", 7, 20.0),
    )

    found = json.loads(page.read(f"/sounds/{one['uid']}/neighbours.json"))
    shown = page.read(f"/sounds/{one['uid']}/neighbours")

    assert [(neighbour["blob_name"], neighbour["same"]) for neighbour in found] == [
        ("quieter.flac", "sound"),
        ("longer.wav", None),
        ("near.wav", None),
        ("other.wav", None),
        ("copy.wav", "file"),
        ("composite.wav", "file"),
    ]
    assert re.findall(r"the same \w+", shown) == ["the same sound", "the same file", "the same file"]


def test_distances_are_put_in_words() -> None:
    """The words for a distance go from near to far, and none of them says that two sounds are the same."""
    for (limit, label), next_label in zip(LABELS, [*(label for _, label in LABELS[1:]), FAR_LABEL], strict=True):
        assert label_distance(limit - 0.01) == label
        assert label_distance(limit) == next_label
        assert "same" not in label


def test_silence_has_no_neighbours(shared: Page) -> None:
    """A sound without a fingerprint is told to have nothing to compare."""
    silence = make_document("silence.wav", rms_db=None, peak_db=None, silence=1.0)
    del silence["fingerprint"]
    shared.insert(silence)

    assert json.loads(shared.read(f"/sounds/{silence['uid']}/neighbours.json")) == []
    assert "nothing to compare" in shared.read(f"/sounds/{silence['uid']}/neighbours")
    assert "digital silence" in shared.read(f"/sounds/{silence['uid']}")


def test_the_only_sound_has_no_neighbours(serve_page: Callable[..., Page]) -> None:
    """Who has uploaded one sound is told what to do."""
    page = serve_page()
    one = make_document("one.wav")
    page.insert(one)

    assert "upload another sound" in page.read(f"/sounds/{one['uid']}/neighbours")


def test_each_sound_has_its_own_neighbours(serve_page: Callable[..., Page]) -> None:
    """What is cached of one sound is not the answer for another, nor for another number of neighbours."""
    page = serve_page()
    places = {"a": [0.0, 0.0], "b": [1.0, 0.0], "c": [10.0, 0.0], "d": [11.0, 0.0]}
    sounds = [
        make_document(name, seed=seed, fingerprint=Vector(place)) for seed, (name, place) in enumerate(places.items())
    ]
    page.insert(*sounds)

    for n in (1, 2):
        for sound, nearest in zip(sounds, "badc", strict=True):
            found = json.loads(page.read(f"/sounds/{sound['uid']}/neighbours.json?n={n}"))
            assert len(found) == n
            assert found[0]["blob_name"] == nearest


def test_copies_stand_together(serve_page: Callable[..., Page]) -> None:
    """Copies of one sound are one row that opens, wherever they are; the JSON tells each of them, nearest first."""
    page = serve_page()
    places = {"one": 0.0, "far a": 9.0, "near": 5.0, "far b": 9.01, "copy": 0.05, "far c": 9.02}
    sounds = {
        name: make_document(f"{name}.wav", seed=seed, fingerprint=Vector([place, 0.0]), length=50_000)
        for seed, (name, place) in enumerate(places.items())
    }
    page.insert(*sounds.values())
    html = page.read(f"/sounds/{sounds['one']['uid']}/neighbours")

    groups = [names_of(part) for part in html.split('<li class="copies">')]
    assert groups == [["copy.wav", "near.wav", "far a.wav"], ["far b.wav", "far c.wav"]]
    assert "2 copies of <bdi>far a.wav</bdi>" in html
    found = json.loads(page.read(f"/sounds/{sounds['one']['uid']}/neighbours.json"))
    assert [sound["blob_name"] for sound in found][:3] == ["copy.wav", "near.wav", "far a.wav"]


def test_many_copies_leave_room_for_others(serve_page: Callable[..., Page]) -> None:
    """A sound with more copies than are looked for first is shown with ten rows all the same, and a way to more."""
    page = serve_page()
    places = [("copy", number, 0.0) for number in range(15)] + [
        ("other", number, 9.0 * number) for number in range(1, 60)
    ]
    sounds = [
        make_document(f"{name} {number}.wav", seed=seed, fingerprint=Vector([place, 0.0]), length=50_000)
        for seed, (name, number, place) in enumerate(places)
    ]
    page.insert(*sounds)
    address = f"/sounds/{sounds[0]['uid']}/neighbours"
    html = page.read(address)

    assert html.count('<li class="copies">') == 1
    assert "13 copies of <bdi>" in html
    assert sorted(names_of(html))[:14] == sorted(f"copy {number}.wav" for number in range(1, 15))
    assert len(names_of(html)) == 14 + 9
    assert f'data-more="{address}?n=40"' in html
    assert len(names_of(page.read(f"{address}?n=40"))) == 40
    assert len(json.loads(page.read(f"{address}.json"))) == 10


def test_as_many_as_are_wanted_are_shown(many: Page) -> None:
    """Below the nearest is a way to more of them, until there are no more."""
    uid = sample_sounds.many_sounds()[7]["uid"]

    for n, more in ((10, 40), (40, 160), (160, None)):
        html = many.read(f"/sounds/{uid}/neighbours?n={n}")
        assert len(names_of(html)) == min(n, 119)
        assert (f'data-more="/sounds/{uid}/neighbours?n={more}"' in html) == bool(more)


def test_neighbours_within_a_list(many: Page) -> None:
    """Who comes from a list that selects is led back, and compares with its sounds alone if that is wanted."""
    uid = sample_sounds.many_sounds()[7]["uid"]
    asked = "q=kit%2F00"
    assert f'href="/sounds/{uid}?{asked}"' in many.read(f"/?{asked}")
    html = many.read(f"/sounds/{uid}?{asked}&within=1")

    assert f'<a href="/?{asked}">Back to the list</a>' in html
    assert f'data-part="/sounds/{uid}/neighbours?{asked}"' in html
    assert f'data-part="/sounds/{uid}/neighbours"' in many.read(f"/sounds/{uid}?{asked}")
    within = names_of(many.read(f"/sounds/{uid}/neighbours?{asked}"))
    assert sorted(within) == [f"kit/00{digit}.wav" for digit in (0, 1, 2, 3, 4, 5, 6, 8, 9)]
    assert "no other in that list" in many.read(f"/sounds/{uid}/neighbours?q=nothing")
