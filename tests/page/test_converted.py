"""What a browser does not play is heard all the same, converted by the page."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analysis.definition import SR
from bench.documents import make_document
from tests.fakes.synthetic import encode, encode_with_ffmpeg, tone
from tests.page import sample_sounds
from tests.page.served_page import Page

SECONDS = 50  # longer than a test waits
TIME = "parseFloat(document.getElementById('player-time').textContent.slice(2))"
FILES = {
    "AIFF": lambda: encode(tone(SECONDS, 8000, 1), 8000, "AIFF"),
    "ALAC": lambda: encode_with_ffmpeg(tone(SECONDS, 8000, 1), 8000, "ipod", "alac"),
    "WMA": lambda: encode_with_ffmpeg(tone(SECONDS, 22050, 1), 22050, "asf", "wmav2", 32_000),
    "WavPack": lambda: encode_with_ffmpeg(tone(SECONDS, 8000, 1), 8000, "wv", "wavpack"),
    "CAF": lambda: encode(tone(SECONDS, 8000, 1), 8000, "CAF"),
}


@pytest.fixture
def insert(shared: Page) -> Callable[..., str]:
    """Put a sound into the bucket, and return its address."""

    def insert_one(name: str, content: bytes, **fields: Any) -> str:
        about = sample_sounds.analyse(content) | sample_sounds.upload(shared.bucket, name, content)
        document = make_document(name, **about | fields)
        shared.insert(document)
        return f"{shared.url}/sounds/{document['uid']}"

    return insert_one


@pytest.mark.parametrize("name", FILES)
def test_it_is_heard_and_said(tab: Any, insert: Callable[..., str], name: str) -> None:
    """Time moves, also after a jump to the middle, and the player says what was converted."""
    tab.goto(insert(f"heard {name}", FILES[name]()))
    tab.locator(".one [data-play]").click()

    tab.wait_for_function(f"() => {TIME} > 0.3")
    assert tab.locator("#player-converted").inner_text() == f"Converted for your browser; the original is {name}."
    assert tab.locator("#player-problem").is_hidden()
    tab.locator("#player-seek").fill("500")
    tab.wait_for_function(f"() => {TIME} > {SECONDS / 2 + 0.3}")
    assert tab.evaluate(TIME) < SECONDS - 10


def test_what_a_browser_plays_is_not_converted(tab: Any, insert: Callable[..., str]) -> None:
    """A WAV is asked for as it is, and nothing is said."""
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(insert("as it is.wav", encode(tone(SECONDS, 8000, 1), 8000)))
    tab.locator(".one [data-play]").click()
    tab.wait_for_function(f"() => {TIME} > 0.3")

    assert any(url.endswith("/audio") for url in asked)
    assert not any("as=wav" in url for url in asked)
    assert tab.locator("#player-converted").is_hidden()


def test_what_only_turns_out_not_to_be_played_is_converted_then(tab: Any, insert: Callable[..., str]) -> None:
    """A file whose document says nothing of its format is tried, and converted when the browser gives up."""
    source = {"container": "WAV", "codec": "IMA_ADPCM", "sample_rate": 8000, "channels": 1, "complete": True}
    content = encode(tone(SECONDS, 8000, 1), 8000, codec="IMA_ADPCM")
    tab.goto(insert("adpcm.wav", content, source=source) + "#t=20")
    tab.locator(".one [data-play]").click()

    tab.wait_for_function(f"() => {TIME} > 20.3")
    assert tab.locator("#player-converted").inner_text() == "Converted for your browser; the original is WAV."


def test_the_middle_of_two_hours_is_heard(tab: Any, shared: Page) -> None:
    """There is sound there without the first hour being heard."""
    content = encode(np.zeros((7200 * 8000, 1), np.int16), 8000, "AIFF", "PCM_S8")
    source = {"container": "AIFF", "codec": "PCM_S8", "sample_rate": 8000, "channels": 1, "complete": True}
    fields = sample_sounds.upload(shared.bucket, "two hours.aiff", content)
    document = make_document("two hours.aiff", length=7200 * SR, source=source, **fields)
    shared.insert(document)
    tab.goto(f"{shared.url}/sounds/{document['uid']}#t=3600", wait_until="domcontentloaded")  # not for its spectrogram
    tab.locator(".one [data-play]").click()

    tab.wait_for_function("() => document.getElementById('player-time').textContent.startsWith('1:00:01')")
