"""The triggers: receive the bucket's events and call the function of their kind for each, as the platform does.

*Conventions.* Every event is delivered at least once, in no certain order, and calls run side by side. A call that
fails is repeated after a pause, which grows from attempt to attempt; after the last one the event is given up. For
fake-gcs-server they are a Pub/Sub service, of which it has the one method that is called, Publish.
"""

import asyncio
import http.client
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self
from uuid import uuid4

import grpc
from google.pubsub_v1.types import PublishRequest, PublishResponse

from local.object_event import Event, read_event, shape_event
from local.program import HOST

KINDS = {"OBJECT_FINALIZE": "finalize", "OBJECT_DELETE": "delete"}  # by what fake-gcs-server calls them
MAX_CALLS = 4  # at once
PAUSES_S = (0.5, 1, 2, 4, 8)  # between the attempts; the platform's are 10 to 600 s, for days
CALL_S = 540  # timeout of a call, as the platform's
MAX_DELAY_S = 0.05  # each event is delayed at random, so that events overtake each other


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of an event.

    Attributes:
        event: the event.
        attempts: number of calls.
        seconds: duration of the last call.
        problem: why the event was given up; empty if it was not.
    """

    event: Event
    attempts: int
    seconds: float
    problem: str = ""


class Trigger:
    """Calls a function for every event, then ``answered`` with the result, from another thread.

    Finalize events go to ``function_port``, delete events to ``forget_port``; without that they are dropped.

    Attributes:
        port: where it receives events.
        received: the uploads whose finalize events it has received.
    """

    def __init__(
        self,
        function_port: int,
        shape: str,
        answered: Callable[[Answer], None],
        *,
        forget_port: int | None = None,
        times: int = 1,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self.received: set[tuple[str, str, int]] = set()
        self._ports = {"finalize": function_port, "delete": forget_port}
        self._shape = shape
        self._answered = answered
        self._times = times
        self._pauses_s = pauses_s
        self._slots = asyncio.Semaphore(MAX_CALLS)
        self._stop = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="trigger", daemon=True)
        self._server = grpc.server(ThreadPoolExecutor(2))
        publish = grpc.unary_unary_rpc_method_handler(
            self._publish, PublishRequest.deserialize, PublishResponse.serialize
        )
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("google.pubsub.v1.Publisher", {"Publish": publish}),)
        )
        self.port = self._server.add_insecure_port(f"{HOST}:0")

    def __enter__(self) -> Self:
        self._thread.start()
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Drop the events without an answer, and wait for the calls that still run: end the function first."""
        self._server.stop(None).wait()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def receive(self, event: Event) -> None:
        """Begin to deliver an event, and return at once."""
        if event.kind == "finalize":
            self.received.add(event.upload)
        port = self._ports[event.kind]
        if port is not None:
            asyncio.run_coroutine_threadsafe(self._handle(event, port), self._loop)

    def _publish(self, request: PublishRequest, _: grpc.ServicerContext) -> PublishResponse:
        event_ids = [str(uuid4().int)[:17] for _ in request.messages]
        for event_id, message in zip(event_ids, request.messages, strict=True):
            self.receive(read_event(event_id, message.data, KINDS[message.attributes["eventType"]]))
        return PublishResponse(message_ids=event_ids)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._stop.wait())

    async def _handle(self, event: Event, port: int) -> None:
        answers = await asyncio.gather(*(self._deliver(event, port) for _ in range(self._times)))
        self._answered(max(answers, key=lambda answer: answer.problem))

    async def _deliver(self, event: Event, port: int) -> Answer:
        headers, body = shape_event(event, self._shape)
        await asyncio.sleep(random.uniform(0, MAX_DELAY_S))  # noqa: S311  no secret
        attempt = 0
        while True:
            attempt += 1
            async with self._slots:
                started = time.perf_counter()
                problem = await asyncio.to_thread(call_function, port, headers, body)
                seconds = time.perf_counter() - started
            if not problem or attempt > len(self._pauses_s):
                break
            await asyncio.sleep(self._pauses_s[attempt - 1])
        return Answer(event, attempt, seconds, f"given up after {attempt} attempts: {problem}" if problem else "")


def call_function(port: int, headers: dict[str, str], body: bytes) -> str:
    """Post a request to the function; return the error, empty if it answered with success."""
    connection = http.client.HTTPConnection(HOST, port, timeout=CALL_S)
    try:
        connection.request("POST", "/", body, headers)
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException) as error:
        return f"the function is not reached: {error}"
    else:
        ok = http.client.OK <= response.status < http.client.MULTIPLE_CHOICES
        return "" if ok else f"the function answered {response.status} {response.reason}"
    finally:
        connection.close()
