"""Every upload has one answer, which says what became of it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import pytest
from google.api_core.exceptions import Forbidden, PermissionDenied
from grpc import StatusCode

from analysis import download, store
from analysis.definition import ANALYSIS_VERSION
from analysis.document import make_uid
from analysis.pipeline import answer, remove_if_gone
from analysis.settings import Settings
from analysis.upload import Upload, read_upload
from local.servers import PROJECT
from tests.fakes import firestore_proxy as commits
from tests.fakes import storage_proxy as downloads
from tests.fakes.cloud import Cloud
from tests.fakes.firestore_proxy import FirestoreProxy, refused
from tests.fakes.storage_proxy import StorageProxy


@pytest.fixture
def settings(proxied: Cloud) -> Settings:
    """Those of the function."""
    return Settings(sounds_collection=proxied.sounds.id, rejections_collection=proxied.rejections.id)


@pytest.fixture(autouse=True)
def _clients(
    storage_proxy: StorageProxy, firestore_proxy: FirestoreProxy, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Let the pipeline, which runs here instead of in the function, reach bucket and database by the same proxies."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage_proxy.url)
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_proxy.address)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", PROJECT)
    clients = (download._client, download._session, store._client)
    for client in clients:
        client.cache_clear()
    yield
    for client in clients:
        client.cache_clear()


@pytest.fixture
def upload(proxied: Cloud, sound: bytes) -> Upload:
    """A sound in the bucket."""
    return read_upload(proxied.upload(sound, "takes/one.wav"))


def test_sound_is_answered(upload: Upload, settings: Settings, proxied: Cloud) -> None:
    """A sound is a document, and its answer says its uid, its length and what each step took."""
    answered = answer(upload, settings)

    (document,) = proxied.documents()[0]
    assert (answered.kind, answered.uid, answered.length) == ("sound", document["uid"], 22050)
    assert list(answered.seconds) == ["download", "load", "analyze", "write"]


def test_rejection_is_answered(settings: Settings, proxied: Cloud) -> None:
    """What no retry can cure is a rejection with its reason."""
    answered = answer(read_upload(proxied.upload(b"no sound " * 500, "notes.txt")), settings)

    assert (answered.kind, answered.reason) == ("rejection", "not_audio")
    assert [document["message"] for document in proxied.documents()[1]] == [answered.message]


@pytest.mark.parametrize(
    "changes",
    [{"size": 0}, {"size": 2**40}, {"customer_encrypted": True}, {"event_time": datetime(2026, 1, 1, tzinfo=UTC)}],
    ids=["empty", "too large", "encrypted", "expired"],
)
@pytest.mark.parametrize("is_overwritten", [True, False])
def test_only_what_is_there_is_rejected(
    upload: Upload,
    settings: Settings,
    proxied: Cloud,
    changes: dict[str, Any],
    is_overwritten: bool,  # noqa: FBT001
) -> None:
    """What the event alone tells is a rejection where the generation is there, and skipped where it was overwritten."""
    if is_overwritten:
        proxied.upload(b"the content behind an empty object", upload.blob_name)

    answered = answer(replace(upload, **changes), settings)

    assert answered.kind == ("gone" if is_overwritten else "rejection")
    assert len(proxied.documents()[1]) == (0 if is_overwritten else 1)


def test_sound_that_is_there_is_kept(upload: Upload, settings: Settings, proxied: Cloud) -> None:
    """An upload that was a sound and would be a rejection now stays a sound, and the answer says so."""
    answer(upload, settings)

    answered = answer(upload, replace(settings, max_duration_s=0.5))

    assert (answered.kind, answered.reason) == ("kept", "too_long")
    assert [len(documents) for documents in proxied.documents()] == [1, 0]


def test_sound_of_a_newer_version_is_kept(upload: Upload, settings: Settings, proxied: Cloud) -> None:
    """What a newer version wrote stays, and the answer says why nothing was written."""
    newer = {"uid": make_uid(upload), "analysis_version": ANALYSIS_VERSION + 1}
    proxied.sounds.document(newer["uid"]).set(newer)

    answered = answer(upload, settings)

    assert (answered.kind, answered.uid, answered.reason) == ("kept", newer["uid"], None)
    assert "newer version" in answered.message
    assert proxied.documents() == ([newer], [])


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"blob_name": "takes/", "size": 0}, {}),
        ({"blob_name": "gsutil/tmp/parallel_composite_uploads/1"}, {}),
        ({}, {"include_names": ("*.flac",)}),
        ({}, {"exclude_names": ("takes/*",)}),
    ],
)
def test_upload_that_is_not_selected_is_skipped(
    upload: Upload, settings: Settings, proxied: Cloud, changes: dict, setting: dict
) -> None:
    """What needs no document is skipped before anything is said of a beginning."""
    begun = []

    answered = answer(replace(upload, **changes), replace(settings, **setting), begin=lambda: begun.append(1))

    assert (answered.kind, begun) == ("skipped", [])
    assert answered.message
    assert proxied.documents() == ([], [])


def test_upload_that_is_gone_is_told_from_one_that_is_skipped(
    upload: Upload, settings: Settings, proxied: Cloud
) -> None:
    """An object that was deleted needs no document, and its answer says that it is gone."""
    proxied.bucket.blob(upload.blob_name).delete()

    assert answer(upload, settings).kind == "gone"
    assert proxied.documents() == ([], [])


def test_age_is_a_setting(upload: Upload, settings: Settings) -> None:
    """An old event is a rejection, unless the settings say that no age is too old."""
    old = replace(upload, event_time=datetime.now(UTC) - timedelta(days=9))

    assert answer(old, settings).reason == "expired"
    assert answer(old, replace(settings, max_event_age_s=inf)).kind == "sound"


def test_what_a_retry_can_cure_is_raised(
    upload: Upload, settings: Settings, proxied: Cloud, firestore_proxy: FirestoreProxy
) -> None:
    """A database that refuses is no answer to the upload."""
    firestore_proxy.default = refused(StatusCode.PERMISSION_DENIED)

    with pytest.raises(PermissionDenied):
        answer(upload, settings)
    assert proxied.documents() == ([], [])


@pytest.mark.parametrize("content", ["sound", "no sound"])
def test_without_forgetting_an_upload_takes_as_many_calls_as_ever(
    settings: Settings,
    proxied: Cloud,
    sound: bytes,
    storage_proxy: StorageProxy,
    firestore_proxy: FirestoreProxy,
    content: str,
) -> None:
    """An upload is one download and one commit; with `forget` one question for the object is added, and no more."""
    for forget, n_requests in ((False, 1), (True, 2)):
        upload = read_upload(proxied.upload(sound if content == "sound" else b"no sound " * 500))
        storage_proxy.clear()
        firestore_proxy.clear()

        answered = answer(upload, replace(settings, forget=forget))

        assert answered.kind == ("sound" if content == "sound" else "rejection")
        assert len(storage_proxy.requests) == n_requests
        assert firestore_proxy.calls == ["/google.firestore.v1.Firestore/Commit"]


def test_bucket_that_does_not_say_is_asked_once(
    upload: Upload, settings: Settings, proxied: Cloud, storage_proxy: StorageProxy
) -> None:
    """With `forget`, too, a bucket that nobody pays for is a rejection, and not an error at every attempt."""
    storage_proxy.default = downloads.answer(400, "Bucket is a requester pays bucket but no user project provided.")

    answered = answer(upload, replace(settings, forget=True))

    assert (answered.kind, answered.reason) == ("rejection", "requester_pays")
    assert [len(documents) for documents in proxied.documents()] == [0, 1]


@pytest.fixture(params=["sound", "rejection", "kept"])
def racing(
    request: pytest.FixtureRequest, upload: Upload, settings: Settings, proxied: Cloud, firestore_proxy: FirestoreProxy
) -> tuple[Upload, Settings]:
    """An upload that becomes a sound, becomes a rejection, or whose sound is kept; and the settings for that."""
    settings = replace(settings, forget=True)
    if request.param == "sound":
        return upload, settings
    if request.param == "rejection":
        return read_upload(proxied.upload(b"no sound " * 500, "notes.txt")), settings
    answer(upload, settings)
    firestore_proxy.clear()
    return upload, replace(settings, max_duration_s=0.5)


@pytest.mark.parametrize("moment", ["between download and commit", "between commit and look"])
@pytest.mark.parametrize("how", ["deleted", "overwritten"])
def test_object_that_goes_while_it_is_analysed_leaves_nothing(
    racing: tuple[Upload, Settings],
    proxied: Cloud,
    storage_proxy: StorageProxy,
    firestore_proxy: FirestoreProxy,
    moment: str,
    how: str,
) -> None:
    """Where its delete event is answered before the document is written, whoever wrote it removes it."""
    upload, settings = racing

    def go() -> None:
        blob = proxied.bucket.blob(upload.blob_name)
        if how == "deleted":
            blob.delete()
        else:
            blob.upload_from_string(b"something else")
        if moment == "between download and commit":  # and its delete event is answered before the commit
            assert remove_if_gone(upload, settings).kind == "forgotten"

    if moment == "between download and commit":
        storage_proxy.queue.append(downloads.after(go))
    else:
        if proxied.documents()[0]:  # of a sound that is kept the commit is refused, and then it is read
            firestore_proxy.queue.append(commits.Call.forward)
        firestore_proxy.queue.append(commits.after(go))

    answered = answer(upload, settings)

    assert (answered.kind, "is not there" in answered.message) == ("gone", True)
    assert proxied.documents() == ([], [])


def test_ghost_is_what_remains_without_forgetting(
    upload: Upload, settings: Settings, proxied: Cloud, storage_proxy: StorageProxy
) -> None:
    """The same race without the setting leaves the document, as nobody looks again."""
    storage_proxy.queue.append(downloads.after(lambda: proxied.bucket.delete_blob(upload.blob_name)))

    assert answer(upload, settings).kind == "sound"
    assert len(proxied.documents()[0]) == 1


def test_retry_that_finds_it_gone_removes_what_was_written(
    upload: Upload, settings: Settings, proxied: Cloud, firestore_proxy: FirestoreProxy
) -> None:
    """After a try that ended behind its commit, and a delete event before it, the next try leaves nothing."""
    answer(upload, settings)  # a try that did not come to its look
    proxied.bucket.delete_blob(upload.blob_name)

    assert answer(upload, settings).kind == "gone"
    assert len(proxied.documents()[0]) == 1
    assert answer(upload, replace(settings, forget=True)).kind == "gone"
    assert proxied.documents() == ([], [])
    firestore_proxy.clear()
    assert answer(upload, replace(settings, forget=True)).kind == "gone"
    assert firestore_proxy.calls == ["/google.firestore.v1.Firestore/Commit"]


def test_look_that_fails_is_tried_again(
    upload: Upload, settings: Settings, proxied: Cloud, firestore_proxy: FirestoreProxy, storage_proxy: StorageProxy
) -> None:
    """Where the bucket refuses the look, that is no answer: it is raised, and the retry makes the one document."""
    firestore_proxy.queue.append(commits.after(lambda: setattr(storage_proxy, "default", downloads.answer(403))))

    with pytest.raises(Forbidden):
        answer(upload, replace(settings, forget=True))
    storage_proxy.clear()

    assert answer(upload, replace(settings, forget=True)).kind == "sound"
    assert len(proxied.documents()[0]) == 1


def test_deleted_upload_is_forgotten(upload: Upload, settings: Settings, proxied: Cloud, sound: bytes) -> None:
    """Its documents are removed, those of other generations of the name are not, and a repeat changes nothing."""
    answer(upload, settings)
    newer = read_upload(proxied.upload(sound, upload.blob_name))
    answer(newer, settings)

    kinds = [remove_if_gone(upload, settings).kind for _ in range(2)]

    assert kinds == ["forgotten", "forgotten"]
    assert [document["generation"] for document in proxied.documents()[0]] == [newer.generation]


def test_upload_that_is_there_is_not_forgotten(upload: Upload, settings: Settings, proxied: Cloud) -> None:
    """Where the object is there after all, as a noncurrent version of a bucket with versions is, nothing is removed."""
    answer(upload, settings)

    answered = remove_if_gone(upload, settings)

    assert (answered.kind, "is there: nothing" in answered.message) == ("skipped", True)
    assert len(proxied.documents()[0]) == 1


def test_bucket_that_does_not_say_is_no_error(
    upload: Upload, settings: Settings, proxied: Cloud, storage_proxy: StorageProxy
) -> None:
    """Where the requester would have to pay for the question, nothing is removed, and no retry would change that."""
    answer(upload, settings)
    storage_proxy.default = downloads.answer(400, "Bucket is a requester pays bucket but no user project provided.")

    answered = remove_if_gone(upload, settings)

    assert (answered.kind, answered.message.startswith("the bucket does not say")) == ("skipped", True)
    assert len(proxied.documents()[0]) == 1


@pytest.mark.parametrize("failing", ["bucket", "database"])
def test_forgetting_that_fails_is_raised(
    upload: Upload,
    settings: Settings,
    proxied: Cloud,
    storage_proxy: StorageProxy,
    firestore_proxy: FirestoreProxy,
    failing: str,
) -> None:
    """A bucket or a database that refuses is no answer to a delete event."""
    answer(upload, settings)
    proxied.bucket.delete_blob(upload.blob_name)
    if failing == "bucket":
        storage_proxy.default = downloads.answer(403)
    else:
        firestore_proxy.default = refused(StatusCode.PERMISSION_DENIED)

    with pytest.raises((Forbidden, PermissionDenied)):
        remove_if_gone(upload, settings)
    assert len(proxied.documents()[0]) == 1
