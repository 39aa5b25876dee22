"""Processes that are killed, and processes side by side: each upload still becomes one document."""

import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from grpc import StatusCode

from tests.fakes import firestore_proxy as commits
from tests.fakes import storage_proxy as downloads
from tests.fakes.cloud import Cloud, left_files
from tests.fakes.firestore_proxy import FirestoreProxy
from tests.fakes.storage_proxy import StorageProxy

MOMENTS = ["in the middle of the download", "after the download", "after the analysis", "after the write"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_function_is_made_good_by_the_next_try(
    proxied: Cloud,
    storage_proxy: StorageProxy,
    firestore_proxy: FirestoreProxy,
    sound: bytes,
    tmp_path: Path,
    moment: str,
) -> None:
    """A process that is killed at any step leaves no file and no half document, and the next try makes the one."""
    resource = proxied.upload(sound)
    with proxied.another(tmp_path / "first") as first:
        kill = {
            "in the middle of the download": (storage_proxy, kill_within(first)),
            "after the download": (storage_proxy, downloads.after(first.kill)),
            "after the analysis": (firestore_proxy, kill_instead(first)),
            "after the write": (firestore_proxy, commits.after(first.kill)),
        }
        proxy, fault = kill[moment]
        proxy.queue.append(fault)  # type: ignore[arg-type]
        assert_dies(first, resource)
        assert not proxy.queue

    assert len(proxied.documents()[0]) == (1 if moment == "after the write" else 0)
    assert left_files(first.function) == []
    assert proxied.deliver(resource) == 200
    assert [len(documents) for documents in proxied.documents()] == [1, 0]


def kill_within(cloud: Cloud) -> downloads.Fault:
    """Kill the function when it has half of the content."""

    def fault(download: downloads.Download) -> None:
        status, headers, content = download.fetch()
        download.begin(status, headers)
        download.wfile.write(content[: len(content) // 2])
        cloud.kill()
        download.hang_up()

    return fault


def kill_instead(cloud: Cloud) -> commits.Fault:
    """Kill the function when its commit has arrived, and do not make that."""

    def fault(call: commits.Call) -> bytes:
        cloud.kill()
        return commits.refused(StatusCode.UNAVAILABLE)(call)

    return fault


def assert_dies(cloud: Cloud, resource: dict[str, Any], time: str = "") -> None:
    """Deliver an event that the process does not survive."""
    with pytest.raises((http.client.HTTPException, OSError)):
        cloud.deliver(resource, time=time)


def test_upload_that_kills_expires(
    proxied: Cloud, storage_proxy: StorageProxy, firestore_proxy: FirestoreProxy, sound: bytes, tmp_path: Path
) -> None:
    """An upload that kills every process that takes it becomes the rejection `expired` when its event is too old."""
    resource = proxied.upload(sound, "poison.wav")
    happened = datetime.now(UTC)
    n_killed = 0
    while datetime.now(UTC) - happened < timedelta(seconds=4):
        with proxied.another(tmp_path / str(n_killed), MAX_EVENT_AGE_S="4") as cloud:
            storage_proxy.default = downloads.after(cloud.kill)
            if datetime.now(UTC) - happened < timedelta(seconds=3.5):
                assert_dies(cloud, resource, happened.isoformat())
                n_killed += 1
    assert proxied.documents() == ([], [])

    with proxied.another(tmp_path / "last", MAX_EVENT_AGE_S="4") as cloud:
        assert cloud.deliver(resource, time=happened.isoformat()) == 200

    assert n_killed
    sounds, rejections = proxied.documents()
    assert sounds == []
    assert [(document["blob_name"], document["reason"]) for document in rejections] == [("poison.wav", "expired")]
    assert firestore_proxy.calls == ["/google.firestore.v1.Firestore/Commit"]


@pytest.fixture(scope="module")
def processes(proxied_function: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Cloud]]:
    """Three processes of the same function, as the platform starts them side by side."""
    with ExitStack() as ends:
        more = [ends.enter_context(proxied_function.another(tmp_path_factory.mktemp("process"))) for _ in range(2)]
        yield [proxied_function, *more]


def test_repeats_in_several_processes_at_once(proxied: Cloud, processes: list[Cloud], sound: bytes) -> None:
    """The same events, many times at once in several processes and in no order, make one document each."""
    overwritten = [proxied.upload(sound, f"{n}.wav") for n in range(3)]
    rejected = [proxied.upload(b"no sound", f"{n}.wav") for n in range(3)]
    kept = [proxied.upload(sound, f"kept-{n}.wav") for n in range(3)]
    resources = [*kept, *rejected, *overwritten]
    deliveries = [(cloud, resource) for resource in resources for cloud in processes * 2]

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(lambda delivery: delivery[0].deliver(delivery[1]), deliveries))

    assert set(statuses) == {200}
    for documents, uploads in zip(proxied.documents(), (kept, rejected), strict=True):
        found = sorted((document["blob_name"], document["generation"]) for document in documents)
        assert found == sorted((upload["name"], int(upload["generation"])) for upload in uploads)


def test_sound_and_rejection_at_once(proxied: Cloud, processes: list[Cloud], sound: bytes) -> None:
    """Where tries of the same upload end as a sound and as a rejection at once, the sound alone remains."""
    resources = [proxied.upload(sound, f"{n}.wav") for n in range(12)]
    old = "2026-01-01T00:00:00Z"
    deliveries = [(cloud, resource, time) for resource in resources for cloud in processes for time in ("", old)]

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(lambda delivery: delivery[0].deliver(delivery[1], time=delivery[2]), deliveries))

    assert set(statuses) == {200}
    assert [len(documents) for documents in proxied.documents()] == [12, 0]
