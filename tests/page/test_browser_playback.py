"""How a sound plays in a real browser: again and again, a part of it, slower, softer, and on after a reload."""

from typing import Any

import pytest

from tests.page.browsing import HOSTILE, SECONDS, assert_paused, row
from tests.page.served_page import Page

TIME = "parseFloat(document.getElementById('player-time').textContent.slice(2))"
# Resolves with the least and the greatest time that were shown until the sound had gone back twice.
TWO_ROUNDS = f"""() => new Promise((resolve) => {{
  let [rounds, last, least, greatest] = [0, {TIME}, Infinity, 0];
  const look = () => {{
    const time = {TIME};
    if (time < last) rounds += 1;
    last = time;
    if (rounds > 0) [least, greatest] = [Math.min(least, time), Math.max(greatest, time)];
    if (rounds === 2) resolve([least, greatest]);
    else requestAnimationFrame(look);
  }};
  look();
}})"""


def play(tab: Any, page: Page, name: str) -> None:
    """Go to the list and play a sound."""
    tab.goto(page.url)
    row(tab, name).get_by_role("button").click()
    tab.locator("#player-play.playing").wait_for()


def test_a_reload_leaves_everything_as_it_was(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """The sound, where it is, the part that is repeated, volume, speed and repetition are there after a reload."""
    page, uids = small
    play(tab, page, "tone.wav")
    tab.locator("#player-volume").fill("30")
    tab.locator("#player-speed").select_option("2")
    tab.get_by_role("button", name="Repeat", exact=True).click()
    tab.locator("#player-seek").fill("400")
    tab.keyboard.press("r")
    tab.locator("#player-seek").fill("600")
    tab.keyboard.press("r")
    tab.wait_for_function(f"() => {TIME} > 20.5")
    with tab.expect_navigation():
        tab.evaluate("location.reload()")  # Chromium lets music go on where a gesture led to the reload
    tab.locator("#player-name", has_text="tone.wav").wait_for()
    tab.wait_for_function(f"() => {TIME} > 20.4")

    assert tab.evaluate(TIME) < 30
    assert tab.locator("#player-name").get_attribute("href") == f"/sounds/{uids['tone.wav']}"
    assert tab.locator("#player-volume").input_value() == "30"
    assert tab.locator("#player-speed").input_value() == "2"
    assert tab.get_by_role("button", name="Repeat", exact=True).get_attribute("aria-pressed") == "true"
    assert tab.get_by_role("button", name="A–B: repeat no part").get_attribute("data-state") == "whole"
    tab.locator("#player-play.playing").wait_for()
    sounding = tab.evaluate(
        "import(document.querySelector('script[src$=\"player.js\"]').src).then(({ audio }) => "
        "[audio.volume, audio.playbackRate, audio.loop])"
    )
    assert sounding == [pytest.approx(0.3), 2, False]  # a part is repeated, not the whole


def test_what_was_held_is_held_after_a_reload(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """A sound that did not play when the page was left does not begin by itself, and goes on from where it was."""
    page, _ = small
    play(tab, page, "tone.wav")
    tab.locator("#player-seek").fill("500")
    tab.keyboard.press("p")
    assert_paused(tab)
    tab.reload()

    tab.wait_for_function(f"() => {TIME} >= {SECONDS / 2}")
    assert_paused(tab)
    assert tab.evaluate(TIME) < SECONDS / 2 + 5
    tab.keyboard.press("p")
    tab.wait_for_function(f"() => {TIME} >= {SECONDS / 2} + 1")


def test_a_part_is_repeated(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """From where r was pressed first to where it was pressed again, until it is pressed a third time."""
    page, _ = small
    play(tab, page, "tone.wav")
    tab.locator("#player-seek").fill("420")
    tab.keyboard.press("r")
    tab.get_by_role("status").filter(has_text="Part from 0:21").wait_for()
    tab.locator("#player-seek").fill("400")
    tab.keyboard.press("r")
    tab.get_by_role("status").filter(has_text="Repeats 0:20").wait_for()

    least, greatest = tab.evaluate(TWO_ROUNDS)
    assert 20 <= least < 21
    assert 20.5 < greatest < 30
    tab.keyboard.press("r")
    tab.get_by_role("button", name="A–B: repeat from here").wait_for()
    tab.wait_for_function(f"() => {TIME} > 22")


def test_a_part_is_that_of_one_sound(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """Another sound plays whole."""
    page, _ = small
    play(tab, page, "tone.wav")
    tab.keyboard.press("r")
    tab.get_by_role("button", name="A–B: repeat up to here").wait_for()
    row(tab, "quieter.flac").get_by_role("button").click()

    tab.get_by_role("button", name="A–B: repeat from here").wait_for()
    assert tab.locator("#player-part-shown").is_hidden()


def test_a_sound_is_repeated(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """With repetition a sound begins again after its end; without it the sound is held there."""
    page, _ = small
    tab.goto(page.url)
    tab.keyboard.press("l")
    tab.get_by_role("status").filter(has_text="Repeats").wait_for()
    row(tab, HOSTILE[:10]).get_by_role("button").click()
    tab.locator("#player-play.playing").wait_for()

    assert tab.evaluate(TWO_ROUNDS)[1] <= 1.1
    tab.keyboard.press("l")
    tab.locator("#player-play:not(.playing)").wait_for()


def test_the_space_bar_plays_where_no_control_has_the_focus(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """It plays and holds; in the search it is a space, on a button a press, and without a sound it scrolls."""
    page, _ = small
    tab.goto(page.url)
    tab.keyboard.press("Space")
    first = tab.locator("li.sound").first.get_attribute("data-name")
    tab.locator("#player-name", has_text=first).wait_for()
    row(tab, "tone.wav").locator(".wave").click()
    tab.locator("#player-play.playing").wait_for()
    tab.keyboard.press("Space")
    assert_paused(tab)
    tab.keyboard.press("Space")
    tab.locator("#player-play.playing").wait_for()
    tab.keyboard.press("Space")
    assert_paused(tab)
    tab.locator("#q").focus()
    tab.keyboard.press("Space")
    assert tab.locator("#q").input_value() == " "
    assert tab.locator("#player-play.playing").count() == 0
    row(tab, "quieter.flac").get_by_role("button").focus()
    tab.keyboard.press("Space")
    tab.locator("#player-name", has_text="quieter.flac").wait_for()
    tab.locator("#player-play.playing").wait_for()
    tab.get_by_role("button", name="Keys").focus()
    tab.keyboard.press("Space")
    tab.get_by_role("dialog").wait_for()
    assert tab.locator("#player-play.playing").count() == 1


def test_the_player_is_near(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """One skip leads to it from the beginning of the page, its controls follow each other, then comes the content."""
    page, _ = small
    tab.goto(page.url)
    assert tab.get_by_role("link", name="To the player").count() == 0
    tab.keyboard.press("j")
    tab.locator("#player").wait_for()
    tab.get_by_role("link", name="To the content").focus()
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "To the player"
    tab.keyboard.press("Enter")

    order = []
    for _ in range(8):
        order.append(tab.evaluate("document.activeElement.id"))
        tab.keyboard.press("Tab")
    assert order == [
        *("player-play", "player-name", "player-seek", "player-loop", "player-part", "player-speed", "player-volume"),
        "q",
    ]
