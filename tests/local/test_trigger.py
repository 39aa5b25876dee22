"""The trigger delivers as the platform does: at least once, in any shape, again while the function fails."""

import json
import queue
import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote

import google.auth.credentials
import pytest
from google.cloud import firestore as firestore_client
from google.cloud import storage as storage_client
from hypothesis import example, given
from hypothesis import strategies as st

from local import trigger as triggers
from local.object_event import SHAPES, Event, read_event, shape_event
from local.program import Program
from local.servers import PROJECT, client_variables, start_function
from local.trigger import Answer, Trigger
from tests.fakes.local_sh import SAMPLE
from tests.fakes.serving import Quiet, serving
from tests.fakes.waiting import wait_until

ANSWER_S = 60
PUBLISHED = {
    "kind": "storage#object",
    "id": "sounds/dir/ä b.wav#17",
    "name": "dir/ä b.wav",
    "bucket": "sounds",
    "generation": "17",
    "contentType": "",
    "timeCreated": "2026-11-23T15:47:37.797583Z",
    "size": "5",
}


class Function:
    """Stands for a function: answers each call with the next of its statuses, at last with the last, and notes it."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.calls: list[tuple[dict[str, str], Any]] = []
        self.gate: threading.Event | None = None

    def serving(self) -> AbstractContextManager[int]:
        """Serve on a port."""
        function = self

        class Handler(Quiet, BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                function.calls.append((dict(self.headers), json.loads(body)))
                if function.gate:
                    function.gate.wait(ANSWER_S)
                self.send_response(function.statuses.pop(0) if function.statuses[1:] else function.statuses[0])
                self.end_headers()

        return serving(Handler)


def deliver(port: int, event: Event, shape: str = "legacy", **options: Any) -> Answer:
    """Let a trigger deliver one event, and return what came of it."""
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    with Trigger(port, shape, answers.put, **options) as trigger:
        trigger.receive(event)
        return answers.get(timeout=ANSWER_S)


@pytest.fixture
def event() -> Event:
    """Return an event as fake-gcs-server publishes it."""
    return read_event("123", json.dumps(PUBLISHED).encode())


def test_failing_function_is_called_again_until_it_answers(event: Event) -> None:
    """A call that fails is repeated with the same event, and the answer tells how often."""
    function = Function(500, 503, 200)
    with function.serving() as port:
        answer = deliver(port, event, pauses_s=(0.01, 0.01, 0.01))

    assert (answer.problem, answer.attempts) == ("", 3)
    assert len(function.calls) == 3
    assert all(body == function.calls[0][1] for _, body in function.calls)


def test_event_is_given_up_after_the_last_attempt(event: Event) -> None:
    """A function that never answers well is called once more than there are pauses, and the event is given up."""
    function = Function(500)
    with function.serving() as port:
        answer = deliver(port, event, pauses_s=(0.01, 0.01))

    assert answer.problem == "given up after 3 attempts: the function answered 500 Internal Server Error"
    assert len(function.calls) == 3


def test_unreachable_function_is_given_up(event: Event) -> None:
    """Where nobody listens, the event is given up too."""
    with Function(200).serving() as port:
        pass

    assert "given up after 2 attempts: the function is not reached" in deliver(port, event, pauses_s=(0.01,)).problem


@pytest.mark.parametrize("statuses", [(200, 500), (500, 200)])
def test_a_failed_delivery_is_told_whichever_it_is(
    event: Event, monkeypatch: pytest.MonkeyPatch, statuses: tuple[int, int]
) -> None:
    """Of an event that is delivered twice, a delivery that fails is the answer, be it the first or the second."""
    delays = [0.0, 0.3]
    monkeypatch.setattr(triggers.random, "uniform", lambda *_: delays.pop(0))
    function = Function(*statuses)
    with function.serving() as port:
        answer = deliver(port, event, times=2, pauses_s=())

    assert answer.problem == "given up after 1 attempts: the function answered 500 Internal Server Error"
    assert len(function.calls) == 2


def test_calls_run_side_by_side_up_to_a_bound(event: Event) -> None:
    """Four events are with the function at once, as its instances take them, and the fifth waits for one of them."""
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    function = Function(200)
    function.gate = threading.Event()
    with function.serving() as port, Trigger(port, "legacy", answers.put) as trigger:
        for _ in range(6):
            trigger.receive(event)
        wait_until(lambda: len(function.calls) == triggers.MAX_CALLS)
        with pytest.raises(queue.Empty):
            answers.get(timeout=0.3)
        n_at_once = len(function.calls)
        function.gate.set()
        problems = [answers.get(timeout=ANSWER_S).problem for _ in range(6)]

    assert n_at_once == triggers.MAX_CALLS == 4
    assert problems == [""] * 6
    assert trigger.received == {event.upload}


@pytest.mark.parametrize("status", [200, 204, 299])
def test_every_status_of_success_is_one(event: Event, status: int) -> None:
    """What the platform takes for an answer is 200 to 299."""
    with Function(status).serving() as port:
        assert deliver(port, event, pauses_s=()).problem == ""


@pytest.mark.parametrize("status", [300, 304, 400, 404, 500])
def test_every_other_status_is_a_failure(event: Event, status: int) -> None:
    """A redirection and an error of the caller are called again too, as the platform does."""
    with Function(status).serving() as port:
        assert f"the function answered {status}" in deliver(port, event, pauses_s=()).problem


def test_pauses_are_as_long_as_they_are_promised() -> None:
    """The pauses grow from half a second to eight, and a call has the 540 s that the platform gives it."""
    assert triggers.PAUSES_S == (0.5, 1, 2, 4, 8)
    assert triggers.CALL_S == 540


def test_deletions_go_to_the_function_that_forgets(event: Event) -> None:
    """A delete event is delivered to the other function's port; where there is none it is dropped, and not counted."""
    deleted = read_event("124", json.dumps(PUBLISHED).encode(), "delete")
    analysing, forgetting = Function(200), Function(200)
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    with analysing.serving() as port, forgetting.serving() as forget_port:
        with Trigger(port, "legacy", answers.put, forget_port=forget_port) as trigger:
            trigger.receive(deleted)
            assert answers.get(timeout=ANSWER_S).event == deleted
            assert trigger.received == set()
        with Trigger(port, "legacy", answers.put) as trigger:
            trigger.receive(deleted)
            trigger.receive(event)
            assert answers.get(timeout=ANSWER_S).event == event

    kinds = [[call[1]["context"]["eventType"] for call in function.calls] for function in (forgetting, analysing)]
    assert kinds == [["google.storage.object.delete"], ["google.storage.object.finalize"]]


def test_delete_event_carries_what_the_real_cloud_sends(event: Event) -> None:
    """It holds the object as it was, and since when it is deleted; every shape has the type of its generation."""
    deleted = read_event("124", json.dumps(PUBLISHED).encode(), "delete")
    headers = {shape: shape_event(deleted, shape) for shape in SHAPES}
    bodies = {shape: json.loads(body) for shape, (_, body) in headers.items()}

    assert deleted.resource == event.resource | {"timeDeleted": deleted.time}
    assert bodies["legacy"]["context"]["eventType"] == bodies["flat"]["eventType"] == "google.storage.object.delete"
    assert bodies["structured"]["type"] == "google.cloud.storage.object.v1.deleted"
    assert unquote(headers["binary"][0]["ce-type"]) == "google.cloud.storage.object.v1.deleted"


def test_event_carries_what_the_real_cloud_sends(event: Event) -> None:
    """The object in an event has the real one's id, integers as strings and links, and no empty fields."""
    resource = event.resource

    assert resource["id"] == "sounds/dir/ä b.wav/17"
    assert (resource["kind"], resource["generation"], resource["size"]) == ("storage#object", "17", "5")
    assert resource["metageneration"] == "1"
    assert resource["selfLink"] == "https://www.googleapis.com/storage/v1/b/sounds/o/dir%2F%C3%A4%20b.wav"
    assert "contentType" not in resource


def test_shapes_name_the_object_as_the_framework_wants_it(event: Event) -> None:
    """Every shape carries the whole object, the event's id and the resource from which the framework converts."""
    requests = {shape: shape_event(event, shape) for shape in SHAPES}
    bodies = {shape: json.loads(body) for shape, (_, body) in requests.items()}
    headers = requests["binary"][0]

    assert bodies["legacy"]["context"]["resource"]["name"] == "projects/_/buckets/sounds/objects/dir/ä b.wav"
    assert bodies["flat"]["resource"] == "projects/_/buckets/sounds/objects/dir/ä b.wav"
    assert unquote(headers["ce-subject"]) == bodies["structured"]["subject"] == "objects/dir/ä b.wav"
    assert headers["ce-subject"].isascii()
    assert bodies["binary"] == event.resource
    assert all(bodies[shape]["data"] == event.resource for shape in ("legacy", "flat", "structured"))
    assert bodies["legacy"]["context"]["eventId"] == bodies["flat"]["eventId"] == headers["ce-id"] == "123"


@example('"')
@example("%41 ä")
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1))
def test_any_name_fits_into_a_header(name: str) -> None:
    """In a binary CloudEvent the subject is printable ASCII, in which quotes and percent signs are escaped too."""
    event = read_event("1", json.dumps(PUBLISHED | {"name": name}).encode())

    subject = shape_event(event, "binary")[0]["ce-subject"]

    assert re.fullmatch(r"[!-~]+", subject)
    assert '"' not in subject
    assert unquote(subject) == f"objects/{name}"


@pytest.fixture(scope="module", params=[1, 2])
def function(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, storage: Program, firestore: Program
) -> Iterator[Program]:
    """Serve the real function as each generation is served."""
    variables = client_variables(storage, firestore)
    directory = tmp_path_factory.mktemp(f"generation-{request.param}")
    with start_function(directory, generation=request.param, environment=variables).wait() as program:
        yield program


@pytest.mark.parametrize("shape", SHAPES)
def test_event_in_any_shape_delivered_twice_makes_one_document(
    function: Program, storage: Program, firestore: Program, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the four shapes, at once twice, on both generations: one document with the right fields."""
    for name, value in client_variables(storage, firestore).items():
        monkeypatch.setenv(name, value)
    credentials = google.auth.credentials.AnonymousCredentials()
    client = storage_client.Client(project=PROJECT, credentials=credentials)
    bucket = client.bucket(f"{shape}-{function.port}")
    client.create_bucket(bucket)
    blob = bucket.blob("dir/ä #?.wav")
    blob.upload_from_filename(SAMPLE)
    published = PUBLISHED | {"bucket": bucket.name, "name": blob.name, "generation": str(blob.generation)}
    event = read_event("456", json.dumps(published | {"timeCreated": blob.time_created.isoformat()}).encode())

    answer = deliver(function.port, event, shape, times=2)

    assert (answer.problem, answer.attempts) == ("", 1)
    logged = [json.loads(line) for line in function.log.read_text().splitlines() if bucket.name in line]
    assert [line["message"] for line in logged].count("sound") == 2
    sounds = firestore_client.Client(project=PROJECT).collection("sounds")
    [document] = [found.to_dict() for found in sounds.stream() if found.get("bucket") == bucket.name]
    assert (document["blob_name"], document["generation"]) == (blob.name, blob.generation)
    assert document["length"] == 3 * 22050
    assert document["event_id"] == ("456" if shape != "structured" or "cloudevent" in function.process.args else "")
    client.close()
