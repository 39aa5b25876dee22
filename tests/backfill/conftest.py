"""What the tests of the backfill share."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage as google_storage

from local.program import Program
from local.servers import PROJECT
from tests.backfill.place import Place
from tests.fakes.cloud import connect_firestore


@pytest.fixture
def place(firestore: Program, storage: Program, tmp_path: Path) -> Iterator[Place]:
    """A new bucket, and collections of its own."""
    unique = uuid4().hex[:12]
    environment = {
        "FIRESTORE_EMULATOR_HOST": firestore.address,
        "STORAGE_EMULATOR_HOST": storage.url,
        "SOUNDS_COLLECTION": f"kept-{unique}",
        "REJECTIONS_COLLECTION": f"refused-{unique}",
    }
    client = google_storage.Client(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": storage.url})
    database = connect_firestore(firestore)
    sounds, rejections = (database.collection(environment[f"{kind}_COLLECTION"]) for kind in ("SOUNDS", "REJECTIONS"))
    place = Place(client.create_bucket(f"bucket-{unique}"), sounds, rejections, environment, tmp_path)
    yield place
    place.end()
    client.close()
    database.close()
