"""Long recordings, in a real browser: zooming in to what is looked for, and the pictures of what is seen."""

from typing import Any

import numpy as np
import pytest

from analysis.definition import SR
from bench.documents import make_document
from tests.page import sample_sounds
from tests.page.served_page import Page
from tests.page.test_timeline import AT, seconds_of

HOURS_S, CLICK_S = 7200, 4983.217
# Where the waveform that is seen is highest, pixels from the left of the window.
HIGHEST = """() => {
  const svg = document.querySelector("#seek svg");
  const columns = [...svg.firstElementChild.getAttribute("d").matchAll(/M([\\d.]+) ([\\d.]+)V([\\d.]+)/g)];
  const seen = svg.viewBox.baseVal;
  const shown = columns.filter((column) => column[1] >= seen.x && column[1] <= seen.x + seen.width);
  const highest = shown.reduce((one, other) => (other[3] - other[2] > one[3] - one[2] ? other : one));
  const box = svg.getBoundingClientRect();
  return box.left + ((highest[1] - seen.x) / seen.width) * box.width;
}"""
SPAN = """() => {
  const seconds = (text) => text.split(":").reduce((sum, part) => 60 * sum + Number(part), 0);
  const [first, second] = [...document.querySelectorAll("#times span")];
  const perSecond = (parseFloat(second.style.left) - parseFloat(first.style.left)) / 100;
  return (seconds(second.textContent) - seconds(first.textContent)) / perSecond;
}"""
STRETCH = "#spectrogram img[src*='from=']"


@pytest.fixture(scope="module")
def two_hours(shared: Page) -> str:
    """The address of two hours of silence with a click."""
    content = sample_sounds.two_hours(CLICK_S)
    source = {"container": "FLAC", "codec": "PCM_16", "sample_rate": 8000, "channels": 1, "complete": True}
    peaks = np.zeros((600, 2), np.int8)
    peaks[int(CLICK_S / HOURS_S * 600)] = 0, 116
    fields = sample_sounds.upload(shared.bucket, "two hours.flac", content) | {"peaks": peaks.tobytes()}
    document = make_document("two hours.flac", length=HOURS_S * SR, source=source, **fields)
    shared.insert(document)
    return f"{shared.url}/sounds/{document['uid']}"


@pytest.fixture
def opened(tab: Any, two_hours: str) -> Any:
    """A tab in which two hours are looked at; the whole spectrogram, which takes long, is not waited for."""
    tab.route("**/spectrogram.png", lambda route: route.abort())
    tab.goto(two_hours)
    tab.locator("#times span").first.wait_for()
    return tab


def settle(tab: Any) -> None:
    """Wait until the pictures of what is seen are there."""
    tab.wait_for_function(
        """() => {
          const svg = document.querySelector("#seek svg");
          const seen = svg.viewBox.baseVal;
          return svg.dataset.key && seen.x > -1 && seen.width > 0.99 * svg.dataset.columns;
        }"""
    )


def test_a_click_in_two_hours_is_found(opened: Any) -> None:
    """By wheel and drag one comes from two hours to ten seconds, and reads the time of the click to a tenth."""
    tab = opened
    y = tab.locator(".wave.tall").bounding_box()["y"] + 40
    while tab.evaluate(SPAN) > 300:
        before = tab.evaluate(SPAN)
        tab.mouse.move(tab.evaluate(HIGHEST), y)
        tab.mouse.wheel(0, -400)
        tab.wait_for_function(f"() => ({SPAN})() < {before * 0.9}")
    settle(tab)
    while (span := tab.evaluate(SPAN)) > 12:
        x, width = tab.evaluate(HIGHEST), tab.locator(".wave.tall").bounding_box()["width"]
        tab.mouse.move(x - 4.5 / span * width, y)
        tab.mouse.down()
        tab.mouse.move(x, y)
        tab.mouse.move(x + 5.5 / span * width, y)
        tab.mouse.up()
        tab.wait_for_function(f"() => ({SPAN})() < {span * 0.9}")
        settle(tab)
    x = tab.evaluate(HIGHEST)
    tab.mouse.move(x, y)

    assert tab.evaluate(SPAN) == pytest.approx(10, abs=1)
    assert seconds_of(tab.locator("#under").inner_text()) == pytest.approx(CLICK_S, abs=0.1)
    tab.mouse.click(x, y)
    tab.wait_for_function(f"() => {AT} > 0")
    assert seconds_of(tab.url.partition("#t=")[2]) == pytest.approx(CLICK_S, abs=0.1)


def test_keys_and_buttons_zoom(opened: Any) -> None:
    """Plus halves what is seen, minus doubles it, zero shows all; the overview shows where one is, and leads on."""
    tab = opened
    assert tab.locator("#overview").is_hidden()
    for _ in range(3):
        tab.keyboard.press("+")
    assert tab.evaluate(SPAN) == pytest.approx(HOURS_S / 8)
    tab.get_by_role("button", name="Zoom out").click()
    assert tab.evaluate(SPAN) == pytest.approx(HOURS_S / 4)
    overview, shown = (tab.locator(one).bounding_box() for one in ("#overview", "#overview .shown"))
    assert shown["width"] == pytest.approx(overview["width"] / 4, abs=3)
    tab.mouse.click(overview["x"] + overview["width"] - 3, overview["y"] + 10)
    shown = tab.locator("#overview .shown").bounding_box()
    assert shown["x"] + shown["width"] == pytest.approx(overview["x"] + overview["width"], abs=2)
    tab.keyboard.press("-")
    tab.get_by_role("button", name="Whole sound").click()
    assert tab.evaluate(SPAN) == pytest.approx(HOURS_S)
    assert tab.locator("#overview").is_hidden()
    for _ in range(30):
        tab.keyboard.press("+")
    assert tab.evaluate(SPAN) == pytest.approx(1)
    tab.keyboard.press("0")
    assert tab.evaluate(SPAN) == pytest.approx(HOURS_S)


def test_two_fingers_zoom(opened: Any) -> None:
    """What is between two fingers stays between them."""
    tab = opened
    box = tab.locator(".wave.tall").bounding_box()
    session = tab.context.new_cdp_session(tab)
    middle, y = box["x"] + box["width"] / 2, box["y"] + 50

    def touch(kind: str, *apart: float) -> None:
        points = [{"x": middle + sign * one / 2, "y": y, "id": n} for one in apart for n, sign in enumerate((-1, 1))]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 100)
    for apart in (120, 200, 400):
        touch("touchMove", apart)
    touch("touchEnd")
    tab.wait_for_function(f"() => ({SPAN})() < {HOURS_S / 3}")

    assert tab.evaluate(SPAN) == pytest.approx(HOURS_S / 4, rel=0.05)
    shown, overview = (tab.locator(one).bounding_box() for one in ("#overview .shown", "#overview"))
    assert shown["x"] + shown["width"] / 2 == pytest.approx(overview["x"] + overview["width"] / 2, abs=5)
    assert tab.locator("#player").is_hidden()


def test_what_is_seen_is_drawn(opened: Any) -> None:
    """Its pictures take the place of those of the whole; for what was only passed through nothing is asked."""
    tab = opened
    asked = []
    tab.on("request", lambda request: asked.append(request.url) if "from=" in request.url else None)
    tab.keyboard.press("+")
    tab.keyboard.press("+")
    for _ in range(7):
        tab.keyboard.press("+")
    settle(tab)
    tab.locator(STRETCH).wait_for()

    picture, seen = (tab.locator(one).bounding_box() for one in (STRETCH, ".wave.tall"))
    assert picture["x"] == pytest.approx(seen["x"], abs=1)
    assert picture["width"] == pytest.approx(seen["width"], abs=2)
    assert len([url for url in asked if "spectrogram" in url]) < 9
    tab.keyboard.press("0")
    tab.wait_for_function("() => !document.querySelector('#seek svg').dataset.key")


def test_labels_stand_at_their_times_when_zoomed(opened: Any) -> None:
    """The centre of each is at its time, between those of the labels beside it."""
    tab = opened
    for key in "++++":
        tab.keyboard.press(key)
    tab.keyboard.press("ArrowRight")
    labels = tab.locator("#times span").evaluate_all(
        "(all) => all.map((one) => [one.innerText, one.getBoundingClientRect()]).map(([t, b]) => [t, b.left, b.right])"
    )
    seen = tab.locator(".wave.tall").bounding_box()
    span = tab.evaluate(SPAN)
    start = tab.evaluate("() => parseFloat(document.querySelector('#overview .shown').style.left)") / 100 * HOURS_S

    assert len(labels) > 4
    for text, left, right in labels:
        at = seen["x"] + (seconds_of(text) - start) / span * seen["width"]
        assert (left + right) / 2 == pytest.approx(at, abs=1)


def test_a_quiet_waveform_is_seen_in_db(tab: Any, shared: Page) -> None:
    """What is a line by full scale has a shape in dB; the choice is kept."""
    y = (np.sin(np.arange(60 * SR) * 0.1) * 0.01).astype(np.float32)
    y[: 30 * SR] *= 0.2
    content = sample_sounds.encode(y)
    about = sample_sounds.analyse(content) | sample_sounds.upload(shared.bucket, "quiet.wav", content)
    document = make_document("quiet.wav", **about)
    shared.insert(document)
    heights = """() => [...document.querySelector("#seek svg path").getAttribute("d").matchAll(/ ([\\d.]+)V([\\d.]+)/g)]
      .map((column) => column[2] - column[1])"""
    tab.goto(f"{shared.url}/sounds/{document['uid']}")
    assert max(tab.evaluate(heights)) < 5
    tab.get_by_label("Waveform in dB").check()
    tab.wait_for_function("() => document.querySelector('#seek svg').dataset.key")

    before, after = np.array(tab.evaluate(heights)).reshape(2, -1)[:, 10:-10]
    assert after.min() > 256 * 0.1
    assert (after.mean() - before.mean()) / 256 * 60 == pytest.approx(14, abs=4)
    tab.reload()
    tab.wait_for_function("() => document.querySelector('#seek svg').dataset.key")
    assert tab.get_by_label("Waveform in dB").is_checked()


def test_moments_are_gone_to(opened: Any) -> None:
    """A press goes to the loudest moment; brackets go to the next and to the one before."""
    tab = opened
    loudest = tab.get_by_role("group", name="Loudest").get_by_role("button")
    assert loudest.all_inner_texts() == ["1:23:00"]
    tab.route("**/audio", lambda _: None)  # so that time stands still
    loudest.click()
    assert tab.evaluate(AT) == int(CLICK_S / HOURS_S * 600) * HOURS_S / 600
    tab.keyboard.press("Escape")
    tab.locator("#seek").focus()
    tab.keyboard.press("Home")
    tab.keyboard.press("]")
    assert tab.evaluate(AT) == 4980
    tab.keyboard.press("End")
    tab.keyboard.press("[")
    assert tab.evaluate(AT) == 4980


def test_scrolling_the_page_does_not_zoom(tab: Any, shared: Page) -> None:
    """A wheel that scrolls the page goes on scrolling it when the pictures come under it; later it zooms."""
    document = make_document("scrolled.wav", length=600 * SR)
    shared.insert(document)
    tab.goto(f"{shared.url}/sounds/{document['uid']}", wait_until="domcontentloaded")  # not for its spectrogram
    tab.locator("#times span").first.wait_for()
    wheel = """(times) => times.map(([on, at]) => {
      const event = new WheelEvent("wheel", { deltaY: -100, bubbles: true, cancelable: true });
      Object.defineProperty(event, "timeStamp", { value: at });
      document.querySelector(on).dispatchEvent(event);
      return event.defaultPrevented;
    })"""

    steps = [["h1", 10_000], ["#seek", 10_100], ["#seek", 10_400], ["#seek", 10_700], ["#seek", 11_200]]
    assert tab.evaluate(wheel, steps) == [False, False, False, False, True]
    assert tab.evaluate(SPAN) < 600
