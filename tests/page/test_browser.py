"""The page as people use it: in a real browser, by pointer, by keyboard and by what reads it aloud."""

from collections.abc import Callable
from typing import Any

from google.cloud.firestore_v1.vector import Vector

from bench.documents import make_document
from tests.page.browsing import HOSTILE, row, wait_for_map
from tests.page.served_page import Page


def test_a_duplicate_is_the_first_neighbour(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """The same sound, quieter and in another format, comes first, is marked, and can be heard beside the first."""
    page, uids = small
    tab.goto(f"{page.url}/sounds/{uids['tone.wav']}")
    first = tab.locator(".neighbours li").first
    first.wait_for()

    assert "quieter.flac" in first.inner_text()
    assert "the same sound" in first.inner_text()
    assert "the same sound" not in tab.locator(".neighbours li").nth(1).inner_text()
    tab.locator(".means tr").first.wait_for()
    assert tab.locator("[aria-busy]").count() == 0
    tab.keyboard.press("j")
    tab.locator("#player-name", has_text="tone.wav").wait_for()
    tab.keyboard.press("j")
    tab.locator("#player-name", has_text="quieter.flac").wait_for()
    first.get_by_role("button", name="Pause").wait_for()
    tab.keyboard.press("b")
    tab.locator("#player-name", has_text="tone.wav").wait_for()


def test_a_hostile_name_is_text(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """Markup in names, tags and messages is read, not run, on every page, in the player and on the map."""
    page, uids = small
    for path in ("/", "/rejections", f"/sounds/{uids[HOSTILE]}", "/map", "/?q=%3Cimg"):
        tab.goto(page.url + path)
        tab.wait_for_load_state("networkidle" if path == "/map" else "load")
        assert tab.locator("main img[src=x], main script, main [onclick]").count() == 0
        assert not tab.title().startswith("run")
    tab.goto(f"{page.url}/sounds/{uids[HOSTILE]}")
    tab.locator("dd", has_text=f"{HOSTILE} in a tag").wait_for()
    tab.goto(page.url)
    row(tab, "<img src=x").get_by_role("button").click()
    tab.locator("#player-name", has_text="<img src=x").wait_for()
    tab.goto(f"{page.url}/map")
    wait_for_map(tab)
    tab.locator("#map-list summary").click()
    tab.locator("#map-list li", has_text="<img src=x").first.wait_for()
    assert tab.locator("main img, main script").count() == 0


def test_a_rejection_shows_its_reason(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """Reason and message stand beside the name."""
    tab.goto(f"{small[0].url}/rejections")

    text = tab.locator(".rejection").inner_text()
    assert "corrupt" in text
    assert "<b onclick=alert(1)>damaged</b>" in text


def test_it_works_without_scripts(chromium: Any, small: tuple[Page, dict[str, str]]) -> None:
    """The lists, the sounds and the downloads are there where no script runs."""
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(small[0].url)
    tab.get_by_role("link", name="tone.wav").click()

    assert "tone.wav" in tab.get_by_role("heading", level=1).inner_text()
    assert tab.get_by_role("link", name="Download the file").count() == 1
    context.close()


def test_copies_open_and_more_come_on_demand(tab: Any, serve_page: Callable[..., Page]) -> None:
    """A row of copies opens, keys step over what is closed, and a press shows more neighbours."""
    page = serve_page()
    places = [0.0, 5.0, 5.01, *range(10, 30)]
    sounds = [
        make_document(f"{place}.wav", seed=seed, length=50_000, fingerprint=Vector([float(place), 0.0]))
        for seed, place in enumerate(places)
    ]
    page.insert(*sounds)
    tab.goto(f"{page.url}/sounds/{sounds[0]['uid']}")
    tab.locator(".copies").wait_for()
    assert tab.locator(".neighbours .sound:visible").count() == 10
    tab.locator(".copies summary").click()
    assert tab.locator(".neighbours .sound:visible").count() == 11
    tab.get_by_role("button", name="More").click()
    tab.locator(".neighbours > .sound").nth(20).wait_for()

    assert tab.get_by_role("button", name="More").count() == 0
    for _ in range(3):
        tab.keyboard.press("j")
    tab.locator("#player-name", has_text="10.wav").wait_for()
