"""What people do with the page in a real browser, and what they wait for."""

from typing import Any

from tests.page.served_page import Page

HOSTILE = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>.wav"
PLAYING = ".play.playing"
SECONDS = 50  # longer than a test waits, so that what is heard to its end is not taken for paused
# Brings the tab to the front, or, given false, another one over it.
SEEN = """(isSeen) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => !isSeen });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
SLIDER = "+document.getElementById('seek').getAttribute('aria-valuenow')"
# What assistive technology is told from now on.
LISTEN = """() => {
  window.told = [];
  const hear = () => document.querySelectorAll("[role=status]").forEach((line) => {
    if (line.textContent.trim() && window.told.at(-1) !== line.textContent) window.told.push(line.textContent);
  });
  document.querySelectorAll("[role=status]").forEach((line) => { line.textContent = ""; });
  new MutationObserver(hear).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


def wait_for_page(tab: Any, address: str) -> None:
    """Wait until the address is this one, its page is shown and its scripts have begun: the address is there first."""
    tab.wait_for_url(address)
    tab.locator("#main:not([aria-busy])").wait_for()
    tab.wait_for_function("() => !window.navigation?.transition")


def open_map(tab: Any, page: Page) -> None:
    """Open the map, and wait until it is drawn."""
    tab.goto(f"{page.url}/map")
    wait_for_map(tab)


def wait_for_map(tab: Any) -> None:
    """Wait until the map is drawn."""
    tab.locator("#map:not([aria-busy]):not(.is-empty)").wait_for(timeout=60_000)


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


def look(tab: Any, address: str) -> None:
    """Look at a list, until it hears what is written; when it is back it looks once, as the catalog is up to date."""
    tab.route("**/catalog.json?wait=1", lambda route: route.fulfill(json={"was_due": False}))
    tab.goto("about:blank")
    with tab.expect_response("**/events?*"):
        tab.goto(address)


def names_in(tab: Any) -> list[str]:
    """Return the names in the list."""
    return [text.split("\n")[0] for text in tab.locator("#list .base").all_inner_texts()]


def wait_for_notice(tab: Any, text: str) -> None:
    """Wait until the notice says just this."""
    tab.locator("#missed.notice p", has_text=text).wait_for()
    assert tab.locator("#missed p").inner_text() == text
