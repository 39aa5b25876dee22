"""What is printed of an outcome follows from its document, however many coefficients that has."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud.firestore_v1.vector import Vector

from local.formatting import format_json, format_kind, format_row, format_table
from local.outcome import Outcome


def sound(name: str, n_mfcc: int, **found: Any) -> Outcome:
    """Return the outcome of a sound with so many coefficients, and what else was found in it."""
    means = [-1131.371, *map(float, range(1, n_mfcc))]
    return Outcome(name, "sound", {"mean_mfccs": means, "duration": 3.0} | found, seconds=0.25)


REJECTED = Outcome("words.wav", "rejection", {"reason": "not_audio"}, "not_audio: these are words")
FAILED = Outcome("away.wav", "failed", message="given up")


@pytest.mark.parametrize("n_mfcc", [12, 20, 1])
def test_the_table_has_a_column_for_each_coefficient(n_mfcc: int) -> None:
    """A heading stands above each mean of the documents, and every row of a sound is as long as the heads."""
    head, row, *_ = format_table([sound("a longer name.wav", n_mfcc), REJECTED]).splitlines()

    assert head.split()[4:-1] == [word for n in range(n_mfcc) for word in ("mfcc", str(n))]
    assert len(row) == len(head)
    for n in range(n_mfcc):
        end = head.index(f"mfcc {n} ") + len(f"mfcc {n}")
        assert float(row[:end].split()[-1]) == pytest.approx([-1131.4, *range(1, n_mfcc)][n])


def test_note_and_tempo_stand_below_their_heads() -> None:
    """A sound with a note has its name, one with a beat its beats a minute, and any other a dash."""
    note, tempo = {"midi": 9.6, "name": "A#-1", "clarity": 0.9}, {"bpm": 174.95, "clarity": 0.5}
    both, neither = sound("a.wav", 3, note=note, tempo=tempo), sound("b.wav", 3, note=None, tempo=None)

    head, *rows = format_table([both, neither, sound("old.wav", 3)]).splitlines()

    assert {len(row) for row in rows} == {len(head)}
    for words in (("note", "A#-1", "-", "-"), ("bpm", "174.9", "-", "-")):
        end = head.index(f" {words[0]} ") + len(words[0]) + 1
        assert tuple(row[:end].split()[-1] for row in [head, *rows]) == words


def test_what_is_no_sound_has_its_kind_and_reason() -> None:
    """Rejections and failures have their message instead of numbers; a table of them alone has no columns of means."""
    head, *rows = format_table([REJECTED, FAILED]).splitlines()

    assert "mfcc" not in head
    assert rows == ["words.wav  rejection: not_audio: these are words", "away.wav   failed: given up"]
    assert format_row(FAILED) == "away.wav  failed: given up"
    assert format_kind(REJECTED) == "words.wav: rejection: not_audio: these are words"
    assert format_kind(sound("a.wav", 12)) == "a.wav: sound"


def test_json_has_every_field_and_the_originals_first() -> None:
    """Times are ISO 8601, bytes base64, vectors lists; the five names of the original come first, then the others."""
    document: dict[str, Any] = {
        "peaks": b"\x00\xff",
        "fingerprint": Vector([1.0, 2.0]),
        "analyzed_at": datetime(2026, 1, 2, tzinfo=UTC),
        "length": 5,
        "uid": "u",
    }

    printed = json.loads(format_json(document))

    assert list(printed) == ["uid", "length", "analyzed_at", "fingerprint", "peaks"]
    assert printed == {
        "uid": "u",
        "length": 5,
        "analyzed_at": "2026-01-02T00:00:00+00:00",
        "fingerprint": [1.0, 2.0],
        "peaks": "AP8=",
    }
