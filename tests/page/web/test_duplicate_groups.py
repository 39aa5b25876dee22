"""The addresses of duplicates: groups for people, for programs and as CSV."""

import csv
import json
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from google.cloud.firestore_v1.vector import Vector

from bench.documents import make_document
from page.web.duplicate_groups import NAMED, PAGE_SIZE, SHOWN
from tests.page.served_page import Page, names_of

type Served = tuple[Page, dict[str, str]]


def make(name: str, seed: int, place: float, **fields: Any) -> dict[str, Any]:
    """Return the document of a sound of one length; the seed is also its age."""
    given = {"fingerprint": Vector([place, 0.0]), "length": 50_000, "size": 1000 + seed}
    return make_document(name, seed=seed, **given | fields)


@pytest.fixture(scope="module")
def served(serve_page: Callable[..., Page]) -> Served:
    """A page over two equal files, three of one sound, and a sound of its own: uids by name."""
    page = serve_page()
    documents = [
        make("kit/<b>kick.wav", 1, 0.0, md5_hash="kick"),
        make("old/kick.wav", 2, 0.0, md5_hash="kick"),
        make("takes/bell.wav", 3, 9.0),
        make("takes/bell.flac", 4, 9.1),
        make("takes/quieter.wav", 5, 9.2, rms_db=-40.0),
        make("alone.wav", 6, 30.0),
    ]
    page.insert(*documents)
    return page, {document["blob_name"]: document["uid"] for document in documents}


def test_groups_for_programs(served: Served) -> None:
    """The JSON has each group with its uids, the oldest first, its bytes and those without the oldest."""
    page, uids = served
    sounds = ("takes/bell.wav", "takes/bell.flac", "takes/quieter.wav")

    assert json.loads(page.read("/duplicates.json"))["groups"] == [
        {"same": "file", "uids": [uids["kit/<b>kick.wav"], uids["old/kick.wav"]], "size": 2003, "freed": 1002},
        {"same": "sound", "uids": [uids[name] for name in sounds], "size": 3012, "freed": 2009},
    ]


@pytest.mark.parametrize(
    ("asked", "kinds"),
    [
        ("", ["file", "sound"]),
        ("same=file", ["file"]),
        ("same=sound", ["sound"]),
        ("folder=takes", ["sound"]),
        ("q=old", ["file"]),
        ("q=alone", []),
        ("q=quieter&same=file", []),
        ("max_db=-39", ["sound"]),
    ],
)
def test_groups_are_selected_by_one_member(served: Served, asked: str, kinds: list[str]) -> None:
    """The parameters of the list select groups, which are then shown and told whole, everywhere alike."""
    page, _ = served
    html = page.read(f"/duplicates?{asked}")
    lines = list(csv.DictReader(page.read(f"/duplicates.csv?{asked}").splitlines()))

    assert [group["same"] for group in json.loads(page.read(f"/duplicates.json?{asked}"))["groups"]] == kinds
    assert [part.partition('"')[0] for part in html.split("files, the same ")[1:]] == kinds
    assert len(names_of(html)) == len(lines) == sum({"file": 2, "sound": 3}[kind] for kind in kinds)


@pytest.mark.parametrize("asked", ["same=x", "page=x", "page=-1", f"page={'9' * 5000}", "bpm=x"])
def test_what_a_parameter_cannot_be_is_told(served: Served, asked: str) -> None:
    """A parameter that is none is a mistake of the asker; a page that is not there is empty."""
    assert served[0].ask(f"/duplicates?{asked}")[0].status == 400
    assert "There are no such groups" in served[0].read("/duplicates?page=999999999")


def test_groups_as_csv(served: Served) -> None:
    """Each member is a line, with its group, whether it would be kept, and the address of its file."""
    page, uids = served
    lines = list(csv.DictReader(page.read("/duplicates.csv").splitlines()))

    assert [(line["group"], line["same"], line["keep"], line["blob_name"]) for line in lines] == [
        ("1", "file", "yes", "kit/<b>kick.wav"),
        ("1", "file", "no", "old/kick.wav"),
        ("2", "sound", "yes", "takes/bell.wav"),
        ("2", "sound", "no", "takes/bell.flac"),
        ("2", "sound", "no", "takes/quieter.wav"),
    ]
    assert lines[1]["uid"] == uids["old/kick.wav"]
    assert lines[1]["uri"] == "gs://sounds/old/kick.wav#1790000000000002"
    assert (lines[1]["size"], lines[1]["uploaded_at"][:10]) == ("1002", lines[0]["uploaded_at"][:10])


def test_what_is_shown_of_a_group(served: Served) -> None:
    """Each sound can be played and opened; the command spares the oldest; one sound is no proof of one file."""
    page, uids = served
    html = page.read("/duplicates")
    files, sounds = html.split('<section class="group"')[1:]

    assert names_of(files) == ["kit/&lt;b&gt;kick.wav", "old/kick.wav"]
    assert [f'href="/sounds/{uid}"' in html for uid in uids.values()] == [True] * 5 + [False]
    assert files.count("data-play") == 2
    command = unescape(files.partition("<pre")[2].partition(">")[2].partition("</pre>")[0])
    assert command.endswith("gcloud storage rm \\\n  'gs://sounds/old/kick.wav#1790000000000002'")
    assert "Listen first" in sounds
    assert "Listen first" not in files
    assert "1 file (1 kB) is a copy of an older one, byte for byte." in html


def test_groups_follow_the_collection(serve_page: Callable[..., Page]) -> None:
    """A copy that comes makes a group, and one that is deleted leaves it, though groups are remembered."""
    page = serve_page()
    page.insert(make("a.wav", 1, 0.0), make("b.wav", 2, 5.0))
    assert json.loads(page.read("/duplicates.json")) == {"groups": []}
    assert "No two files are the same" in page.read("/duplicates")
    copy = make("c.wav", 3, 0.1)
    page.insert(copy)
    (group,) = json.loads(page.read("/duplicates.json"))["groups"]
    page.database.collection(page.environment["SOUNDS_COLLECTION"]).document(copy["uid"]).delete()
    page.wait_for_catalog()

    assert group["uids"] == [make("a.wav", 1, 0.0)["uid"], copy["uid"]]
    assert json.loads(page.read("/duplicates.json")) == {"groups": []}


def test_many_groups_are_paged_and_large_ones_cut(serve_page: Callable[..., Page]) -> None:
    """Each group is on one page; of a large one some members are shown, and the command names no more than NAMED."""
    page = serve_page()
    large = [make(f"large/{seed}.wav", seed, 0.0, md5_hash="large") for seed in range(NAMED + 10)]
    small = [
        make(f"{seed}.wav", 1000 + seed, 9.0 + seed // 2, md5_hash=f"{seed // 2}") for seed in range(2 * PAGE_SIZE)
    ]
    page.insert(*large, *small)
    first, second = page.read("/duplicates"), page.read("/duplicates?page=2")

    assert [html.count('<section class="group"') for html in (first, second)] == [PAGE_SIZE, 1]
    assert 'rel="next" href="/duplicates?page=2"' in first
    assert 'rel="next"' not in second
    shown = first.split('<section class="group"')[1]
    assert len(names_of(shown)) == SHOWN
    assert f"and {NAMED + 10 - SHOWN} more" in shown
    assert shown.count("gs://sounds/large/") == NAMED
    assert len(json.loads(page.read("/duplicates.json"))["groups"][0]["uids"]) == NAMED + 10
    assert len(page.read("/duplicates.csv").splitlines()) == 1 + NAMED + 10 + 2 * PAGE_SIZE
