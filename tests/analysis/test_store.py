"""A sound or a rejection is written in place of what was there, and of nothing that is not ours."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from google.cloud import firestore

from analysis import store
from analysis.decoding import Source
from analysis.definition import ANALYSIS_VERSION
from analysis.document import make_rejection, make_sound
from analysis.errors import AnalysisError, CorruptError, ExpiredError
from analysis.settings import Settings
from analysis.upload import Upload
from local.program import Program
from local.servers import PROJECT
from tests.fakes.cloud import connect_firestore

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


@pytest.mark.parametrize("older", [{"analysis_version": ANALYSIS_VERSION - 1}, {"analysis_version": None}])
def test_a_rejection_takes_the_place_of_an_older_sound(collections: Collections, older: dict[str, Any]) -> None:
    """What a newer version does not take for a sound any more becomes a rejection alone."""
    collections.sound.set(WHOLE | older)

    assert collections.reject(CorruptError("damaged"))

    assert not collections.sound.get().exists
    assert collections.rejection.get().to_dict()["reason"] == "corrupt"


@pytest.mark.parametrize("version", [ANALYSIS_VERSION, ANALYSIS_VERSION + 1])
def test_a_sound_of_this_version_or_a_newer_stays(collections: Collections, version: int) -> None:
    """A sound is not replaced by a rejection of its own version, nor by one of an older."""
    collections.sound.set(WHOLE | {"analysis_version": version})

    assert not collections.reject(CorruptError("damaged"))

    assert collections.sound.get().exists
    assert not collections.rejection.get().exists


def test_an_older_sound_outlives_what_may_pass(collections: Collections) -> None:
    """An event that comes too late says nothing of the content: the older sound stays."""
    collections.sound.set(WHOLE | {"analysis_version": 1})

    assert not collections.reject(ExpiredError("late"))

    assert collections.sound.get().exists
