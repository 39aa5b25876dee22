"""What is new in the collections, told to every browser that looks: one listener for all, none when nobody looks.

*Conventions.* An event is the text of a server-sent event; its id is the moment of its analysis, so that a browser
that comes back is told what it missed, as far back as LOOK_BACK. The function's clock and ours may differ by SKEW, so a
browser can be told again what it knows. A listener is billed for each document that is newer than it begins, of each
kind the newest MOST_TOLD at most, and then for each that is written.
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from page.listing import collection_of, rejections_of, sounds_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from page.listing import Kind
    from page.scope import Scope

LOOK_BACK = timedelta(minutes=15)
SKEW = timedelta(minutes=2)
BEAT_S = 15  # a browser that has gone is noticed when it is written to
MOST_TOLD = 500  # of each kind, to a browser that comes: the newest, however many a burst has written
MOST_WAITING = 4 * MOST_TOLD  # both kinds, and as many that are written meanwhile
AGAIN = "retry: 3000\n\n"
BEAT = ": still here\n\n"


@dataclass(eq=False)
class _Reader:
    """A browser that looks.

    Attributes:
        since: it knows what is older.
        loop: where its events are awaited.
        events: what it has not been sent yet.
    """

    since: datetime
    loop: asyncio.AbstractEventLoop
    events: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))

    def tell(self, moment: datetime, event: str) -> None:
        if moment > self.since:
            with suppress(RuntimeError):  # the loop is closed: the server ends
                self.loop.call_soon_threadsafe(self._put, event)

    def _put(self, event: str) -> None:
        with suppress(asyncio.QueueFull):  # one so slow reloads some day
            self.events.put_nowait(event)


class News:
    """The listeners on both collections, and the browsers that look.

    ``render`` makes the HTML of a document in the list of a kind.
    """

    def __init__(self, scope: Scope, render: Callable[[str, dict[str, Any]], str]) -> None:
        self._scope = scope
        self._render = render
        self._readers: set[_Reader] = set()
        self._watches: list[Any] = []
        self._begin = datetime.now(UTC)
        self._events: dict[str, tuple[datetime, str]] = {}
        self._desk = ThreadPoolExecutor(1)  # who comes and who goes, one at a time, in their order

    async def follow(self, since: datetime) -> AsyncIterator[str]:
        """Yield the events after a moment, as they happen; ends when the listener has, for the browser to ask again."""
        yield AGAIN
        begin = max(since, datetime.now(UTC) - LOOK_BACK) - SKEW
        loop = asyncio.get_running_loop()
        reader = _Reader(begin, loop)
        try:
            await loop.run_in_executor(self._desk, self._enter, reader)
            while self._is_listening():
                try:
                    yield await asyncio.wait_for(reader.events.get(), BEAT_S)
                except TimeoutError:
                    yield BEAT
        finally:
            await asyncio.shield(loop.run_in_executor(self._desk, self._leave, reader))

    def _enter(self, reader: _Reader) -> None:
        self._readers.add(reader)
        if self._is_listening() and reader.since >= self._begin:
            for moment, event in sorted(self._events.values()):
                reader.tell(moment, event)
            return
        self._stop()
        self._begin = reader.since
        self._watches = [self._watch(sounds_of(self._scope), "analyzed_at")]
        self._watches.append(self._watch(rejections_of(self._scope), "rejected_at"))

    def _leave(self, reader: _Reader) -> None:
        self._readers.discard(reader)
        if not self._readers:
            self._stop()

    def _stop(self) -> None:
        for watch in self._watches:
            watch.unsubscribe()
        self._watches = []
        self._events = {}

    def _is_listening(self) -> bool:
        return bool(self._watches) and all(watch.is_active for watch in self._watches)

    def _watch(self, kind: Kind, time_field: str) -> Any:
        events = self._events

        def hear(_documents: list[Any], changes: list[Any], _read_at: Any) -> None:
            # The oldest first, so that the last id is the newest; the client has no order for what is descending.
            for change in sorted(changes, key=lambda change: change.document.get(time_field)):
                if change.type.name == "REMOVED":  # deleted, or no longer among the newest
                    events.pop(change.document.id, None)
                    continue
                document = change.document.to_dict()
                moment = document[time_field]
                event = self._event(kind, document, moment)
                if events is not self._events:
                    return  # stopped while it was at it
                events[change.document.id] = (moment, event)
                for reader in list(self._readers):
                    reader.tell(moment, event)

        query = collection_of(self._scope, kind.collection).select(kind.fields)
        query = query.where(filter=FieldFilter(time_field, ">", self._begin))
        return query.order_by(time_field, direction=firestore.Query.DESCENDING).limit(MOST_TOLD).on_snapshot(hear)

    def _event(self, kind: Kind, document: dict[str, Any], moment: datetime) -> str:
        told = {"uid": document["uid"], "kind": kind.name, "html": self._render(kind.name, document)}
        if kind.name == "rejections":
            told |= {"reason": document.get("reason"), "message": document.get("message")}
        return f"id: {moment.isoformat()}\ndata: {json.dumps(told)}\n\n"
