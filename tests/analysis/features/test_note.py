"""The note of a sound is the one pitch that all of it has, at any level and with any silence around."""

import doctest
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.features import note
from analysis.features.note import CLEAR, Note
from analysis.features.spectra import compute_spectra

SR = 22050


def note_of(*blocks: np.ndarray) -> dict[str, Any] | None:
    """The note of a sound in blocks."""
    feature = Note()
    for spectra in compute_spectra(block.astype(np.float32) for block in blocks):
        feature.add(spectra)
    return feature.fields()["note"]


def tone(midi: float, n_harmonics: int = 8, seconds: float = 1.0, first: int = 1) -> np.ndarray:
    """Harmonics that fall by 6 dB an octave, the sound by 9 dB a second."""
    t = np.arange(round(seconds * SR)) / SR
    f = 440 * 2 ** ((midi - 69) / 12)
    harmonics = [np.sin(2 * np.pi * f * k * t + k) / k for k in range(first, first + n_harmonics) if f * k < SR / 2]
    return 0.2 * np.sum(harmonics, axis=0) * np.exp(-t)


@pytest.mark.parametrize("n_harmonics", [1, 2, 8, 40])
@pytest.mark.parametrize("midi", [24, 28.3, 40, 57.8, 69, 81, 96, 108])
def test_tone_has_its_pitch(midi: float, n_harmonics: int) -> None:
    """A tone with few or many harmonics has its pitch to a twentieth of a semitone, the lowest to a fifth."""
    found = note_of(tone(midi, n_harmonics))

    assert found
    assert found["midi"] == pytest.approx(midi, abs=0.05 if midi > 33 else 0.2)
    assert found["name"] == note.name_note(midi)
    assert CLEAR <= found["clarity"] <= 1


def test_weak_fundamental_is_still_the_pitch() -> None:
    """A tone whose first harmonic is a fifth of its second is neither taken for the octave above nor for a chord."""
    found = note_of(0.1 * tone(45, 1) + tone(45, 9, first=2))

    assert found
    assert found["midi"] == pytest.approx(45, abs=0.05)


@pytest.mark.parametrize("intervals", [(3,), (4,), (5,), (7,), (9,), (0, 4, 7), (3, 7), (5, 7), (4, 7, 11), (4, 7, 10)])
@pytest.mark.parametrize("root", [36, 48, 57, 60, 69])
def test_chord_has_no_note(root: int, intervals: tuple[int, ...]) -> None:
    """Two or three tones at once, which repeat together far below them, have no note."""
    chord = np.sum([tone(root + interval) for interval in {0, *intervals}], axis=0)

    assert note_of(chord) is None


@pytest.mark.parametrize("level", [1, 0.6, 0.4, 0.3])
def test_octave_is_its_lower_tone(level: float) -> None:
    """Two tones an octave apart are heard as one, the lower, also where that is 10 dB below the higher."""
    found = note_of(level * tone(60) + tone(72))

    assert found
    assert found["midi"] == pytest.approx(60, abs=0.05)


@pytest.mark.parametrize("hz", [20, 4500, 6000, 9000, 10_900])
def test_tone_that_is_no_note(hz: float) -> None:
    """A tone below or above the keys of a piano has no note, rather than one that is an octave or two off."""
    assert note_of(np.sin(2 * np.pi * hz * np.arange(SR) / SR)) is None


def noise(seed: int) -> np.ndarray:
    """White noise."""
    return 0.1 * np.random.default_rng(seed).standard_normal(SR)


@pytest.mark.parametrize(
    "y",
    [
        *[noise(seed) for seed in range(5)],
        np.concatenate([np.convolve(noise(1), np.cos(2.3 * np.arange(40)))]),
        np.convolve(noise(4), np.hanning(80) * np.cos(0.9 * np.arange(80)), "same"),
        np.exp(-np.arange(SR) / 300) * noise(2),
        np.cumsum(noise(3)) / 100,
        np.eye(1, SR, 5000)[0],
        np.concatenate([tone(60, seconds=0.5), tone(64, seconds=0.5), tone(67, seconds=0.5)]),
        np.sin(np.cumsum(np.linspace(0.02, 0.2, SR))),
        np.ones(SR),
        np.full(SR, 1e-20),
        np.zeros(SR),
    ],
    ids=[
        *[f"noise {seed}" for seed in range(5)],
        *[
            "band of noise",
            "whistling noise",
            "decaying noise",
            "brown noise",
            "click",
            "melody",
            "sweep",
            "offset",
            "tiny",
            "silence",
        ],
    ],
)
def test_what_has_no_single_pitch_has_no_note(y: np.ndarray) -> None:
    """Noise, clicks, melodies, sweeps and silence have no note."""
    assert note_of(y) is None


@pytest.mark.parametrize("n", [1, 2, 100, 300])
def test_sound_too_short_for_a_pitch_has_none(n: int) -> None:
    """A sound of a sample, or of fewer than two periods, has no note."""
    assert note_of(tone(45)[:n]) is None


@settings(deadline=None, max_examples=40)
@given(
    st.floats(30, 100),
    st.lists(st.floats(0, 1), max_size=6),
    st.floats(-250, 60),
    st.tuples(*[st.integers(0, 90_000)] * 2),
)
def test_level_silence_and_blocks_change_nothing(
    midi: float, cuts: list[float], gain_db: float, silence: tuple[int, int]
) -> None:
    """At any gain, with any silence around and in any blocks, the note is the same to a hundredth of a semitone."""
    y = tone(midi, 6, 0.8)
    before, after = (np.zeros(n) for n in silence)
    changed = np.concatenate([before, y * 10 ** (gain_db / 20), after])

    found, again = note_of(y), note_of(*np.split(changed, sorted(int(cut * len(changed)) for cut in cuts)))

    assert found
    assert again
    assert again["midi"] == pytest.approx(found["midi"], abs=0.01)
    assert again["clarity"] == pytest.approx(found["clarity"], abs=0.03)


@pytest.mark.parametrize(
    "seconds", [600, pytest.param(7200, marks=pytest.mark.whole_run("hours of sound are analysed"))]
)
def test_hours_of_a_tone_have_its_note(seconds: int) -> None:
    """Two hours of a tone, a second at a time, have the note of that second."""
    second = tone(57.8, 5)

    found = note_of(*[second] * seconds)

    assert found
    assert found["midi"] == pytest.approx(57.8, abs=0.05)


def test_powers_near_the_end_of_the_range_are_no_error() -> None:
    """Samples whose power float32 can just hold have the note of the same samples at full scale."""
    t = np.arange(SR) / SR
    y = np.sum([np.sin(2 * np.pi * 200 * k * t + k * k) for k in range(1, 21)], axis=0)

    found, loud = note_of(y), note_of(y * 1.5e16)

    assert found
    assert loud
    assert loud["midi"] == pytest.approx(found["midi"], abs=1e-3)


def test_names_of_semitones() -> None:
    """A pitch is named after the nearest semitone, in scientific pitch notation with sharps."""
    assert [note.name_note(midi) for midi in (60, 69, 57.8, 59.49, 59.51, 21, 108)] == [
        *("C4", "A4", "A#3", "B3", "C4", "A0", "C8"),
    ]


def test_examples_run() -> None:
    """The examples in the docstrings print what they show."""
    assert doctest.testmod(note).attempted
    assert doctest.testmod(note).failed == 0
