"""Between the bucket and the function: receives finalize events and calls the function for each, as the platform does.

*Conventions.* Every event is delivered at least once, events come in no order, and calls run side by side. A call that
fails is repeated after a wait that grows from one attempt to the next; after the last wait the event is given up.
To fake-gcs-server the trigger is a Pub/Sub service. Of that service it has the method Publish, the only one called.
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

from local.finalize_event import Event, read_event, shape_event
from local.program import HOST

CALLS = 4  # at most, at once
WAITS_S = (0.5, 1, 2, 4, 8)  # between the attempts; the platform's are 10 to 600 s, for days
CALL_S = 540  # what the platform gives a call
DISORDER_S = 0.05  # what an event is delayed by, at most, so that later ones overtake it


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an event.

    Attributes:
        event: the event.
        attempts: how many calls the last delivery took.
        seconds: how long the function took for its last answer.
        problem: why the event was given up; empty if it was not.
    """

    event: Event
    attempts: int
    seconds: float
    problem: str = ""


class Trigger:
    """Calls the function for every event it receives, then ``answered``, from another thread, with what came of it.

    Attributes:
        port: where it takes events.
        received: the uploads whose events it has received.
    """

    def __init__(
        self,
        function_port: int,
        shape: str,
        answered: Callable[[Answer], None],
        *,
        times: int = 1,
        waits_s: Sequence[float] = WAITS_S,
    ) -> None:
        self.received: set[tuple[str, str, int]] = set()
        self._function_port = function_port
        self._shape = shape
        self._answered = answered
        self._times = times
        self._waits_s = waits_s
        self._slots = asyncio.Semaphore(CALLS)
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
        """Forget the events that are not answered. Calls that still run are waited for: end the function first."""
        self._server.stop(None).wait()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def receive(self, event: Event) -> None:
        """Take an event, return at once, and deliver it until it is answered or given up."""
        self.received.add(event.upload)
        asyncio.run_coroutine_threadsafe(self._handle(event), self._loop)

    def _publish(self, request: PublishRequest, _: grpc.ServicerContext) -> PublishResponse:
        event_ids = [str(uuid4().int)[:17] for _ in request.messages]
        for event_id, message in zip(event_ids, request.messages, strict=True):
            self.receive(read_event(event_id, message.data))
        return PublishResponse(message_ids=event_ids)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._stop.wait())

    async def _handle(self, event: Event) -> None:
        answers = await asyncio.gather(*(self._deliver(event) for _ in range(self._times)))
        self._answered(max(answers, key=lambda answer: answer.problem))

    async def _deliver(self, event: Event) -> Answer:
        headers, body = shape_event(event, self._shape)
        await asyncio.sleep(random.uniform(0, DISORDER_S))  # noqa: S311  it is disorder, not a secret
        attempt = 0
        while True:
            attempt += 1
            async with self._slots:
                started = time.perf_counter()
                problem = await asyncio.to_thread(call_function, self._function_port, headers, body)
                seconds = time.perf_counter() - started
            if not problem or attempt > len(self._waits_s):
                break
            await asyncio.sleep(self._waits_s[attempt - 1])
        return Answer(event, attempt, seconds, f"given up after {attempt} attempts: {problem}" if problem else "")


def call_function(port: int, headers: dict[str, str], body: bytes) -> str:
    """Post a request to the function and return what is wrong with its answer; empty if nothing is."""
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
