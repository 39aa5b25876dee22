"""What is uploaded through the page: how much, and under which names."""

import http.client
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.requests import ClientDisconnect, Request

from analysis.settings import Settings
from bench.documents import make_document
from local.program import HOST
from page.config import Config
from page.web import file_upload
from page.web.file_upload import RefusedUploadError, check_name, declared_bytes
from tests.fakes.waiting import run_apart
from tests.page.served_page import Page

MAX_BYTES = 200_000


@pytest.fixture(scope="module")
def page(serve_page: Callable[..., Page]) -> Page:
    """A page that takes files, of so many bytes at most."""
    return serve_page(uploads=True, MAX_BYTES=str(MAX_BYTES))


def upload(page: Page, name: str, body: bytes | Iterator[bytes]) -> tuple[int, str]:
    """Upload a file; where it comes in pieces its size is not told before. Return the status and what is said."""
    connection = http.client.HTTPConnection(HOST, page.port, timeout=20)
    try:
        connection.request("POST", f"/uploads?name={quote(name, safe='')}", body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("is_told", [True, False])
@pytest.mark.parametrize(("n_bytes", "status"), [(0, 201), (MAX_BYTES, 201), (MAX_BYTES + 1, 413)])
def test_no_more_is_taken_than_the_function_would(page: Page, n_bytes: int, status: int, *, is_told: bool) -> None:
    """What has at most MAX_BYTES is uploaded, what has one more is not, whether its size is told before or not."""
    name, body = f"{n_bytes}-{is_told}.wav", os.urandom(n_bytes)
    answered, said = upload(page, name, body if is_told else iter([body[:1000], body[1000:]]))

    assert answered == status
    blob = page.bucket.get_blob(name)
    if status == 201:
        assert blob.download_as_bytes() == body
    else:
        assert blob is None
        assert said == f'{{"title":"{MAX_BYTES + 1} bytes: at most MAX_BYTES={MAX_BYTES} are analysed."}}'


def test_what_is_told_to_be_too_large_is_not_read(page: Page) -> None:
    """A file that says beforehand that it is too large is refused before its bytes are sent."""
    connection = http.client.HTTPConnection(HOST, page.port, timeout=20)
    connection.putrequest("POST", "/uploads?name=large.wav")
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders()
    answer = connection.getresponse()

    assert answer.status == 413
    answer.close()
    connection.close()


@pytest.mark.parametrize(
    ("declared", "n_bytes"), [("12", 12), ("", 0), ("-1", 0), ("1e3", 0), ("\xb2", 0), ("9" * 5000, 0)]
)
def test_what_is_no_number_of_bytes_is_not_believed(declared: str, n_bytes: int) -> None:
    """A declared length is ASCII digits, no more than can be counted; all else is counted as it arrives."""
    request = Request({"type": "http", "headers": [(b"content-length", declared.encode("latin-1"))]})

    assert declared_bytes(request) == n_bytes


def test_the_uid_is_that_of_the_document(page: Page) -> None:
    """What the page answers is the uid that the function gives to the sound of this generation."""
    status, said = upload(page, "a/b c.wav", b"RIFF")
    blob = page.bucket.get_blob("a/b c.wav")
    document = make_document("a/b c.wav", bucket=page.bucket.name, generation=int(blob.generation))

    assert (status, said) == (201, f'{{"uid":"{document["uid"]}"}}')


def test_a_file_is_stored_as_what_it_is(page: Page) -> None:
    """The declared type is told by the first bytes, not by the name or by who uploads."""
    upload(page, "page.html", b"fLaC and more")
    upload(page, "really.wav", b"<html>")

    assert page.bucket.get_blob("page.html").content_type == "audio/flac"
    assert page.bucket.get_blob("really.wav").content_type == "application/octet-stream"


@pytest.mark.parametrize(
    "name", ["a.wav", "x" * 1024, "\u00e9" * 512, "a/b/c", "...", "a b", ".hidden", "a/..b", "\U0001f941"]
)
def test_a_name_that_the_bucket_can_hold_is_kept(name: str) -> None:
    """A name has up to 1024 bytes of UTF-8, and any signs that can be seen."""
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "/x.wav", "x.wav/", "a//b.wav", ".", "..", "../x.wav", "a/..", "a/./b.wav"),
        *("a\nb.wav", "a\rb", "\x00", "\x7f", "\x85", "a\tb", "\ud800", "x" * 1025, "\u00e9" * 513),
    ],
)
def test_a_name_that_means_trouble_is_refused(name: str) -> None:
    """No upload has a name that is too long, or that some reader would take for another place or line."""
    with pytest.raises(RefusedUploadError) as refused:
        check_name(name)

    assert refused.value.status == 400


@pytest.mark.parametrize("name", ["", "../x.wav", "a\nb.wav", "x" * 1025])
def test_a_refused_name_is_told(page: Page, name: str) -> None:
    """Who uploads under such a name is told what is wrong with it."""
    status, said = upload(page, name, b"RIFF")

    assert status == 400
    assert "A name has" in said


def test_a_large_file_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is larger than a megabyte is on the disk while it arrives, in a file without a name."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    opened: list[list[str]] = []

    async def receive() -> dict[str, Any]:
        opened.append(files_in(tmp_path))
        is_rest = len(opened) > 4
        return (
            {"type": "http.disconnect"}
            if is_rest
            else {"type": "http.request", "body": bytes(2**19), "more_body": True}
        )

    request = Request({"type": "http", "method": "POST", "query_string": b"name=large.wav", "headers": []}, receive)
    with pytest.raises(ClientDisconnect):
        run_apart(file_upload.upload(Config("p", "b", Settings()), request))

    assert [len(files) for files in opened] == [0, 0, 0, 1, 1]
    assert list(tmp_path.iterdir()) == []


def files_in(directory: Path) -> list[str]:
    """Return the files of a directory that this process has open, also those without a name."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # that of the listing itself
            found.append(str(descriptor.readlink()))
    return [name for name in found if name.startswith(str(directory))]
