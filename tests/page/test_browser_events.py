"""Several windows look at the page at once, come and go: all are told, by one stream, and nothing starves."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from analysis.definition import SR
from bench.documents import make_document
from tests.fakes.waiting import wait_until
from tests.page import sample_sounds
from tests.page.browsing import SEEN, row
from tests.page.served_page import Page

N_WINDOWS = 6  # as many connections as a browser opens to a server


@pytest.fixture
def page(serve_page: Callable[..., Page]) -> Page:
    """A page over one sound that can be heard."""
    page = serve_page()
    y = np.sin(np.arange(30 * SR) * 0.1).astype(np.float32) * 0.5
    fields = sample_sounds.upload(page.bucket, "tone.wav", sample_sounds.encode(y))
    page.insert(make_document("tone.wav", **sample_sounds.describe(y), **fields))
    return page


class Streams:
    """The streams of events that windows have open."""

    def __init__(self) -> None:
        self.open: set[Any] = set()

    def follow(self, window: Any) -> None:
        """Count those of a window too."""
        window.on("request", self._begin)
        window.on("requestfailed", self._end)
        window.on("requestfinished", self._end)

    def _begin(self, request: Any) -> None:
        if "/events?" in request.url:
            self.open.add(request)

    def _end(self, request: Any) -> None:
        self.open.discard(request)


def insert(page: Page) -> str:
    """Let a sound be written now, and return its name."""
    name = f"{uuid4().hex}.wav"
    page.insert(make_document(name, bucket=page.bucket.name, uploaded_at=datetime.now(UTC)))
    return name


def test_nothing_starves_in_six_windows(tab: Any, page: Page) -> None:
    """Each shows what is new, pages open and sounds play in each, and so it is when the one that listened is closed."""
    streams = Streams()
    windows = [tab, *(tab.context.new_page() for _ in range(N_WINDOWS - 1))]
    for window in windows:
        streams.follow(window)
        window.goto(page.url)
        row(window, "tone.wav").wait_for()
    name = insert(page)
    for window in windows:
        row(window, name).wait_for()
    assert len(streams.open) == 1

    for window in windows:
        row(window, "tone.wav").get_by_role("link").click()
        window.locator("#spectrogram img").wait_for()
        window.locator(".one [data-play]").click()
        window.wait_for_function("() => parseFloat(document.getElementById('player-time').textContent.slice(2)) > 0.5")
        window.go_back()
        row(window, name).wait_for()
    first, *others = windows
    first.goto("about:blank")
    name = insert(page)
    for window in others:
        row(window, name).wait_for()
    wait_until(lambda: others[0].evaluate("true") and len(streams.open) == 1, seconds=20)


def test_a_window_that_comes_later_lacks_nothing(tab: Any, page: Page) -> None:
    """What was written after its list was made, and told to the others before it listened, is told to it too."""
    tab.goto(page.url)
    row(tab, "tone.wav").wait_for()
    late = tab.context.new_page()
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    late.route("**/events.js", hold)  # it begins to listen only when this arrives
    late.goto(page.url, wait_until="commit")
    row(late, "tone.wav").wait_for()
    name = insert(page)
    row(tab, name).wait_for()
    assert row(late, name).count() == 0
    wait_until(lambda: late.evaluate("true") and held, seconds=20)
    held[0].continue_()

    row(late, name).wait_for()


def test_a_window_that_is_not_seen_does_not_listen(tab: Any, page: Page) -> None:
    """Nothing is asked for a window that nobody sees; seen again, it shows what it has missed."""
    streams = Streams()
    streams.follow(tab)
    with tab.expect_request("**/events?*"):
        tab.goto(page.url)
    tab.evaluate(SEEN, arg=False)
    wait_until(lambda: tab.evaluate("true") and not streams.open, seconds=20)
    name = insert(page)
    assert row(tab, name).count() == 0
    tab.evaluate(SEEN, arg=True)

    row(tab, name).wait_for()
    assert len(streams.open) == 1


def test_the_others_are_told_when_the_listening_one_is_not_seen(tab: Any, page: Page) -> None:
    """A window that is hidden hands over to one that is seen."""
    other = tab.context.new_page()
    for window in (tab, other):
        window.goto(page.url)
        row(window, "tone.wav").wait_for()
    tab.evaluate(SEEN, arg=False)
    name = insert(page)

    row(other, name).wait_for()
    assert row(tab, name).count() == 0
    tab.evaluate(SEEN, arg=True)
    row(tab, name).wait_for()


def test_where_there_are_no_locks_a_window_listens_itself(tab: Any, page: Page) -> None:
    """Under an address of another machine browsers give no locks: the window that has the focus has its own stream."""
    tab.add_init_script("Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined });")
    tab.goto(page.url)
    row(tab, "tone.wav").wait_for()
    name = insert(page)

    row(tab, name).wait_for()
