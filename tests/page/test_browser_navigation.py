"""One goes from page to page in a real browser: the music goes on, and all else is as if each page were loaded."""

import re
from typing import Any

import pytest

from page.web import security
from page.web.static_files import DIRECTORY
from tests.fakes.waiting import wait_until
from tests.page.browsing import row, wait_for_map, wait_for_page
from tests.page.served_page import Page

SECONDS_HEARD = "() => parseFloat(document.getElementById('player-time').textContent.slice(2))"
STAY = "window.stays = true"
STALL = """
  window.stalled = 0;
  const answering = window.fetch;
  window.fetch = async (address, options) => {
    const answer = await answering(address, options);
    if (options.headers?.Accept === "text/html") return answer;
    const { signal } = options;
    const start = (stream) => signal.addEventListener("abort", () => stream.error(signal.reason));
    window.stalled += 1;
    return new Response(new ReadableStream({ start }), answer);
  };
"""  # an answer begins, and has not ended when the page is left


def wait_until_heard(tab: Any, seconds: float) -> None:
    """Wait until the sound is there or further."""
    tab.wait_for_function(f"(seconds) => ({SECONDS_HEARD})() >= seconds", arg=seconds)


def test_the_music_goes_on_from_page_to_page(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """List, sound, map, search, rejections and back: it is heard without a gap, and marked where it is listed."""
    page, uids = small
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url) if request.url.endswith("/audio") else None)
    tab.goto(page.url)
    tab.evaluate(STAY)
    row(tab, "tone.wav").get_by_role("button").click()
    wait_until_heard(tab, 0.5)
    n_asked = len(asked)

    row(tab, "tone.wav").get_by_role("link").click()
    wait_for_page(tab, f"**/sounds/{uids['tone.wav']}")
    tab.locator(".one.current .play.playing").wait_for()
    tab.locator("#spectrogram img").wait_for()
    tab.get_by_role("link", name="Map").click()
    tab.locator("#map-now[data-name='tone.wav']").wait_for()
    tab.locator(".top nav").get_by_role("link", name="Sounds", exact=True).click()
    wait_for_page(tab, f"{page.url}/")
    tab.locator("#q").fill("tone")
    tab.locator("#q").press("Enter")
    wait_for_page(tab, "**/?q=tone")
    row(tab, "tone.wav").get_by_role("button", name="Pause").wait_for()
    tab.get_by_role("link", name="Rejections").click()
    wait_for_page(tab, "**/rejections")
    heard = tab.evaluate(SECONDS_HEARD)
    wait_until_heard(tab, heard + 0.5)
    for _ in range(4):
        tab.go_back()
    wait_for_page(tab, f"**/sounds/{uids['tone.wav']}")
    tab.locator(".one.current .play.playing").wait_for()

    assert tab.evaluate("window.stays")
    assert len(asked) == n_asked


def test_a_page_that_is_gone_to_is_whole(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """Title, focus, what is said aloud, the place in the menu, the export and the scripts are those of the new page."""
    page, uids = small
    tab.goto(f"{page.url}/?q=tone")
    tab.evaluate(STAY)
    tab.keyboard.press("Tab")
    row(tab, "tone.wav").get_by_role("link").click()
    wait_for_page(tab, f"**/sounds/{uids['tone.wav']}?q=tone")

    assert tab.title().startswith("tone.wav")
    assert tab.locator("#status").inner_text() == tab.title()
    assert tab.evaluate("document.activeElement.id") == "main"
    assert tab.locator(".top [aria-current]").count() == 0
    assert "all sounds" in tab.locator(".foot").inner_text()
    tab.locator(".neighbours li").first.wait_for()
    assert "local" not in (tab.locator(".one time").get_attribute("title") or "local")
    tab.get_by_role("link", name="Rejections").click()
    wait_for_page(tab, "**/rejections")
    assert tab.locator(".top [aria-current]").inner_text() == "Rejections"
    assert "these rejections" in tab.locator(".foot").inner_text()
    tab.locator("#sort").focus()
    tab.locator("#sort").select_option("name")
    wait_for_page(tab, "**/rejections?sort=name")
    assert tab.evaluate("document.activeElement.id") == "sort"
    assert tab.evaluate("window.stays")


def test_back_leads_to_the_place_that_was_left(tab: Any, many: Page) -> None:
    """Who comes back to a list sees the rows that were seen, and has the focus on the link that was followed."""
    tab.goto(many.url)
    tab.evaluate(STAY)
    tab.get_by_role("link", name="Older").click()
    tab.wait_for_function("() => location.search.startsWith('?after=')")
    wait_for_page(tab, "**/?after=*")
    link = row(tab, "kit/040.wav").get_by_role("link")
    link.scroll_into_view_if_needed()
    scrolled = tab.evaluate("scrollY")
    link.press("Enter")
    wait_for_page(tab, "**/sounds/*")
    assert scrolled > 500
    assert tab.evaluate("scrollY") == 0
    tab.go_back()
    wait_for_page(tab, "**/?after=*")

    tab.wait_for_function("(top) => Math.abs(scrollY - top) <= 1", arg=scrolled)
    assert tab.evaluate("document.activeElement.textContent") == "kit/040.wav"
    tab.go_forward()
    wait_for_page(tab, "**/sounds/*")
    assert "kit/040.wav" in tab.get_by_role("heading", level=1).inner_text()
    assert tab.evaluate("window.stays")


def test_a_reload_forgets_no_place(tab: Any, many: Page) -> None:
    """Who comes back to a list from a page that was loaded again meanwhile sees the rows that were seen."""
    tab.goto(many.url)
    wait_for_page(tab, f"{many.url}/")
    link = row(tab, "kit/090.wav").get_by_role("link")
    link.scroll_into_view_if_needed()
    scrolled = tab.evaluate("scrollY")
    link.press("Enter")
    wait_for_page(tab, "**/sounds/*")
    tab.reload()
    wait_for_page(tab, "**/sounds/*")
    tab.go_back()
    wait_for_page(tab, f"{many.url}/")

    assert scrolled > 500
    tab.wait_for_function("(top) => Math.abs(scrollY - top) <= 1", arg=scrolled)
    assert tab.evaluate("document.activeElement.textContent") == "kit/090.wav"


@pytest.mark.parametrize(
    ("address", "checkbox"),
    [("sounds/gone.wav", None), ("sounds/tone.wav", "#in-db"), ("map", None)],
    ids=["why there is no picture", "a waveform", "the map"],
)
def test_answers_may_be_left_in_their_middle(
    tab: Any, small: tuple[Page, dict[str, str]], address: str, checkbox: str | None
) -> None:
    """Who goes on while an answer is still being read leaves no error behind: the tab's fixture has seen none."""
    page, uids = small
    kind, _, name = address.partition("/")
    tab.add_init_script(STALL)
    tab.goto(f"{page.url}/{kind}/{uids[name]}" if name else f"{page.url}/{kind}")
    if checkbox:
        tab.locator(checkbox).check()
    tab.wait_for_function("() => window.stalled > 0")
    tab.get_by_role("link", name="Rejections").click()

    wait_for_page(tab, "**/rejections")


def test_what_listened_on_a_page_ends_with_it(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """However often pages are gone to, one stream of events is open at most, and none where no list is."""
    page, _ = small
    open_streams: set[Any] = set()
    tab.on("request", lambda request: open_streams.add(request) if "/events?" in request.url else None)

    def end(request: Any) -> None:
        open_streams.discard(request)

    tab.on("requestfailed", end)
    tab.on("requestfinished", end)
    tab.goto(page.url)
    for _ in range(3):
        for name in ("Map", "Rejections", "Sounds"):
            tab.locator(".top nav").get_by_role("link", name=name, exact=True).click()
            tab.locator(".top [aria-current]", has_text=name).wait_for()
            tab.locator("#main:not([aria-busy])").wait_for()

    wait_until(lambda: tab.evaluate("true") and len(open_streams) == 1, seconds=20)
    tab.get_by_role("link", name="Map").click()
    wait_for_map(tab)
    assert not open_streams


def test_an_address_without_a_page_is_told(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """Where a link leads to a sound that is not there, its page says so; the next link works as ever."""
    page, _ = small
    tab.goto(page.url)
    tab.evaluate(STAY)
    tab.evaluate("location.assign('/sounds/none')")
    tab.get_by_role("heading", name="There is no such sound").wait_for()
    tab.get_by_role("link", name="All sounds").click()

    row(tab, "tone.wav").wait_for()
    assert tab.evaluate("window.stays")


def test_an_answer_that_is_no_page_is_loaded(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """What comes without the page's own scripts, or not at all, is left to the browser, which loads the address."""
    page, _ = small
    tab.goto(page.url)
    tab.evaluate(STAY)
    n_answered = 0

    def answer(route: Any) -> None:
        nonlocal n_answered
        n_answered += 1
        if n_answered == 1:
            route.fulfill(status=200, content_type="text/html", body="<title>Another</title><main id=main></main>")
        else:
            route.continue_()

    tab.route("**/rejections", answer)
    tab.get_by_role("link", name="Rejections").click()
    tab.locator(".rejection").wait_for()

    assert tab.evaluate("window.stays") is None
    assert n_answered == 2


def test_empty_fields_of_a_form_leave_the_address(tab: Any, small: tuple[Page, dict[str, str]]) -> None:
    """A search leads to an address that says what was asked for and nothing else, as it does without scripts."""
    page, _ = small
    tab.goto(page.url)
    tab.locator("#q").fill("tone")
    tab.locator("#q").press("Enter")

    tab.wait_for_url(f"{page.url}/?q=tone")
    tab.locator("#main:not([aria-busy])").wait_for()
    tab.go_back()
    wait_for_page(tab, f"{page.url}/")
    assert tab.locator("li.sound").count() > 1


@pytest.mark.parametrize("path", ["/", "/rejections", "/map", "/sounds/x", "/export.csv", "/sounds/x/audio", "/events"])
def test_pages_are_what_may_be_linked_to(path: str) -> None:
    """The addresses whose answer takes the place of a page are those that another site may link to."""
    pattern = re.search(r"const PAGES = /(.*)/;", (DIRECTORY / "navigation.js").read_text())

    assert pattern
    assert bool(re.search(pattern[1], path)) == bool(security.PAGES.fullmatch(path))
