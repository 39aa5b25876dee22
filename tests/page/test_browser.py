"""The page as people use it: in a real browser, by pointer, by keyboard and by what reads it aloud."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from google.cloud.firestore_v1.vector import Vector

from analysis.definition import SR
from bench.documents import FIRST_MOMENT, make_document, make_rejection
from page.web.app import PAGE_SIZE
from tests.page import sample_sounds
from tests.page.served_page import Page

HOSTILE = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>.wav"
PLAYING = ".play.playing"
SOURCE = {"container": "WAV", "codec": "PCM_16", "sample_rate": 44100, "channels": 1, "complete": True}
SECONDS = 50  # longer than a test waits, so that what is heard to its end is not taken for paused
SLIDER = "+document.getElementById('seek').getAttribute('aria-valuenow')"


@pytest.fixture(scope="module")
def small(serve_page: Callable[..., Page]) -> tuple[Page, dict[str, str]]:
    """A page over four sounds that can be heard, one of them with a hostile name, and two that cannot: uids by name."""
    page = serve_page()
    y = (np.sin(np.arange(SECONDS * SR) * 0.1) * np.linspace(0.9, 0.1, SECONDS * SR)).astype(np.float32)
    files = {
        "tone.wav": (sample_sounds.encode(y), [0.0, 0.0, 0.0]),
        "quieter.flac": (sample_sounds.encode(y * 0.1, SR, "FLAC"), [0.0, 0.01, 0.0]),
        "other.wav": (sample_sounds.encode(y[::-1]), [5.0, 4.0, 0.0]),
        HOSTILE: (sample_sounds.encode(y[:SR]), [9.0, 0.0, 8.0]),
    }
    documents = [
        make_document(
            name,
            seed=seed,
            fingerprint=Vector(place),
            source=SOURCE | {"tags": {"comment": f"{HOSTILE} in a tag"}},
            **sample_sounds.describe(y),
            **sample_sounds.upload(page.bucket, name, content),
        )
        for seed, (name, (content, place)) in enumerate(files.items())
    ]
    gone = make_document("gone.wav", seed=9, bucket=page.bucket.name, fingerprint=Vector([1.0, 30.0, 2.0]))
    elsewhere = make_document("elsewhere.wav", seed=10, bucket="another", fingerprint=Vector([1.0, 30.0, 2.0]))
    hostile = make_rejection(HOSTILE, seed=1, reason="corrupt", message="<b onclick=alert(1)>damaged</b>")
    page.insert(*documents, gone, elsewhere, rejections=[hostile])
    return page, {document["blob_name"]: document["uid"] for document in [*documents, gone, elsewhere]}


def wait_for_slider(tab: Any, seconds: float) -> float:
    """Wait until the slider of a sound's page is there or further, and return where it is."""
    tab.wait_for_function(f"() => {SLIDER} >= {seconds}")
    return tab.evaluate(SLIDER)


def assert_paused(tab: Any) -> None:
    """Wait until nothing plays, and check that nothing was merely heard to its end."""
    tab.locator("#player-play:not(.playing)").wait_for()
    assert tab.locator(PLAYING).count() == 0
    assert float(tab.locator("#player-time").text_content().partition(" /")[0][2:]) < SECONDS


def row(tab: Any, name: str) -> Any:
    """The row of a sound."""
    return tab.locator("li.sound").filter(has_text=name)


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
    tab.locator("#map-list summary").click()
    tab.locator("#map-list li", has_text="<img src=x").first.wait_for()
    assert tab.locator("main img, main script").count() == 0


def test_a_rejection_shows_its_reason(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """Reason and message stand beside the name."""
    tab.goto(f"{small[0].url}/rejections")

    text = tab.locator(".rejection").inner_text()
    assert "corrupt" in text
    assert "<b onclick=alert(1)>damaged</b>" in text


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


def test_new_sounds_and_rejections_appear_by_themselves(tab: Any, serve_page: Callable[..., Page]) -> None:
    """What is written while one looks is on top of the list, said aloud, and there after a reload."""
    page = serve_page()
    tab.goto(page.url)
    tab.get_by_text("No sounds yet").wait_for()
    now = datetime.now(UTC)
    page.insert(make_document("fresh.wav", bucket=page.bucket.name, uploaded_at=now))

    row(tab, "fresh.wav").wait_for()
    assert "fresh.wav" in tab.get_by_role("status").first.inner_text()
    assert tab.get_by_text("No sounds yet").count() == 0
    page.insert(make_document("fresher.wav", bucket=page.bucket.name, seed=1, uploaded_at=datetime.now(UTC)))
    row(tab, "fresher.wav").wait_for()
    assert "fresher.wav" in tab.locator("li.sound").first.inner_text()
    tab.reload()
    assert "fresher.wav" in tab.locator("li.sound").first.inner_text()
    assert tab.locator("li.sound").count() == 2
    tab.goto(f"{page.url}/rejections")
    page.insert(rejections=[make_rejection("bad.wav", rejected_at=datetime.now(UTC))])
    tab.locator(".rejection", has_text="bad.wav").wait_for()


def test_a_sound_of_a_later_page_is_not_inserted(tab: Any, serve_page: Callable[..., Page]) -> None:
    """What is older than all that is listed is not shown behind it where a later page has it, what is newer is."""
    page = serve_page()
    page.insert(*(make_document(f"{seed:02}.wav", seed=seed) for seed in range(PAGE_SIZE + 1)))
    tab.goto(page.url)
    row(tab, "50.wav").wait_for()
    now = datetime.now(UTC)
    page.insert(make_document("older.wav", seed=60, uploaded_at=FIRST_MOMENT - timedelta(days=9), analyzed_at=now))
    between = FIRST_MOMENT + timedelta(seconds=30.5)
    page.insert(make_document("between.wav", seed=61, uploaded_at=between, analyzed_at=now + timedelta(seconds=1)))
    row(tab, "between.wav").wait_for()

    names = [text.split("\n")[0] for text in tab.locator("li.sound .base").all_inner_texts()]
    assert names == [
        *(f"{seed}.wav" for seed in range(50, 30, -1)),
        "between.wav",
        *(f"{seed:02}.wav" for seed in range(30, 0, -1)),
    ]


def test_what_is_analysed_anew_takes_its_own_row(tab: Any, serve_page: Callable[..., Page]) -> None:
    """A sound whose document is written again is listed once, as it is now."""
    page = serve_page()
    sound = make_document("again.wav")
    page.insert(sound)
    tab.goto(page.url)
    row(tab, "again.wav").wait_for()
    page.insert(sound | {"duration": 187.0, "analyzed_at": datetime.now(UTC)})
    row(tab, "3:07").wait_for()

    assert tab.locator("li.sound").count() == 1


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
    tab.goto(f"{page.url}/map")
    tab.locator("#map circle").first.wait_for()
    tab.locator("#colour").focus()
    tab.keyboard.press("j")
    assert tab.locator("#player").is_hidden()


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
    tab.wait_for_url(f"**/sounds/{uids['tone.wav']}")


def test_everything_is_reached_by_keyboard(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """Without a pointer: skip to the content, search, play, go on, open, seek, read the keys and turn them off."""
    page, uids = small
    tab.goto(page.url)
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.keyboard.press("/")
    tab.keyboard.type("ton")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/?q=ton")
    assert tab.locator("li.sound").count() == 1
    for _ in range(20):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.matches('li.sound .play')"):
            break
    tab.keyboard.press("Enter")
    tab.locator("#player-name", has_text="tone.wav").wait_for()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.wait_for_url(f"**/sounds/{uids['tone.wav']}?q=ton")
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


def test_it_works_without_scripts(chromium: Any, small: tuple[Page, dict[str, str]]) -> None:
    """The lists, the sounds and the downloads are there where no script runs."""
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(small[0].url)
    tab.get_by_role("link", name="tone.wav").click()

    assert "tone.wav" in tab.get_by_role("heading", level=1).inner_text()
    assert tab.get_by_role("link", name="Download the file").count() == 1
    context.close()


def test_axe_finds_nothing(chromium: Any, small: tuple[Page, dict[str, str]]) -> None:
    """Every page and its player pass axe-core's rules, best practices included, on any screen, light and dark."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415  not needed where there is no browser

    page, uids = small
    # The policy of the page lets no script of axe in: for this test alone it is let by.
    context = chromium.new_context(bypass_csp=True)
    tab = context.new_page()
    found = []
    for path, is_played in (
        *(("/", True), ("/?q=nothing", False), ("/rejections", False), ("/map", False), ("/no", False)),
        *((f"/sounds/{uids[name]}", True) for name in ("tone.wav", "gone.wav")),
    ):
        tab.goto(page.url + path)
        tab.wait_for_load_state("networkidle" if path != "/" else "load")
        if is_played:
            tab.keyboard.press("j")
            tab.locator("#player").wait_for()
        for width, scheme in product((360, 1280), ("light", "dark")):
            tab.set_viewport_size({"width": width, "height": 800})
            tab.emulate_media(color_scheme=scheme)
            for violation in Axe().run(tab).response["violations"]:
                found += [(path, width, scheme, violation["id"], node["html"][:150]) for node in violation["nodes"]]
            overflow = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if overflow > 0:
                found.append((path, width, scheme, "wider than the window", overflow))
    context.close()

    assert found == []


def test_snare_finds_all_and_the_filters_stay(tab: Any, serve_page: Callable[..., Page]) -> None:
    """What is searched finds all, in any case and form; order, filter, back and reload keep what was asked for."""
    page = serve_page()
    names = ["drums/Snare 1.wav", "drums/SNARE 2.wav", "takes/my snare\u0301.wav", "takes/kick.wav"]
    page.insert(*(make_document(name, seed=seed, duration=1.0 + seed) for seed, name in enumerate(names)))
    tab.goto(page.url)
    tab.locator("#q").fill("sn\u00e4re")
    tab.locator("#q").press("Enter")
    tab.get_by_role("heading", name="3 sounds").wait_for()
    tab.locator("#sort").select_option("longest")
    tab.wait_for_url("**/?q=*&sort=longest")
    tab.get_by_role("link", name="drums/", exact=True).click()
    tab.get_by_role("heading", name="2 sounds").wait_for()
    tab.get_by_text("Length, level, note, tempo").click()
    tab.get_by_label("Note").select_option("C")
    tab.get_by_role("button", name="Apply").click()
    tab.get_by_text("No sounds match.").wait_for()
    tab.go_back()
    tab.get_by_role("heading", name="2 sounds").wait_for()
    tab.reload()

    rows = tab.locator("li.sound .base").all_inner_texts()
    assert rows == ["SNARE 2.wav", "Snare 1.wav"]
    assert tab.locator("#q").input_value() == "sn\u00e4re"
    assert tab.locator("#sort").input_value() == "longest"


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
    assert tab.locator(".neighbours .sound:visible").count() == 9
    tab.locator(".copies summary").click()
    assert tab.locator(".neighbours .sound:visible").count() == 10
    tab.get_by_role("button", name="More").click()
    tab.locator(".neighbours > .sound").nth(20).wait_for()

    assert tab.get_by_role("button", name="More").count() == 0
    for _ in range(3):
        tab.keyboard.press("j")
    tab.locator("#player-name", has_text="10.wav").wait_for()
