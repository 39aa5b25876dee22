"""The page is used by keyboard alone, and leaves the browser's own keys to it."""

from typing import Any

import pytest

from tests.page.browsing import PLAYING, SECONDS, SLIDER, assert_paused, open_map, row, wait_for_page, wait_for_slider
from tests.page.served_page import Page


@pytest.mark.parametrize("modifier", ["Control", "Alt", "Meta"])
def test_a_key_of_the_browser_is_left_to_it(tab: Any, small: tuple[Page, dict[str, str]], modifier: str) -> None:
    """With Ctrl, Alt or Meta no letter is the page's: Ctrl+P prints, and nothing plays."""
    tab.goto(small[0].url)
    tab.evaluate("document.addEventListener('keydown', (event) => { window.taken = event.defaultPrevented; })")
    for key in "jkpbo,./?":
        tab.evaluate(
            "([key, modifier]) => document.body.dispatchEvent(new KeyboardEvent('keydown', "
            "{ key, [`${modifier}Key`]: true, bubbles: true, cancelable: true }))",
            [key, {"Control": "ctrl"}.get(modifier, modifier.lower())],
        )
        assert tab.evaluate("window.taken") is False, key

    assert tab.locator("#player").is_hidden()
    assert tab.evaluate("document.activeElement.tagName") == "BODY"
    tab.keyboard.press("p")
    tab.locator("#player").wait_for()


def test_letters_that_are_typed_are_text(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """In the search, and where something is chosen, a letter is text; on the slider of the player it is a key."""
    page, _ = small
    tab.goto(page.url)
    tab.locator("#q").focus()
    tab.keyboard.type("jkpbo,./?")
    assert tab.locator("#q").input_value() == "jkpbo,./?"
    assert tab.locator("#player").is_hidden()
    row(tab, "tone.wav").get_by_role("button").click()
    tab.locator("#player-play.playing").wait_for()
    tab.locator("#player-seek").focus()
    tab.keyboard.press("p")
    assert_paused(tab)
    open_map(tab, page)
    tab.locator("#colour").focus()
    tab.keyboard.press("j")
    assert tab.locator("#player-name").inner_text() == "tone.wav"
    assert tab.locator(PLAYING).count() == 0


def test_each_key_does_what_its_list_says(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """J and k step and stop at the ends, b begins anew, comma and full stop go a tenth, o opens, a slash searches."""
    page, uids = small
    tab.goto(page.url)
    names = tab.locator("li.sound").evaluate_all("(rows) => rows.map((row) => row.dataset.name)")

    def play(key: str, name: str) -> None:
        tab.keyboard.press(key)
        tab.wait_for_function("(name) => document.getElementById('player-name').textContent === name", arg=name)

    play("k", names[-1])
    play("b", names[0])
    play("k", names[0])
    play("j", names[1])
    for _ in names:
        tab.keyboard.press("j")
    play("j", names[-1])
    assert names[-1] == "tone.wav"
    tab.locator("#player-play.playing").wait_for()
    tab.keyboard.press("p")
    assert_paused(tab)
    tab.locator("#player-seek").fill("500")
    tab.keyboard.press(".")
    tab.wait_for_function("() => document.getElementById('player-time').textContent.startsWith('0:30.0')")
    tab.keyboard.press(",")
    tab.keyboard.press(",")
    tab.wait_for_function("() => document.getElementById('player-time').textContent.startsWith('0:20.0')")
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.id") == "q"
    tab.locator("#q").blur()
    tab.keyboard.press("o")
    wait_for_page(tab, f"**/sounds/{uids['tone.wav']}")


def test_everything_is_reached_by_keyboard(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """Without a pointer: skip to the content, search, play, go on, open, seek, read the keys and turn them off."""
    page, uids = small
    tab.goto(page.url)
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.keyboard.press("/")
    tab.keyboard.type("ton")
    tab.keyboard.press("Enter")
    wait_for_page(tab, "**/?q=ton")
    assert tab.locator("li.sound").count() == 1
    for _ in range(20):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.matches('li.sound .play')"):
            break
    tab.keyboard.press("Enter")
    tab.locator("#player-name", has_text="tone.wav").wait_for()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    wait_for_page(tab, f"**/sounds/{uids['tone.wav']}?q=ton")
    tab.locator("#times span").first.wait_for()  # from now on the page listens to keys
    tab.locator("#seek").focus()
    for _ in range(25):
        tab.keyboard.press("ArrowRight")
    assert SECONDS * 0.5 <= wait_for_slider(tab, SECONDS * 0.5) < SECONDS * 0.6
    for key in ("ArrowLeft", "ArrowDown", "PageDown"):
        tab.keyboard.press(key)
    tab.wait_for_function(f"() => {SLIDER} < {SECONDS * 0.34}")
    assert wait_for_slider(tab, 0) > SECONDS * 0.25
    for key in ("ArrowUp", "PageUp", "PageUp"):
        tab.keyboard.press(key)
    assert wait_for_slider(tab, SECONDS * 0.66) < SECONDS * 0.76
    tab.keyboard.press("End")
    wait_for_slider(tab, SECONDS * 0.99)
    tab.keyboard.press("Home")
    tab.wait_for_function(f"() => {SLIDER} < {SECONDS * 0.1}")
    tab.keyboard.press("p")
    assert_paused(tab)
    tab.keyboard.press("?")
    tab.get_by_role("dialog").wait_for()
    tab.get_by_label("Use these keys").press("Space")
    tab.keyboard.press("Escape")
    tab.keyboard.press("p")
    tab.wait_for_timeout(300)
    assert tab.locator(PLAYING).count() == 0
