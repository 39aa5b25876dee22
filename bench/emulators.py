"""Both functions, ours and the plain one, each as a process against real emulators with a bucket of sounds."""

import http.client
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote
from uuid import uuid4

from bench.runs import ROOT
from local.object_event import Event, shape_event
from local.program import Program
from local.servers import client_variables, ensure_bucket, start_firestore, start_function, start_storage
from local.trigger import call_function

BUCKET = "bench"
SOURCES = {"plain": ROOT / "bench/plain_function", "ours": ROOT}
UPLOAD_S = 120  # of silence


@dataclass(frozen=True, slots=True)
class Emulators:
    """The running emulators.

    Attributes:
        directory: their temp dir.
        firestore: the database's emulator.
        storage: the server that has the bucket.
    """

    directory: Path
    firestore: Program
    storage: Program

    def upload(self, sound: Path, name: str = "") -> Event:
        """Upload a sound, under its own name or another, and return its finalize event."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(sound.stat().st_size)}
        connection = http.client.HTTPConnection(self.storage.host, self.storage.port, timeout=UPLOAD_S)
        with sound.open("rb") as file:
            path = f"/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={quote(name or sound.name)}"
            connection.request("POST", path, file, headers)
            resource = json.load(connection.getresponse())
        connection.close()
        return Event("1", resource["timeCreated"], resource)

    def start(self, method: str, environment: Mapping[str, str] = MappingProxyType({})) -> Program:
        """Start the function of a method, and return at once.

        It writes into a collection of its own: a document that is there already takes two more calls.
        """
        variables = client_variables(self.storage, self.firestore) | {"SOUNDS_COLLECTION": f"sounds-{uuid4().hex}"}
        return start_function(self.directory / method, environment={**variables, **environment}, source=SOURCES[method])


@contextmanager
def running() -> Iterator[Emulators]:
    """Start the emulators, with an empty bucket; they are gone when the context is left."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        start_firestore(Path(directory)) as firestore,
        start_storage(Path(directory)) as storage,
    ):
        firestore.wait()
        storage.wait()
        ensure_bucket(storage, BUCKET)
        yield Emulators(Path(directory), firestore, storage)


def post(function: Program, event: Event) -> str:
    """Let a function answer an event, and return what is wrong with its answer; empty if nothing is."""
    return call_function(function.port, *shape_event(event, "legacy"))
