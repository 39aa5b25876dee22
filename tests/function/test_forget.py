"""The function that forgets, under the real framework, beside the one that analyses: what is deleted leaves nothing."""

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from local.object_event import SHAPES
from local.program import Program
from tests.fakes import firestore_proxy as commits
from tests.fakes.cloud import Cloud, start_cloud
from tests.fakes.firestore_proxy import FirestoreProxy
from tests.fakes.storage_proxy import StorageProxy


@pytest.fixture(scope="module", params=[1, 2], ids=["generation 1", "generation 2"])
def forgetting(
    request: pytest.FixtureRequest, firestore: Program, storage: Program, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cloud]:
    """The function that forgets, as each generation is served."""
    directory = tmp_path_factory.mktemp("forgetting")
    with start_cloud(firestore, storage, directory, generation=request.param, entry_point="forget") as cloud:
        yield cloud


@pytest.fixture(autouse=True)
def empty(request: pytest.FixtureRequest) -> None:
    """Begin each test without documents."""
    if "forgetting" in request.fixturenames:
        request.getfixturevalue("forgetting").clear()


def write(cloud: Cloud, resource: dict[str, Any]) -> None:
    """Write a sound and a rejection of an upload, each with what tells it from others."""
    import main  # noqa: PLC0415 - it reads the environment

    upload = main.read_upload(resource | {"timeDeleted": None})
    for collection in (cloud.sounds, cloud.rejections):
        collection.document(main.make_uid(upload)).set({"generation": upload.generation})


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_forgets_that_generation(forgetting: Cloud, shape: str) -> None:
    """A delete event in any shape, on each generation, removes the documents of its object alone, also twice."""
    old, new = forgetting.upload(b"1", "takes/a sound.wav"), forgetting.upload(b"2", "takes/a sound.wav")
    for resource in (old, new):
        write(forgetting, resource)
    deleted = old | {"timeDeleted": datetime.now(UTC).isoformat()}

    statuses = [forgetting.deliver(deleted, shape, event_id="event-8", kind="delete") for _ in range(2)]

    assert statuses == [200, 200]
    for documents in forgetting.documents():
        assert [document["generation"] for document in documents] == [int(new["generation"])]
    *_, first, second = forgetting.log()
    assert first == second
    # Served as generation 1, the framework hands a structured CloudEvent over with an empty context.
    without_context = shape == "structured" and "event" in forgetting.function.process.args
    assert {name: first[name] for name in ("severity", "message", "blob", "generation", "event_id")} == {
        "severity": "INFO",
        "message": "forgotten",
        "blob": "takes/a sound.wav",
        "generation": int(old["generation"]),
        "event_id": "" if without_context else "event-8",
    }


@pytest.mark.parametrize("kind", ["finalize", "archive"])
def test_other_events_are_logged_and_change_nothing(forgetting: Cloud, kind: str) -> None:
    """An event that is no deletion is answered, logged, and removes nothing, even where the object is gone."""
    resource = forgetting.upload(b"1")
    write(forgetting, resource)
    forgetting.bucket.delete_blob(resource["name"])
    context = {"eventId": "1", "eventType": f"google.storage.object.{kind}", "timestamp": "2026-11-23T12:13:20Z"}
    body = {"context": context | {"resource": {"name": "n", "service": "s", "type": "t"}}, "data": resource}

    status = forgetting.post({"Content-Type": "application/json"}, json.dumps(body).encode())

    assert status == 200
    assert [len(documents) for documents in forgetting.documents()] == [1, 1]
    assert "only delete events remove documents" in forgetting.log()[-1]["message"]
    assert forgetting.log()[-1]["severity"] == "WARNING"


@pytest.mark.parametrize("shape", SHAPES)
def test_version_that_is_there_is_kept(forgetting: Cloud, shape: str) -> None:
    """A delete event of an object that is there after all removes nothing, and says so."""
    resource = forgetting.upload(b"1")
    write(forgetting, resource)

    assert forgetting.deliver(resource | {"timeDeleted": "2026-11-23T12:13:20Z"}, shape, kind="delete") == 200

    assert [len(documents) for documents in forgetting.documents()] == [1, 1]
    assert forgetting.log()[-1]["message"].endswith("is there: nothing of it is removed")


def test_overwrite_in_a_bucket_with_versions_changes_nothing(forgetting: Cloud) -> None:
    """There the old generation becomes noncurrent and is still there, so an event that tells of it removes nothing."""
    bucket = forgetting.bucket.client.bucket(f"versions-{uuid4().hex}")
    bucket.versioning_enabled = True
    cloud = replace(forgetting, bucket=bucket.client.create_bucket(bucket))
    uploads = [cloud.upload(b"1"), cloud.upload(b"2")]
    for resource in uploads:
        write(cloud, resource)

    status = cloud.deliver(uploads[0] | {"timeDeleted": "2026-11-23T12:13:20Z"}, kind="delete")

    generations = sorted(document["generation"] for document in cloud.documents()[0])
    assert (status, generations) == (200, [int(upload["generation"]) for upload in uploads])


@pytest.fixture(scope="module")
def pair(
    firestore: Program,
    storage: Program,
    storage_proxy: StorageProxy,
    firestore_proxy: FirestoreProxy,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Cloud, Cloud]]:
    """Both functions on the same bucket and collections, the first of them behind the proxies."""
    addresses = {"STORAGE_EMULATOR_HOST": storage_proxy.url, "FIRESTORE_EMULATOR_HOST": firestore_proxy.address}
    directory, environment = tmp_path_factory.mktemp("pair"), addresses | {"FORGET": "true"}
    with (
        start_cloud(firestore, storage, directory / "1", environment=environment) as analysing,
        analysing.another(
            directory / "2",
            entry_point="forget",
            STORAGE_EMULATOR_HOST=storage.url,
            FIRESTORE_EMULATOR_HOST=firestore.address,
        ) as forgetting,
    ):
        yield analysing, forgetting


@pytest.fixture
def both(
    pair: tuple[Cloud, Cloud], storage_proxy: StorageProxy, firestore_proxy: FirestoreProxy
) -> tuple[Cloud, Cloud]:
    """The same without documents, behind proxies without faults."""
    pair[0].clear()
    storage_proxy.clear()
    firestore_proxy.clear()
    return pair


def test_sound_goes_with_its_object(both: tuple[Cloud, Cloud], sound: bytes) -> None:
    """What was analysed is forgotten when it is deleted; a deletion that is told first leaves nothing to be written."""
    analysing, forgetting = both
    for is_deleted_first in (False, True):
        resource = analysing.upload(sound)
        if not is_deleted_first:
            assert analysing.deliver(resource) == 200
            assert len(analysing.documents()[0]) == 1
        analysing.bucket.delete_blob(resource["name"])

        assert forgetting.deliver(resource, kind="delete") == 200
        assert analysing.documents() == ([], [])
        assert analysing.deliver(resource) == 200
        assert analysing.documents() == ([], [])


def test_restored_object_is_a_new_document(both: tuple[Cloud, Cloud], sound: bytes) -> None:
    """What is put back has another generation, and a document that a late repeat of the delete event leaves alone."""
    analysing, forgetting = both
    resource = analysing.upload(sound)
    analysing.bucket.delete_blob(resource["name"])
    restored = analysing.upload(sound)

    statuses = [
        analysing.deliver(restored),
        *(forgetting.deliver(resource, kind="delete") for _ in range(2)),
        analysing.deliver(resource),
    ]

    assert statuses == [200] * 4
    assert [document["generation"] for document in analysing.documents()[0]] == [int(restored["generation"])]


def test_events_of_ten_overwrites_in_any_order_and_twice_leave_the_last(
    both: tuple[Cloud, Cloud], sound: bytes
) -> None:
    """Of an object that is overwritten again and again, with all events twice and at once, the last document stays."""
    analysing, forgetting = both
    uploads = [analysing.upload(sound) for _ in range(10)]
    deliveries = [(analysing, upload, "finalize") for upload in uploads] * 2
    deliveries += [(forgetting, upload, "delete") for upload in uploads[:-1]] * 2

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda one: one[0].deliver(one[1], kind=one[2]), reversed(deliveries)))

    assert set(statuses) == {200}
    assert [document["generation"] for document in analysing.documents()[0]] == [int(uploads[-1]["generation"])]


def test_killed_behind_its_commit_it_is_made_good_by_the_retry(
    both: tuple[Cloud, Cloud], sound: bytes, firestore_proxy: FirestoreProxy, tmp_path: Path
) -> None:
    """A process that is killed when its document is written, whose object is gone by then, leaves it to the retry."""
    analysing, forgetting = both
    resource = analysing.upload(sound)

    with analysing.another(tmp_path) as first:

        def delete_and_kill(call: commits.Call) -> list[bytes]:
            analysing.bucket.delete_blob(resource["name"])
            assert forgetting.deliver(resource, kind="delete") == 200
            answer = call.forward()
            first.kill()
            return answer

        firestore_proxy.queue.append(delete_and_kill)
        with pytest.raises((http.client.HTTPException, OSError)):
            first.deliver(resource)

    assert len(analysing.documents()[0]) == 1
    assert analysing.deliver(resource) == 200
    assert analysing.documents() == ([], [])
