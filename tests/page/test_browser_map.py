"""The map in a real browser: walked, read, played, coloured, moved and zoomed."""

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from google.cloud.firestore_v1.vector import Vector
from numpy.typing import NDArray

from analysis.definition import SR
from bench.documents import make_document
from page.display import visible
from tests.page.browsing import HOSTILE, open_map
from tests.page.served_page import Page

AT = "one => [one.dataset.name, parseFloat(one.style.left), parseFloat(one.style.top)]"
PIXEL = """(canvas, [x, y]) => {
    const ratio = canvas.width / canvas.clientWidth;
    const pixel = canvas.getContext("2d").getImageData(Math.round(x * ratio), Math.round(y * ratio), 1, 1).data;
    return [...pixel];
}"""
COLOUR = """name => {
    const context = document.createElement("canvas").getContext("2d");
    context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
}"""
PINCH = """(plane, [x, y, before, after]) => {
    const box = plane.getBoundingClientRect();
    const send = (type, id, dx) => plane.dispatchEvent(new PointerEvent(type, {
        pointerId: id, pointerType: "touch", clientX: box.left + plane.clientLeft + x + dx,
        clientY: box.top + plane.clientTop + y, bubbles: true,
    }));
    send("pointerdown", 1, -before);
    send("pointerdown", 2, before);
    send("pointermove", 1, -after);
    send("pointermove", 2, after);
    send("pointerup", 1, -after);
    send("pointerup", 2, after);
}"""


def places_of(tab: Any, page: Page) -> dict[str, NDArray[np.float64]]:
    """Return where each sound is on the plane, by its name, as the places of two that the arrows go to tell it."""
    sounds = {sound["blob_name"]: sound for sound in json.loads(page.read("/map.json"))["sounds"]}
    told = {name: np.array([sound["x"], -sound["y"]]) for name, sound in sounds.items()}
    found: dict[str, NDArray[np.float64]] = {}
    tab.locator("#map-plane").focus()
    for key in ("ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown") * 2:
        name, x, y = tab.locator("#map-at").evaluate(AT)
        found[name] = np.array([x, y])
        tab.keyboard.press(key)
    one, other = max(
        ((one, other) for one in found for other in found if one != other),
        key=lambda pair: float(np.linalg.norm(told[pair[0]] - told[pair[1]])),
    )
    tab.locator("#map-plane").blur()
    scale = np.linalg.norm(found[one] - found[other]) / np.linalg.norm(told[one] - told[other])
    places = {name: found[one] + (told[name] - told[one]) * scale for name in told}
    for name, place in found.items():
        assert place == pytest.approx(places[name], abs=0.01)  # all in one scale, y upwards
    return places


def hover(tab: Any, place: NDArray[np.float64]) -> None:
    """Move the pointer to a place of the plane."""
    tab.locator("#map-plane").scroll_into_view_if_needed()
    box = tab.locator("#map-canvas").bounding_box()
    tab.mouse.move(box["x"] + place[0], box["y"] + place[1])


def place_of_marked(tab: Any) -> NDArray[np.float64]:
    """Return where the marked sound is, also outside of the view."""
    return np.array(tab.locator("#map-at").evaluate(AT)[1:])


def test_the_map_is_walked_and_played_by_keyboard(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """One stop for Tab; the arrows go from point to point, Enter plays."""
    open_map(tab, small[0])
    tab.locator("#map-plane").focus()
    first = tab.locator("#map-at").get_attribute("aria-label")
    tab.keyboard.press("ArrowRight")
    second = tab.locator("#map-at").get_attribute("aria-label")
    if second == first:
        tab.keyboard.press("ArrowLeft")
        second = tab.locator("#map-at").get_attribute("aria-label")

    assert second != first
    assert second in tab.locator("#map-tip").inner_text()
    tab.keyboard.press("Enter")
    tab.locator("#player-name").filter(has_text=second.partition(",")[0][:8]).wait_for()
    assert tab.locator("#map-plane [tabindex='0']").count() == 0


def test_the_map_shows_each_sound_at_its_place(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """A point lies as far to the right and as far up as its sound does, within the picture, and says what it is."""
    page, uids = small
    open_map(tab, page)
    assert tab.locator("#map-tip").is_hidden()
    places = places_of(tab, page)

    assert set(places) == uids.keys() - {"gone.wav"}
    plane = tab.locator("#map-canvas").bounding_box()
    for name in ("elsewhere.wav", "other.wav", HOSTILE):
        assert (places[name] > 0).all()
        assert (places[name] < (plane["width"], plane["height"])).all()
        assert tab.locator("#map-canvas").evaluate(PIXEL, places[name].tolist())[3] > 200
        hover(tab, places[name])
        tab.locator("#map-tip", has_text=name).wait_for()
        assert tab.locator("#map-tip").inner_text().endswith(" dB")
        tip = tab.locator("#map-tip").bounding_box()
        assert plane["x"] <= tip["x"]
        assert tip["x"] + tip["width"] <= plane["x"] + plane["width"]
    tab.mouse.move(1, 1)
    tab.locator("#map-tip").wait_for(state="hidden")


def test_points_over_each_other_are_all_named(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """Where points overlap all are named; a click plays the nearest and lists all, each with its page, to be played."""
    page, uids = small
    open_map(tab, page)
    places = places_of(tab, page)
    hover(tab, places["tone.wav"])
    tab.locator("#map-tip", has_text="quieter.flac").wait_for()
    assert "tone.wav" in tab.locator("#map-tip").inner_text()
    tab.mouse.down()
    tab.mouse.up()

    tab.locator("#map-here h2", has_text="Here: 2 sounds").wait_for()
    tab.locator("#player-name", has_text=re.compile("tone.wav|quieter.flac")).wait_for()
    tab.locator("#map-now").wait_for()
    rows = tab.locator("#map-here .sound")
    assert {row.get_attribute("href") for row in rows.get_by_role("link").all()} == {
        f"/sounds/{uids[name]}" for name in ("tone.wav", "quieter.flac")
    }
    for name in ("quieter.flac", "tone.wav"):
        rows.filter(has_text=name).get_by_role("button", name="Play").click()
        tab.locator("#player-name", has_text=name).wait_for()
        tab.locator(f"#map-now[data-name='{name}']").wait_for()
        tab.locator("#player-play.playing").wait_for()


def test_the_map_zooms(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """The wheel, fingers, buttons and keys zoom; a drag moves, and is no click; what is under the pointer stays."""
    page, _ = small
    open_map(tab, page)
    places = places_of(tab, page)
    whole = [tab.get_by_role("button", name=name) for name in ("Zoom out", "Show all")]
    assert all(button.is_disabled() for button in whole)
    place = places["elsewhere.wav"]
    hover(tab, place)
    spot = np.round(0.6 * place + 0.4 * places["other.wav"])  # where nothing is
    hover(tab, spot)
    tab.mouse.wheel(0, -500)
    tab.wait_for_function("() => !document.getElementById('map-all').disabled")
    assert place_of_marked(tab) == pytest.approx(spot + np.e * (place - spot), abs=1.5)

    before, moved = place_of_marked(tab), np.array([-60, -40])
    tab.mouse.down()
    hover(tab, spot + moved)
    tab.mouse.up()
    assert place_of_marked(tab) == pytest.approx(before + moved, abs=1)
    assert tab.locator("#player").is_hidden()
    tab.get_by_role("button", name="Show all").click()
    assert place_of_marked(tab) == pytest.approx(place, abs=0.1)
    tab.locator("#map-plane").evaluate(PINCH, [*spot.tolist(), 50, 100])
    assert place_of_marked(tab) == pytest.approx(spot + 2 * (place - spot), abs=1)
    tab.locator("#map-plane").press("0")
    assert place_of_marked(tab) == pytest.approx(place, abs=0.1)
    tab.locator("#map-plane").press("+")
    assert place_of_marked(tab) == pytest.approx(place, abs=0.1)
    assert whole[0].is_enabled()
    tab.locator("#map-plane").press("-")
    assert whole[0].is_disabled()
    tab.get_by_role("button", name="Zoom in").click()
    box = tab.locator("#map-canvas").bounding_box()
    middle = np.array([box["width"], box["height"]]) / 2
    assert place_of_marked(tab) == pytest.approx(middle + 1.6 * (place - middle), abs=1)


def test_the_map_is_coloured_by_what_is_chosen(tab: Any, serve_page: Callable[..., Page]) -> None:
    """By folder the most frequent have a colour and a count each, by a number five equal groups; silence has none."""
    page = serve_page()
    folders = ["a", "a", "a", "b", "b", *"cdefghi"]
    angles = np.linspace(0, 2 * np.pi, len(folders), endpoint=False)
    page.insert(
        *(
            make_document(
                f"all/{folder}/{seed}.wav",
                seed=seed,
                length=(seed + 1) * SR,
                rms_db=None,
                fingerprint=Vector([float(np.cos(angle)), float(np.sin(angle))]),
            )
            for seed, (folder, angle) in enumerate(zip(folders, angles, strict=True))
        )
    )
    open_map(tab, page)
    places = places_of(tab, page)

    def colours() -> dict[str, str]:
        tab.wait_for_function(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)), true)"
        )
        names = [*(f"kind-{kind}" for kind in range(7)), "kind-rest", *(f"step-{step}" for step in range(5))]
        known = {name: np.array(tab.evaluate(COLOUR, name)[:3]) for name in names}
        pixels = {
            name: np.array(tab.locator("#map-canvas").evaluate(PIXEL, place.tolist())[:3])
            for name, place in places.items()
        }
        return {
            name: min(known, key=lambda kind: float(np.abs(known[kind] - pixel).sum()))
            for name, pixel in pixels.items()
        }

    legend = tab.locator("#legend li").all_inner_texts()
    assert legend[:2] == ["all/a/ (3)", "all/b/ (2)"]
    assert [text[5:] for text in legend[2:7]] == ["/ (1)"] * 5
    assert legend[7:] == ["2 others"]
    shown = colours()
    assert [shown[f"all/{name}.wav"] for name in ("a/0", "a/2", "b/3")] == ["kind-0", "kind-0", "kind-1"]
    assert sorted(shown.values()).count("kind-rest") == 2
    tab.locator("#colour").select_option("duration")
    assert tab.locator("#legend li").all_inner_texts() == [f"from {seconds}.0 s" for seconds in (1, 3, 5, 8, 10)]
    shown = colours()
    steps = [shown[f"all/{folder}/{seed}.wav"] for seed, folder in enumerate(folders)]
    assert steps == [f"step-{step}" for step in (0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4)]
    tab.locator("#colour").select_option("container")
    assert tab.locator("#legend li").all_inner_texts() == ["WAV (12)"]
    tab.locator("#colour").select_option("rms_db")
    assert tab.locator("#legend li").all_inner_texts() == ["unknown (12)"]


def test_the_map_is_a_list_too(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """Each sound in view is a link, from left to right, with those of all sounds that are most like it."""
    page, _ = small
    open_map(tab, page)
    tab.locator("#map-list summary").click()
    sounds = sorted(json.loads(page.read("/map.json"))["sounds"], key=lambda sound: sound["x"])
    items = tab.locator("#map-list li")
    # The neighbours of each come by a request of their own, in any order.
    tab.wait_for_function("(n) => document.querySelectorAll('#map-list li a').length === n", arg=4 * len(sounds))

    shown = [[link.get_attribute("href") for link in item.get_by_role("link").all()] for item in items.all()]
    for (first, *others), sound in zip(shown, sounds, strict=True):
        neighbours = json.loads(page.read(f"/sounds/{sound['uid']}/neighbours.json?n=3"))
        assert first == f"/sounds/{sound['uid']}"
        assert others == [f"/sounds/{neighbour['uid']}" for neighbour in neighbours]
    assert "alike)" in items.first.inner_text()


def test_all_stay_in_view_when_the_map_is_drawn_anew(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """Who sees all sounds, or some that are elsewhere now, sees all of them in the new map, wherever they are there."""
    page, _ = small
    open_map(tab, page)
    told = json.loads(page.read("/map.json"))
    spread, away = 0.001, 0

    def answer(route: Any) -> None:
        sounds = [sound | {axis: sound[axis] * spread + away for axis in "xy"} for sound in told["sounds"]]
        route.fulfill(json=told | {"sounds": sounds})

    def draw_anew() -> None:
        tab.locator("#map-tip").wait_for()
        tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        tab.locator("#map-tip").wait_for(state="hidden")

    tab.route("**/map.json", answer)
    open_map(tab, page)
    tab.locator("#map-plane").focus()
    tab.keyboard.press("ArrowRight")
    place = place_of_marked(tab)
    spread = 1
    draw_anew()
    assert place_of_marked(tab) == pytest.approx(place, abs=0.5)
    assert tab.get_by_role("button", name="Show all").is_disabled()

    for key in ("+",) * 8 + ("ArrowLeft",):
        tab.keyboard.press(key)
    away = 9
    draw_anew()
    assert tab.get_by_role("button", name="Show all").is_disabled()
    assert tab.locator("#map-at").is_visible()


def test_the_map_is_drawn_and_brought_up_to_date_by_itself(tab: Any, serve_page: Callable[..., Page]) -> None:
    """Who has few sounds is told so; more sounds become a map without a reload, and yet more another, in its place."""
    page = serve_page()
    tab.goto(f"{page.url}/map")
    tab.locator("#map", has_text="Too few sounds for a map: it takes three").wait_for()
    page.insert(*(make_document(f"{seed}.wav", seed=seed) for seed in range(60)))
    look = (
        "document.dispatchEvent(new Event('visibilitychange'))"  # as when the tab is seen again: sooner than by itself
    )
    tab.evaluate(look)

    tab.locator("#map", has_text="The map is being drawn").wait_for()
    tab.locator("#map-lead", has_text="All 60 sounds").wait_for()
    tab.locator("#map:not(.is-empty)").wait_for()
    told = tab.locator("#map-lead").inner_text()
    kept = json.loads(page.read("/map.json"))["kept"]
    assert f"Of the ten sounds that are most like one, {kept * 10:.1f} are among the ten nearest to it here" in told
    page.insert(*(make_document(f"new/{seed}.wav", seed=100 + seed) for seed in range(9)))
    tab.evaluate(look)
    tab.locator("#map-lead", has_text="It is being drawn anew").wait_for()
    tab.locator("#map-lead", has_text=re.compile("All 69 sounds.*on average.$")).wait_for()


def test_a_name_turns_no_text(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """A sign stands for each control character of a name; lengths are told as in the lists."""
    sounds = [
        {
            "uid": str(n),
            "blob_name": f"{n} \u202evaw.exe",
            "x": n / 2,
            "y": n / 2,
            "duration": duration,
            "rms_db": -12,
            "folder": "",
        }
        for n, duration in enumerate((1, 0.164, 0.0045))
    ]
    told = {"count": 3, "comparable": 3, "laid_out": 3, "kept": None, "is_being_drawn": False, "sounds": sounds}
    tab.route("**/map.json", lambda route: route.fulfill(json=told))
    open_map(tab, small[0])
    tab.locator("#map-list summary").click()

    tab.locator("#map-list li").first.wait_for()  # the list is filled when it has opened
    listed = tab.locator("#map-list ol").inner_text()
    assert "0 \ufffdvaw.exe, 1.0 s, −12.0 dB" in listed
    assert "1 \ufffdvaw.exe, 0.16 s" in listed
    assert "2 \ufffdvaw.exe, 4.5 ms" in listed


def test_scripts_show_names_as_templates_do(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """Whichever character is in a name, scripts and templates show the same."""
    texts = [f"a{chr(number)}b" for number in (*range(0x3000), 0xFEFF, 0xE0001)]
    open_map(tab, small[0])
    script = tab.locator("script[src$='/map.js']").get_attribute("src").replace("map.js", "texts.js")
    shown = tab.evaluate("async ([script, texts]) => texts.map((await import(script)).visible)", [script, texts])

    assert shown == list(map(visible, texts))


def test_a_map_that_was_not_laid_out_shows_all_again(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """Where the map had no size for a while, as in a window that is made small, it is no other part of it."""
    open_map(tab, small[0])
    out = tab.get_by_role("button", name="Zoom out")
    assert out.is_disabled()
    for shown in ("none", ""):
        tab.evaluate(
            """async (shown) => {
              document.getElementById("map-plane").style.display = shown;
              for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
            }""",
            shown,
        )

    assert out.is_disabled()
