"""Two documents are of the same file, of the same sound, or of two sounds."""

from typing import Any

import numpy as np
import pytest
from google.cloud.firestore_v1.vector import Vector

from analysis.definition import SAME_LENGTH, SAME_SOUND_DISTANCE
from analysis.features import extract
from analysis.similarity import tell_same

FINGERPRINT = [0.5] * 40


def make_document(**fields: Any) -> dict[str, Any]:
    """A document of a sound."""
    return {"md5_hash": "a", "crc32c": "c", "size": 9, "length": 50_000, "fingerprint": Vector(FINGERPRINT)} | fields


def moved(distance: float) -> list[float]:
    """A fingerprint that far from the one of every document here."""
    return [0.5 + distance, *FINGERPRINT[1:]]


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ({}, {}, "file"),
        ({"fingerprint": None}, {"fingerprint": moved(9)}, "file"),
        ({"md5_hash": None}, {}, "file"),
        ({"md5_hash": None}, {"md5_hash": None}, "file"),
        ({"md5_hash": None}, {"md5_hash": None, "size": 10}, "sound"),
        ({"md5_hash": None}, {"md5_hash": None, "crc32c": "d"}, "sound"),
        ({"md5_hash": None, "crc32c": None}, {"md5_hash": None, "crc32c": None}, "sound"),
        ({"md5_hash": None, "size": None}, {"md5_hash": None, "size": None}, "sound"),
        ({}, {"md5_hash": "b"}, "sound"),
        ({}, {"md5_hash": "b", "fingerprint": moved(SAME_SOUND_DISTANCE * 0.99)}, "sound"),
        ({}, {"md5_hash": "b", "fingerprint": moved(SAME_SOUND_DISTANCE * 1.01)}, None),
        ({}, {"md5_hash": "b", "fingerprint": moved(0.25)}, "sound"),
        ({}, {"md5_hash": "b", "fingerprint": moved(0.35)}, None),
        ({}, {"md5_hash": "b", "length": 50_000 + SAME_LENGTH}, "sound"),
        ({}, {"md5_hash": "b", "length": 50_000 - SAME_LENGTH - 1}, None),
        ({}, {"md5_hash": "b", "length": None}, None),
        ({}, {"md5_hash": "b", "fingerprint": None}, None),
        ({}, {"md5_hash": "b", "fingerprint": FINGERPRINT[:12]}, None),
        ({"fingerprint": None}, {"md5_hash": "b", "fingerprint": None}, None),
    ],
)
def test_same(a: dict[str, Any], b: dict[str, Any], same: str | None) -> None:
    """Equal bytes are the same file; fingerprints and lengths that agree are the same sound; None equals nothing."""
    assert tell_same(make_document(**a), make_document(**b)) == same
    assert tell_same(make_document(**b), make_document(**a)) == same


def test_quieter_copy_is_the_same_sound_and_the_next_note_is_not() -> None:
    """A sound at another level is marked, the same instrument a semitone higher is not."""
    t = np.arange(40_000) / 22050
    note, higher = (
        sum(np.sin(2 * np.pi * f * k * t) / k**1.5 for k in range(1, 9)) * np.exp(-2 * t) * 0.2 for f in (220, 233.1)
    )
    documents = [make_document(md5_hash=str(n), **_fields(y)) for n, y in enumerate([note, note * 0.1, higher])]

    assert tell_same(documents[0], documents[1]) == "sound"
    assert tell_same(documents[0], documents[2]) is None


def _fields(y: np.ndarray) -> dict[str, Any]:
    features = extract([y.astype(np.float32)])
    return {name: features[name] for name in ("length", "fingerprint")}
