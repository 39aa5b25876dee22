"""Sounds like a file that is not stored: which they are, what is refused, and what is left of the file."""

import asyncio
import gzip
import http.client
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from google.cloud.firestore_v1.vector import Vector
from starlette.requests import Request

from analysis.definition import SR
from analysis.errors import AnalysisError
from analysis.settings import Settings
from bench.documents import make_document
from local.program import HOST
from local.servers import PROJECT
from page.similarity import example
from page.web import similar_pages
from page.web.similar_pages import RefusedFileError, SimilarPages, analyse_apart, while_waited_for
from tests.fakes.waiting import run_apart, wait_until
from tests.page import sample_sounds
from tests.page.sample_sounds import encode
from tests.page.served_page import Page, names_of

SETTINGS = Settings()
SETTINGS_OF_A_SMALL_FUNCTION = Settings(max_bytes=100_000)
MAX_BYTES = 400_000
Y = (np.sin(2 * np.pi * 440 / SR * np.arange(2 * SR)) * np.linspace(0.5, 0.1, 2 * SR)).astype(np.float32)
NOISE = np.random.default_rng(0).normal(0, 0.1, 3 * SR).astype(np.float32)
TONE = encode(Y)


def send(page: Page, content: bytes, path: str = "/similar.json", field: str = "file", **headers: str) -> Any:
    """Send a file in a form; return the answer and its body."""
    head = f'--B\r\nContent-Disposition: form-data; name="{field}"; filename="mine.wav"\r\n\r\n'
    body = head.encode() + content + b"\r\n--B--\r\n"
    return page.ask(path, "POST", body, Content_Type="multipart/form-data; boundary=B", **headers)


@pytest.fixture(scope="module")
def page(serve_page: Callable[..., Page]) -> Page:
    """A page over a tone, the same tone as another file, and noise, as the function would have analysed them."""
    page = serve_page(MAX_BYTES=str(MAX_BYTES))
    for seed, (name, content) in enumerate(
        {"tones/a.wav": TONE, "tones/a.flac": encode(Y * 0.5, SR, "FLAC"), "noise.wav": encode(NOISE)}.items()
    ):
        document = example.analyse(as_file(content), name, SETTINGS)
        upload = sample_sounds.upload(page.bucket, name, content)
        fields = document | upload | {"fingerprint": Vector(document["fingerprint"])}
        page.insert(make_document(name, seed=seed, **{key: fields[key] for key in fields if key != "uid"}))
    return page


def as_file(content: bytes) -> Any:
    """Return a file that is open at its beginning and has no name."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  whoever takes it closes it
    file.write(content)
    file.seek(0)
    return file


def test_neighbours_of_a_file(page: Page) -> None:
    """They are those of a sound with the same samples, nearest first, and say whether they are the same."""
    answer, body = send(page, TONE)
    found = json.loads(body)

    assert answer.status == 200
    assert [(one["blob_name"], one["same"]) for one in found] == [
        ("tones/a.wav", "file"),
        ("tones/a.flac", "sound"),
        ("noise.wav", None),
    ]
    assert found[0]["distance"] == pytest.approx(0, abs=1e-3)
    stored = json.loads(page.read(f"/sounds/{found[0]['uid']}/neighbours.json"))
    assert found[2]["distance"] == pytest.approx(stored[1]["distance"], abs=1e-3)
    assert set(stored[0]) == set(found[0])


def test_as_many_as_are_asked_for_of_a_selection(page: Page) -> None:
    """The parameters of the list, and ``n``, say among which they are looked for."""
    assert [one["blob_name"] for one in json.loads(send(page, TONE, "/similar.json?n=1&folder=tones")[1])] == [
        "tones/a.wav"
    ]
    assert names_of(send(page, TONE, "/similar?q=noise", Accept="text/html")[1].decode()) == ["noise.wav"]


@pytest.mark.parametrize("content", [gzip.compress(TONE), encode(Y, SR, "AIFF"), encode(Y, SR, "OGG", "VORBIS")])
def test_what_the_function_takes_is_taken(content: bytes) -> None:
    """Other formats, and files that are stored compressed, are decoded as the function decodes them."""
    sound = example.analyse(as_file(content), "a", SETTINGS)

    assert sound["note"]["name"] == "A4"
    assert sound["length"] == len(Y)
    assert sound["size"] == len(content)


def test_what_is_shown_of_a_file(page: Page) -> None:
    """The page has its own numbers above its neighbours, which can be played; its name is text."""
    html = send(page, TONE, "/similar", Accept="text/html")[1].decode()

    assert ">mine.wav</bdi>" in html
    assert "A4, 69.00" in html
    assert "44\u202f100 samples" in html
    assert html.count("data-play ") == 3
    assert "the same file" in html


def test_neighbours_in_the_terminal(page: Page, tmp_path: Path) -> None:
    """The command fills a catalog and lists the sound's own numbers and neighbours; as JSON it is as the page's."""
    file = tmp_path / "mine\x1b.wav"
    file.write_bytes(TONE)
    command = (*(sys.executable, "-m", "page", "--project", PROJECT, "--bucket", page.bucket.name), "similar", file)
    told, as_json = (
        subprocess.run(
            [*command, *more],
            env=page.process_environment(),
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        for more in ((), ("--json",))
    )
    first, *others = told.splitlines()

    assert first.startswith(f"{tmp_path}/mine\ufffd.wav  2.0 s  WAV PCM_16, 22.05 kHz, mono  note A4, 69.00")
    assert [line.split() for line in others][:2] == [
        ["0.00", "extremely", "alike", "the", "same", "file", "tones/a.wav"],
        [others[1].split()[0], "extremely", "alike", "the", "same", "sound", "tones/a.flac"],
    ]
    answered = json.loads(send(page, TONE)[1])
    assert [one | {"distance": 0} for one in json.loads(as_json)] == [one | {"distance": 0} for one in answered]


def test_silence_is_like_nothing(page: Page) -> None:
    """A file of digital silence is a sound, which has nothing to compare."""
    silence = encode(np.zeros(SR, np.float32))

    assert "nothing to compare" in send(page, silence, "/similar", Accept="text/html")[1].decode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"no sound at all", "not_audio"),
        (gzip.compress(TONE)[:-9], "corrupt"),
        (encode(np.empty(0, np.float32)), "empty"),
        (encode(np.zeros((9, 40), np.float32)), "too_many_channels"),
        (bytes(SETTINGS_OF_A_SMALL_FUNCTION.max_bytes + 1), "too_large"),
    ],
)
def test_what_is_no_sound_has_the_functions_reason(content: bytes, reason: str) -> None:
    """What the function would reject is rejected, for the same reason."""
    with pytest.raises(AnalysisError) as expected:
        example.analyse(as_file(content), "The file", SETTINGS_OF_A_SMALL_FUNCTION)

    assert expected.value.reason == reason


def test_what_is_no_sound_is_told(page: Page) -> None:
    """The status is 415, the reason and the words are those of the function, for programs and for people."""
    with pytest.raises(AnalysisError) as expected:
        example.analyse(as_file(b"no sound"), "The file", SETTINGS)
    answer, body = send(page, b"no sound")
    html_answer, html = send(page, b"no sound", "/similar", Accept="text/html")

    assert answer.status == html_answer.status == 415
    assert json.loads(body) == {
        "title": "The function would reject this file: not_audio",
        "advice": f"{expected.value}.",
        "reason": "not_audio",
    }
    assert f"{expected.value}." in html.decode()


@pytest.mark.parametrize("is_told", [True, False])
def test_a_file_that_is_too_large_is_not_taken(page: Page, *, is_told: bool) -> None:
    """The limit is said, whether the size is told before or not."""
    head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body = head + bytes(MAX_BYTES + 1 + (similar_pages.FORM_BYTES if is_told else 0)) + b"\r\n--B--\r\n"
    connection = http.client.HTTPConnection(HOST, page.port, timeout=20)
    pieces: bytes | Iterator[bytes] = body if is_told else iter([body[: MAX_BYTES // 2], body[MAX_BYTES // 2 :]])
    connection.request("POST", "/similar.json", pieces, {"Content-Type": "multipart/form-data; boundary=B"})
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()

    assert (answer.status, told["reason"]) == (413, "too_large")
    assert f"At most {MAX_BYTES} bytes" in told["advice"]


def test_a_sound_that_is_too_long_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function's limit of duration holds, which is said as the function says it."""
    monkeypatch.setenv("MAX_DURATION_S", "1")

    with as_file(TONE) as file, pytest.raises(RefusedFileError) as refused:
        run_apart(analyse_apart(file, "a.wav", 60))
    assert (refused.value.problem.status, refused.value.reason) == (413, "too_long")
    assert "MAX_DURATION_S=1" in refused.value.problem.advice


def test_what_has_no_file_is_told(page: Page) -> None:
    """A body that is no form, or a form without the field, is answered with how to send one."""
    for answer, body in (page.ask("/similar.json", "POST", TONE), send(page, TONE, field="sound")):
        assert answer.status == 400
        assert "curl -F file=@sound.wav" in json.loads(body)["advice"]
    assert send(page, TONE, "/similar.json?n=x")[0].status == 400
    assert page.ask("/similar.json")[0].status == 405


def test_another_site_gets_nothing(page: Page) -> None:
    """A form of another site is refused before its file is looked at; a link from there leads to the form."""
    for headers in ({"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}):
        for path in ("/similar", "/similar.json"):
            assert send(page, TONE, path, **headers)[0].status == 403
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert page.ask("/similar", **link)[0].status == 200
    assert send(page, b"", Origin=page.url)[0].status == 415


def test_nothing_of_it_is_left(page: Page) -> None:
    """Neither the bucket, nor the collection, nor the disk has it afterwards."""
    directory = Path(tempfile.gettempdir())
    before = {blob.name for blob in page.bucket.list_blobs()}, page.read("/sounds.json")
    send(page, TONE)

    assert ({blob.name for blob in page.bucket.list_blobs()}, page.read("/sounds.json")) == before
    assert list(directory.glob("sound-*")) == []


def test_one_at_a_time(page: Page) -> None:
    """Who asks while another file arrives waits for it, and both get their answers."""
    head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body = head + TONE + b"\r\n--B--\r\n"
    slow = http.client.HTTPConnection(HOST, page.port, timeout=60)
    slow.putrequest("POST", "/similar.json")
    slow.putheader("Content-Type", "multipart/form-data; boundary=B")
    slow.putheader("Content-Length", str(len(body)))
    slow.endheaders(body[:1000])
    with ThreadPoolExecutor(1) as thread:
        other = thread.submit(send, page, TONE)
        slow.send(body[1000:])
        answers = slow.getresponse().status, other.result()[0].status
    slow.close()

    assert answers == (200, 200)


def test_two_files_are_never_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What of a file takes memory and processors, its arrival and its analysis, is never done for two."""
    n_at_once: list[int] = []
    inside: set[object] = set()

    async def take(*_: object) -> str:
        mine = object()
        inside.add(mine)
        for _turn in range(5):  # of the loop, in which another would begin
            await asyncio.sleep(0)
        n_at_once.append(len(inside))
        inside.remove(mine)
        return "mine.wav"

    async def ask() -> None:
        pages = SimilarPages(Config, None, None)  # type: ignore[arg-type]
        request = Request({"type": "http", "method": "POST", "headers": [], "query_string": b""})
        await asyncio.gather(*(pages._analyse(request, 1) for _ in range(3)), return_exceptions=True)

    monkeypatch.setattr(similar_pages, "read_file", take)
    monkeypatch.setattr(similar_pages, "while_waited_for", take)
    monkeypatch.setattr(similar_pages, "analyse_apart", lambda *_: None)
    run_apart(ask())
    assert n_at_once == [1] * 6


def test_who_waits_too_long_is_told_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 503 with Retry-After, and the next may come afterwards."""
    monkeypatch.setattr(similar_pages, "WAIT_S", 0.01)

    async def ask() -> RefusedFileError:
        pages = SimilarPages(Config, None, None)  # type: ignore[arg-type]
        async with pages._alone():
            with pytest.raises(RefusedFileError) as refused:
                async with pages._alone():
                    pass
        async with pages._alone():
            return refused.value

    refused = run_apart(ask())
    assert refused.problem.status == 503
    assert int(similar_pages._headers_of(refused)["retry-after"]) > 0


class Config:
    """What of a page's configuration is asked for."""

    settings = SETTINGS


def test_an_analysis_that_takes_too_long_is_ended() -> None:
    """It is given up with the limit, and its process is gone."""
    before = psutil.Process().children()
    with as_file(TONE) as file, pytest.raises(RefusedFileError) as refused:
        run_apart(analyse_apart(file, "a.wav", 0.01))

    assert refused.value.problem.status == 413
    assert "0.01 seconds" in refused.value.problem.advice
    assert psutil.Process().children() == before


def test_an_analysis_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends without an answer, as one without memory does, is no fault of the page."""
    monkeypatch.setenv("MAX_BYTES", "nonsense")  # so that it ends at its start

    with as_file(TONE) as file, pytest.raises(RefusedFileError) as refused:
        run_apart(analyse_apart(file, "a.wav", 60))
    assert refused.value.problem.status == 415


def test_what_nobody_waits_for_is_ended() -> None:
    """When the browser leaves, the analysis of its file ends, so that the next is not kept waiting."""
    left, before = asyncio.Event(), psutil.Process().children()

    async def receive() -> dict[str, str]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def ask() -> None:
        request = Request({"type": "http", "method": "POST", "headers": []}, receive)
        with as_file(TONE) as file:
            work = asyncio.ensure_future(while_waited_for(request, analyse_apart(file, "a.wav", 60)))
            await asyncio.to_thread(wait_until, lambda: psutil.Process().children() != before, seconds=20)
            left.set()
            with pytest.raises(RefusedFileError):
                await work

    run_apart(ask())
    assert psutil.Process().children() == before
