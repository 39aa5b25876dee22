"""Many files are dropped at once in a real browser: each arrives, or is said not to, and can be given again."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from analysis.document import make_uid
from analysis.upload import Upload
from bench.documents import make_document, make_rejection
from tests.fakes.waiting import wait_until
from tests.page.served_page import Page

N_WINDOWS = 6
MAX_ROWS = 50
Files = list[dict[str, Any]]


@pytest.fixture(scope="module")
def page(serve_page: Callable[..., Page]) -> Page:
    """A page that takes files, of a stack in which no function runs."""
    return serve_page(uploads=True)


class Posts:
    """The uploads that tabs have sent: their names, and how many at a time at most."""

    def __init__(self, *tabs: Any) -> None:
        self.names: list[str] = []
        self.most = 0
        self._open: set[Any] = set()
        for tab in tabs:
            tab.on("request", self._begin)
            tab.on("requestfinished", self._end)
            tab.on("requestfailed", self._end)

    def _begin(self, request: Any) -> None:
        if request.method == "POST":
            self.names.append(request.url.partition("name=")[2])
            self._open.add(request)
            self.most = max(self.most, len(self._open))

    def _end(self, request: Any) -> None:
        self._open.discard(request)


def files(count: int, name: str | None = None, kind: str = "audio/wav") -> Files:
    """Return files of different contents, under names that no other test has."""
    name = name or f"{uuid4().hex[:6]} {{}}.wav"
    return [
        {"name": name.format(number), "mimeType": kind, "buffer": f"RIFF {name} {number}".encode()}
        for number in range(count)
    ]


def contents(page: Page, given: Files) -> dict[str, bytes]:
    """Return what is in the bucket of the files that were given, by name."""
    names = {file["name"] for file in given}
    return {blob.name: blob.download_as_bytes() for blob in page.bucket.list_blobs() if blob.name in names}


def uids(page: Page, given: Files) -> list[str]:
    """Return the uids of what came of the files that were given."""
    names = {file["name"] for file in given}
    blobs = [blob for blob in page.bucket.list_blobs() if blob.name in names]
    return [make_uid(Upload(page.bucket.name, blob.name, int(blob.generation))) for blob in blobs]


def arrived(page: Page, given: Files) -> bool:
    """Whether all of them are in the bucket, and nothing else under their names."""
    return contents(page, given) == {file["name"]: file["buffer"] for file in given}


def told(tab: Any) -> Any:
    """The line that sums all uploads up."""
    return tab.locator("#uploads-told")


@pytest.fixture
def n_files(request: pytest.FixtureRequest) -> int:
    """How many files are dropped at once; more with --long."""
    return request.config.getoption("--dropped-files")


def test_many_files_survive_a_reload(tab: Any, page: Page, n_files: int) -> None:
    """Who leaves amid them is warned, then told how many were not sent; given all again, none is sent twice."""
    given = files(n_files)
    warnings = []

    def leave(dialog: Any) -> None:
        warnings.append(dialog.type)
        dialog.accept()

    tab.on("dialog", leave)
    tab.goto(page.url)
    posts = Posts(tab)
    tab.locator("[data-takes-drops] #choose-files").set_input_files(given)
    assert f"{n_files} files, " in tab.locator("#uploads-question").inner_text()
    assert f"{n_files} WAV" in tab.locator("#uploads-question").inner_text()
    assert posts.names == []
    tab.get_by_role("button", name=f"Upload all {n_files}").click()
    told(tab).filter(has_text=re.compile(f"0 of {n_files}, [1-9][0-9] being analysed")).wait_for()
    assert tab.locator("#uploads-list li").count() <= 3
    tab.reload()
    told(tab).filter(has_text="not sent, as the page was left").wait_for()
    n_lost = int(re.search(r"(\d+) not sent", told(tab).inner_text())[1])

    assert warnings == ["beforeunload"]
    n_there = len(contents(page, given))
    assert n_files - n_lost <= n_there <= n_files - n_lost + 3  # those that were being sent may have arrived
    again = Posts(tab)
    tab.locator("[data-takes-drops] #choose-files").set_input_files(given)
    tab.get_by_role("button", name=f"Upload all {n_files}").click()
    told(tab).filter(has_text=f"{n_files} being analysed").wait_for()
    assert len(again.names) == n_lost
    assert max(posts.most, again.most) <= 3
    assert arrived(page, given)

    now = datetime.now(UTC)
    first, second, *rejected = uids(page, given)
    page.insert(
        *(make_document(f"{uid}.wav", uploaded_at=now) | {"uid": uid} for uid in (first, second)),
        rejections=[make_rejection("x", rejected_at=now) | {"uid": uid} for uid in rejected],
    )
    told(tab).filter(has_text=re.compile(rf"^2 of {n_files}, {n_files - 2} rejected")).wait_for()
    assert tab.locator("#uploads-list li").count() == MAX_ROWS
    assert tab.locator("#uploads-more").inner_text() == f"and {n_files - 2 - MAX_ROWS} more"
    tab.get_by_role("button", name="Close").click()
    tab.locator("#uploads").wait_for(state="hidden")
    tab.reload()
    assert tab.locator("#uploads").is_hidden()
    assert warnings == ["beforeunload"]


def test_uploads_go_on_on_other_pages(tab: Any, page: Page) -> None:
    """Who goes to the map while files are sent loses none, and sees there how far it is."""
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    tab.route("**/uploads?*", hold)
    tab.goto(page.url)
    given = files(5)
    tab.locator("[data-takes-drops] #choose-files").set_input_files(given)
    wait_until(lambda: tab.evaluate("true") and held, seconds=20)
    tab.get_by_role("link", name="Map").click()
    tab.get_by_role("heading", name="Map").wait_for()
    assert told(tab).inner_text() == "0 of 5"
    tab.unroute("**/uploads?*")  # which lets go those that are held

    told(tab).filter(has_text="5 being analysed").wait_for()
    assert arrived(page, given)


def test_what_failed_is_tried_again(tab: Any, page: Page) -> None:
    """Where the connection was cut a press sends the rest; what the page refuses is not sent again."""
    tab.goto(page.url)
    given = files(4)
    cut = f"**/uploads?*{quote(given[2]['name'])}"
    tab.route(cut, lambda route: route.abort())
    posts = Posts(tab)
    tab.locator("[data-takes-drops] #choose-files").set_input_files([*given, *files(1, "bad\x01{}.wav")])
    failed = tab.locator("#uploads-list .failed")
    failed.filter(has_text=given[2]["name"]).filter(has_text="the page does not answer").wait_for()
    failed.filter(has_text="no control characters").wait_for()
    told(tab).filter(has_text="2 not uploaded, 3 being analysed").wait_for()
    assert not arrived(page, given)
    tab.unroute(cut)
    tab.get_by_role("button", name="Try 1 again").click()

    told(tab).filter(has_text="1 not uploaded, 4 being analysed").wait_for()
    assert len(posts.names) == 6
    assert arrived(page, given)


def test_uploading_can_be_stopped(tab: Any, page: Page) -> None:
    """What was not sent yet when somebody stops is not sent, and can be sent after all."""
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    tab.route("**/uploads?*", hold)
    tab.goto(page.url)
    given = files(10)
    tab.locator("[data-takes-drops] #choose-files").set_input_files(given)
    wait_until(lambda: tab.evaluate("true") and len(held) == 3, seconds=20)
    tab.get_by_role("button", name="Stop").click()
    tab.unroute("**/uploads?*")  # which lets go those that are held
    told(tab).filter(has_text="7 not uploaded, 3 being analysed").wait_for()
    assert len(contents(page, given)) == 3
    tab.get_by_role("button", name="Try 7 again").click()

    told(tab).filter(has_text="10 being analysed").wait_for()


def test_what_is_sent_is_told_before(tab: Any, page: Page) -> None:
    """Of many files number, size and kinds are told first; what cannot be a sound, or is hidden, can be left out."""
    tab.goto(page.url)
    posts = Posts(tab)
    given = [
        *files(20),
        *files(3, "notes {}.txt", "text/plain"),
        *files(2, "cover {}.JPG", "image/jpeg"),
        *files(1, ".DS_Store", "application/octet-stream"),
    ]
    tab.locator("[data-takes-drops] #choose-files").set_input_files(given)
    question = tab.locator("#uploads-question")
    question.wait_for()

    text = question.inner_text()
    size = sum(len(file["buffer"]) for file in given[:-1])
    assert f"25 files, {size} B: 20 WAV, 3 TXT, 2 JPG; 1 hidden left out" in text
    assert tab.evaluate("document.activeElement.textContent") == "Upload all 25"
    assert posts.names == []
    question.get_by_role("button", name="Cancel").click()
    tab.locator("#uploads").wait_for(state="hidden")
    tab.locator("[data-takes-drops] #choose-files").set_input_files(given)
    question.get_by_role("button", name="Only the 20 that can be sounds").click()
    told(tab).filter(has_text="20 being analysed").wait_for()
    assert arrived(page, given[:20])
    assert not contents(page, given[20:])


def test_six_windows_share_the_way(tab: Any, page: Page) -> None:
    """Files that are dropped into six windows all arrive, few at a time, and pages open meanwhile."""
    windows = [tab, *(tab.context.new_page() for _ in range(N_WINDOWS - 1))]
    posts = Posts(*windows)
    for window in windows:
        window.goto(page.url)
    given = [files(5) for _ in windows]
    for window, some in zip(windows, given, strict=True):
        window.locator("[data-takes-drops] #choose-files").set_input_files(some)
    windows[0].get_by_role("link", name="Rejections").click()
    windows[0].get_by_role("heading", name=re.compile("rejection")).wait_for()
    for window in windows:
        told(window).filter(has_text="5 being analysed").wait_for()

    assert arrived(page, [file for some in given for file in some])
    assert posts.most <= N_WINDOWS  # the end of one is sometimes told here after the beginning of the next
