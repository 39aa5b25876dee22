"""The file of a rejection is given to be saved, as it is stored and of its own generation, and never to be shown."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from bench.documents import make_document, make_rejection
from tests.page import sample_sounds
from tests.page.served_page import Page

MARKUP = b"<!doctype html><script>alert(1)</script>"


@pytest.fixture(scope="module")
def page(serve_page: Callable[..., Page]) -> Page:
    """A page over nothing yet."""
    return serve_page()


def reject(page: Page, name: str, content: bytes, **fields: Any) -> str:
    """Upload a file and reject it; return where the page has it."""
    uploaded = sample_sounds.upload(page.bucket, name, content)
    kept = {field: uploaded[field] for field in ("bucket", "generation")}
    rejection = make_rejection(name, **kept | {"seed": len(name)} | fields)
    page.insert(rejections=[rejection])
    return f"/rejections/{rejection['uid']}/file"


@pytest.mark.parametrize(
    "content",
    [MARKUP, gzip.compress(MARKUP), b"\x89PNG\r\n\x1a\n", b"RIFF\x04\0\0\0WAVE", b"", bytes(300_000)],
    ids=["html", "gzip", "png", "wav", "empty", "several pieces"],
)
def test_it_is_as_it_is_stored(page: Page, content: bytes) -> None:
    """Whatever it is, it is bytes of no known kind, to be saved."""
    address = reject(page, "x/no sound.html", content)
    answer, body = page.ask(address)

    assert (answer.status, body) == (200, content)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''no%20sound.html"
    assert answer.headers["x-content-type-options"] == "nosniff"
    head, nothing = page.ask(address, "HEAD")
    assert (head.status, nothing) == (200, b"")
    assert head.headers["content-length"] == str(len(content))
    assert head.headers["content-disposition"] == answer.headers["content-disposition"]


def test_a_range_of_it_is_to_be_saved_too(page: Page) -> None:
    """A download that was broken off goes on; a range outside, and what is known, have the same headers."""
    address = reject(page, "long.html", MARKUP)
    for asked, status, part in (
        ({"Range": "bytes=9-"}, 206, MARKUP[9:]),
        ({"Range": "bytes=999-"}, 416, b""),
        ({"If_None_Match": "*"}, 304, b""),
    ):
        answer, body = page.ask(address, **asked)
        assert (answer.status, body) == (status, part)
        assert answer.headers["content-disposition"].startswith("attachment; ")


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("a/b/no.txt", "no.txt"),
        ('"; filename=x.exe', "_%3B%20filename%3Dx.exe"),
        ("a\r\nSet-Cookie: x=1.wav", "a__Set-Cookie_%20x%3D1.wav"),
        ("it's.wav", "it%27s.wav"),
        ("folder/con.txt", "_con.txt"),
        ("h\u00e4\u202egnp.wav", "h%C3%A4_gnp.wav"),
    ],
)
def test_its_name_is_safe_to_save(page: Page, name: str, saved: str) -> None:
    """No name leads to another folder, ends the header, or is one that a system takes for something else."""
    answer, body = page.ask(reject(page, name, MARKUP))

    assert body == MARKUP
    assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''{saved}"


def test_a_newer_file_is_not_given_for_it(page: Page) -> None:
    """What was overwritten or deleted is told to be gone."""
    over, deleted = reject(page, "over.wav", b"older"), reject(page, "deleted.wav", b"x")
    sample_sounds.upload(page.bucket, "over.wav", b"newer")
    page.bucket.blob("deleted.wav").delete()

    for address in (over, deleted):
        answer, body = page.ask(address, Accept="application/json")
        assert answer.status == 410
        assert "no longer" in json.loads(body)["title"]


def test_only_files_of_rejections_in_its_own_bucket_are_given(page: Page) -> None:
    """No other bucket is read; there is nothing of a sound, of no uid, and of a document that names no file."""
    other = make_rejection("secret.wav", bucket="another")
    nameless = make_rejection("x.wav", bucket=page.bucket.name, generation=None)
    sound = make_document("sound.wav", **sample_sounds.upload(page.bucket, "sound.wav", b"x"))
    page.insert(sound, rejections=[other, nameless])

    assert page.ask(f"/rejections/{other['uid']}/file")[0].status == 403
    for uid in (nameless["uid"], sound["uid"], "x"):
        assert page.ask(f"/rejections/{uid}/file")[0].status == 404


def test_each_row_leads_to_its_file(page: Page) -> None:
    """The link is there where there is a file to give; else the row says where it is, or that it is gone."""
    address = reject(page, "here.wav", b"x")
    elsewhere = make_rejection("there.wav", bucket="another")
    page.insert(rejections=[elsewhere])
    rows = {name: page.read(f"/rejections?q={name}") for name in ("here.wav", "there.wav")}

    assert f'href="{address}" aria-label="Download the file here.wav"' in rows["here.wav"]
    assert "Its file is in another bucket: <bdi>another</bdi>" in rows["there.wav"]
    assert "/file" not in rows["there.wav"]
