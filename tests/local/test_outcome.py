"""What became of an upload is found by all that tells it from others, and told as it is."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.api_core.exceptions import ServiceUnavailable
from google.cloud import firestore as google_firestore

from local import outcome
from local.object_event import Event
from local.outcome import Outcome, find_outcome
from local.program import Program
from local.servers import PROJECT
from local.trigger import Answer
from tests.fakes.cloud import connect_firestore
from tests.fakes.firestore_proxy import FirestoreProxy, broken

NAME = "a.wav"


@pytest.fixture
def client(firestore: Program, monkeypatch: pytest.MonkeyPatch) -> Iterator[google_firestore.Client]:
    """A client of the database, in which the function's collections are new."""
    unique = uuid4().hex[:12]
    monkeypatch.setattr(outcome, "COLLECTIONS", {"sound": f"sounds-{unique}", "rejection": f"rejections-{unique}"})
    client = connect_firestore(firestore)
    yield client
    client.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The function's log, which is not all JSON."""
    path = tmp_path / "function.log"
    path.write_text("Serving on 127.0.0.1\n[1]\n")
    return path


def write(client: google_firestore.Client, kind: str, bucket: str, name: str, generation: int, **fields: Any) -> None:
    """Write a document of an upload."""
    own = {"bucket": bucket, "blob_name": name, "generation": generation}
    client.collection(outcome.COLLECTIONS[kind]).add(own | fields)


def answered(generation: int = 5, problem: str = "") -> Answer:
    """Return the function's answer to an event."""
    resource = {"bucket": "sounds", "name": NAME, "generation": str(generation)}
    return Answer(Event("1", "2026-01-01T00:00:00Z", resource), 1, 0.5, problem)


def tell(log: Path, message: str, bucket: str = "sounds", name: str = NAME, generation: int = 5) -> None:
    """Let the function log something about an upload."""
    with log.open("a") as lines:
        lines.write(json.dumps({"bucket": bucket, "blob": name, "generation": generation, "message": message}) + "\n")


@pytest.mark.parametrize("kind", ["sound", "rejection"])
def test_the_document_is_that_of_this_upload(client: google_firestore.Client, log: Path, kind: str) -> None:
    """Documents of another bucket, another name or another generation are not taken for this upload's."""
    reason = {"reason": "corrupt", "message": "it is cut"} if kind == "rejection" else {}
    for number, other in enumerate(
        (("other", NAME, 5), ("sounds", "b.wav", 5), ("sounds", NAME, 4), ("sounds", NAME, 6))
    ):
        write(client, kind, *other, n=number, **reason)

    before = find_outcome(client, answered(), log)
    write(client, kind, "sounds", NAME, 5, n="mine", **reason)
    found = find_outcome(client, answered(), log)

    assert before.kind == "skipped"
    assert (found.kind, found.document["n"], found.seconds) == (kind, "mine", 0.5)
    assert found.message == ("corrupt: it is cut" if reason else "")


def test_what_needed_no_document_is_told_by_the_log(client: google_firestore.Client, log: Path) -> None:
    """The last line about this upload says why it was skipped; lines about others do not."""
    tell(log, "an earlier word")
    tell(log, "skipped: a folder placeholder")
    tell(log, "of another", bucket="other")
    tell(log, "of another", name="b.wav")
    tell(log, "of another", generation=4)

    assert find_outcome(client, answered(), log) == Outcome(NAME, "skipped", message="a folder placeholder")
    assert "does not say why" in find_outcome(client, answered(7), log).message


def test_what_was_given_up_has_failed(client: google_firestore.Client, log: Path) -> None:
    """An event that was given up has failed, whatever is there, and what the function logged is added."""
    write(client, "sound", "sounds", NAME, 5)

    unsaid = find_outcome(client, answered(problem="given up"), log)
    tell(log, "OSError: no")
    said = find_outcome(client, answered(problem="given up"), log)

    assert unsaid == Outcome(NAME, "failed", message="given up")
    assert said == Outcome(NAME, "failed", message="given up; OSError: no")


def test_deletion_is_what_the_function_that_forgets_says(client: google_firestore.Client, log: Path) -> None:
    """A deletion is told as forgotten, or with why it was not, whatever documents there are."""
    write(client, "sound", "sounds", NAME, 5)
    deletion = replace(answered(), event=replace(answered().event, kind="delete"))

    tell(log, "forgotten")
    forgotten = find_outcome(client, deletion, log)
    tell(log, "skipped: gs://sounds/a.wav#5 is there")
    kept = find_outcome(client, deletion, log)

    assert forgotten == Outcome(NAME, "forgotten", message="generation 5 was deleted", seconds=0.5)
    assert kept == Outcome(NAME, "skipped", message="gs://sounds/a.wav#5 is there", seconds=0.5)
    failed = replace(deletion, problem="given up")
    assert find_outcome(client, failed, log).kind == "failed"


@pytest.mark.parametrize("after", [0, 1], ids=["at first", "in the middle"])
def test_an_error_of_the_database_is_told_as_it_is(
    firestore: Program, monkeypatch: pytest.MonkeyPatch, log: Path, after: int
) -> None:
    """Where a query breaks off, the caller gets Firestore's own error, whose cause it can look for, and no other."""
    proxy = FirestoreProxy(firestore)
    with proxy.running():
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", proxy.address)
        client = google_firestore.Client(project=PROJECT)
        proxy.default = broken(after, grpc.StatusCode.UNAVAILABLE)

        with pytest.raises(ServiceUnavailable, match="so it is"):
            find_outcome(client, answered(), log)
        client.close()

    assert len(proxy.calls) == 1
