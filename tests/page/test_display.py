"""Numbers, times and names as they are read; pictures as they are drawn; what is remembered."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from page import display
from page.web import svg

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
        (0, "0.00 s"),
        (0.0000454, "0.045 ms"),
        (0.00454, "4.5 ms"),
        (0.01, "0.01 s"),
        (0.994, "0.99 s"),
        (1, "1.0 s"),
        (12.44, "12.4 s"),
        (59.96, "60.0 s"),
        (60, "1:00"),
        (187, "3:07"),
        (3599.4, "59:59"),
        (3599.6, "1:00:00"),
        (3723, "1:02:03"),
        (None, "–"),
        ("x", "–"),
    ],
)
def test_duration(seconds: Any, text: str) -> None:
    """Seconds are as exact as one can hear."""
    assert display.duration(seconds) == text


def test_name_is_split_at_its_last_slash() -> None:
    """The folder is told apart, and what turns the direction of writing is seen."""
    assert (display.folder("a/b/c.wav"), display.base_name("a/b/c.wav")) == ("a/b/", "c.wav")
    assert (display.folder("c.wav"), display.base_name("c.wav")) == ("", "c.wav")
    assert display.base_name("exe\u202egpj.wav") == "exe\ufffdgpj.wav"
    assert display.base_name("Bjork\u200d\U0001f3b5 é.wav") == "Bjork\u200d\U0001f3b5 é.wav"


def test_note_is_name_and_pitch() -> None:
    """A note is its name and how far it is from it; of a sound without one there is a dash."""
    assert display.note({"midi": 57.98, "name": "A#3", "clarity": 0.9}) == "A#3, 57.98"
    assert display.note(None) == "–"


def test_time_is_utc() -> None:
    """Without JavaScript a time is read as UTC."""
    assert display.when(datetime(2026, 11, 3, 7, 5, tzinfo=UTC)) == "3 Nov 2026, 07:05 UTC"


READERS = (
    *(display.number, display.duration, display.level, display.share, display.size, display.rate, display.when),
    *(display.source, display.source_in_short, display.note, display.tempo, display.folder, display.base_name),
)
MAPS = (
    lambda value: {"container": value, "codec": value, "channels": value, "sample_rate": value},
    lambda value: {"midi": value, "name": value},
    lambda value: {"bpm": value},
)


@given(ANYTHING)
@example(float("inf"))
@example(float("nan"))
def test_anything_is_text(value: Any) -> None:
    """No field of a document, whatever is in it, keeps the others from being shown."""
    for read in READERS:
        assert isinstance(read(value), str)
        for make_map in MAPS:
            assert isinstance(read(make_map(value)), str)


@given(ANYTHING)
def test_anything_can_be_drawn(value: Any) -> None:
    """What are no peaks or means has no picture."""
    svg.draw_waveform(value)
    svg.draw_bars(value, [{"mean_mfccs": value}])


def test_tempo_is_in_beats_a_minute() -> None:
    """A tempo has at most five digits; of a sound without one there is a dash."""
    assert display.tempo({"bpm": 120.004, "clarity": 0.5}) == "120 BPM"
    assert display.tempo({"bpm": 97.338, "clarity": 0.5}) == "97.338 BPM"
    assert display.tempo(None) == "–"


@pytest.mark.parametrize(
    ("read", "value", "text"),
    [
        (display.number, 1234567, "1\u202f234\u202f567"),
        (display.number, -0.123456, "\u22120.1235"),
        (display.number, True, "–"),
        (display.level, -0.04, "\u22120.0 dB"),
        (display.share, 0.256, "26 %"),
        (display.size, 999, "999 bytes"),
        (display.size, 1000, "1 kB"),
        (display.size, 1_500_000, "1.5 MB"),
        (display.size, 2_000_000_000, "2 GB"),
        (display.rate, 44100, "44.1 kHz"),
        (display.source, {"container": "MP3", "codec": "MP3", "channels": 6}, "MP3, 6 channels"),
        (display.source, {"container": "WAVEX", "codec": "PCM_24", "channels": 2}, "WAV PCM_24, stereo"),
        (display.source, {"container": "ac3", "codec": "ac3", "channels": 1}, "AC-3, mono"),
        (display.source, {"container": "wv", "codec": "wavpack", "channels": 1}, "WavPack, mono"),
        (display.source, {"container": "mov,mp4,m4a,3gp,3g2,mj2", "codec": "aac", "channels": 1}, "MP4/M4A aac, mono"),
        (
            display.source,
            {"container": "WAV", "codec": "PCM_16", "sample_rate": 8000, "channels": 2},
            "WAV PCM_16, 8 kHz, stereo",
        ),
        (
            display.source_in_short,
            {"container": "WAV", "codec": "PCM_16", "sample_rate": 8000, "channels": 1},
            "WAV, 8 kHz, mono",
        ),
    ],
)
def test_numbers_have_units(read: Callable[[Any], str], value: Any, text: str) -> None:
    """Numbers are as exact as is of use, in the units that people use."""
    assert read(value) == text
