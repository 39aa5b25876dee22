"""Sounds are heard in a real browser: played, held, skipped through, and told of where they cannot be."""

from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from analysis.definition import SR
from bench.documents import make_document
from tests.page import sample_sounds
from tests.page.browsing import SECONDS, assert_paused, row, wait_for_slider
from tests.page.served_page import Page


def test_a_sound_is_played_from_the_list(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """A press on its button plays a sound where it is listed; time moves; another press holds it."""
    page, _ = small
    tab.goto(page.url)
    row(tab, "tone.wav").get_by_role("button").click()

    tab.wait_for_function("() => parseFloat(document.getElementById('player-time').textContent.slice(2)) >= 1")
    assert tab.url.rstrip("/") == page.url
    row(tab, "tone.wav").get_by_role("button", name="Pause").click()
    row(tab, "tone.wav").get_by_role("button", name="Play").wait_for()
    assert_paused(tab)


def test_a_click_into_the_waveform_goes_there(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """In the middle of the picture is the middle of the sound, and it plays on from there."""
    page, uids = small
    tab.goto(f"{page.url}/sounds/{uids['tone.wav']}")
    box = tab.locator("#seek").bounding_box()
    tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + 20)

    assert wait_for_slider(tab, 0.1) == pytest.approx(SECONDS / 2, abs=SECONDS / 10)
    wait_for_slider(tab, SECONDS / 2 + 1)
    assert "of 0:50" in tab.locator("#seek").get_attribute("aria-valuetext")


def test_a_place_in_one_sound_is_none_in_another(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """Who clicks into a sound that does not play hears the next one from its beginning."""
    page, _ = small
    tab.goto(page.url)
    box = row(tab, "elsewhere.wav").locator(".wave").bounding_box()
    tab.mouse.click(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2)
    tab.get_by_role("alert").wait_for()
    row(tab, "tone.wav").get_by_role("button").click()

    tab.wait_for_function("() => parseFloat(document.getElementById('player-time').textContent.slice(2)) > 0.1")
    assert float(tab.locator("#player-time").text_content().partition(" /")[0][2:]) < SECONDS / 2


def test_keys_add_up_before_the_file_has_begun_to_arrive(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """Each press of an arrow key goes on from the one before, also while the browser knows nothing of the file yet."""
    page, uids = small
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    tab.route("**/sounds/*/audio", hold)
    tab.goto(f"{page.url}/sounds/{uids['tone.wav']}")
    tab.locator("#seek").focus()
    for _ in range(10):
        tab.keyboard.press("ArrowRight")

    assert wait_for_slider(tab, SECONDS * 0.2) == pytest.approx(SECONDS * 0.2)
    held.pop().continue_()
    tab.unroute("**/sounds/*/audio")
    assert wait_for_slider(tab, SECONDS * 0.2 + 0.5) < SECONDS * 0.4


@pytest.fixture
def hour(shared: Page) -> str:
    """The name of a sound of an hour, whose file is there."""
    y = np.tile(np.sin(np.arange(8000) * 0.3).astype(np.float32), 3600)
    name = f"hour {uuid4().hex}.wav"
    fields = sample_sounds.upload(shared.bucket, name, sample_sounds.encode(y, 8000, codec="PCM_U8"))
    shared.insert(make_document(name, length=3600 * SR, **fields))
    return name


def test_an_hour_starts_and_is_skipped_through_at_once(tab: Any, shared: Page, hour: str) -> None:
    """Of a long file only what is heard is fetched, so that its 50th minute plays without the 49 before."""
    fetched = []
    tab.on("response", lambda answer: fetched.append(answer.headers.get("content-range", "")))
    tab.goto(f"{shared.url}/?q={hour}")
    box = row(tab, hour).locator(".wave").bounding_box()
    tab.mouse.click(box["x"] + box["width"] * 5 / 6, box["y"] + box["height"] / 2)

    time = "document.getElementById('player-time').textContent"
    tab.wait_for_function(f"() => /^(49|50):/.test({time})")
    first = tab.locator("#player-time").text_content()
    tab.wait_for_function(f"(first) => {time} !== first", arg=first)
    assert tab.locator("#player-time").text_content()[:3] in {"49:", "50:"}
    assert any(int(part.split()[1].split("-")[0]) > 20_000_000 for part in fetched if part), fetched


def test_a_file_that_is_gone_is_told(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """Who plays or looks at a file that is no longer there reads so, and still sees what was found in it."""
    page, uids = small
    tab.goto(f"{page.url}/sounds/{uids['gone.wav']}")
    tab.locator(".one [data-play]").click()

    tab.get_by_role("alert").filter(has_text="no longer in the bucket").wait_for()
    tab.locator("#spectrogram", has_text="no longer in the bucket").wait_for()
    tab.locator(".means tbody tr").first.wait_for()


def test_a_file_that_goes_while_it_plays_is_told(tab: Any, shared: Page, hour: str) -> None:
    """Who skips on in a file that was deleted meanwhile reads so, though its beginning was heard and is kept."""
    tab.goto(f"{shared.url}/?q={hour}")
    row(tab, hour).get_by_role("button").click()
    tab.wait_for_function("() => /^0:0[1-9]/.test(document.getElementById('player-time').textContent)")
    shared.bucket.blob(hour).delete()
    tab.locator("#player-seek").fill("900")

    tab.get_by_role("alert").filter(has_text="no longer in the bucket").wait_for()
