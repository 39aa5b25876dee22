"""The function between a real bucket and a real database: what an upload through it becomes."""

import http.client
import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore, storage

from local.object_event import Event, shape_event
from local.program import Program
from local.servers import PROJECT, start_function

CALL_S = 150


@dataclass(frozen=True)
class Cloud:
    """One function process with its own bucket and its own collections.

    Attributes:
        function: the process.
        bucket: where the test uploads.
        sounds: collection of the sounds.
        rejections: collection of the rejections.
        environment: what the process was given.
    """

    function: Program
    bucket: storage.Bucket
    sounds: firestore.CollectionReference
    rejections: firestore.CollectionReference
    environment: Mapping[str, str]

    @contextmanager
    def another(self, directory: Path, *, entry_point: str = "analyze", **environment: str) -> Iterator["Cloud"]:
        """Start another process of the same function, or of the other one, on the same bucket and collections."""
        environment = {**self.environment, **environment}
        with start_function(directory, environment=environment, entry_point=entry_point).wait() as program:
            yield replace(self, function=program)

    def kill(self) -> None:
        """End the process as the platform ends one: without a word."""
        os.killpg(self.function.process.pid, signal.SIGKILL)
        self.function.process.wait()

    def clear(self) -> None:
        """Remove all documents."""
        for collection in (self.sounds, self.rejections):
            for reference in collection.list_documents():
                reference.delete()

    def upload(self, content: bytes | Path, name: str = "sound.wav", **attributes: Any) -> dict[str, Any]:
        """Upload and return the object resource, as its finalize event holds it."""
        blob = self.bucket.blob(name)
        for attribute, value in attributes.items():
            setattr(blob, attribute, value)
        blob.upload_from_string(content if isinstance(content, bytes) else content.read_bytes(), "audio/x-wav")
        return dict(blob._properties) | {"kind": "storage#object"}

    def deliver(
        self,
        resource: dict[str, Any],
        shape: str = "legacy",
        event_id: str = "1",
        time: str = "",
        kind: str = "finalize",
    ) -> int:
        """Post the event of an object in one of the shapes, and return the HTTP status."""
        event = Event(event_id, time or datetime.now(UTC).isoformat(), resource, kind)
        return self.post(*shape_event(event, shape))

    def post(self, headers: dict[str, str], body: bytes) -> int:
        """Post any request to the function, and return the HTTP status."""
        connection = http.client.HTTPConnection(self.function.host, self.function.port, timeout=CALL_S)
        try:
            connection.request("POST", "/", body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def documents(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return all sounds and all rejections."""
        sounds, rejections = (
            [snapshot.to_dict() for snapshot in collection.stream()] for collection in (self.sounds, self.rejections)
        )
        return sounds, rejections

    def log(self) -> list[dict[str, Any]]:
        """Return the structured lines that the function has logged."""
        return [json.loads(line) for line in self.function.log.read_text().splitlines() if line.startswith("{")]


def workers(function: Program) -> list[psutil.Process]:
    """Return the processes of a function that answer requests."""
    return psutil.Process(function.process.pid).children()


def left_files(function: Program) -> list[Path]:
    """Return what files there are in the temporary directory of a function."""
    return [path for path in (function.log.parent / "function-tmp").rglob("*") if path.is_file()]


@contextmanager
def start_cloud(emulator: Program, server: Program, directory: Path, **function: Any) -> Iterator[Cloud]:
    """Start a function on a bucket and collections that nobody else uses."""
    unique = uuid4().hex[:12]
    environment = {
        "FIRESTORE_EMULATOR_HOST": emulator.address,
        "STORAGE_EMULATOR_HOST": server.url,
        "SOUNDS_COLLECTION": f"sounds-{unique}",
        "REJECTIONS_COLLECTION": f"rejections-{unique}",
    } | function.pop("environment", {})
    storage_client = storage.Client(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": server.url})
    firestore_client = connect_firestore(emulator)
    with start_function(directory, environment=environment, **function).wait() as program:
        yield Cloud(
            program,
            storage_client.create_bucket(f"bucket-{unique}"),
            firestore_client.collection(environment["SOUNDS_COLLECTION"]),
            firestore_client.collection(environment["REJECTIONS_COLLECTION"]),
            environment,
        )
    storage_client.close()
    firestore_client.close()


def connect_firestore(emulator: Program) -> firestore.Client:
    """Return a client of the emulator."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FIRESTORE_EMULATOR_HOST", emulator.address)
        return firestore.Client(PROJECT)
