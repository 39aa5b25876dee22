"""Whatever fails between the function and its bucket or its database is healed or raised: nothing is lost or twice."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from grpc import StatusCode

from tests.fakes import firestore_proxy as commits
from tests.fakes import storage_proxy as downloads
from tests.fakes.cloud import Cloud
from tests.fakes.firestore_proxy import FirestoreProxy
from tests.fakes.storage_proxy import StorageProxy, answer, cut

type Fail = Callable[[StatusCode, int], None]
type Uploaded = tuple[dict[str, Any], list[int]]

HEALED_DOWNLOADS = {
    **{str(status): [answer(status)] for status in (408, 429, 500, 502, 503, 504)},
    "hung up": [downloads.reset],
    "cut before the first byte": [cut(0)],
    "cut": [cut(10_000)],
    "cut again and again": [cut(10_000), answer(503), cut(20_000)],
}


@pytest.mark.parametrize("name", HEALED_DOWNLOADS)
def test_download_is_healed(proxied: Cloud, storage_proxy: StorageProxy, sound: bytes, name: str) -> None:
    """What passes by itself is tried again within the call, and a download that was cut goes on where it was."""
    resource = proxied.upload(sound)
    storage_proxy.queue += HEALED_DOWNLOADS[name]

    assert proxied.deliver(resource) == 200

    assert [document["length"] for document in proxied.documents()[0]] == [22050]
    assert len(storage_proxy.requests) == len(HEALED_DOWNLOADS[name]) + 1
    if name == "cut":
        assert storage_proxy.requests == ["", "bytes=10000-"]


RAISED_DOWNLOADS = {
    "400": ([answer(400)], "BadRequest"),
    "403": ([answer(403)], "Forbidden"),
    "corrupt": ([downloads.corrupted], "DataCorruption"),
    "corrupt and cut": ([cut(10_000, downloads.corrupt)], "DataCorruption"),
}


@pytest.mark.parametrize("name", RAISED_DOWNLOADS)
def test_download_is_raised(proxied: Cloud, storage_proxy: StorageProxy, sound: bytes, name: str) -> None:
    """What does not pass by itself leaves the function as an error without any document, and the next try is good."""
    faults, error = RAISED_DOWNLOADS[name]
    resource = proxied.upload(sound)
    storage_proxy.queue += faults

    assert proxied.deliver(resource) == 500

    assert proxied.documents() == ([], [])
    assert (proxied.log()[-1]["severity"], proxied.log()[-1]["blob"]) == ("ERROR", "sound.wav")
    assert proxied.log()[-1]["message"].startswith(f"failed, to be retried: {error}: ")
    assert proxied.deliver(resource) == 200
    assert [len(documents) for documents in proxied.documents()] == [1, 0]


@pytest.mark.parametrize("moment", ["before", "within"])
@pytest.mark.parametrize("change", ["deleted", "overwritten"])
def test_successor_is_never_taken_for_the_upload(
    proxied: Cloud, storage_proxy: StorageProxy, sound: bytes, change: str, moment: str
) -> None:
    """An object that goes or changes before its download, or in the middle of it, is not analysed as its successor."""
    resource = proxied.upload(sound)
    change_it = proxied.bucket.blob("sound.wav").delete if change == "deleted" else partial(proxied.upload, sound * 2)
    if moment == "within":
        storage_proxy.queue.append(cut(10_000))
    storage_proxy.queue.append(downloads.before(change_it))

    assert proxied.deliver(resource) == 200

    assert proxied.documents() == ([], [])
    assert "is not there: deleted or overwritten since" in proxied.log()[-1]["message"]


@pytest.mark.parametrize(
    "words",
    [
        '{"error": {"errors": [{"reason": "resourceIsEncryptedWithCustomerEncryptionKey"}]}}',
        "The target object is encrypted by a customer-supplied encryption key.",
    ],
)
def test_customers_key_is_a_rejection(proxied: Cloud, storage_proxy: StorageProxy, sound: bytes, words: str) -> None:
    """An object that only the customer's own key opens is rejected, whether its event says so or the download."""
    silent, told = proxied.upload(sound, "silent.wav"), proxied.upload(sound, "told.wav")
    key = {"customerEncryption": {"encryptionAlgorithm": "AES256", "keySha256": "abc"}}
    storage_proxy.queue.append(answer(400, words))

    assert [proxied.deliver(silent), proxied.deliver(told | key)] == [200, 200]

    sounds, rejections = proxied.documents()
    assert sounds == []
    assert {(document["blob_name"], document["reason"]) for document in rejections} == {
        ("silent.wav", "encrypted"),
        ("told.wav", "encrypted"),
    }
    assert len(storage_proxy.requests) == 2  # the other is whether what its event tells of is there


REQUESTER_PAYS = (
    '{"error": {"code": 400, "message": "Bucket is a requester pays bucket but no user project provided."}}',
    "Bucket is requester pays bucket but no user project provided.",
    "<Error><Code>UserProjectMissing</Code><Message>Provide one.</Message></Error>",
)


# What an event leaves out or tells, and which of the function's requests to the bucket is then refused.
REFUSED = {"the content": ({}, 0), "whether it is there": ({"size": "0"}, 0), "its checksum": ({"crc32c": None}, 1)}


@pytest.mark.parametrize("words", REQUESTER_PAYS)
@pytest.mark.parametrize("asked", REFUSED)
def test_requester_pays_is_a_rejection(
    proxied: Cloud, storage_proxy: StorageProxy, sound: bytes, words: str, asked: str
) -> None:
    """A bucket that nobody pays for refuses at every attempt: the rejection says what to do, and nothing is retried."""
    told, n_before = REFUSED[asked]
    resource = proxied.upload(sound)
    storage_proxy.queue += [downloads.pass_on] * n_before
    storage_proxy.default = answer(400, words)

    assert proxied.deliver(resource | told) == 200

    sounds, (rejection,) = proxied.documents()
    assert (sounds, rejection["reason"]) == ([], "requester_pays")
    assert f"gcloud storage buckets update gs://{resource['bucket']} --no-requester-pays" in rejection["message"]
    assert len(storage_proxy.requests) == n_before + 1


@pytest.fixture(params=[commits.refused, commits.lost], ids=["before the commit", "answer lost"])
def fail(request: pytest.FixtureRequest, firestore_proxy: FirestoreProxy) -> Fail:
    """Let the next commits fail, as many as said."""
    return lambda code, times: firestore_proxy.queue.extend([request.param(code)] * times)


@pytest.fixture(params=["sound", "rejection"])
def uploaded(request: pytest.FixtureRequest, proxied: Cloud, sound: bytes) -> Uploaded:
    """An object that becomes a sound or a rejection, and how many of each there are then."""
    return (proxied.upload(sound), [1, 0]) if request.param == "sound" else (proxied.upload(b"no sound"), [0, 1])


CURABLE = [
    StatusCode.UNAVAILABLE,
    StatusCode.ABORTED,
    StatusCode.RESOURCE_EXHAUSTED,
    StatusCode.INTERNAL,
    StatusCode.DEADLINE_EXCEEDED,
]


@pytest.mark.parametrize("code", CURABLE, ids=[code.name for code in CURABLE])
def test_commit_is_healed(
    proxied: Cloud, firestore_proxy: FirestoreProxy, uploaded: Uploaded, fail: Fail, code: StatusCode
) -> None:
    """A commit that fails in passing, or is made and its answer lost, is made again within the call: one document."""
    resource, expected = uploaded
    fail(code, 2)

    assert proxied.deliver(resource) == 200

    assert [len(documents) for documents in proxied.documents()] == expected
    assert {call.rpartition("/")[2] for call in firestore_proxy.calls} <= {"Commit", "BatchGetDocuments"}
    assert len(firestore_proxy.calls) in (3, 4)  # a sound whose commit was made is read, and written again


@pytest.mark.parametrize("code", [StatusCode.PERMISSION_DENIED, StatusCode.NOT_FOUND, StatusCode.UNAUTHENTICATED])
def test_commit_is_raised(proxied: Cloud, uploaded: Uploaded, fail: Fail, code: StatusCode) -> None:
    """A commit that fails for another reason leaves the function as an error, and the next try makes the document."""
    resource, expected = uploaded
    fail(code, 1)

    assert proxied.deliver(resource) == 500

    assert proxied.log()[-1]["severity"] == "ERROR"
    assert proxied.deliver(resource) == 200
    assert [len(documents) for documents in proxied.documents()] == expected


def test_sound_wins_over_a_rejection_that_was_lost(
    proxied: Cloud, firestore_proxy: FirestoreProxy, sound: bytes
) -> None:
    """A repeat that is rejected while the first try's sound is being written never stands beside it."""
    resource = proxied.upload(sound)
    old = partial(proxied.deliver, resource, time="2026-01-01T00:00:00Z")
    firestore_proxy.queue.append(commits.before(old))

    assert proxied.deliver(resource) == 200
    assert [len(documents) for documents in proxied.documents()] == [1, 0]
    assert old() == 200
    assert [len(documents) for documents in proxied.documents()] == [1, 0]


@pytest.mark.parametrize("code", [StatusCode.ALREADY_EXISTS, StatusCode.FAILED_PRECONDITION])
def test_sound_that_is_there_is_no_error(
    proxied: Cloud, firestore_proxy: FirestoreProxy, sound: bytes, code: StatusCode
) -> None:
    """Whichever of two ways Firestore says that a sound is there, the event of a repeat that expired is answered."""
    resource = proxied.upload(sound)
    assert proxied.deliver(resource) == 200
    firestore_proxy.queue.append(commits.refused(code))

    assert proxied.deliver(resource, time="2026-01-01T00:00:00Z") == 200

    assert "a sound already" in proxied.log()[-1]["message"]
    assert [len(documents) for documents in proxied.documents()] == [1, 0]


def test_call_is_one_download_and_one_commit(
    proxied: Cloud, storage_proxy: StorageProxy, firestore_proxy: FirestoreProxy, sound: bytes, tmp_path: Path
) -> None:
    """A new process asks the bucket for one object and Firestore for one write, so it needs no other permission."""
    with proxied.another(tmp_path) as cloud:
        assert cloud.deliver(cloud.upload(sound)) == 200

    assert storage_proxy.requests == [""]
    assert firestore_proxy.calls == ["/google.firestore.v1.Firestore/Commit"]
