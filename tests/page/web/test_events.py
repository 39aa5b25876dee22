"""What browsers that look are told of what is written, and what it costs."""

import asyncio
import http.client
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analysis.settings import Settings
from bench.documents import make_document, make_rejection
from local.servers import PROJECT
from page.config import Config
from page.web import events
from page.web.events import MAX_EVENTS, MAX_QUEUED, Events
from page.web.rendering import Templates
from tests.fakes.waiting import run_apart, wait_until
from tests.page.served_page import Page

LISTENER = "Thread-ConsumeBidirectionalStream"  # as Google's client names what hears for it


@pytest.fixture
def page(make_collections: Callable[..., Page], monkeypatch: pytest.MonkeyPatch) -> Page:
    """Collections of its own, which this process finds."""
    page = make_collections()
    page.open_here(monkeypatch)
    return page


def no_html(_kind: str, _document: dict[str, Any]) -> str:
    """Render nothing."""
    return ""


def put_nowhere(_kind: str, _document: dict[str, Any]) -> None:
    """Keep nothing: what a catalog does with a document is tested elsewhere."""


def delete_nowhere(_kind: str, _uid: str) -> None:
    """Forget nothing."""


def look_nowhere() -> None:
    """Look at nothing."""


def listen(page: Page, render: Callable[[str, dict[str, Any]], str] = no_html) -> Events:
    """Return the events of the collections."""
    return Events(config_of(page), render, put_nowhere, delete_nowhere, look_nowhere)


def config_of(page: Page) -> Config:
    """Return the configuration of the page."""
    return Config(PROJECT, page.bucket.name, Settings.from_environment(page.environment))


def make_burst(n_sounds: int, begin: datetime) -> list[dict[str, Any]]:
    """Return sounds that are analysed within milliseconds."""
    moments = [begin + timedelta(milliseconds=index) for index in range(n_sounds)]
    return [make_document(f"{index}.wav", analyzed_at=moment) for index, moment in enumerate(moments)]


def listeners() -> list[str]:
    """The threads that hear what the database writes."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(LISTENER)]


async def take_events(told: AsyncIterator[str], n_events: int) -> list[tuple[datetime, str]]:
    """Return the moments and uids of the next events."""
    events: list[tuple[datetime, str]] = []
    async with asyncio.timeout(20):
        while len(events) < n_events:
            event = await anext(told)
            if event.startswith("id: "):
                moment, document = event.removeprefix("id: ").split("\ndata: ")
                events.append((datetime.fromisoformat(moment), json.loads(document)["uid"]))
    return events


def test_of_a_burst_the_newest_are_told(page: Page) -> None:
    """Who comes after a burst reads a bounded part of it, the oldest of it first, and hears on without an end."""
    burst = make_burst(MAX_EVENTS + 40, datetime.now(UTC))
    page.insert(*burst[:-20])

    async def follow() -> tuple[list[tuple[datetime, str]], list[tuple[datetime, str]]]:
        told = listen(page).subscribe(burst[0]["analyzed_at"])
        before = await take_events(told, MAX_EVENTS)
        page.insert(*burst[-20:])
        after = await take_events(told, 20)
        await told.aclose()
        return before, after

    before, after = run_apart(follow())

    assert before == [(document["analyzed_at"], document["uid"]) for document in burst[20:-20]]
    assert after == [(document["analyzed_at"], document["uid"]) for document in burst[-20:]]
    assert listeners() == []


class Held(Events):
    """Events that stop while a listener is being made, until they may go on: here they are met in the middle."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.is_beginning, self.may_go_on = threading.Event(), threading.Event()

    def _listen(self, *arguments: Any) -> Any:
        self.is_beginning.set()
        assert self.may_go_on.wait(20)
        return super()._listen(*arguments)


def test_who_leaves_while_coming_in_leaves_no_listener(page: Page) -> None:
    """A browser that goes while its listener is being made waits for it, and takes it along."""

    async def come_and_go() -> None:
        held = Held(config_of(page), no_html, put_nowhere, delete_nowhere, look_nowhere)
        told = held.subscribe(datetime.now(UTC))
        await anext(told)
        coming_in = asyncio.ensure_future(anext(told))
        assert await asyncio.to_thread(held.is_beginning.wait, 20)
        coming_in.cancel()
        assert (await asyncio.wait({coming_in}, timeout=0.5))[1] == {coming_in}
        held.may_go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await coming_in

    run_apart(come_and_go())

    assert listeners() == []


def test_who_leaves_before_coming_in_leaves_no_listener(page: Page) -> None:
    """A browser that goes while it waits behind another does not keep the listener when that one leaves."""

    async def come_and_go() -> None:
        held = Held(config_of(page), no_html, put_nowhere, delete_nowhere, look_nowhere)
        first, second = held.subscribe(datetime.now(UTC)), held.subscribe(datetime.now(UTC))
        await anext(first)
        await anext(second)
        coming_in = asyncio.ensure_future(anext(first))
        assert await asyncio.to_thread(held.is_beginning.wait, 20)
        waiting = asyncio.ensure_future(anext(second))
        await asyncio.sleep(0)
        waiting.cancel()
        held.may_go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        coming_in.cancel()
        with pytest.raises(asyncio.CancelledError):
            await coming_in

    run_apart(come_and_go())

    assert listeners() == []


class Counted(Events):
    """Events that count how many listeners were made."""

    n_made = 0

    def _listen(self, *arguments: Any) -> Any:
        self.n_made += 1
        return super()._listen(*arguments)


def test_all_browsers_share_a_listener(page: Page) -> None:
    """However many browsers look, each collection has one listener, which is made once; the last who leaves ends it."""
    now = datetime.now(UTC)

    async def look() -> tuple[int, list[int], list[str]]:
        counted = Counted(config_of(page), no_html, put_nowhere, delete_nowhere, look_nowhere)
        browsers = [counted.subscribe(now) for _ in range(3)]
        for browser in browsers:
            await anext(browser)
        hearing = [asyncio.ensure_future(take_events(browser, 1)) for browser in browsers]
        await asyncio.to_thread(wait_until, lambda: len(listeners()) >= 2)
        await asyncio.sleep(1)  # the emulator loses at times what is written while a listener begins
        page.insert(*make_burst(1, now))
        heard = [(await events)[0][1] for events in hearing]
        counts = []
        for browser in browsers:
            counts.append(len(listeners()))
            await browser.aclose()
        return counted.n_made, counts, heard

    n_made, counts, heard = run_apart(look())

    assert (n_made, counts) == (2, [2, 2, 2])
    assert len(set(heard)) == 1
    assert listeners() == []


def test_removals_are_told_and_what_newer_ones_push_out_is_not(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a removed document its uid is told; one that is only no longer among the newest is not called removed."""
    monkeypatch.setattr(events, "MAX_EVENTS", 3)
    burst = make_burst(5, datetime.now(UTC))
    page.insert(*burst[:3])

    async def told_until(told: AsyncIterator[str], uid: str, kind: str) -> list[tuple[str, str]]:
        events: list[tuple[str, str]] = []
        async with asyncio.timeout(20):
            while (kind, uid) not in events:
                event = json.loads((await anext(told)).partition("data: ")[2] or "{}")
                events.append((event.get("kind", ""), event.get("uid", "")))
        return events

    async def follow() -> list[str]:
        told = listen(page).subscribe(burst[0]["analyzed_at"])
        await take_events(told, 3)
        page.insert(*burst[3:])
        events = await told_until(told, burst[4]["uid"], "sounds")
        for document in (burst[3], burst[2]):
            page.database.collection(page.environment["SOUNDS_COLLECTION"]).document(document["uid"]).delete()
            events += await told_until(told, document["uid"], "removed")
        await told.aclose()
        return [uid for kind, uid in events if kind == "removed"]

    assert run_apart(follow()) == [burst[3]["uid"], burst[2]["uid"]]


def test_what_is_long_past_is_not_told(page: Page) -> None:
    """However long a browser was away, it is told of the last quarter of an hour, and of what the clocks may differ."""
    now = datetime.now(UTC)
    ages = {"long ago.wav": timedelta(minutes=18), "lately.wav": timedelta(minutes=16), "now.wav": timedelta()}
    sounds = [make_document(name, seed=seed, analyzed_at=now - age) for seed, (name, age) in enumerate(ages.items())]
    page.insert(*sounds)

    async def follow() -> list[tuple[datetime, str]]:
        told = listen(page).subscribe(now - timedelta(days=3))
        events = await take_events(told, 2)
        await told.aclose()
        return events

    assert [uid for _, uid in run_apart(follow())] == [sound["uid"] for sound in sounds[1:]]


def test_a_browser_that_does_not_read_is_no_burden() -> None:
    """What is kept for a browser that does not read is bounded, however much is written."""

    async def send() -> int:
        subscriber = events._Subscriber(datetime.now(UTC), asyncio.get_running_loop())
        for _ in range(MAX_QUEUED + 100):
            subscriber.send(datetime.now(UTC) + timedelta(seconds=1), "event")
        await asyncio.sleep(0)
        return subscriber.events.qsize()

    assert run_apart(send()) == MAX_QUEUED == 2000


def test_who_knows_it_is_not_told_again() -> None:
    """A reader is told what is newer than what it knows, and nothing that is as old."""

    async def send() -> list[str]:
        now = datetime.now(UTC)
        subscriber = events._Subscriber(now, asyncio.get_running_loop())
        for seconds in (-1, 0, 1):
            subscriber.send(now + timedelta(seconds=seconds), f"{seconds}")
        await asyncio.sleep(0)
        return [subscriber.events.get_nowait() for _ in range(subscriber.events.qsize())]

    assert run_apart(send()) == ["1"]


def test_a_silent_stream_beats(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing is written the stream says that it is there, and the catalog is told that somebody looks.

    So a browser that has gone is noticed, and what no event tells is looked for.
    """
    monkeypatch.setattr(events, "KEEP_ALIVE_S", 0.01)
    looks: list[None] = []
    listener = Events(config_of(page), no_html, put_nowhere, delete_nowhere, lambda: looks.append(None))

    async def follow() -> list[str]:
        told = listener.subscribe(datetime.now(UTC))
        first = await anext(told)
        async with asyncio.timeout(20):
            while await anext(told) != events.UP_TO_DATE:
                pass
        n_looks = len(looks)
        heard = [first, await anext(told), await anext(told)]
        assert len(looks) == n_looks + 2
        await told.aclose()
        return heard

    assert run_apart(follow()) == [events.RECONNECT, events.KEEP_ALIVE, events.KEEP_ALIVE]


def test_a_browser_is_told_when_it_is_up_to_date(page: Page) -> None:
    """When all that was written before is told, once, to whom the listener begins for and to whom comes later."""
    now = datetime.now(UTC)
    page.insert(*make_burst(3, now), rejections=[make_rejection("no.txt", rejected_at=now)])

    async def follow() -> list[list[str]]:
        listener, heard = listen(page), []
        browsers = [listener.subscribe(now - timedelta(seconds=1)) for _ in range(2)]
        for browser in browsers:
            async with asyncio.timeout(20):
                heard.append([(await anext(browser)).partition(":")[0] for _ in range(6)])
        for browser in browsers:
            await browser.aclose()
        return heard

    assert run_apart(follow()) == [["retry", *["id"] * 4, "event"]] * 2


def test_an_event_is_one_line_of_json(page: Page) -> None:
    """No sign of a name or message ends an event early, and a rejection says why."""
    now = datetime.now(UTC)
    rejection = make_rejection("a\n\ndata: {}\u2028.wav", message="it\r\nis", rejected_at=now)
    page.insert(rejections=[rejection])

    async def follow() -> str:
        told = listen(page, lambda kind, document: f"{kind} {document['blob_name']}").subscribe(now)
        await anext(told)
        async with asyncio.timeout(20):
            event = await anext(told)
        await told.aclose()
        return event

    identity, document, *rest = run_apart(follow()).split("\n")
    assert (identity, rest) == (f"id: {now.isoformat()}", ["", ""])
    assert json.loads(document.removeprefix("data: ")) == {
        "uid": rejection["uid"],
        "kind": "rejections",
        "html": f"rejections {rejection['blob_name']}",
        "reason": "corrupt",
        "message": "it\r\nis",
    }


def test_a_document_that_lacks_fields_ends_no_stream(page: Page) -> None:
    """Whatever somebody writes into the collection is told under its id, and what comes after it too."""
    now = datetime.now(UTC)
    uids = [make_document(name)["uid"] for name in ("bare", "after")]
    collection = page.database.collection(page.environment["SOUNDS_COLLECTION"])

    async def follow() -> list[tuple[datetime, str]]:
        told = listen(page, Templates(config_of(page)).render_row).subscribe(now)
        collection.document(uids[0]).set({"analyzed_at": now + timedelta(milliseconds=1)})
        events = await take_events(told, 1)
        collection.document(uids[1]).set(make_document("after", analyzed_at=now + timedelta(milliseconds=2)))
        events += await take_events(told, 1)
        await told.aclose()
        return events

    assert [uid for _, uid in run_apart(follow())] == uids


def test_a_sound_that_was_deleted_is_not_told(page: Page) -> None:
    """Who comes after a sound was deleted is not told of it, though the listener had heard of it."""
    now = datetime.now(UTC)
    gone, there = make_burst(2, now)
    page.insert(gone, there)

    async def follow() -> list[tuple[datetime, str]]:
        listener = listen(page)
        first = listener.subscribe(now)
        await take_events(first, 2)
        page.database.collection(page.environment["SOUNDS_COLLECTION"]).document(gone["uid"]).delete()
        await asyncio.to_thread(wait_until, lambda: len(listener._events) == 1)
        second = listener.subscribe(now)
        events = await take_events(second, 1)
        for told in (first, second):
            await told.aclose()
        return events

    assert run_apart(follow()) == [(there["analyzed_at"], there["uid"])]


def test_a_listener_that_was_stopped_tells_nothing_more(page: Page) -> None:
    """One that is replaced while it still reads leaves the telling to the new one: each sound is told once."""
    burst = make_burst(3, datetime.now(UTC))
    page.insert(*burst)
    is_reading, may_go_on = threading.Event(), threading.Event()

    def render(*_: object) -> str:
        if not is_reading.is_set():
            is_reading.set()
            assert may_go_on.wait(20)
        return ""

    async def follow() -> list[tuple[datetime, str]]:
        listener = listen(page, render)
        first = listener.subscribe(datetime.now(UTC))
        await anext(first)
        hearing = asyncio.ensure_future(take_events(first, 3))
        assert await asyncio.to_thread(is_reading.wait, 20)
        second = listener.subscribe(datetime.now(UTC) - timedelta(minutes=5))
        events = await take_events(second, 3)
        may_go_on.set()
        await hearing
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                events += await take_events(second, 1)
        for told in (first, second):
            await told.aclose()
        return events

    assert run_apart(follow()) == [(document["analyzed_at"], document["uid"]) for document in burst]


def test_news_arrive_while_the_browser_listens(serve_page: Callable[..., Page]) -> None:
    """A sound that is written is told within moments, and who comes later is told what happened since."""
    page = serve_page()
    document = make_document("new.wav", bucket=page.bucket.name, uploaded_at=datetime.now(UTC))
    before = (document["analyzed_at"] - timedelta(seconds=1)).isoformat().replace("+", "%2B")
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
    connection.request("GET", f"/events?since={before}")
    answer = connection.getresponse()
    assert answer.readline() == b"retry: 3000\n"
    time.sleep(1)  # the emulator loses at times what is written while a listener begins
    page.insert(document)

    told = next(json.loads(line[6:]) for line in answer if line.startswith(b"data: "))
    connection.close()

    assert told["uid"] == document["uid"]
    assert "new.wav" in told["html"]
    later = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
    later.request("GET", f"/events?since={before}")
    assert any(document["uid"].encode() in line for line in iter(later.getresponse().readline, b"") if b"data" in line)
    later.close()
