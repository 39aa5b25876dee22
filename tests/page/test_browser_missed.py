"""A list that was not seen, or had no connection, says once what it has missed, and is as if it had missed nothing."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.documents import make_rejection
from local.program import Program
from local.servers import start_page
from page.web.app import PAGE_SIZE
from page.web.events import LOOK_BACK, MAX_EVENTS
from tests.page.browsing import LISTEN, SEEN, look, names_in, row, wait_for_notice, wait_for_page
from tests.page.served_page import Page

NO_CONNECTION = "No connection to the page: is it still running? What arrives meanwhile is shown when it is back."


@pytest.fixture
def page(serve_page: Callable[..., Page]) -> Page:
    """A page over three sounds and a rejection."""
    page = serve_page()
    page.insert(*page.make_sounds("old", 3), rejections=[make_rejection("old.txt", rejected_at=datetime.now(UTC))])
    return page


def be_away(tab: Any) -> None:
    """Hide the tab."""
    tab.evaluate(LISTEN)
    tab.evaluate(SEEN, arg=False)


def test_what_came_and_went_while_it_was_not_seen_is_told_once(tab: Any, page: Page) -> None:
    """The list has what is new and lacks what is gone, and says so in one line instead of one for each sound."""
    look(tab, page.url)
    be_away(tab)
    page.insert(*page.make_sounds("new", 12))
    page.remove("old 1.wav")
    tab.evaluate(SEEN, arg=True)
    wait_for_notice(tab, "While you were away: 12 new, 1 removed")

    assert names_in(tab) == [*(f"new {index}.wav" for index in range(11, -1, -1)), "old 2.wav", "old 0.wav"]
    assert tab.locator("h1").inner_text() == "14 sounds"
    assert tab.evaluate("told") == ["While you were away: 12 new, 1 removed"]
    tab.get_by_role("button", name="To the newest").click()
    assert tab.evaluate("document.activeElement.closest('li').dataset.name") == "new 11.wav"
    assert not tab.locator("#missed.notice").count()
    page.insert(*page.make_sounds("live", 1))
    row(tab, "live 0.wav").wait_for()
    assert tab.evaluate("told.at(-1)") == "New: live 0.wav"


def test_what_is_not_dismissed_is_told_with_what_comes_later(tab: Any, page: Page) -> None:
    """Who comes by in between loses no number; what was seen coming or dismissed is not told again."""
    look(tab, page.url)
    page.insert(*page.make_sounds("live", 1))
    row(tab, "live 0.wav").wait_for()
    for index, told in enumerate(("2 new", "4 new")):
        be_away(tab)
        page.insert(*page.make_sounds(f"new {index}", 2))
        tab.evaluate(SEEN, arg=True)
        wait_for_notice(tab, f"While you were away: {told}")
    tab.get_by_role("button", name="Dismiss").click()
    be_away(tab)
    page.insert(*page.make_sounds("last", 1))
    tab.evaluate(SEEN, arg=True)
    wait_for_notice(tab, "While you were away: 1 new")

    assert tab.locator("#list li").count() == 9


def test_where_nothing_happened_nothing_is_said(tab: Any, page: Page) -> None:
    """Who comes back to the same list is not told anything."""
    look(tab, page.url)
    be_away(tab)
    page.insert(rejections=[make_rejection("new.txt", bucket=page.bucket.name, rejected_at=datetime.now(UTC))])
    with tab.expect_response("**/?seen=*"):
        tab.evaluate(SEEN, arg=True)
    page.insert(*page.make_sounds("live", 1))
    row(tab, "live 0.wav").wait_for()

    assert tab.evaluate("told") == ["New: live 0.wav"]


def test_rejections_are_told_as_sounds_are(tab: Any, page: Page) -> None:
    """The list of rejections counts rejections."""
    look(tab, f"{page.url}/rejections")
    be_away(tab)
    now = datetime.now(UTC)
    bad = [make_rejection(f"{index}.txt", bucket=page.bucket.name, rejected_at=now) for index in range(2)]
    page.insert(*page.make_sounds("new", 3), rejections=bad)
    tab.evaluate(SEEN, arg=True)
    wait_for_notice(tab, "While you were away: 2 new")

    assert tab.locator("h1").inner_text() == "3 rejections"
    assert tab.locator(".rejection").count() == 3


def test_a_filtered_list_has_what_it_missed(tab: Any, page: Page) -> None:
    """What a search finds is there and counted when one is back, as in the list of all, and nothing else."""
    page.insert(*page.make_sounds("new", 1))
    look(tab, f"{page.url}/?q=new")
    be_away(tab)
    page.insert(*page.make_sounds("new a", 2), *page.make_sounds("other", 3))
    page.remove("new 0.wav")
    tab.evaluate(SEEN, arg=True)
    wait_for_notice(tab, "While you were away: 2 new, 1 removed")

    assert names_in(tab) == ["new a 1.wav", "new a 0.wav"]
    assert tab.locator("h1").inner_text() == "2 sounds"
    assert tab.evaluate("told") == ["While you were away: 2 new, 1 removed"]


def test_what_an_order_has_no_place_for_is_shown_by_a_press(tab: Any, page: Page) -> None:
    """Where another order is looked at the rows stay as they are, and the notice offers the new ones."""
    page.insert(*page.make_sounds("new", 1))
    address = "/?sort=oldest"
    look(tab, page.url + address)
    before = names_in(tab)
    be_away(tab)
    page.insert(*page.make_sounds("new a", 2))
    page.remove("new 0.wav")
    tab.evaluate(SEEN, arg=True)
    wait_for_notice(tab, "While you were away: 2 new, 1 removed")
    assert names_in(tab) == before
    tab.get_by_role("link", name="Show", exact=True).click()
    row(tab, "new a 1.wav").wait_for()

    assert names_in(tab) == ["old 0.wav", "old 1.wav", "old 2.wav", "new a 0.wav", "new a 1.wav"]
    assert tab.url == page.url + address
    assert not tab.locator("#missed.notice").count()


def test_of_very_many_the_newest_are_shown_by_a_press(tab: Any, page: Page) -> None:
    """However many came, also more than the stream sends, they are counted, and not each of them becomes a row."""
    look(tab, page.url)
    be_away(tab)
    page.insert(*page.make_sounds("new", MAX_EVENTS + 100))
    tab.evaluate(SEEN, arg=True)
    wait_for_notice(tab, f"While you were away: {MAX_EVENTS + 100} new")

    assert names_in(tab) == ["old 2.wav", "old 1.wav", "old 0.wav"]
    assert tab.evaluate("told") == [f"While you were away: {MAX_EVENTS + 100} new"]
    tab.get_by_role("link", name="Show", exact=True).click()
    row(tab, f"new {MAX_EVENTS + 99}.wav").wait_for()
    assert tab.locator("#list li").count() == PAGE_SIZE
    assert tab.locator("h1").inner_text() == f"{MAX_EVENTS + 103} sounds"


def test_a_later_page_leads_to_the_first(tab: Any, page: Page) -> None:
    """What is new is on the first page, so there it is shown."""
    page.insert(*page.make_sounds("more", PAGE_SIZE))
    look(tab, page.url)
    tab.get_by_role("link", name="Older").click()
    wait_for_page(tab, "**/?after=*")
    be_away(tab)
    page.insert(*page.make_sounds("new", 1))
    tab.evaluate(SEEN, arg=True)
    wait_for_notice(tab, "While you were away: 1 new")
    assert names_in(tab) == ["old 2.wav", "old 1.wav", "old 0.wav"]
    tab.get_by_role("link", name="Show", exact=True).click()
    row(tab, "new 0.wav").wait_for()

    assert tab.url == f"{page.url}/"


def test_rows_of_a_later_page_do_not_come_up(tab: Any, page: Page) -> None:
    """Where a row is gone none takes its place that the next page has, and what was selected stays selected."""
    page.insert(*page.make_sounds("more", PAGE_SIZE))
    look(tab, page.url)
    row(tab, "more 7.wav").locator(".pick").check()
    be_away(tab)
    page.insert(*page.make_sounds("new", 1))
    for index in (9, 12):
        page.remove(f"more {index}.wav")
    tab.evaluate(SEEN, arg=True)
    wait_for_notice(tab, "While you were away: 1 new, 2 removed")

    more = [f"more {index}.wav" for index in range(PAGE_SIZE - 1, -1, -1) if index not in {9, 12}]
    assert names_in(tab) == ["new 0.wav", *more]
    assert row(tab, "more 7.wav").locator(".pick").is_checked()


def test_what_was_written_hours_ago_is_told(tab: Any, page: Page) -> None:
    """A machine that slept for hours lacks nothing, though the stream tells of the last quarter of an hour alone."""
    look(tab, page.url)
    be_away(tab)
    long_ago = datetime.now(UTC) - LOOK_BACK - timedelta(hours=3)
    page.insert(*page.make_sounds("night", 2, uploaded_at=long_ago, analyzed_at=long_ago, bucket="another"))
    tab.evaluate(SEEN, arg=True)
    wait_for_notice(tab, "While you were away: 2 new")

    assert sorted(names_in(tab)[-2:]) == ["night 0.wav", "night 1.wav"]


def test_what_the_page_finds_out_later_is_told_too(tab: Any, page: Page) -> None:
    """What was removed while nobody looked is told as soon as the catalog was compared with the collection."""
    long_ago = datetime.now(UTC) - 2 * LOOK_BACK  # of whose removal no listener is told
    page.insert(*page.make_sounds("older", 1, uploaded_at=long_ago, analyzed_at=long_ago, bucket="another"))
    look(tab, page.url)
    be_away(tab)
    page.insert(*page.make_sounds("new", 1))

    def compare(route: Any) -> None:
        wait_for_notice(tab, "While you were away: 1 new")
        page.remove("older 0.wav")
        route.fulfill(json={"was_due": True})

    tab.route("**/catalog.json?wait=1", compare)
    tab.evaluate(SEEN, arg=True)
    wait_for_notice(tab, "While you were away: 1 new, 1 removed")

    assert names_in(tab) == ["new 0.wav", "old 2.wav", "old 1.wav", "old 0.wav"]


@dataclass
class Process:
    """The process of a page that can be ended and started again at the same port."""

    page: Page
    directory: Path
    program: Program

    def end(self) -> None:
        """End it."""
        self.program.end()

    def start(self) -> None:
        """Start it again."""
        port = self.program.port
        self.program = start_page(self.directory, self.page.bucket.name, self.page.environment, port=port)
        self.program.wait()


@pytest.fixture
def process(make_collections: Callable[..., Page], tmp_path: Path) -> Iterator[Process]:
    """The process of a page over three sounds."""
    page = make_collections()
    program = start_page(tmp_path, page.bucket.name, page.environment).wait()
    process = Process(replace(page, port=program.port), tmp_path, program)
    process.page.insert(*page.make_sounds("old", 3))
    yield process
    process.end()


def test_a_page_that_ended_is_named_in_all_windows(tab: Any, process: Process) -> None:
    """While the page's process is gone each window says so, also one that does not hold the stream."""
    other = tab.context.new_page()
    windows = (tab, other)
    look(tab, process.page.url)
    other.goto(process.page.url)
    row(other, "old 0.wav").wait_for()
    tab.evaluate(LISTEN)
    process.end()
    for window in windows:
        wait_for_notice(window, NO_CONNECTION)
        assert not window.locator("#missed").get_by_role("button").count()
    offline = replace(process.page, port=0)  # no process knows of it yet
    offline.insert(*process.page.make_sounds("new", 2))
    process.start()

    for window in windows:
        wait_for_notice(window, "While there was no connection: 2 new")
        assert names_in(window) == ["new 1.wav", "new 0.wav", "old 2.wav", "old 1.wav", "old 0.wav"]
    assert tab.evaluate("told") == [NO_CONNECTION, "While there was no connection: 2 new"]


def test_a_page_that_is_stuck_is_named(tab: Any, process: Process) -> None:
    """A process that says nothing any more, like a connection that a sleep has cut, is found out."""
    tab.clock.install()
    look(tab, process.page.url)
    os.killpg(process.program.process.pid, signal.SIGSTOP)
    tab.clock.fast_forward("01:00")
    tab.clock.fast_forward("00:10")
    wait_for_notice(tab, NO_CONNECTION)
    replace(process.page, port=0).insert(*process.page.make_sounds("new", 1))
    os.killpg(process.program.process.pid, signal.SIGCONT)

    wait_for_notice(tab, "While there was no connection: 1 new")


def test_a_network_that_is_gone_is_named(tab: Any, page: Page) -> None:
    """Who comes back to a network that is gone is told so, and then what was missed."""
    look(tab, page.url)
    be_away(tab)
    tab.context.set_offline(offline=True)
    page.insert(*page.make_sounds("new", 1))
    tab.evaluate(SEEN, arg=True)
    wait_for_notice(tab, NO_CONNECTION)
    tab.context.set_offline(offline=False)
    wait_for_notice(tab, "While you were away: 1 new")

    assert tab.evaluate("told") == [NO_CONNECTION, "While you were away: 1 new"]
