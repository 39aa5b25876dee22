"""Several sounds at once over HTTP: as ZIP, CSV, names and a command that the real gcloud runs."""

import csv
import io
import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from bench.documents import make_document
from page.catalog.catalog import Place
from page.media.zip_file import MISSING
from page.web import selected
from page.web.copying import MAX_FILES, make_commands
from tests.page import sample_sounds
from tests.page.served_page import Page

NAMES = ("kit/snare.wav", "kit/deep/kick.wav", "tone.wav")
HOSTILE = ("plain.wav", "a[1]*?.wav", "kit/$(touch run)`touch run`'\"\\ ;&|.wav", "-r/tone #1.wav", "\u00e4/\u202e.wav")


@pytest.fixture(scope="module")
def taken(serve_page: Callable[..., Page]) -> tuple[Page, list[dict[str, Any]]]:
    """A page over three sounds with files and one whose file is gone, which the catalog does not know yet."""
    page = serve_page()
    documents = [
        make_document(name, seed=seed, **sample_sounds.upload(page.bucket, name, name.encode() * 1000))
        for seed, name in enumerate(NAMES)
    ]
    page.insert(*documents)
    return page, documents


def post(page: Page, kind: str, form: list[tuple[str, str]], **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Post a form and return the status, the headers and the body."""
    headers = {"Content_Type": "application/x-www-form-urlencoded"} | headers
    answer, body = page.ask(f"/selected.{kind}", "POST", urlencode(form).encode(), **headers)
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


def members(body: bytes) -> dict[str, bytes]:
    """Return what an archive holds."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_selected_sounds_come_as_a_zip_file(taken: tuple[Page, list[dict[str, Any]]]) -> None:
    """Just those that are named, each once, under their names."""
    page, documents = taken
    form = [("uid", documents[index]["uid"]) for index in (0, 2, 0)]
    status, headers, body = post(page, "zip", form)

    assert status == 200
    assert headers["content-type"] == "application/zip"
    assert headers["content-disposition"] == 'attachment; filename="sounds.zip"'
    assert members(body) == {name: name.encode() * 1000 for name in (NAMES[0], NAMES[2])}


def test_all_that_a_search_finds_comes(taken: tuple[Page, list[dict[str, Any]]]) -> None:
    """With all=1 the parameters of the list say which."""
    page, _ = taken

    _, _, body = post(page, "zip", [("folder", "kit/"), ("all", "1")])
    assert sorted(members(body)) == ["kit/deep/kick.wav", "kit/snare.wav"]
    _, _, body = post(page, "txt", [("sort", "name"), ("all", "1")])
    assert body.decode().splitlines() == sorted(NAMES)


def test_what_is_gone_is_named_in_the_archive(taken: tuple[Page, list[dict[str, Any]]]) -> None:
    """A sound whose generation is not live, or that nobody knows, is told of, and the others are there."""
    page, documents = taken
    gone = make_document("overwritten.wav", seed=9, bucket=page.bucket.name)
    page.database.collection(page.environment["SOUNDS_COLLECTION"]).document(gone["uid"]).set(gone)
    sample_sounds.upload(page.bucket, "overwritten.wav", b"another generation")
    unknown = "00000000-0000-5000-8000-000000000000"
    _, _, body = post(page, "zip", [("uid", uid) for uid in (gone["uid"], unknown, documents[2]["uid"])])

    found = members(body)
    assert sorted(found) == [MISSING, "tone.wav"]
    told = found[MISSING].decode().splitlines()
    assert told[0].startswith("overwritten.wav: The file is no longer in the bucket.")
    assert told[1].startswith(f"{unknown}: There is no such sound.")


def test_selected_sounds_come_as_csv(taken: tuple[Page, list[dict[str, Any]]]) -> None:
    """The columns are those of the export, the rows those that are named."""
    page, documents = taken
    status, headers, body = post(page, "csv", [("uid", documents[1]["uid"])])

    rows = list(csv.DictReader(io.StringIO(body.decode())))
    assert (status, headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert [row["blob_name"] for row in rows] == [NAMES[1]]
    assert page.read("/export.csv").splitlines()[0] == body.decode().splitlines()[0]


@pytest.mark.parametrize(
    ("kind", "form", "status", "told"),
    [
        ("zip", [], 400, "uid for each selected sound"),
        ("zip", [("all", "1"), ("sort", "x")], 400, "sort is one of"),
        ("txt", [("uid", "x" * selected.MAX_BODY_BYTES)], 413, "At most 5\u202f000 sounds"),
        ("tar", [("all", "1")], 404, "nothing at this address"),
    ],
)
def test_what_cannot_be_answered_says_why(
    taken: tuple[Page, list[dict[str, Any]]], kind: str, form: list[tuple[str, str]], status: int, told: str
) -> None:
    """Nothing selected, a wrong parameter, too many and an unknown kind are refused with what would be accepted."""
    answered, _, body = post(taken[0], kind, form)

    assert answered == status
    assert told in body.decode()


@pytest.mark.parametrize("kind", selected.MEDIA_TYPES)
def test_another_site_takes_nothing_along(taken: tuple[Page, list[dict[str, Any]]], kind: str) -> None:
    """A form of another site is refused."""
    assert post(taken[0], kind, [("all", "1")], Origin="http://evil.example")[0] == 403


@pytest.mark.parametrize(("limit", "value"), [("MAX_SOUNDS", 2), ("MAX_BYTES", 30_000)])
def test_a_zip_file_has_limits(
    limit: str, value: int, make_collections: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More sounds or bytes than one archive may hold are refused before anything is sent, with what it may."""
    config = make_collections().open_here(monkeypatch)
    monkeypatch.setattr(selected, limit, value)
    documents = [make_document(f"{seed}.wav", seed=seed, size=15_000) for seed in range(3)]

    class Catalog:
        def read_sound(self, uid: str) -> dict[str, Any]:
            return next(document for document in documents if document["uid"] == uid)

    taken = selected.Selected(config, Catalog())
    taken._answer("zip", [("uid", document["uid"]) for document in documents[:2]])
    with pytest.raises(selected.problems.TooMuchError, match="holds at most"):
        taken._answer("zip", [("uid", document["uid"]) for document in documents])


def test_the_command_copies_just_what_it_names(
    gcloud: str, make_collections: Callable[..., Page], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The real shell and the real gcloud copy each file into its folder, whatever its name holds, and no other."""
    page = make_collections()
    page.open_here(monkeypatch)
    places = [
        Place("", page.bucket.name, name, sample_sounds.upload(page.bucket, name, name.encode())["generation"])
        for name in HOSTILE
    ]
    sample_sounds.upload(page.bucket, "a1xx.wav", b"another")
    environment = page.process_environment() | {
        "PATH": f"{Path(gcloud).parent}:{os.environ['PATH']}",
        "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
    }
    here = tmp_path / "here"
    here.mkdir()
    commands = make_commands(places)
    ended = subprocess.run(
        ["bash", "-c", commands], cwd=here, env=environment, capture_output=True, text=True, timeout=120, check=False
    )

    copied = {str(file.relative_to(here)): file.read_bytes() for file in here.rglob("*") if file.is_file()}
    assert copied == {name: name.encode() for name in HOSTILE}, ended.stderr
    assert "\u202e" not in commands  # which would show another command than the one that is pasted


def test_a_command_is_not_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Very many files make several commands, each for one folder."""
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    places = [Place("", "b", f"kit/{number}.wav", 1) for number in range(MAX_FILES + 1)]
    commands = make_commands([*places, Place("", "b", "a.wav", 2), Place("", None, "x", 1)])

    assert commands.count("gcloud storage cp") == 3
    assert commands.count("mkdir -p ./kit/ &&") == 2
    assert commands.endswith("gcloud storage cp \\\n  'gs://b/a.wav#2' \\\n  ./\n")
