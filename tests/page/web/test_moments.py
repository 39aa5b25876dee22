"""Moments of a sound to go to, found in its peaks."""

from typing import Any

import numpy as np
import pytest

from analysis.definition import SR
from bench.documents import make_document
from page.web.moments import N_BEGINNINGS, Moments, find_moments
from tests.page.served_page import Page


def peaks_of(heights: np.ndarray) -> bytes:
    """Peaks of these heights."""
    return np.stack([-heights // 2, heights], axis=1).astype(np.int8).tobytes()


def test_the_loudest_moments_are_apart() -> None:
    """Of neighbouring stretches the loudest counts alone, and moments stand in their order."""
    heights = np.full(600, 10)
    heights[[100, 101, 102, 400]] = 90, 120, 100, 80

    moments = find_moments(peaks_of(heights), 6000.0)
    assert {1010.0, 4000.0} <= set(moments.loudest)
    assert not {1000.0, 1020.0} & set(moments.loudest)
    assert len(moments.loudest) == 5
    assert list(moments.loudest) == sorted(moments.loudest)


def test_what_comes_after_silence_is_found() -> None:
    """A sound after half a second of silence or more is one; a shorter gap and the silence at the end lead nowhere."""
    heights = np.full(600, 50)
    heights[:60] = 0
    heights[200:203] = 1  # 0.3 s
    heights[300:350] = 1
    heights[580:] = 0

    assert find_moments(peaks_of(heights), 60.0).beginnings == (6.0, 35.0)


def test_quiet_recordings_have_moments_too() -> None:
    """What counts is how loud a moment is among the others."""
    heights = np.zeros(600, int)
    heights[300] = 1

    assert find_moments(peaks_of(heights), 600.0) == Moments((300.0,), (300.0,))


def test_there_are_not_too_many() -> None:
    """Of very many silences the longest count."""
    heights = np.tile([0, 50], 300)
    heights[100:110] = 0

    beginnings = find_moments(peaks_of(heights), 6000.0).beginnings
    assert len(beginnings) <= N_BEGINNINGS
    assert 1110.0 in beginnings


@pytest.mark.parametrize(
    ("peaks", "duration"),
    [(None, 60), (b"", 60), (b"\1\2\3", 60), ("text", 60), (bytes(1200), 60), (b"\1\2" * 600, 4.9)]
    + [(b"\1\2" * 600, duration) for duration in (None, "60", float("nan"), -5)],
)
def test_what_has_none_has_none(peaks: Any, duration: Any) -> None:
    """Of a short sound, of silence and of whatever else a document holds, there are no moments."""
    assert find_moments(peaks, duration) == Moments()


@pytest.mark.parametrize(("seconds", "told"), [(9, "0.90 s"), (6000, "10:00")])
def test_a_moment_is_told_as_finely_as_the_sound_is_short(shared: Page, seconds: int, told: str) -> None:
    """Of less than a minute tenths of a second are told, of longer ones minutes and seconds."""
    heights = np.full(600, 10)
    heights[60] = 120
    sound = make_document("a.wav", duration=float(seconds), length=seconds * SR, peaks=peaks_of(heights))
    shared.insert(sound)

    assert f">{told}</button>" in shared.read(f"/sounds/{sound['uid']}")
