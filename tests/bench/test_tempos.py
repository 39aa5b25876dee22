"""The benchmark of tempos measures what it says."""

import io

import numpy as np
import pytest
import soundfile

from bench.tempos import LENGTH_S, START_S, _excerpt, _right, _tempos

SR = 22050


@pytest.mark.parametrize(("seconds", "expected_s"), [(60, LENGTH_S), (START_S + 4, 4), (3, 0)])
def test_excerpt_begins_after_the_beginning(seconds: int, expected_s: int) -> None:
    """Of a rendered piece half a minute is taken from ten seconds on; what is shorter gives less."""
    t = np.arange(seconds * 8000) / 8000
    file = io.BytesIO()
    soundfile.write(file, np.stack([t / 100, t / 100], axis=1), 8000, "FLOAT", format="WAV")

    y = _excerpt(file.getvalue())

    assert len(y) == expected_s * SR
    if len(y):
        assert y[SR] == pytest.approx((START_S + 1) / 100, rel=0.01)


def test_tempo_is_that_of_the_meta_events() -> None:
    """A MIDI file says microseconds a beat, as often as it changes; one that says none has 120."""
    assert _tempos(b"MThd\0\xff\x51\x03\x07\xa1\x20\0") == {120.0}
    assert _tempos(b"\0\xff\x51\x03\x06\x1a\x80\0\xff\x51\x03\x0f\x42\x40\0\xff\x2f\0") == {150.0, 60.0}
    assert _tempos(b"MThd, and no tempo") == {120.0}


def test_right_is_near_and_octaves_are_told_apart() -> None:
    """Four hundredths are near; twice and a third count apart; a loop has 1, 2, 4 ... beats."""
    assert _right("pieces", 103, 100, 0) == (True, True)
    assert _right("pieces", 206, 100, 0) == (False, True)
    assert _right("pieces", 34, 100, 0) == (False, True)
    assert _right("pieces", 150, 100, 0) == (False, False)
    assert _right("loops", 120, 0, 4 * SR) == (True, True)
    assert _right("loops", 90, 0, 4 * SR) == (False, False)
