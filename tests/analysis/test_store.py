"""A sound or a rejection is written in place of what was there, and of nothing that is not ours."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import nan
from typing import Any
from uuid import uuid4

import pytest
from google.api_core.exceptions import FailedPrecondition
from google.cloud import firestore
from grpc import StatusCode

from analysis import store
from analysis.decoding import Source
from analysis.definition import ANALYSIS_VERSION
from analysis.document import make_rejection, make_sound
from analysis.errors import AnalysisError, CorruptError, ExpiredError, RequesterPaysError
from analysis.settings import Settings
from analysis.upload import Upload
from local.program import Program
from local.servers import PROJECT
from tests.fakes.cloud import connect_firestore
from tests.fakes.firestore_proxy import Call, FirestoreProxy, before, refused

NOW = datetime(2026, 11, 23, tzinfo=UTC)
UPLOAD = Upload("b", "takes/one.wav", 7, 99, "audio/x-wav", crc32c="AAAAAA==")
FEATURES = {"length": 11025, "mean_mfccs": [1.5] * 12, "fingerprint": [0.5] * 40}
DAMAGED = make_sound(UPLOAD, Source("FLAC", "PCM_16", 44100, 2, problem="ends at 1.00 s of 2.00 s"), FEATURES, NOW)
WHOLE = make_sound(UPLOAD, Source("FLAC", "PCM_16", 44100, 2), {"length": 1, "mean_mfccs": [0.0] * 12}, NOW)
UID = WHOLE["uid"]


@dataclass(frozen=True)
class Collections:
    """The collections that are written to.

    Attributes:
        settings: which name them.
        client: that reads them.
    """

    settings: Settings
    client: firestore.Client

    @property
    def sound(self) -> firestore.DocumentReference:
        """The sound's reference."""
        return self.client.collection(self.settings.sounds_collection).document(UID)

    @property
    def rejection(self) -> firestore.DocumentReference:
        """The rejection's reference."""
        return self.client.collection(self.settings.rejections_collection).document(UID)

    def reject(self, error: AnalysisError) -> bool:
        """Write the rejection of the upload."""
        return store.write_rejection(make_rejection(UPLOAD, error, NOW), self.settings)


@pytest.fixture
def collections(firestore: Program, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collections]:
    """Collections that nobody else uses."""
    unique = uuid4().hex[:12]
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore.address)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", PROJECT)
    store._client.cache_clear()
    client = connect_firestore(firestore)
    yield Collections(
        Settings(sounds_collection=f"sounds-{unique}", rejections_collection=f"rejections-{unique}"), client
    )
    client.close()
    store._client.cache_clear()


def test_fields_that_are_not_ours_stay(collections: Collections) -> None:
    """A write replaces each of our fields, removes those that the sound has no more, and leaves what people added."""
    store.write_sound(DAMAGED, collections.settings)
    collections.sound.update({"label": "kick", "mine": {"a": 1}})

    store.write_sound(WHOLE, collections.settings)

    assert collections.sound.get().to_dict() == WHOLE | {"label": "kick", "mine": {"a": 1}}


def test_a_map_is_replaced_whole(collections: Collections) -> None:
    """No problem of an older analysis stays in the map of the source."""
    store.write_sound(DAMAGED, collections.settings)
    assert "problem" in collections.sound.get().to_dict()["source"]

    store.write_sound(WHOLE, collections.settings)

    assert collections.sound.get().to_dict()["source"] == WHOLE["source"]


def test_a_sound_takes_the_place_of_its_rejection(collections: Collections) -> None:
    """A sound and its rejection never exist together."""
    assert collections.reject(CorruptError("damaged"))

    store.write_sound(WHOLE, collections.settings)

    assert not collections.rejection.get().exists
    assert collections.sound.get().to_dict()["crc32c"] == "AAAAAA=="


OLDER = [ANALYSIS_VERSION - 1, None, "three", [4], {"major": 4}, True, nan, float(ANALYSIS_VERSION - 1)]


@pytest.mark.parametrize("older", OLDER)
def test_a_rejection_takes_the_place_of_an_older_sound(collections: Collections, older: Any) -> None:
    """What a newer version does not take for a sound any more becomes a rejection alone, whatever its version says."""
    collections.sound.set(WHOLE | {"analysis_version": older})

    assert collections.reject(CorruptError("damaged"))

    assert not collections.sound.get().exists
    assert collections.rejection.get().to_dict()["reason"] == "corrupt"


@pytest.mark.parametrize("version", [ANALYSIS_VERSION, ANALYSIS_VERSION + 1, ANALYSIS_VERSION + 0.5])
def test_a_sound_of_this_version_or_a_newer_stays(collections: Collections, version: float) -> None:
    """A sound is not replaced by a rejection of its own version, nor by one of an older."""
    collections.sound.set(WHOLE | {"analysis_version": version})

    assert not collections.reject(CorruptError("damaged"))

    assert collections.sound.get().exists
    assert not collections.rejection.get().exists


@pytest.mark.parametrize("older", OLDER)
def test_a_sound_takes_the_place_of_an_older(collections: Collections, older: Any) -> None:
    """A sound is written over one of an older version, whatever that version says."""
    collections.sound.set(DAMAGED | {"analysis_version": older})

    assert store.write_sound(WHOLE, collections.settings)

    assert collections.sound.get().to_dict() == WHOLE


@pytest.mark.parametrize("version", [ANALYSIS_VERSION + 1, ANALYSIS_VERSION + 0.5])
def test_a_newer_sound_is_never_overwritten(collections: Collections, version: float) -> None:
    """An older function, which is still being replaced or was rolled back to, leaves what a newer version wrote."""
    newer = WHOLE | {"analysis_version": version, "new_field": 1}
    collections.sound.set(newer)

    assert not store.write_sound(DAMAGED, collections.settings)

    assert collections.sound.get().to_dict() == newer


@pytest.mark.parametrize("error", [ExpiredError("late"), RequesterPaysError("nobody pays")])
def test_an_older_sound_outlives_what_may_pass(collections: Collections, error: AnalysisError) -> None:
    """An event that comes too late, or a bucket that nobody pays for, says nothing of the content: the sound stays."""
    collections.sound.set(WHOLE | {"analysis_version": 1})

    assert not collections.reject(error)

    assert collections.sound.get().exists


@pytest.fixture
def behind_proxy(
    collections: Collections,  # noqa: ARG001 - it sets the variable first
    firestore_proxy: FirestoreProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[FirestoreProxy]:
    """What happens to the calls by which the collections are written."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_proxy.address)
    firestore_proxy.clear()
    yield firestore_proxy
    firestore_proxy.clear()


def test_a_new_sound_is_one_call(collections: Collections, behind_proxy: FirestoreProxy) -> None:
    """What is not there is written without being read."""
    assert store.write_sound(WHOLE, collections.settings)

    assert [call.rpartition("/")[2] for call in behind_proxy.calls] == ["Commit"]


@pytest.mark.parametrize(
    ("version", "is_written"), [(ANALYSIS_VERSION - 1, True), (ANALYSIS_VERSION, True), (ANALYSIS_VERSION + 1, False)]
)
def test_what_another_writes_meanwhile_counts(
    collections: Collections, behind_proxy: FirestoreProxy, version: int, *, is_written: bool
) -> None:
    """A sound that another function writes between our reading and our writing is read again before it is replaced."""
    collections.sound.set(DAMAGED | {"analysis_version": 1})
    others = WHOLE | {"analysis_version": version, "label": "kick"}
    behind_proxy.queue += [Call.forward, Call.forward, before(lambda: collections.sound.set(others))]

    assert store.write_sound(WHOLE, collections.settings) is is_written

    assert collections.sound.get().to_dict() == (WHOLE | {"label": "kick"} if is_written else others)


def test_a_sound_that_is_written_meanwhile_outlives_its_rejection(
    collections: Collections, behind_proxy: FirestoreProxy
) -> None:
    """A rejection that was to replace an older sound leaves what a newer function made of it meanwhile."""
    collections.sound.set(WHOLE | {"analysis_version": 1})
    behind_proxy.queue += [Call.forward, Call.forward, before(lambda: collections.sound.set(WHOLE))]

    assert not collections.reject(CorruptError("damaged"))

    assert collections.sound.get().to_dict() == WHOLE
    assert not collections.rejection.get().exists


def test_a_rejection_is_written_where_the_sound_goes_meanwhile(
    collections: Collections, behind_proxy: FirestoreProxy
) -> None:
    """Where an older sound is removed before its rejection takes its place, the rejection is written all the same."""
    collections.sound.set(WHOLE | {"analysis_version": 1})
    behind_proxy.queue += [Call.forward, Call.forward, before(collections.sound.delete)]

    assert collections.reject(CorruptError("damaged"))

    assert collections.rejection.get().exists


def test_many_repeats_at_once_have_their_turns(collections: Collections, behind_proxy: FirestoreProxy) -> None:
    """A sound that a dozen repeats of its event write first, each after our reading, is written after the last."""
    collections.sound.set(DAMAGED)
    numbers = iter(range(1, 13))
    repeat = before(lambda: collections.sound.set(DAMAGED | {"run": next(numbers)}))
    behind_proxy.queue += [Call.forward, *[Call.forward, repeat] * 12]

    assert store.write_sound(WHOLE, collections.settings)

    assert collections.sound.get().to_dict() == WHOLE | {"run": 12}


def test_a_sound_that_changes_without_end_is_raised(collections: Collections, behind_proxy: FirestoreProxy) -> None:
    """Writing ends with an error, which the platform retries, where others write the same document again and again."""
    collections.sound.set(DAMAGED)
    behind_proxy.default = refused(StatusCode.FAILED_PRECONDITION)
    behind_proxy.queue += [refused(StatusCode.FAILED_PRECONDITION), Call.forward] * (store.MAX_COMMITS - 1)

    with pytest.raises(FailedPrecondition):
        store.write_sound(WHOLE, collections.settings)

    assert len(behind_proxy.calls) == 2 * store.MAX_COMMITS - 1
    assert collections.sound.get().to_dict() == DAMAGED


@pytest.mark.parametrize("there", [(), ("sound",), ("rejection",), ("sound", "rejection")])
def test_both_documents_are_removed(collections: Collections, there: tuple[str, ...]) -> None:
    """Whichever of the two there are is removed, with the fields that people added, and no other document."""
    other = collections.sound.parent.document("other")
    other.set({"a": 1})
    for kind in there:
        getattr(collections, kind).set({"label": "kick"})

    store.remove(UID, collections.settings)

    assert not collections.sound.get().exists
    assert not collections.rejection.get().exists
    assert other.get().exists


def test_removal_is_one_call_and_bounded(collections: Collections, firestore_proxy: FirestoreProxy) -> None:
    """A removal is one commit, which a passing refusal does not end."""
    firestore_proxy.clear()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FIRESTORE_EMULATOR_HOST", firestore_proxy.address)
        store._client.cache_clear()
        store.write_rejection(make_rejection(UPLOAD, CorruptError("x"), NOW), collections.settings)
        firestore_proxy.clear()

        firestore_proxy.queue.append(refused(StatusCode.UNAVAILABLE))
        store.remove(UID, collections.settings)

    assert firestore_proxy.calls == ["/google.firestore.v1.Firestore/Commit"] * 2
    assert not collections.rejection.get().exists
