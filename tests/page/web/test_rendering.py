"""Documents as JSON, and the links that lead out of the page."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud.firestore import DocumentReference, GeoPoint
from google.cloud.firestore_v1.vector import Vector

from analysis.settings import Settings
from bench.documents import make_document
from page.catalog.encoding import decode, encode
from page.catalog.selection import Selection
from page.config import Config
from page.web.moments import Moments
from page.web.rendering import Templates, as_json, console_links

UID = "00000000-0000-5000-8000-000000000000"
NAME = "kit/a b&c?d=e#f%41\"'<\u00e9>.wav"


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Config:
    """What a page over a real project is about."""
    for name in ("STORAGE_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings(sounds_collection="my sounds", firestore_database="(default)")
    return Config("my-project", "my_bucket.example", settings)


def test_the_console_shows_the_file_and_the_document(config: Config) -> None:
    """Every sign of a name arrives in Google's console as itself, and none of them ends the name."""
    links = console_links(config, {"blob_name": NAME, "uid": UID})
    name = "kit%2Fa%20b%26c%3Fd%3De%23f%2541%22%27%3C%C3%A9%3E.wav"

    assert links == {
        "file": "https://console.cloud.google.com/storage/browser/_details/my_bucket.example/"
        f"{name}?project=my-project",
        "document": "https://console.cloud.google.com/firestore/databases/-default-/data/panel/"
        f"my%20sounds/{UID}?project=my-project",
    }


def test_the_local_stack_has_no_console(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the bucket and the database are emulated there is nothing to link to."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")
    assert console_links(config, {"blob_name": NAME, "uid": UID})
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    assert console_links(config, {"blob_name": NAME, "uid": UID}) == {}


def test_the_links_stand_on_the_page(config: Config) -> None:
    """Who looks at a sound of a real project finds both, escaped as attributes are, telling nobody where from."""
    sound = make_document(NAME)
    html = Templates(config).render(
        "sound.html",
        sound=sound,
        waveform=None,
        moments=Moments(),
        document="{}",
        selection=Selection(),
        is_within=False,
    )

    for link in console_links(config, sound).values():
        assert f'<a href="{link}" rel="noreferrer">' in html


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float("nan"), "null"),
        (float("inf"), "null"),
        (-float("inf"), "null"),
        ({"a": [float("nan"), 1.5]}, '{"a": [null, 1.5]}'),
        (Vector([1.0, 2.0]), "[1.0, 2.0]"),
        (b"\x81\x7f", '"gX8="'),
        (datetime(2026, 11, 3, 7, 5, tzinfo=UTC), '"2026-11-03T07:05:00+00:00"'),
        (True, "true"),
        (None, "null"),
        ("\u00e9<", '"\u00e9<"'),
        ({1: 2}, '{"1": 2}'),
    ],
)
def test_whatever_a_document_holds_is_json(value: Any, text: str) -> None:
    """What JSON does not know becomes what it knows; what is no number is null."""
    assert as_json(value) == text


def test_what_firestore_holds_besides_is_text() -> None:
    """A document that comes from the database itself is told as one from the catalog."""
    added = {"next": DocumentReference("takes", "a", client=object()), "place": GeoPoint(53.5, -2)}

    assert as_json(added) == as_json(decode(encode(added))) == '{"next": "takes/a", "place": "53.5, -2"}'


def test_a_document_is_json_line_by_line() -> None:
    """The document is indented, for people."""
    assert as_json({"a": [1]}, indent=2) == json.dumps({"a": [1]}, indent=2)
