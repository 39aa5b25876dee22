"""An upload and its features become a uid and a plain document."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import CorruptError
from analysis.features import Features
from analysis.sound import make_rejection, make_sound, make_uid
from analysis.source import Source
from analysis.upload import Upload

NOW = datetime(2026, 11, 23, tzinfo=UTC)
UPLOAD = Upload("b", "takes/one.wav", 7, 99, "audio/x-wav", "md5=", uploaded_at=NOW, event_id="e", event_time=NOW)
FEATURES = Features(11025, (1.5,) * 12, (0.5,) * 40, b"\x81\x7f", -0.1, -20.5, 0.25)
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
        "peaks": b"\x81\x7f",
        "peak_db": -0.1,
        "rms_db": -20.5,
        "silence": 0.25,
        "bucket": "b",
        "generation": 7,
        "size": 99,
        "content_type": "audio/x-wav",
        "md5_hash": "md5=",
        "uploaded_at": NOW,
        "sample_rate": 22050,
        "duration": 0.5,
        "source": {"container": "WAV", "codec": "PCM_16", "sample_rate": 44100, "channels": 2},
        "event_id": "e",
        "analyzed_at": NOW,
        "analysis_version": 2,
    }


def test_digital_silence_has_no_fingerprint() -> None:
    """A sound that there is nothing to compare in has no such field, and so is no neighbour of any."""
    silence = make_sound(UPLOAD, Source("WAV", "PCM_16", 44100, 2), replace(FEATURES, fingerprint=None), NOW)

    assert SOUND["fingerprint"] == [0.5] * 40
    assert SOUND.keys() - silence.keys() == {"fingerprint"}


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
