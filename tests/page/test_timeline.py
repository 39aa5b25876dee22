"""The pictures of a sound over time, in a real browser: labels, places, keys and the time under the pointer."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from analysis.definition import SR
from bench.documents import make_document
from tests.page import sample_sounds
from tests.page.served_page import Page

AT = "+document.getElementById('seek').getAttribute('aria-valuenow')"


def seconds_of(text: str) -> float:
    """The seconds of a label such as 1:02:03.5 or 0.25 s."""
    seconds = 0.0
    for part in text.removesuffix(" s").split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


@pytest.fixture(scope="module")
def minute(shared: Page) -> str:
    """The address of a sound of a minute that can be heard."""
    y = np.sin(np.arange(60 * 8000) * 0.3).astype(np.float32)
    fields = sample_sounds.upload(shared.bucket, "minute.wav", sample_sounds.encode(y, 8000, codec="PCM_U8"))
    document = make_document("minute.wav", seed=1, length=60 * SR, **fields)
    shared.insert(document)
    return f"{shared.url}/sounds/{document['uid']}"


@pytest.mark.parametrize("width", [1280, 700, 320])
@pytest.mark.parametrize("seconds", [0.31, 9.7, 64, 1234.5, 7260, 41_000])
def test_a_label_stands_at_its_time(tab: Any, shared: Page, seconds: float, width: int) -> None:
    """The centre of each label is at most a pixel from its time, none covers another, and none leaves the window."""
    document = make_document(f"{seconds}.wav", seed=round(seconds), length=round(seconds * SR))
    shared.insert(document)
    tab.set_viewport_size({"width": width, "height": 800})
    tab.goto(f"{shared.url}/sounds/{document['uid']}", wait_until="domcontentloaded")  # not for its spectrogram
    tab.locator("#times span").first.wait_for()
    picture = tab.locator(".wave.tall").bounding_box()
    labels = tab.locator("#times span").evaluate_all(
        "(all) => all.map((one) => [one.innerText, one.getBoundingClientRect()]).map(([t, b]) => [t, b.left, b.right])"
    )

    for text, left, right in labels:
        at = picture["x"] + picture["width"] * seconds_of(text) / document["duration"]
        assert (left + right) / 2 == pytest.approx(at, abs=1), text
    assert all(one[2] < other[1] for one, other in pairwise(labels))
    assert len(labels) >= (3 if width == 320 else 5)
    assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_an_address_opens_at_a_time(tab: Any, minute: str) -> None:
    """What #t= names is marked before anything plays, and is where it begins to play."""
    tab.goto(f"{minute}#t=41.5")
    tab.locator(".placed").wait_for()
    assert tab.evaluate(AT) == 41.5
    cursor, picture = (tab.locator(one).bounding_box() for one in (".cursor", ".wave.tall"))
    assert cursor["x"] + 1 == pytest.approx(picture["x"] + picture["width"] * 41.5 / 60, abs=1)
    tab.locator(".one [data-play]").click()

    tab.wait_for_function(f"() => {AT} > 41.6")
    assert 41.5 < tab.evaluate(AT) < 50


@pytest.mark.parametrize("hash_", ["#t=", "#t=x", "#t=-1", "#t=61", "#t=1e9", "#t=99999999999", "#t=<b>", "#u=3"])
def test_an_address_of_no_time_opens_the_beginning(tab: Any, minute: str, hash_: str) -> None:
    """What is no time within the sound marks nothing."""
    tab.goto(minute + hash_)
    tab.locator("#times span").first.wait_for()

    assert tab.locator(".placed").count() == 0
    assert tab.evaluate(AT) == 0


def test_keys_go_a_second_and_ten(tab: Any, minute: str) -> None:
    """Arrows go a second, with Shift ten, also where nothing has the focus; the address says where."""
    tab.goto(f"{minute}#t=20")
    tab.locator(".placed").wait_for()
    tab.route("**/sounds/*/audio", lambda _: None)  # so that time stands still
    for key, at in (("ArrowRight", 21), ("Shift+ArrowRight", 31), ("ArrowLeft", 30), ("Shift+ArrowLeft", 20)):
        tab.keyboard.press(key)
        assert tab.evaluate(AT) == at, key
        assert tab.url.endswith(f"#t={at}")
    tab.locator("#seek").focus()
    for key, at in (("PageUp", 30), ("PageDown", 20), ("ArrowUp", 21), ("ArrowDown", 20), ("Home", 0), ("End", 60)):
        tab.keyboard.press(key)
        assert tab.evaluate(AT) == at, key
    tab.locator("[data-play]").first.focus()
    tab.keyboard.press("ArrowLeft")
    assert tab.evaluate(AT) == 60


def test_the_time_under_the_pointer_is_shown(tab: Any, minute: str) -> None:
    """Where the pointer is, its time stands, to the tenth where a pixel is less; it goes with the pointer."""
    tab.goto(minute)
    picture = tab.locator(".wave.tall").bounding_box()
    assert tab.locator("#under").is_hidden()
    for share in (0.0, 0.25, 0.999):
        tab.mouse.move(picture["x"] + picture["width"] * share, picture["y"] + 50)
        assert seconds_of(tab.locator("#under").inner_text()) == pytest.approx(60 * share, abs=0.1)
        label = tab.locator("#under").bounding_box()
        assert picture["x"] <= label["x"]
        assert label["x"] + label["width"] <= picture["x"] + picture["width"] + 1

    tab.mouse.move(1, 1)
    tab.locator("#under").wait_for(state="hidden")
