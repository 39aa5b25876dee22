"""Server-sent events: browsers that look at a list are told of sounds and rejections as they are written or removed.

*Conventions.* The id of an event is the time at which its document was written. A browser that connects again sends the
last id, and is sent what was written meanwhile, as far back as LOOK_BACK. A removal is told to those that are
connected, if the document was written since then. The clocks of the function and of this machine may differ by
CLOCK_SKEW, so that a browser can be sent an event twice. When all that was written before is told, a browser is told
that it is up to date. What the listeners do not tell of, such as an edit or a removal of what was written long ago or
of a file, the catalog finds later, and a browser is told that something has changed. All browsers share one listener on
each collection, and there is none while nobody looks. Firestore bills a listener for each document that is newer than
its beginning, the newest MAX_EVENTS at most, and then for each document that is written.
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

from page.catalog.records import KINDS, TIME_FIELDS
from page.catalog.source import collection_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from page.catalog.records import Kind
    from page.config import Config

LOOK_BACK = timedelta(minutes=15)
CLOCK_SKEW = timedelta(minutes=2)
KEEP_ALIVE_S = 15  # a connection that is closed is noticed when it is written to
MAX_EVENTS = 500  # of each collection, sent to a browser that connects
MAX_QUEUED = 4 * MAX_EVENTS  # those of both collections, and as many that are written meanwhile
RECONNECT = "retry: 3000\n\n"  # ms after which a browser connects again
KEEP_ALIVE = "event: keep-alive\ndata:\n\n"  # which a browser hears, too: it knows then that it is connected
UP_TO_DATE = "event: up-to-date\ndata:\n\n"
CHANGED = "event: changed\ndata:\n\n"


@dataclass(eq=False)
class _Subscriber:
    """A browser that is connected.

    Attributes:
        since: what was written before this time is not sent.
        loop: the loop in which the events are awaited.
        events: those that are to be sent.
    """

    since: datetime
    loop: asyncio.AbstractEventLoop
    events: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(MAX_QUEUED))

    def send(self, time: datetime, event: str) -> None:
        if time > self.since:
            with suppress(RuntimeError):  # the loop is closed: the server ends
                self.loop.call_soon_threadsafe(self._put, event)

    def _put(self, event: str) -> None:
        with suppress(asyncio.QueueFull):  # a browser that reads so slowly has the rest when the page is loaded again
            self.events.put_nowait(event)


class Events:
    """The listeners on both collections, and the browsers that are connected.

    ``render`` returns the HTML of a document: it is given "sounds" or "rejections", and the document. ``put`` and
    ``delete`` bring the catalog up to date before anybody is told, and ``look_on`` says that somebody looks.
    """

    def __init__(
        self,
        config: Config,
        render: Callable[[Kind, dict[str, Any]], str],
        put: Callable[[Kind, dict[str, Any]], None],
        delete: Callable[[Kind, str], None],
        look_on: Callable[[], object],
    ) -> None:
        self._config = config
        self._render = render
        self._put = put
        self._delete = delete
        self._look_on = look_on
        self._subscribers: set[_Subscriber] = set()
        self._listeners: list[Any] = []
        self._listening_since = datetime.now(UTC)
        self._events: dict[str, tuple[datetime, str]] = {}
        self._unread: set[Kind] = set()  # the collections whose listeners have told nothing yet
        self._executor = ThreadPoolExecutor(1)  # one thread: browsers are added and removed in their order

    async def subscribe(self, since: datetime) -> AsyncIterator[str]:
        """Yield the events after a time, as they happen; end with a listener, so that the browser connects again."""
        yield RECONNECT
        loop = asyncio.get_running_loop()
        subscriber = _Subscriber(max(since, datetime.now(UTC) - LOOK_BACK) - CLOCK_SKEW, loop)
        try:
            await loop.run_in_executor(self._executor, self._add, subscriber)
            while self._is_listening():
                self._look_on()
                try:
                    yield await asyncio.wait_for(subscriber.events.get(), KEEP_ALIVE_S)
                except TimeoutError:
                    yield KEEP_ALIVE
        finally:
            await asyncio.shield(loop.run_in_executor(self._executor, self._remove, subscriber))

    def tell_change(self) -> None:
        """Tell all that something has changed of which no event was sent."""
        self._tell(CHANGED)

    def _add(self, subscriber: _Subscriber) -> None:
        self._subscribers.add(subscriber)
        if self._is_listening() and subscriber.since >= self._listening_since:
            for time, event in sorted(self._events.values()):
                subscriber.send(time, event)
            if not self._unread:
                subscriber.send(datetime.now(UTC), UP_TO_DATE)
            return
        self._stop()
        self._listening_since = subscriber.since
        self._unread = set(KINDS)
        self._listeners = [self._listen("sounds")]
        self._listeners.append(self._listen("rejections"))

    def _remove(self, subscriber: _Subscriber) -> None:
        self._subscribers.discard(subscriber)
        if not self._subscribers:
            self._stop()

    def _stop(self) -> None:
        for listener in self._listeners:
            listener.unsubscribe()
        self._listeners = []
        self._events = {}

    def _is_listening(self) -> bool:
        return bool(self._listeners) and all(listener.is_active for listener in self._listeners)

    def _listen(self, kind: Kind) -> Any:
        events, unread, time_field = self._events, self._unread, TIME_FIELDS[kind]

        def on_snapshot(documents: list[Any], changes: list[Any], _read_time: Any) -> None:
            oldest = min((document.get(time_field) for document in documents), default=None)
            # A browser reconnects with the last id, so the newest comes last; the client gives changes in no order.
            for change in sorted(changes, key=lambda change: change.document.get(time_field)):
                if change.type.name == "REMOVED":
                    events.pop(change.document.id, None)
                    is_among_newest = len(documents) < MAX_EVENTS or change.document.get(time_field) >= oldest
                    if is_among_newest and events is self._events:
                        self._delete(kind, change.document.id)
                        self._tell_removal(change.document.id)
                    continue
                document = change.document.to_dict() | {"uid": change.document.id}
                time = document[time_field]
                self._put(kind, document)
                event = self._format(kind, document, time)
                if events is not self._events:
                    return  # this listener was stopped meanwhile
                events[change.document.id] = (time, event)
                for subscriber in list(self._subscribers):
                    subscriber.send(time, event)
            if kind in unread and events is self._events:
                unread.discard(kind)
                if not unread:
                    self._tell(UP_TO_DATE)

        query = collection_of(self._config, kind).where(filter=FieldFilter(time_field, ">", self._listening_since))
        newest = query.order_by(time_field, direction=firestore.Query.DESCENDING).limit(MAX_EVENTS)
        return newest.on_snapshot(on_snapshot)

    def _tell_removal(self, uid: str) -> None:
        """Send the removal of a document; without an id, so that a browser goes on from what was last written."""
        self._tell(f"data: {json.dumps({'uid': uid, 'kind': 'removed'})}\n\n")

    def _tell(self, event: str) -> None:
        for subscriber in list(self._subscribers):
            subscriber.send(datetime.now(UTC), event)

    def _format(self, kind: Kind, document: dict[str, Any], time: datetime) -> str:
        told = {"uid": document["uid"], "kind": kind, "html": self._render(kind, document)}
        if kind == "rejections":
            told |= {"reason": document.get("reason"), "message": document.get("message")}
        return f"id: {time.isoformat()}\ndata: {json.dumps(told)}\n\n"
