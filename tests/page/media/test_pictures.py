"""Who waits for whose picture: the short for none that is long, and nobody for one that nobody waits for."""

import asyncio
import http.client
import json
from collections.abc import Iterator
from contextlib import closing, suppress
from math import inf
from typing import Any

import numpy as np
import psutil
import pytest

from analysis.definition import SR
from analysis.errors import AnalysisError
from bench.documents import make_document
from page.config import Config
from page.media.pictures import Lane, NobodyWaitsError, Pictures
from page.media.stretch import Stretch, parse_stretch, whole
from tests.fakes.synthetic import encode, encode_with_ffmpeg
from tests.fakes.waiting import run_apart, wait_until
from tests.page import sample_sounds
from tests.page.served_page import Page

CLICK_S = 4983.217


@pytest.fixture
def config(heard: tuple[Page, dict[str, Any], bytes], monkeypatch: pytest.MonkeyPatch) -> Config:
    """The page over one sound of three seconds."""
    return heard[0].open_here(monkeypatch)


@pytest.fixture(scope="module")
def two_hours(shared: Page) -> dict[str, Any]:
    """The document of two hours of silence with a click, whose file is there."""
    content = sample_sounds.two_hours(CLICK_S)
    source = {"container": "FLAC", "codec": "PCM_16", "sample_rate": 8000, "channels": 1, "complete": True}
    fields = sample_sounds.upload(shared.bucket, "two hours.flac", content)
    document = make_document("two hours.flac", length=7200 * SR, source=source, **fields)
    shared.insert(document)
    return document


async def stays() -> bool:
    """Nobody leaves."""
    return False


async def has_left() -> bool:
    """Whoever asked has left."""
    return True


def processes_that_draw() -> Iterator[psutil.Process]:
    """The processes that draw, below this one: of its own pages and of those that it serves."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if "page.media.drawing" in process.cmdline():
                yield process


def test_in_a_lane_one_is_drawn_at_a_time(config: Config, heard: tuple[Page, dict[str, Any], bytes]) -> None:
    """While one is drawn another of its length waits, so that many who look take no more than one core and one file."""

    async def run() -> None:
        pictures = Pictures(config)
        async with pictures._lanes[0].semaphore:
            waiting = asyncio.create_task(pictures.get(heard[1], whole(heard[1]), stays))
            await asyncio.sleep(1)
            assert not waiting.done()
        assert (await waiting).png.startswith(b"\x89PNG")

    run_apart(run())


def test_a_short_one_waits_for_no_long_one(config: Config, heard: tuple[Page, dict[str, Any], bytes]) -> None:
    """While the lanes of what is long are taken, a short sound is drawn."""

    async def run() -> None:
        pictures = Pictures(config)
        async with pictures._lanes[1].semaphore, pictures._lanes[2].semaphore:
            assert (await pictures.get(heard[1], whole(heard[1]), stays)).png.startswith(b"\x89PNG")
        assert [lane.niceness for lane in pictures._lanes] == [None, 5, 10]
        assert [lane.longest_s for lane in pictures._lanes] == [300, 1800, inf]

    run_apart(run())


def test_all_who_wait_share_one_drawing(config: Config, heard: tuple[Page, dict[str, Any], bytes]) -> None:
    """Who leaves takes nothing from who stays, and what was drawn is there for who comes later."""

    async def run() -> None:
        pictures = Pictures(config)
        ask = pictures.get(heard[1], whole(heard[1]), has_left), pictures.get(heard[1], whole(heard[1]), stays)
        async with pictures._lanes[0].semaphore:
            left, stayed = map(asyncio.create_task, ask)
            with pytest.raises(NobodyWaitsError):
                await left
            assert len(pictures._drawings) == 1
        picture = await stayed
        assert pictures._drawings == {}
        async with pictures._lanes[0].semaphore:
            assert await pictures.get(heard[1], whole(heard[1]), stays) is picture

    run_apart(run())


def test_a_process_draws_the_same(config: Config, heard: tuple[Page, dict[str, Any], bytes]) -> None:
    """Whether here or in a process of its own, the picture is the same, and so is the error."""

    async def run() -> None:
        here, apart = Pictures(config), Pictures(config)
        apart._lanes = (Lane(inf, inf, 1),)
        sound, stretch = heard[1], Stretch(10_000, 40_000, 300)
        for asked in (stretch, whole(sound)):
            assert await here.get(sound, asked, stays) == await apart.get(sound, asked, stays)
        gone = sound | {"generation": 1, "uid": "gone"}
        for pictures in (here, apart):
            with pytest.raises(Exception, match="not there: deleted or overwritten"):
                await pictures.get(gone, whole(gone), stays)

    run_apart(run())


def test_drawing_ends_when_nobody_waits(
    two_hours: dict[str, Any], shared: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that draws two hours is ended as soon as who asked for it has left, and the next one begins."""
    config = shared.open_here(monkeypatch)

    async def run() -> None:
        pictures = Pictures(config)
        drawings: list[asyncio.Task[Any]] = []

        async def leaves() -> bool:
            if list(processes_that_draw()):
                drawings.extend(drawing.task for drawing in pictures._drawings.values())
            return bool(drawings)

        with pytest.raises(NobodyWaitsError):
            await pictures.get(two_hours, whole(two_hours), leaves)
        await asyncio.wait(drawings)
        assert drawings[0].cancelled()
        async with pictures._lanes[-1].semaphore:
            assert list(processes_that_draw()) == []

    run_apart(run())


def test_who_closes_the_connection_does_not_wait(two_hours: dict[str, Any], shared: Page) -> None:
    """A browser that is closed, or that shows another page, ends the drawing for it."""
    with closing(http.client.HTTPConnection("127.0.0.1", shared.port, timeout=60)) as connection:
        connection.request("GET", f"/sounds/{two_hours['uid']}/spectrogram.png?width=999")
        wait_until(lambda: any(processes_that_draw()), seconds=30)
    wait_until(lambda: not any(processes_that_draw()), seconds=30)


def test_a_stretch_is_drawn_where_it_is(two_hours: dict[str, Any], shared: Page) -> None:
    """Of ten seconds in two hours a click is drawn at its time, with nothing decoded that lies before."""
    first = int(CLICK_S) - 4
    answer, body = shared.ask(f"/sounds/{two_hours['uid']}/peaks.json?from={first}&to={first + 10}&width=1000")
    told = json.loads(body)

    assert answer.status == 200
    assert (told["from"], told["to"]) == (first, first + 10)
    assert len(told["low"]) == len(told["high"]) == 1000
    assert first + np.argmax(told["high"]) / 100 == pytest.approx(CLICK_S, abs=0.02)
    address = f"/sounds/{two_hours['uid']}/spectrogram.png?from={first}&to={first + 10}"
    assert shared.ask(address)[1].startswith(b"\x89PNG")
    assert list(processes_that_draw()) == []


@pytest.mark.parametrize("name", ["damaged.wav", "adts.aac"])
def test_what_cannot_be_sought_in_is_decoded_on(shared: Page, name: str) -> None:
    """Where the file says nothing that can be relied on, the stretch is found by decoding what lies before."""
    y = np.zeros((20 * SR, 1))
    y[13 * SR : 13 * SR + 20] = 0.9
    content = encode(y, SR) if name == "damaged.wav" else encode_with_ffmpeg(y, SR, "adts", "aac")
    about = sample_sounds.analyse(content) | sample_sounds.upload(shared.bucket, name, content)
    about["source"] |= {"complete": False}
    document = make_document(name, **about)
    shared.insert(document)

    told = json.loads(shared.read(f"/sounds/{document['uid']}/peaks.json?from=9&to=19&width=1000"))
    assert 9 + np.argmax(told["high"]) / 100 == pytest.approx(13, abs=0.1)


@pytest.mark.parametrize(
    ("parameters", "stretch"),
    [
        ({}, Stretch(0, 100 * SR)),
        ({"from": "", "to": "", "width": ""}, Stretch(0, 100 * SR)),
        ({"from": "10"}, Stretch(10 * SR, 100 * SR)),
        ({"to": "20.5", "width": "7"}, Stretch(0, round(20.5 * SR), 7)),
        ({"from": "99.5", "to": "999999999"}, Stretch(round(99.5 * SR), 100 * SR)),
    ],
)
def test_a_stretch_is_read(parameters: dict[str, str], stretch: Stretch) -> None:
    """What is not named is the beginning, the end, or the greatest width; beyond the end is nothing."""
    assert parse_stretch({"length": 100 * SR}, parameters) == stretch


@pytest.mark.parametrize(
    "query",
    [
        *("from=x", "from=-1", "from=1e3", "from=nan", "from=inf", "from=5&to=5", "from=5&to=4", "from=3.1", "to=0"),
        *("width=0", "width=1001", "width=-1", "width=1.5", "width=99999999999999999999", "to=0.001", "from=1&to=1,5"),
        *(f"from={'9' * 5000}", "from=%D9%A1", "from=0x1"),
    ],
)
def test_no_stretch_is_told(heard: tuple[Page, dict[str, Any], bytes], query: str) -> None:
    """What is none, or not within the sound, is answered with what would be."""
    page, document, _ = heard
    for what in ("spectrogram.png", "peaks.json"):
        answer, body = page.ask(f"/sounds/{document['uid']}/{what}?{query}", Accept="application/json")
        assert answer.status == 400
        assert "=" in json.loads(body)["advice"]


def test_a_document_without_a_length_is_told(config: Config, heard: tuple[Page, dict[str, Any], bytes]) -> None:
    """Nothing is drawn of what has no end."""

    async def run() -> None:
        for length in (None, "x", 0, -5, 2**60):
            sound = heard[1] | {"length": length}
            with pytest.raises(AnalysisError, match="how long"):
                await Pictures(config).get(sound, whole(sound), stays)

    run_apart(run())
