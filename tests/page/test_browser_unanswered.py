"""Where the page does not answer each part of it says so, in the same words, and goes on as soon as it does."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analysis.definition import SR
from tests.page import sample_sounds
from tests.page.browsing import PLAYING, assert_paused, row, wait_for_map
from tests.page.served_page import Page

type Small = tuple[Page, dict[str, str]]

NO_ANSWER = "The page does not answer: is it still running?"


def cut(tab: Any, address: str) -> Callable[[], None]:
    """Let no request for an address through, as if the page were not there; return what lets them through again."""
    tab.route(address, lambda route: route.abort())
    return lambda: tab.unroute(address)


def wait_for_words(tab: Any, place: str) -> None:
    """Wait until a part of the page says that it does not answer."""
    tab.locator(place).get_by_text(NO_ANSWER, exact=True).wait_for()


@pytest.mark.parametrize(
    ("address", "place", "there"),
    [
        ("**/neighbours", "[data-part$=neighbours]", ".neighbours li >> nth=0"),
        ("**/means", "[data-part$=means]", "[data-part$=means] svg >> nth=0"),
        ("**/spectrogram.png*", "#spectrogram", "#spectrogram img"),
    ],
    ids=["neighbours", "means", "spectrogram"],
)
def test_a_part_of_a_sounds_page_comes_later(tab: Any, small: Small, address: str, place: str, there: str) -> None:
    """What is loaded after the page of a sound says that it does not come, and comes without a press."""
    page, uids = small
    let_through = cut(tab, address)
    tab.goto(f"{page.url}/sounds/{uids['tone.wav']}")
    wait_for_words(tab, place)
    let_through()

    tab.locator(there).wait_for()
    assert not tab.get_by_text(NO_ANSWER).count()


def test_a_stretch_is_drawn_later(tab: Any, small: Small) -> None:
    """Pictures that one has zoomed into are asked for again."""
    page, uids = small
    tab.goto(f"{page.url}/sounds/{uids['tone.wav']}")
    tab.locator("#spectrogram img").wait_for()
    let_through = cut(tab, "**/peaks.json*")
    tab.locator("#zoom-in").click()
    tab.locator("#busy", has_text=NO_ANSWER).wait_for()
    let_through()

    tab.locator("#spectrogram img >> nth=1").wait_for()
    tab.locator("#busy").wait_for(state="hidden")


def test_the_map_comes_later(tab: Any, small: Small) -> None:
    """The map says why it is empty, and is drawn when it can be."""
    page, _ = small
    let_through = cut(tab, "**/map.json")
    tab.goto(f"{page.url}/map")
    wait_for_words(tab, "#map")
    let_through()

    wait_for_map(tab)


def test_a_sound_plays_with_the_next_press(tab: Any, small: Small) -> None:
    """The player says why nothing is heard, looks as if it were paused, and plays when one presses again."""
    page, _ = small
    let_through = cut(tab, "**/audio*")
    tab.goto(page.url)
    row(tab, "tone.wav").locator(".play").click()
    wait_for_words(tab, "#player")
    assert_paused(tab)
    let_through()
    tab.locator("#player-play").click()

    tab.wait_for_function("() => parseFloat(document.getElementById('player-time').textContent.slice(2)) > 0.5")
    assert tab.locator(PLAYING).count()
    assert tab.locator("#player-problem").is_hidden()


def test_names_are_copied_later(tab: Any, small: Small) -> None:
    """What is to be copied says that it does not come, and is there at the next press."""
    page, _ = small
    let_through = cut(tab, "**/selected.*")
    tab.goto(page.url)
    row(tab, "tone.wav").locator(".pick").check()
    tab.get_by_role("button", name="Copy names").click()
    wait_for_words(tab, "#several")
    let_through()
    tab.get_by_role("button", name="Copy names").click()

    tab.locator("#several-told", has_not_text="answer").filter(has_text=":").wait_for()


def test_a_file_is_compared_later(tab: Any, small: Small) -> None:
    """A file that was not sent says so, and is compared when it is given again."""
    page, _ = small
    y = np.sin(np.arange(SR) * 0.1).astype(np.float32) * 0.5
    file = {"name": "mine.wav", "mimeType": "audio/wav", "buffer": sample_sounds.encode(y)}
    tab.goto(f"{page.url}/similar")
    tab.locator("#similar[data-takes-drops]").wait_for()
    let_through = cut(tab, "**/similar")
    tab.locator("#similar-file").set_input_files(file)
    wait_for_words(tab, "#similar-result")
    let_through()
    tab.locator("#similar-file").set_input_files(file)

    tab.locator("#similar-result h2", has_text="mine.wav").first.wait_for()
    tab.locator("#similar-result:not([aria-busy])").wait_for()
    assert not tab.get_by_text(NO_ANSWER).count()
