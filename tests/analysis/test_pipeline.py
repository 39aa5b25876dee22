"""Every upload has one answer, which says what became of it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import pytest
from google.api_core.exceptions import PermissionDenied
from grpc import StatusCode

from analysis import download, store
from analysis.definition import ANALYSIS_VERSION
from analysis.document import make_uid
from analysis.pipeline import answer
from analysis.settings import Settings
from analysis.upload import Upload, read_upload
from local.servers import PROJECT
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
