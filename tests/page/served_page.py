"""A page that is being served by a process of its own."""

import http.client
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud import firestore, storage

from analysis.settings import Settings
from bench.documents import make_document, write_documents
from local.program import HOST
from local.servers import PROJECT
from page.config import Config
from tests.fakes.waiting import wait_until


@dataclass(frozen=True)
class Page:
    """A page that is being served, and what it shows.

    Attributes:
        port: where; 0 where no process serves it.
        bucket: the bucket whose files it plays.
        database: the database that it reads.
        environment: what its process was given.
    """

    port: int
    bucket: storage.Bucket
    database: firestore.Client
    environment: dict[str, str]

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://{HOST}:{self.port}"

    def process_environment(self) -> dict[str, str]:
        """Return the environment of a process that is to see the same."""
        return os.environ | self.environment

    def open_here(self, monkeypatch: pytest.MonkeyPatch) -> Config:
        """Let the clients of this process find the same, and return it as the page's code takes it."""
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        return Config(PROJECT, self.bucket.name, Settings.from_environment(self.environment), port=self.port)

    def insert(self, *sounds: dict[str, Any], rejections: Iterable[dict[str, Any]] = ()) -> None:
        """Write documents as the function would; return when the page that is served knows of them."""
        write_documents(self.database.collection(self.environment["SOUNDS_COLLECTION"]), sounds)
        write_documents(self.database.collection(self.environment["REJECTIONS_COLLECTION"]), rejections)
        if self.port:
            self.wait_for_catalog()

    def make_sounds(self, name: str, n: int, **fields: Any) -> list[dict[str, Any]]:
        """Return the documents of sounds that are uploaded now, "name 0.wav" first."""
        now = datetime.now(UTC)
        sounds = []
        for index in range(n):
            time = now + timedelta(milliseconds=index)
            times = {"uploaded_at": time, "analyzed_at": time}
            sounds.append(make_document(f"{name} {index}.wav", **{"bucket": self.bucket.name} | times | fields))
        return sounds

    def remove(self, name: str) -> None:
        """Let the document of a sound or a rejection be deleted; return when the page that is served knows."""
        for collection in ("SOUNDS_COLLECTION", "REJECTIONS_COLLECTION"):
            for document in self.database.collection(self.environment[collection]).stream():
                if document.get("blob_name") == name:
                    document.reference.delete()
        self.wait_for_catalog()

    def edit(self, name: str, **fields: Any) -> None:
        """Change fields of the document of a sound, as somebody does by hand."""
        for document in self.database.collection(self.environment["SOUNDS_COLLECTION"]).stream():
            if document.get("blob_name") == name:
                document.reference.update(fields)

    def wait_for_catalog(self) -> None:
        """Wait until the catalog holds all that is in the database and the bucket now."""
        now = datetime.now(UTC).isoformat()
        wait_until(lambda: (json.loads(self.read("/catalog.json"))["as_of"] or "") > now, seconds=180)

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Ask for an address and return the answer and its body; a header's name is written with underscores."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=60)
        try:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, {"Accept": "text/html"} | given)
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def read(self, path: str) -> str:
        """Return what is at an address, which is there."""
        answer, body = self.ask(path)
        assert answer.status == 200, body
        return body.decode()


def names_of(html: str) -> list[str]:
    """Return the names in a list of sounds, in its order."""
    return [part.partition('"')[0] for part in html.split('data-name="')[1:]]
