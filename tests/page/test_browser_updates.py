"""A list that is filtered, in another order or a later page shows, or offers, what is written while one looks at it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bench.documents import make_document, make_rejection
from page.web.app import PAGE_SIZE
from page.web.events import LOOK_BACK
from tests.fakes.waiting import wait_until
from tests.page.browsing import LISTEN, SEEN, look, names_in, row, wait_for_notice, wait_for_page
from tests.page.served_page import Page

N_BURST = 300
# Counts the events that are told from now on.
COUNT = """() => {
  window.n = 0;
  new BroadcastChannel("events").onmessage = ({ data }) => { if (data.data) window.n += 1; };
}"""


@pytest.fixture
def page(serve_page: Callable[..., Page]) -> Page:
    """A page over three sounds that are so old that no stream tells of them."""
    page = serve_page()
    for index, sound in enumerate(page.make_sounds("old", 3, bucket="another")):
        time = datetime.now(UTC) - 2 * LOOK_BACK + timedelta(seconds=index)
        page.insert(sound | {"uploaded_at": time, "analyzed_at": time})
    return page


class Asked:
    """The times that a tab asks for its list, and those that are not answered yet; answers wait while they are held."""

    def __init__(self, tab: Any) -> None:
        self.tab = tab
        self.n = self.most = 0  # how often, and how often at the same time
        self.is_held = False
        self.now: set[Any] = set()
        self.waiting: list[Any] = []
        tab.route("**/*seen=*", self._ask)
        tab.on("request", self._count)
        tab.on("requestfinished", self._end)

    def _ask(self, route: Any) -> None:
        if self.is_held:
            self.waiting.append(route)
        else:
            route.continue_()

    def _count(self, request: Any) -> None:
        if "seen=" in request.url:
            self.n += 1
            self.now.add(request)
            self.most = max(self.most, len(self.now))

    def _end(self, request: Any) -> None:
        self.now.discard(request)

    def hold(self) -> None:
        """Let answers wait."""
        self.is_held = True

    def wait(self, n: int = 1) -> None:
        """Wait until the list was asked for so often."""
        wait_until(lambda: self.tab.evaluate("true") and self.n >= n)

    def release(self) -> None:
        """Let those that wait come, and all others."""
        self.wait_for_held()
        self.is_held = False
        for route in self.waiting:
            route.continue_()
        self.waiting.clear()

    def wait_for_held(self) -> None:
        """Wait until an answer waits."""
        wait_until(lambda: self.tab.evaluate("true") and self.waiting)


def look_and_listen(tab: Any, address: str) -> Asked:
    """Look at a list, hear what assistive technology is told, and count how often the list is asked for."""
    look(tab, address)
    tab.evaluate(LISTEN)
    return Asked(tab)


def test_a_search_shows_what_it_finds(tab: Any, page: Page) -> None:
    """A sound that the search finds appears, also where it had found none, with all that stands around a list."""
    asked = look_and_listen(tab, f"{page.url}/?q=snare")
    tab.get_by_text("No sounds match.").wait_for()
    assert tab.locator("#several").is_hidden()
    asked.hold()
    page.insert(*page.make_sounds("drums/snare", 2), *page.make_sounds("drums/kick", 3))
    asked.release()
    row(tab, "snare 1.wav").wait_for()

    assert names_in(tab) == ["snare 1.wav", "snare 0.wav"]
    assert tab.locator("li.new").count() == 2
    assert tab.locator("h1").inner_text() == "2 sounds"
    assert tab.evaluate("told") == ["New: drums/snare 1.wav, drums/snare 0.wav"]
    assert tab.get_by_text("No sounds match.").count() == 0
    assert tab.locator("nav[aria-label=Folders]").inner_text().split() == ["Folders", "drums/", "2"]
    assert not tab.locator("#missed.notice").count()
    row(tab, "snare 0.wav").locator(".pick").check()
    assert tab.locator("#several-count").inner_text() == "1 selected"


def test_links_to_folders_follow_a_list_of_all(tab: Any, page: Page) -> None:
    """A sound in a new folder is shown as it is told, and then the folder with its count, until its last sound goes."""
    asked = look_and_listen(tab, page.url)
    folders = tab.locator("nav[aria-label=Folders]")
    asked.hold()
    page.insert(*page.make_sounds("drums/snare", 1))
    row(tab, "snare 0.wav").wait_for()
    assert folders.count() == 0
    asked.wait()
    asked.release()
    folders.wait_for()
    assert folders.inner_text().split() == ["Folders", "drums/", "1"]
    page.insert(*page.make_sounds("drums/kick", 2))
    wait_until(lambda: folders.inner_text().split() == ["Folders", "drums/", "3"])
    for name in ("snare 0.wav", "kick 0.wav", "kick 1.wav"):
        page.remove(f"drums/{name}")
        row(tab, name).wait_for(state="detached")
    folders.wait_for(state="detached")

    assert names_in(tab) == ["old 2.wav", "old 1.wav", "old 0.wav"]
    assert tab.locator("h1").inner_text() == "3 sounds"
    told = [f"{what}: drums/{name}.wav" for what in ("New", "Removed") for name in ("kick 0", "kick 1", "snare 0")]
    assert sorted(tab.evaluate("told")) == told
    assert not tab.locator("#missed.notice").count()


@pytest.mark.parametrize("address", ["/", "/?q=wav"], ids=["all", "search"])
def test_what_no_event_tells_shows_too(tab: Any, page: Page, address: str) -> None:
    """What was written long ago and is edited or removed by hand, and a file that is deleted, is found and shown."""
    when = datetime.now(UTC) - 2 * LOOK_BACK
    blob = page.bucket.blob("kept.wav")
    blob.upload_from_string(b"x")
    fields = {"bucket": page.bucket.name, "generation": int(blob.generation), "uploaded_at": when, "analyzed_at": when}
    page.insert(make_document("kept.wav", **fields))
    page.wait_for_catalog()
    look_and_listen(tab, f"{page.url}{address}")
    assert sorted(names_in(tab)) == ["kept.wav", "old 0.wav", "old 1.wav", "old 2.wav"]
    blob.delete()
    row(tab, "kept.wav").wait_for(state="detached")
    page.remove("old 1.wav")
    row(tab, "old 1.wav").wait_for(state="detached")
    page.edit("old 2.wav", duration=3.5)
    row(tab, "old 2.wav").get_by_text("3.5 s").wait_for()

    assert names_in(tab) == ["old 2.wav", "old 0.wav"]
    assert tab.locator("h1").inner_text() == "2 sounds"
    assert tab.evaluate("told") == ["Removed: kept.wav", "Removed: old 1.wav"]


@pytest.mark.parametrize("order", ["", "&sort=oldest"], ids=["newest", "another order"])
def test_a_search_says_nothing_of_what_it_excludes(tab: Any, page: Page, order: str) -> None:
    """What the search does not find changes nothing that is seen or said, nor does a removal of it."""
    asked = look_and_listen(tab, f"{page.url}/?q=old{order}")
    before = tab.locator("#main").inner_html()
    page.insert(*page.make_sounds("other", 2))
    asked.wait()
    n = asked.n
    page.remove("other 1.wav")
    asked.wait(n + 1)
    wait_until(lambda: tab.evaluate("true") and not asked.now)
    assert tab.locator("#main").inner_html() == before
    page.insert(*page.make_sounds("old and new", 1))
    tab.locator("li.new, #missed.notice").wait_for()

    after = {"": "New: old and new 0.wav", "&sort=oldest": "1 new"}
    assert tab.evaluate("told") == [after[order]]


def test_of_many_the_number_is_said(tab: Any, page: Page) -> None:
    """Of more than a few that come or go at once no names are read out, and all are there."""
    asked = look_and_listen(tab, f"{page.url}/?q=snare")
    asked.hold()
    page.insert(*page.make_sounds("snare", 12))
    asked.release()
    row(tab, "snare 11.wav").wait_for()

    assert tab.locator("li.new").count() == 12
    assert tab.evaluate("told") == ["12 new"]


def test_a_burst_is_asked_for_seldom(tab: Any, page: Page) -> None:
    """However many are written the page asks once, soon, and then not before a while, never twice at the same time."""
    tab.clock.install()
    asked = look_and_listen(tab, f"{page.url}/?q=old")
    tab.evaluate(COUNT)
    tab.clock.pause_at(datetime.now(UTC) + timedelta(seconds=5))
    page.insert(*page.make_sounds("old 1", N_BURST))
    wait_until(lambda: tab.evaluate("window.n") >= N_BURST)
    assert asked.n == 0
    tab.clock.run_for(200)
    wait_for_notice(tab, f"{N_BURST} new")
    page.insert(*page.make_sounds("old 2", N_BURST))
    wait_until(lambda: tab.evaluate("window.n") >= 2 * N_BURST)
    tab.clock.run_for(2000)
    tab.evaluate("fetch('/catalog.json').then(() => true)")  # what was asked for before is told before
    assert asked.n == 1
    tab.clock.run_for(1500)
    wait_for_notice(tab, f"{2 * N_BURST} new")

    assert asked.n == 2
    assert asked.most == 1


def test_what_is_removed_leaves_a_search(tab: Any, page: Page) -> None:
    """It is said, the count follows, and the focus goes to the next row."""
    page.insert(*page.make_sounds("snare", 3))
    look_and_listen(tab, f"{page.url}/?q=snare")
    row(tab, "snare 1.wav").get_by_role("link").focus()
    page.remove("snare 1.wav")
    row(tab, "snare 1.wav").wait_for(state="detached")

    assert names_in(tab) == ["snare 2.wav", "snare 0.wav"]
    assert tab.locator("h1").inner_text() == "2 sounds"
    assert tab.evaluate("told") == ["Removed: snare 1.wav"]
    assert tab.evaluate("document.activeElement.closest('li').dataset.name") == "snare 0.wav"
    page.remove("snare 2.wav")
    page.remove("snare 0.wav")
    tab.get_by_text("No sounds match.").wait_for()
    assert tab.locator("h1").inner_text() == "0 sounds"


def test_a_row_of_the_next_page_comes_up_unsaid(tab: Any, page: Page) -> None:
    """Where a row is gone, and the next page would be empty, its sound takes the place, and is not called new."""
    page.insert(*page.make_sounds("more", PAGE_SIZE + 1))
    look_and_listen(tab, f"{page.url}/?q=more")
    page.remove("more 7.wav")
    row(tab, "more 0.wav").wait_for()

    assert tab.locator("#list li").count() == PAGE_SIZE
    assert tab.evaluate("told") == ["Removed: more 7.wav"]
    assert tab.locator("li.new").count() == 0
    assert tab.locator(".paging .next").count() == 0


def test_what_plays_is_selected_or_has_the_focus_stays(tab: Any, page: Page) -> None:
    """What plays is kept though it is removed, what is written anew stays selected, and a link keeps the focus."""
    sounds = page.make_sounds("kit/snare", 3)
    page.insert(*sounds)
    asked = look_and_listen(tab, f"{page.url}/?q=snare")
    row(tab, "snare 0.wav").locator("[data-play]").click()
    tab.locator("li.current").wait_for()
    row(tab, "snare 1.wav").locator(".pick").check()
    folder = tab.get_by_role("link", name="kit/", exact=True)
    folder.focus()
    asked.hold()
    page.remove("kit/snare 0.wav")
    page.insert(
        sounds[1] | {"duration": 187.0, "analyzed_at": datetime.now(UTC)}, *page.make_sounds("kit/snare new", 2)
    )
    asked.release()
    tab.locator("li.sound .f-duration", has_text="3:07").wait_for()

    assert names_in(tab) == ["snare new 1.wav", "snare new 0.wav", "snare 2.wav", "snare 1.wav", "snare 0.wav"]
    assert row(tab, "snare 1.wav").locator(".pick").is_checked()
    assert tab.locator("#several-count").inner_text() == "1 selected"
    assert tab.evaluate("document.activeElement.textContent") == "kit/"
    assert tab.locator("nav[aria-label=Folders]").inner_text().split() == ["Folders", "kit/", "4"]
    assert tab.locator("h1").inner_text() == "4 sounds"


def test_another_order_offers_what_is_new(tab: Any, page: Page) -> None:
    """The rows stay as they are until one wants to see what is new; what was dismissed is not told again."""
    look_and_listen(tab, f"{page.url}/?sort=name")
    page.insert(*page.make_sounds("a", 1))
    wait_for_notice(tab, "1 new")
    tab.get_by_role("button", name="Dismiss").click()
    page.insert(*page.make_sounds("b", 1))
    wait_for_notice(tab, "1 new")
    page.remove("old 0.wav")
    page.insert(*page.make_sounds("c", 2))
    wait_for_notice(tab, "3 new, 1 removed")
    assert names_in(tab) == ["old 0.wav", "old 1.wav", "old 2.wav"]
    tab.get_by_role("link", name="Show", exact=True).click()
    row(tab, "b 0.wav").wait_for()

    assert names_in(tab) == [*(f"{name}.wav" for name in ("a 0", "b 0", "c 0", "c 1")), "old 1.wav", "old 2.wav"]
    assert tab.url == f"{page.url}/?sort=name"
    assert not tab.locator("#missed.notice").count()


def test_a_later_page_offers_what_is_new(tab: Any, page: Page) -> None:
    """It says how many came and went, and leads to the first page."""
    sounds = page.make_sounds("more", PAGE_SIZE)
    page.insert(*sounds)
    asked = look_and_listen(tab, f"{page.url}/?after={sounds[0]['uid']}")
    asked.hold()
    page.insert(*page.make_sounds("new", 2))
    asked.release()
    wait_for_notice(tab, "2 new")
    page.remove("more 7.wav")
    wait_for_notice(tab, "2 new, 1 removed")
    assert names_in(tab) == ["old 2.wav", "old 1.wav", "old 0.wav"]
    assert tab.evaluate("told") == ["2 new", "2 new, 1 removed"]
    tab.get_by_role("link", name="Show", exact=True).click()
    row(tab, "new 1.wav").wait_for()

    assert tab.url == f"{page.url}/"


def test_rejections_of_a_reason_appear(tab: Any, page: Page) -> None:
    """Those of other reasons do not, and their links count them."""
    address = f"{page.url}/rejections?reason=corrupt"
    asked = look_and_listen(tab, address)
    now = datetime.now(UTC)
    bad = [
        make_rejection(f"{reason}.wav", reason=reason, bucket=page.bucket.name, rejected_at=now)
        for reason in ("corrupt", "empty")
    ]
    asked.hold()
    page.insert(rejections=bad)
    asked.release()
    tab.locator(".rejection.new", has_text="corrupt.wav").wait_for()
    assert tab.locator(".rejection").count() == 1
    assert tab.locator("h1").inner_text() == "1 rejection"
    page.remove("corrupt.wav")
    tab.get_by_text("No rejections match.").wait_for()

    assert tab.evaluate("told") == ["New: corrupt.wav", "Removed: corrupt.wav"]


def test_who_leaves_while_the_list_is_asked_for_is_not_disturbed(tab: Any, page: Page) -> None:
    """No answer comes into another page, nothing fails, and the list that one comes back to is up to date."""
    asked = look_and_listen(tab, f"{page.url}/?q=old")
    asked.hold()
    page.insert(*page.make_sounds("old and new", 1))
    asked.wait_for_held()
    tab.get_by_role("link", name="Show all").click()
    wait_for_page(tab, f"{page.url}/")
    assert tab.locator("h1").inner_text() == "4 sounds"
    asked.release()
    tab.go_back()
    wait_for_page(tab, "**/?q=old")
    page.insert(*page.make_sounds("old and newer", 1))
    row(tab, "old and newer 0.wav").wait_for()

    assert names_in(tab) == ["old and newer 0.wav", "old and new 0.wav", "old 2.wav", "old 1.wav", "old 0.wav"]


def test_an_answer_that_fails_is_asked_for_again(tab: Any, page: Page) -> None:
    """Where the page cannot say what is new it is asked again, and what came meanwhile is there too."""
    asked = look_and_listen(tab, f"{page.url}/?q=snare")
    asked.hold()
    page.insert(*page.make_sounds("snare", 1))
    asked.wait_for_held()
    asked.waiting.pop().fulfill(status=500, body="no")
    asked.wait(2)
    page.insert(*page.make_sounds("snare too", 1))
    asked.release()

    row(tab, "snare 0.wav").wait_for()
    row(tab, "snare too 0.wav").wait_for()


def test_who_looks_away_while_the_list_is_asked_for_is_told_once(tab: Any, page: Page) -> None:
    """What the answer that was late brings is missed as what came later is, and the list goes on hearing."""
    asked = look_and_listen(tab, f"{page.url}/?q=snare")
    asked.hold()
    page.insert(*page.make_sounds("snare", 1))
    asked.wait_for_held()
    with tab.expect_response("**/events?*"):
        tab.evaluate(SEEN, arg=False)
        page.insert(*page.make_sounds("snare too", 1))
        tab.evaluate(SEEN, arg=True)
    asked.release()
    wait_for_notice(tab, "While you were away: 2 new")
    page.insert(*page.make_sounds("last snare", 1))
    row(tab, "last snare 0.wav").wait_for()

    assert tab.evaluate("told") == ["While you were away: 2 new", "New: last snare 0.wav"]
