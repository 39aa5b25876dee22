"""An upload and its features become a uid and a plain document."""

import io
import tempfile
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from analysis.decoding import Source
from analysis.decoding.recording import open_recording
from analysis.decoding.tag_text import MAX_CHARS
from analysis.definition import ANALYSIS_VERSION, OPTIONAL_FEATURES, librosa_name
from analysis.document import (
    REJECTION_FIELDS,
    SOUND_FIELDS,
    Field,
    lacks_features,
    make_rejection,
    make_sound,
    make_uid,
)
from analysis.errors import CorruptError
from analysis.features import extract
from analysis.settings import Settings
from analysis.upload import Upload

NOW = datetime(2026, 11, 23, tzinfo=UTC)
UPLOAD = Upload("b", "takes/one.wav", 7, 99, "audio/x-wav", "md5=", uploaded_at=NOW, event_id="e", event_time=NOW)
FEATURES = {
    "length": 11025,
    "mean_mfccs": [1.5] * 12,
    "fingerprint": [0.5] * 40,
    "note": None,
    "tempo": {"bpm": 120.5, "clarity": 0.5},
    "peaks": b"\x81\x7f",
    "peak_db": -0.1,
    "rms_db": -20.5,
    "silence": 0.25,
}
SOUND = make_sound(UPLOAD, Source("WAV", "PCM_16", 44100, 2), FEATURES, NOW)


def test_sound_has_the_original_fields_first() -> None:
    """The five fields of the original come first and mean what they meant."""
    assert list(SOUND)[:3] == ["uid", "blob_name", "file_name"]
    assert {name: SOUND[name] for name in ("uid", "blob_name", "file_name", "length", "mean_mfccs")} == {
        "uid": make_uid(UPLOAD),
        "blob_name": "takes/one.wav",
        "file_name": "takes/one.wav",
        "length": 11025,
        "mean_mfccs": [1.5] * 12,
    }


def test_sound_tells_of_upload_source_and_run() -> None:
    """The other fields say which upload this was, what the file said of itself and which run wrote it."""
    assert {name: value for name, value in SOUND.items() if name not in ("uid", "mean_mfccs", "fingerprint")} == {
        "blob_name": "takes/one.wav",
        "file_name": "takes/one.wav",
        "length": 11025,
        "note": None,
        "tempo": {"bpm": 120.5, "clarity": 0.5},
        "peaks": b"\x81\x7f",
        "peak_db": -0.1,
        "rms_db": -20.5,
        "silence": 0.25,
        "bucket": "b",
        "generation": 7,
        "size": 99,
        "content_type": "audio/x-wav",
        "md5_hash": "md5=",
        "crc32c": None,
        "uploaded_at": NOW,
        "sample_rate": 22050,
        "duration": 0.5,
        "source": {"container": "WAV", "codec": "PCM_16", "sample_rate": 44100, "channels": 2, "complete": True},
        "event_id": "e",
        "analyzed_at": NOW,
        "analysis_version": 3,
    }


@pytest.mark.parametrize("tags", [{}, {"title": "Take"}, {"title": "Take", "origination_time": "2026-11-28 10:30:00"}])
def test_source_has_the_tags_that_the_file_has(tags: dict[str, str]) -> None:
    """The tags of a file are a map, and a file without any has none."""
    source = make_sound(UPLOAD, Source("WAV", "PCM_16", 44100, 2, tags=tags), FEATURES, NOW)["source"]

    assert source.get("tags") == (tags or None)
    assert_is_as_described(source, next(field.fields for field in SOUND_FIELDS if field.name == "source"))


@pytest.mark.parametrize(("track", "tracks"), [(None, None), (1, 2), (2, 3)])
def test_source_tells_the_track_where_there_are_several(track: int | None, tracks: int | None) -> None:
    """Which of how many audio tracks was analysed stands in the document, and nothing where there is one."""
    source = make_sound(UPLOAD, Source("mov", "aac", 44100, 2, track, tracks), FEATURES, NOW)["source"]

    assert (source.get("track"), source.get("tracks")) == (track, tracks)


def test_digital_silence_has_no_fingerprint() -> None:
    """A sound that there is nothing to compare in has no such field, and so is no neighbour of any."""
    silence = make_sound(
        UPLOAD,
        Source("WAV", "PCM_16", 44100, 2),
        {name: FEATURES[name] for name in FEATURES if name != "fingerprint"},
        NOW,
    )

    assert SOUND["fingerprint"] == [0.5] * 40
    assert SOUND.keys() - silence.keys() == {"fingerprint"}


KINDS = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "double": float,
    "doubles": list,
    "vector": list,
    "bytes": bytes,
    "timestamp": datetime,
    "map": dict,
}


def assert_is_as_described(document: dict[str, Any], fields: tuple[Field, ...]) -> None:
    """A document has the fields of a table, in their order, with values of their types, and no others."""
    assert list(document) == [field.name for field in fields if field.name in document or not field.is_optional]
    for field in fields:
        value = document.get(field.name)
        if value is None:
            assert field.is_optional or field.is_nullable, field.name
            continue
        assert type(value) is KINDS[field.type], field.name
        if field.type in ("doubles", "vector"):
            assert {type(number) for number in value} == {float}, field.name
            assert len(value) in (field.n if isinstance(field.n, tuple) else (field.n,)), field.name
        if field.type == "map":
            assert_is_as_described(value, field.fields)


@pytest.mark.parametrize("features", [(), ("rms",), tuple(set(OPTIONAL_FEATURES) - {"mfcc:40"}), ("mfcc:40",)])
@pytest.mark.parametrize("level", [0, 0.3])
def test_what_is_written_is_as_described(level: float, features: tuple[str, ...]) -> None:
    """A sound of real features, silence too, and a rejection have the fields of the table and their types."""
    file = io.BytesIO()
    soundfile.write(file, level * np.sin(np.arange(9000)), 44100, format="WAV")
    with tempfile.TemporaryFile() as sound:
        sound.write(file.getvalue())
        recording = open_recording(sound, Settings())
        written = make_sound(UPLOAD, recording.source, extract(recording, features), NOW)

    assert_is_as_described(written, SOUND_FIELDS)
    assert_is_as_described(make_rejection(UPLOAD, CorruptError("bad block"), NOW), REJECTION_FIELDS)
    assert ("fingerprint" in written) == (level > 0)
    assert written.get("features", {}).keys() == {librosa_name(name) for name in features}


def test_field_that_is_not_described_is_an_error() -> None:
    """A feature whose field is not in the table is no sound: the error says where to describe it."""
    with pytest.raises(ValueError, match="loudness: a field of a document has an entry"):
        make_sound(UPLOAD, Source("WAV", "PCM_16", 44100, 2), FEATURES | {"loudness": 1.0}, NOW)


def test_fields_are_described_in_full() -> None:
    """Each field has a meaning, versions begin at 1, and numbers are counted where they are many."""
    for field in (*SOUND_FIELDS, *REJECTION_FIELDS):
        assert field.meaning
        assert 1 <= field.since <= ANALYSIS_VERSION
        assert (field.n is not None) == (field.type in ("doubles", "vector")), field.name
        assert bool(field.fields) == (field.type == "map"), field.name


@pytest.mark.parametrize(
    ("features", "asked", "lacks"),
    [
        (None, (), False),
        (None, ("rms",), True),
        ({}, ("rms",), True),
        ({"rms": 0.0}, ("rms",), False),
        ({"rms": 0.0}, (), False),
        ({"rms": 0.0}, ("rms", "spectral_centroid"), True),
        ({"mfcc": [0.0] * 20}, ("mfcc:20",), False),
        ({"mfcc": [0.0] * 20}, ("mfcc:40",), True),
        ({"mfcc": 3}, ("mfcc:40",), True),
        ("odd", ("rms",), True),
    ],
)
def test_document_lacks_what_is_asked_for_now(features: Any, asked: tuple[str, ...], *, lacks: bool) -> None:
    """A document lacks a feature that it does not hold, or holds with another number of coefficients."""
    document = {} if features is None else {"features": features}

    assert lacks_features(document, asked) is lacks


def test_rejection_has_exactly_its_fields() -> None:
    """A rejection says which upload, why, and when."""
    assert make_rejection(UPLOAD, CorruptError("bad block"), NOW) == {
        "uid": make_uid(UPLOAD),
        "bucket": "b",
        "blob_name": "takes/one.wav",
        "file_name": "takes/one.wav",
        "generation": 7,
        "reason": "corrupt",
        "message": "bad block",
        "event_id": "e",
        "rejected_at": NOW,
    }


identities = st.tuples(
    st.from_regex(r"[a-z0-9._-]{3,63}", fullmatch=True),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    st.integers(1, 2**63 - 1),
)


@given(identities, identities)
def test_uid_is_one_to_one(first: tuple[str, str, int], second: tuple[str, str, int]) -> None:
    """The uid is a version 5 UUID, the same for the same bucket, name and generation, and for nothing else."""
    uid = make_uid(Upload(*first))

    assert UUID(uid).version == 5
    assert str(UUID(uid)) == uid
    assert (make_uid(Upload(*second)) == uid) == (first == second)


def test_uid_does_not_change_between_versions() -> None:
    """The uid of an upload is what it was in the first release: documents are found again."""
    assert make_uid(Upload("bucket", "a/b#c.wav", 1763900000000001)) == "5ecdbe3c-8300-52e1-847f-98d74eaac7fd"
    assert make_uid(Upload("bucket", "Takes/Café No. 1.WAV", 7)) == "7779e873-67c6-527d-b346-648298ab871c"


def test_length_of_a_tag_is_told() -> None:
    """The meaning of `source.tags` says how long a tag is at most."""
    source = next(field for field in SOUND_FIELDS if field.name == "source")
    (tags,) = (field for field in source.fields if field.name == "tags")

    assert f"at most {MAX_CHARS} characters" in tags.meaning
