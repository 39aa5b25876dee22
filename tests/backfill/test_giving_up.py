"""What is given up is a rejection of an object that is there, and of no other."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from analysis import store
from analysis.settings import Settings
from analysis.upload import Upload, read_upload
from backfill.giving_up import give_up
from local.servers import PROJECT
from tests.fakes import firestore_proxy as commits
from tests.fakes.cloud import Cloud
from tests.fakes.firestore_proxy import FirestoreProxy


@pytest.fixture
def settings(proxied: Cloud, firestore_proxy: FirestoreProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Those of the function, whose database is behind a proxy here, too."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_proxy.address)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", PROJECT)
    store._client.cache_clear()
    yield Settings(sounds_collection=proxied.sounds.id, rejections_collection=proxied.rejections.id)
    store._client.cache_clear()


@pytest.fixture
def upload(proxied: Cloud) -> Upload:
    """An object that is there."""
    return read_upload(proxied.upload(b"it fails", "poison.wav"))


@pytest.mark.parametrize("forget", [False, True])
def test_object_that_is_there_is_given_up(proxied: Cloud, settings: Settings, upload: Upload, *, forget: bool) -> None:
    """It is the rejection `failed`, with what its last try said."""
    assert give_up(upload, "it hung", proxied.bucket, replace(settings, forget=forget)) == "rejection"

    (rejection,) = proxied.documents()[1]
    assert (rejection["reason"], rejection["blob_name"]) == ("failed", "poison.wav")
    assert rejection["message"].endswith("fails while others succeed: it hung")


def test_object_that_is_gone_is_not_given_up(proxied: Cloud, settings: Settings, upload: Upload) -> None:
    """Of an object that was deleted nothing is written."""
    proxied.bucket.delete_blob(upload.blob_name)

    assert give_up(upload, "it hung", proxied.bucket, settings) == "gone"
    assert proxied.documents() == ([], [])


@pytest.mark.parametrize(("forget", "left"), [(True, 0), (False, 1)])
def test_object_that_goes_while_it_is_given_up_leaves_nothing(
    proxied: Cloud, settings: Settings, upload: Upload, firestore_proxy: FirestoreProxy, *, forget: bool, left: int
) -> None:
    """With the setting it is looked for once more behind the commit, and the rejection is removed where it is gone."""
    firestore_proxy.queue.append(commits.after(lambda: proxied.bucket.delete_blob(upload.blob_name)))

    kind = give_up(upload, "it hung", proxied.bucket, replace(settings, forget=forget))

    assert kind == ("gone" if forget else "rejection")
    assert len(proxied.documents()[1]) == left
