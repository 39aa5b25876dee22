"""The map: drawn in the background, remembered, and kept while the collection changes little."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.cloud.firestore_v1.vector import Vector

from analysis.definition import N_FINGERPRINT
from analysis.settings import Settings
from bench.documents import make_document
from page.catalog.catalog import Catalog, path_of
from page.catalog.records import KINDS, make_row
from page.catalog.storage import Storage
from page.config import Config
from page.similarity import map as maps
from page.similarity.map import Map
from tests.fakes.waiting import wait_until

CONFIG = Config("p", "b", Settings())
type Open = Callable[[], Map]

FEW = 9  # so few are projected, which is done sooner


@pytest.fixture
def open_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Open the map of a catalog whose database does not answer; each time of the same file."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/dev/null")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    with ExitStack() as ends:

        def open_one() -> Map:
            catalog = Catalog(CONFIG)
            ends.callback(catalog.close)
            return Map(catalog)

        yield open_one


def put(*documents: dict[str, Any]) -> None:
    """Write documents into the catalog, as another page would."""
    path = path_of(CONFIG)
    path.parent.mkdir(exist_ok=True)
    storage = Storage(path)
    storage.put([make_row("sounds", document["uid"], document) for document in documents])
    storage.write_state(**{f"filled {kind}": "all" for kind in KINDS})
    storage.close()


def make(*seeds: int, group: int | None = None) -> list[dict[str, Any]]:
    """Return sounds of two groups by turns, or of one, whose fingerprints are far from those of the other."""
    documents = []
    for seed in seeds:
        which = seed % 2 if group is None else group
        fingerprint = np.random.default_rng(seed).normal(0, 1, N_FINGERPRINT) + 20 * which
        documents.append(make_document(f"{which}/{seed}.wav", seed=seed, fingerprint=Vector(fingerprint.tolist())))
    return documents


def wait_for(drawn: Map) -> dict[str, Any]:
    """Wait until it is drawn, and return it."""
    wait_until(lambda: not json.loads(drawn.read())["is_being_drawn"], seconds=120)
    return json.loads(drawn.read())


def places_of(found: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Return the places by the names of the sounds."""
    return {sound["blob_name"]: (sound["x"], sound["y"]) for sound in found["sounds"]}


def test_the_map_places_alike_sounds_together(open_map: Open) -> None:
    """It is told that it is being drawn; then two groups of fingerprints are two groups in the picture."""
    documents = make(*range(60))
    documents[0]["source"] = {"container": "WAVEX"}
    put(*documents)
    drawn = open_map()
    first, found = json.loads(drawn.read()), wait_for(drawn)

    assert (first["is_being_drawn"], first["sounds"]) == (True, [])
    assert [found[name] for name in ("count", "comparable", "laid_out", "problem")] == [60, 60, 60, None]
    assert found["kept"] > 0.5
    groups = [
        np.array([places_of(found)[f"{seed % 2}/{seed}.wav"] for seed in range(group, 60, 2)]) for group in (0, 1)
    ]
    distances = [np.linalg.norm(groups[0][:, np.newaxis] - groups[other], axis=2) for other in (0, 1)]
    assert distances[0].max() < distances[1].min()
    assert set(found["sounds"][0]) == {"uid", "blob_name", "x", "y", "duration", "rms_db", "container", "folder"}
    assert {sound["container"] for sound in found["sounds"]} == {"WAV"}


def test_what_was_drawn_is_remembered(open_map: Open) -> None:
    """A page that is opened again shows it at once, and draws nothing."""
    put(*make(*range(FEW)))
    found = wait_for(open_map())

    assert json.loads(open_map().read()) == found


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let FEW sounds be another collection only when half of them are."""
    monkeypatch.setattr(maps, "CHANGED", 0.5)


@pytest.mark.usefixtures("patient")
def test_few_new_sounds_leave_the_picture(open_map: Open) -> None:
    """While the collection differs little all stay where they are, and what is new is beside its like."""
    put(*make(*range(FEW)))
    drawn = open_map()
    before = places_of(wait_for(drawn))
    put(*make(40, 41, 42))
    found = json.loads(drawn.read())

    assert (found["is_being_drawn"], found["laid_out"], len(found["sounds"])) == (False, FEW, FEW + 3)
    after = places_of(found)
    assert {name: place for name, place in after.items() if name in before} == before
    for name in after.keys() - before.keys():
        nearest = min(before, key=lambda other: np.linalg.norm(np.subtract(before[other], after[name])))
        assert nearest[0] == name[0]


def test_many_new_sounds_are_drawn_anew(open_map: Open) -> None:
    """Where the collection is a tenth larger another picture is drawn; until it is there the one before is shown."""
    put(*make(*range(FEW - 1)))
    drawn = open_map()
    wait_for(drawn)
    put(*make(40))
    meanwhile = json.loads(drawn.read())
    found = wait_for(drawn)

    assert (meanwhile["is_being_drawn"], meanwhile["laid_out"], len(meanwhile["sounds"])) == (True, FEW - 1, FEW)
    assert (found["laid_out"], len(found["sounds"])) == (FEW, FEW)


@pytest.mark.usefixtures("patient")
def test_another_fingerprint_is_another_place(open_map: Open) -> None:
    """A sound that was analysed anew is beside what it is like now; one that is deleted is no longer there."""
    put(*make(*range(FEW)))
    drawn = open_map()
    before = places_of(wait_for(drawn))
    (was,) = make(0, group=0)
    put(was | {"fingerprint": make(1000, group=1)[0]["fingerprint"]})
    storage = Storage(path_of(CONFIG))
    storage.delete("sounds", [make(2)[0]["uid"]])
    storage.close()
    found = json.loads(drawn.read())

    assert (found["is_being_drawn"], found["laid_out"], len(found["sounds"])) == (False, FEW - 2, FEW - 1)
    place = places_of(found)["0/0.wav"]
    nearest = min(before, key=lambda other: np.linalg.norm(np.subtract(before[other], place)))
    assert nearest[0] == "1"


def test_of_many_a_sample_is_drawn(open_map: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some make the picture, more are beside them, and the rest is only counted; the same ones when some come."""
    monkeypatch.setattr(maps, "MAX_LAID_OUT", FEW)
    monkeypatch.setattr(maps, "MAX_SOUNDS", 15)
    put(*make(*range(24)))
    drawn = open_map()
    before = wait_for(drawn)
    put(*make(80, 81))
    after = json.loads(drawn.read())

    assert [before[name] for name in ("count", "comparable", "laid_out")] == [24, 24, FEW]
    assert len(before["sounds"]) == len(after["sounds"]) == 15
    assert len(places_of(before).items() & places_of(after).items()) >= FEW
    assert len(places_of(before).keys() & places_of(after).keys()) >= 13
    assert after["count"] == 26


def test_what_cannot_be_placed_is_left_out(open_map: Open) -> None:
    """Sounds without a fingerprint, or with one of another length than most, have no place; two make no picture."""
    odd = [
        make_document("short", seed=9, fingerprint=Vector([1.0])),
        make_document("none", seed=8, fingerprint=None, rms_db=None),
    ]
    put(*odd, *make(0, 1))
    drawn = open_map()
    few = json.loads(drawn.read())
    put(*make(2), make(3)[0] | {"rms_db": None, "source": None})
    found = wait_for(drawn)

    assert (few["sounds"], few["is_being_drawn"], few["count"]) == ([], False, 4)
    assert sorted(places_of(found)) == ["0/0.wav", "0/2.wav", "1/1.wav", "1/3.wav"]
    assert (found["count"], found["comparable"], found["kept"]) == (6, 4, None)
    silence = next(sound for sound in found["sounds"] if sound["blob_name"] == "1/3.wav")
    assert (silence["rms_db"], silence["container"], silence["folder"]) == (None, None, "1/")


def test_a_failure_is_told(open_map: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the process that draws fails the map says so, and does not try again at once."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    put(*make(0, 1, 2))
    drawn = open_map()
    found = wait_for(drawn)

    assert found["problem"].startswith("The map could not be drawn: ")
    assert json.loads(drawn.read())["is_being_drawn"] is False


def test_the_process_that_draws_ends_with_the_page(open_map: Open) -> None:
    """When the catalog is closed nothing goes on behind it."""
    put(*make(*range(1500)))
    drawn = open_map()
    drawn.read()
    wait_until(lambda: drawn._process)
    drawn._catalog.close()

    assert drawn._process
    assert drawn._process.returncode == -9
    assert path_of(CONFIG).exists()
