"""The map in a real browser: walked, read, played and coloured."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analysis.definition import SR
from bench.documents import make_document
from tests.page.served_page import Page


def test_the_map_is_walked_and_played_by_keyboard(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """One stop for Tab; the arrows go from point to point, Enter plays."""
    tab.goto(f"{small[0].url}/map")
    tab.locator("#map circle").first.wait_for()
    assert tab.locator("#map circle").count() == len(small[1]) - 1  # without the one that is gone
    assert tab.locator("#map circle[tabindex='0']").count() == 1
    tab.locator("#map circle[tabindex='0']").focus()
    first = tab.evaluate("document.activeElement.getAttribute('aria-label')")
    tab.keyboard.press("ArrowRight")

    second = tab.evaluate("document.activeElement.getAttribute('aria-label')")
    assert second != first
    assert second in tab.locator(".tip").inner_text()
    tab.keyboard.press("Enter")
    tab.locator("#player-name").filter(has_text=second.split(",")[0]).wait_for()


def test_the_map_shows_each_sound_at_its_place(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """A point lies as far to the right and as far up as its sound does, both in one scale, within the picture."""
    page, _ = small
    places = {sound["uid"]: (sound["x"], sound["y"]) for sound in json.loads(page.read("/map.json"))["sounds"]}
    tab.goto(f"{page.url}/map")
    tab.locator("#map circle").first.wait_for()
    points = tab.locator("#map circle").evaluate_all(
        "(points) => points.map((one) => [one.dataset.uid, +one.getAttribute('cx'), +one.getAttribute('cy')])"
    )
    _, _, width, height = map(float, tab.locator("#map svg").get_attribute("viewBox").split())

    assert {uid for uid, _, _ in points} == set(places)
    for uid, x, y in points:
        assert 0 < x < width
        assert 0 < y < height
        scale = (x - points[0][1], points[0][2] - y)
        expected = np.subtract(places[uid], places[points[0][0]]) * (width - 48)
        assert scale == pytest.approx(tuple(expected), abs=1e-6)


def test_the_map_is_coloured_by_what_is_chosen(tab: Any, serve_page: Callable[..., Page]) -> None:
    """By folder the most frequent have a colour and a count each, by a number five equal groups; silence has none."""
    page = serve_page()
    folders = ["a", "a", "a", "b", "b", *"cdefghi"]
    page.insert(
        *(
            make_document(f"{folder}/{seed}.wav", seed=seed, length=(seed + 1) * SR, rms_db=None)
            for seed, folder in enumerate(folders)
        )
    )
    tab.goto(f"{page.url}/map")
    tab.locator("#map circle").first.wait_for()

    def colours() -> dict[str, str]:
        points = tab.locator("#map circle").evaluate_all(
            "(all) => all.map((one) => [one.dataset.name, one.className.baseVal])"
        )
        return {name: class_name.replace(" current", "") for name, class_name in points}

    legend = tab.locator("#legend li").all_inner_texts()
    assert legend[:2] == ["a/ (3)", "b/ (2)"]
    assert [text[1:] for text in legend[2:]] == ["/ (1)"] * 5 + [" others"]
    assert legend[-1] == "2 others"
    assert [colours()[name] for name in ("a/0.wav", "a/2.wav", "b/3.wav")] == ["kind-0", "kind-0", "kind-1"]
    assert sorted(colours().values()).count("kind-rest") == 2
    tab.locator("#colour").select_option("duration")
    assert tab.locator("#legend li").all_inner_texts() == [f"from {seconds}.0 s" for seconds in (1, 3, 5, 8, 10)]
    steps = [colours()[f"{folder}/{seed}.wav"] for seed, folder in enumerate(folders)]
    assert steps == [f"step-{step}" for step in (0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4)]
    tab.locator("#colour").select_option("container")
    assert tab.locator("#legend li").all_inner_texts() == ["WAV (12)"]
    tab.locator("#colour").select_option("rms_db")
    assert tab.locator("#legend li").all_inner_texts() == ["unknown (12)"]


def test_a_point_of_the_map_says_what_it_is(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """Name, length and level of the sound under the pointer stand below its point, within the picture, and go again."""
    tab.goto(f"{small[0].url}/map")
    tab.locator("#map circle").first.wait_for()
    assert tab.locator(".tip").is_hidden()
    point = tab.locator("#map circle[data-name='elsewhere.wav']")
    point.hover()

    assert tab.locator(".tip").inner_text().startswith("elsewhere.wav, ")
    assert tab.locator(".tip").inner_text().endswith(" dB")
    spot, tip, picture = (tab.locator(one).bounding_box() for one in ("circle:hover", ".tip", "#map"))
    assert 0 <= tip["y"] - (spot["y"] + spot["height"]) < 20
    assert picture["x"] <= tip["x"]
    assert tip["x"] + tip["width"] <= picture["x"] + picture["width"]
    tab.mouse.move(1, 1)
    tab.locator(".tip").wait_for(state="hidden")


def test_the_map_is_a_list_too(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """Each sound of the map is a link, from left to right, with its nearest on the map."""
    page, _ = small
    tab.goto(f"{page.url}/map")
    tab.locator("#map-list summary").click()
    sounds = sorted(json.loads(page.read("/map.json"))["sounds"], key=lambda sound: sound["x"])
    for sound in sounds:
        others = [other for other in sounds if other is not sound]
        nearest = min(others, key=lambda other: (other["x"] - sound["x"]) ** 2 + (other["y"] - sound["y"]) ** 2)
        sound["line"] = f" – nearest: {nearest['blob_name']}"
    tab.locator("#map-list li").first.wait_for()

    items = tab.locator("#map-list li").evaluate_all(
        "(all) => all.map((one) => [one.firstChild.getAttribute('href'), one.lastChild.data])"
    )
    assert items == [[f"/sounds/{sound['uid']}", sound["line"]] for sound in sounds]


def test_too_few_sounds_make_no_map(tab: Any, serve_page: Callable[..., Page]) -> None:
    """Who has fewer than three sounds is told so."""
    tab.goto(f"{serve_page().url}/map")

    tab.locator("#map", has_text="Too few sounds for a map: it takes three").wait_for()
