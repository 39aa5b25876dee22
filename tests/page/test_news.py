"""What browsers that look are told of what is written, and what it costs."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analysis.settings import Settings
from bench.documents import make_document
from local.servers import PROJECT
from page.news import MOST_TOLD, News
from page.scope import Scope
from tests.page.served import Page

LISTENER = "Thread-ConsumeBidirectionalStream"  # as Google's client names what hears for it


@pytest.fixture
def page(serve_page: Callable[..., Page], monkeypatch: pytest.MonkeyPatch) -> Page:
    """Collections of its own, which this process finds too."""
    page = serve_page()
    for name, value in page.environment.items():
        monkeypatch.setenv(name, value)
    return page


def listen(page: Page, render: Callable[[str, dict[str, Any]], str] = lambda *_: "") -> News:
    """Return the news of the collections."""
    return News(Scope(PROJECT, page.bucket.name, Settings.from_environment(page.environment)), render)


def run[T](story: Coroutine[Any, Any, T]) -> T:
    """Run what happens in a loop of its own: this thread may have that of a browser."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, story).result()


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
    burst = make_burst(MOST_TOLD + 40, datetime.now(UTC))
    page.plant(*burst[:-20])

    async def follow() -> tuple[list[tuple[datetime, str]], list[tuple[datetime, str]]]:
        told = listen(page).follow(burst[0]["analyzed_at"])
        before = await take_events(told, MOST_TOLD)
        page.plant(*burst[-20:])
        after = await take_events(told, 20)
        await told.aclose()
        return before, after

    before, after = run(follow())

    assert before == [(document["analyzed_at"], document["uid"]) for document in burst[20:-20]]
    assert after == [(document["analyzed_at"], document["uid"]) for document in burst[-20:]]
    assert listeners() == []


def test_who_leaves_while_coming_in_leaves_no_listener(page: Page) -> None:
    """A browser that is gone before it was told anything does not keep the listener when the last one leaves."""
    now = datetime.now(UTC)
    page.plant(*make_burst(1, now))

    async def come_and_go() -> None:
        news = listen(page)
        told = news.follow(now)
        await anext(told)
        coming_in = asyncio.ensure_future(anext(told))
        await asyncio.sleep(0.005)
        coming_in.cancel()
        with pytest.raises(asyncio.CancelledError):
            await coming_in
        last = news.follow(now)
        await take_events(last, 1)
        await last.aclose()

    run(come_and_go())

    assert listeners() == []


def test_a_listener_that_was_stopped_tells_nothing_more(page: Page) -> None:
    """One that is replaced while it still reads leaves the telling to the new one: each sound is told once."""
    burst = make_burst(3, datetime.now(UTC))
    page.plant(*burst)
    is_reading, may_go_on = threading.Event(), threading.Event()

    def render(*_: object) -> str:
        if not is_reading.is_set():
            is_reading.set()
            may_go_on.wait(20)
        return ""

    async def follow() -> list[tuple[datetime, str]]:
        news = listen(page, render)
        first = news.follow(datetime.now(UTC))
        await anext(first)
        hearing = asyncio.ensure_future(take_events(first, 3))
        await asyncio.to_thread(is_reading.wait, 20)
        second = news.follow(datetime.now(UTC) - timedelta(minutes=5))
        events = await take_events(second, 3)
        may_go_on.set()
        await hearing
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                events += await take_events(second, 1)
        for told in (first, second):
            await told.aclose()
        return events

    assert run(follow()) == [(document["analyzed_at"], document["uid"]) for document in burst]
