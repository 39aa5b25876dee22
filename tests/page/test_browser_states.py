"""In every state the page is seen, read and used by everybody: small windows, large text, other colours, no motion."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.page import states
from tests.page.states import STATES, Pages

LAWS = (Path(__file__).parent / "laws.js").read_text()
AXE = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
WIDE, MIDDLE, NARROW = 1100, 640, 320


@pytest.fixture(scope="module")
def pages(serve_page: Callable[..., Any]) -> Pages:
    """The pages over which the states are."""
    return states.make_pages(serve_page)


@pytest.fixture
def tab(chromium: Any) -> Iterator[Any]:
    """A tab whose page lets the laws in, which its policy does not."""
    context = chromium.new_context(bypass_csp=True, locale="en-GB", viewport={"width": WIDE, "height": 900})
    context.set_default_timeout(60_000)  # of a busy machine
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("state", STATES)
def test_every_state_is_for_everybody(tab: Any, pages: Pages, state: str) -> None:
    """No rule of axe-core is broken, no text is cut, the focus is seen, marks keep their contrast, nothing moves."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415  not needed where there is no browser

    STATES[state](tab, pages)
    tab.evaluate(f"() => {{ {LAWS} window.laws = laws; }}")
    found: list[str] = []

    def check(law: str, *where: str) -> None:
        found.extend(f"{', '.join(where)}: {finding}" for finding in tab.evaluate(f"laws.{law}()"))

    def run_axe(*where: str) -> None:
        for violation in Axe().run(tab, options=AXE).response["violations"]:
            found.extend(f"{', '.join(where)}: {violation['id']}: {node['html'][:150]}" for node in violation["nodes"])

    tab.emulate_media(reduced_motion="reduce")
    check("stillness", "less motion")
    for width, scheme in ((WIDE, "light"), (NARROW, "dark")):
        resize(tab, width)
        tab.emulate_media(color_scheme=scheme)
        run_axe(str(width), scheme)
        tab.keyboard.press("Tab")  # from now on a browser shows the focus
        for law in ("layout", "focus", "marks"):
            check(law, str(width), scheme)
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme, forced_colors="active")
        check("marks", "forced colours", scheme)
    tab.emulate_media(forced_colors="none")
    tab.evaluate("document.documentElement.style.fontSize = '200%'")
    for width in (WIDE, MIDDLE):
        resize(tab, width)
        check("layout", str(width), "large text")

    assert not found, "\n".join(dict.fromkeys(found))


def resize(tab: Any, width: int) -> None:
    """Give the window another width, and wait until what follows it is drawn."""
    tab.set_viewport_size({"width": width, "height": 900})
    tab.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
