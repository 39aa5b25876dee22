"""Numbers, times and names as they are read; pictures as they are drawn; what is remembered."""

import threading
import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from page import drawing, words
from page.projection import project
from page.remembering import Memory
from page.sniffing import UNKNOWN, sniff
from tests.fakes.synthetic import one_of_each

ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text()
    | st.lists(st.integers())
    | st.binary()
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.312, "0.31 s"),
        (12.44, "12.4 s"),
        (59.96, "60.0 s"),
        (187, "3:07"),
        (3723, "1:02:03"),
        (None, "–"),
        ("x", "–"),
    ],
)
def test_duration(seconds: Any, text: str) -> None:
    """Seconds are as exact as one can hear."""
    assert words.duration(seconds) == text


def test_name_is_split_at_its_last_slash() -> None:
    """The folder is told apart, and what turns the direction of writing is seen."""
    assert (words.folder("a/b/c.wav"), words.base("a/b/c.wav")) == ("a/b/", "c.wav")
    assert (words.folder("c.wav"), words.base("c.wav")) == ("", "c.wav")
    assert words.base("exe\u202egpj.wav") == "exe\ufffdgpj.wav"
    assert words.base("Bjork\u200d\U0001f3b5 é.wav") == "Bjork\u200d\U0001f3b5 é.wav"


def test_note_is_name_and_pitch() -> None:
    """A note is its name and how far it is from it; of a sound without one there is a dash."""
    assert words.note({"midi": 57.98, "name": "A#3", "clarity": 0.9}) == "A#3, 57.98"
    assert words.note(None) == "–"


def test_tempo_is_in_beats_a_minute() -> None:
    """A tempo is shown to a hundredth of a beat; of a sound without one there is a dash."""
    assert words.tempo({"bpm": 120.004, "clarity": 0.5}) == "120 BPM"
    assert words.tempo({"bpm": 97.338, "clarity": 0.5}) == "97.338 BPM"
    assert words.tempo(None) == "–"


def test_time_is_utc() -> None:
    """Without JavaScript a time is read as UTC."""
    assert words.when(datetime(2026, 11, 3, 7, 5, tzinfo=UTC)) == "3 Nov 2026, 07:05 UTC"


@given(ANYTHING)
@example(float("inf"))
@example(float("nan"))
def test_anything_is_put_in_words(value: Any) -> None:
    """No field of a document, whatever is in it, keeps the others from being shown."""
    for reader in (
        words.duration,
        words.level,
        words.size,
        words.rate,
        words.source,
        words.briefly,
        words.note,
        words.tempo,
        words.when,
    ):
        assert isinstance(reader(value), str)
    assert isinstance(words.note({"midi": value, "name": value}), str)
    assert isinstance(words.tempo({"bpm": value}), str)
    assert isinstance(reader({"container": value, "channels": value, "sample_rate": value}), str)
    drawing.draw_waveform(value)
    drawing.draw_bars(value, [{"mean_mfccs": value}])


@pytest.mark.parametrize(("n_pairs", "columns"), [(1, 1), (87, 87), (88, 88), (601, 88), (800, 88)])
def test_a_waveform_keeps_every_peak(n_pairs: int, columns: int) -> None:
    """However few its columns, the highest and the lowest of all pairs are in the picture."""
    rng = np.random.default_rng(n_pairs)
    pairs = np.stack([-rng.integers(2, 128, n_pairs), rng.integers(2, 128, n_pairs)], axis=1).astype(np.int8)
    drawn = drawing.draw_waveform(pairs.tobytes())

    assert drawn is not None
    assert drawn.columns == columns
    ends = np.array([part.partition(" ")[2].split("V") for part in drawn.path.split("M")[1:]], int)
    assert ends.shape == (columns, 2)
    assert ends.min() == 128 - int(pairs.max())
    assert ends.max() == 128 - int(pairs.min())


def test_vectors_in_a_plane_are_mapped_as_they_are() -> None:
    """Where two directions hold everything, all distances are kept, in one scale."""
    rng = np.random.default_rng(1)
    plane = rng.normal(0, 1, (30, 2)) @ np.linalg.qr(rng.normal(0, 1, (9, 2)))[0].T
    places, kept = project(plane)

    assert kept == pytest.approx(1)
    assert places.min() >= 0
    assert places.max() <= 1
    ratios = [
        np.linalg.norm(places[i] - places[i + 1]) / np.linalg.norm(plane[i] - plane[i + 1])
        for i in range(len(plane) - 1)
    ]
    assert np.ptp(ratios) < 1e-9


@pytest.mark.parametrize(("name", "content"), one_of_each().items())
def test_every_format_is_sniffed(name: str, content: bytes) -> None:
    """What the function reads is told to the browser as sound; a W64 is nothing that any browser plays."""
    media_type = sniff(content[:64])

    assert media_type.startswith("audio/") or name.startswith("W64"), name
    assert sniff(b"<html>") == sniff(b"") == UNKNOWN


def test_an_answer_is_asked_for_once() -> None:
    """Many who want to know the same at the same time cost one question."""
    asked = []
    memory: Memory[int] = Memory(60, 10)

    def ask() -> int:
        asked.append(1)
        time.sleep(0.05)
        return len(asked)

    threads = [threading.Thread(target=lambda: memory.get("x", ask)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(asked) == 1
    assert memory.get("y", ask) == 2


def test_an_answer_is_forgotten() -> None:
    """What is too old, too many, or was a failure, is asked for again."""
    memory: Memory[int] = Memory(0, 10)
    assert [memory.get("x", iter(range(9)).__next__), memory.get("x", lambda: 5)] == [0, 5]
    few: Memory[int] = Memory(60, 2)
    for key in "abc":
        few.get(key, lambda: 1)
    assert few.get("a", lambda: 2) == 2
    with pytest.raises(ZeroDivisionError):
        few.get("z", lambda: 1 // 0)
    assert few.get("z", lambda: 3) == 3
