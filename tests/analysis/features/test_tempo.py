"""The tempo of a sound is that of its beat, and what has no beat has none."""

import doctest
from collections.abc import Callable
from functools import partial
from typing import Any

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.features import tempo
from analysis.features.spectra import compute_spectra
from analysis.features.tempo import N_CORRELATION, STEP, WINDOW, Tempo

SR = 22050
HIT = np.exp(-np.arange(6000) / 900) * np.random.default_rng(0).standard_normal(6000) * 0.2
KICK = np.exp(-np.arange(6000) / 1500) * np.sin(2 * np.pi * 60 * np.arange(6000) / SR) * 0.8
PATTERN = (KICK, HIT / 4, HIT / 3, HIT / 4, HIT, HIT / 4, HIT / 3, KICK)  # in quavers


def tempo_of(*blocks: np.ndarray) -> dict[str, Any] | None:
    """The tempo of a sound in blocks."""
    feature = Tempo()
    for spectra in compute_spectra(block.astype(np.float32) for block in blocks):
        feature.add(spectra)
    return feature.fields()["tempo"]


def drums(bpm: float, n_beats: int, shift: float = 0.0) -> np.ndarray:
    """A bar of drums again and again, cut on the beat, or so many beats later."""
    quaver = SR * 30 / bpm
    y = np.zeros(round(2 * n_beats * quaver) + 20_000)
    for number in range(2 * n_beats):
        hit, start = PATTERN[number % 8], round((number + 2 * shift) * quaver)
        y[start : start + len(hit)] += hit
    return y[: round(2 * n_beats * quaver)]


@pytest.mark.parametrize("bpm", [60.5, 82, 100, 117.7, 120, 123, 140, 148])
def test_beat_has_its_tempo(bpm: float) -> None:
    """Half a minute of drums has their tempo to half a percent, or half or twice that; no grid of lags is seen."""
    found = tempo_of(drums(bpm, round(bpm / 2) + 1))

    assert found
    assert min(abs(found["bpm"] / bpm / octave - 1) for octave in (0.5, 1, 2)) < 0.005
    assert 0.2 <= found["clarity"] <= 1


@pytest.mark.parametrize("n_beats", [4, 8, 16])
@pytest.mark.parametrize("bpm", [85, 97.3, 120, 138.6, 155])
def test_loop_has_the_tempo_of_its_length(bpm: float, n_beats: int) -> None:
    """A loop of one to four bars that is cut on the beat has its tempo, or half or twice that, to a thousandth."""
    found = tempo_of(drums(bpm, n_beats))

    assert found
    assert min(abs(found["bpm"] / bpm / octave - 1) for octave in (0.5, 1, 2)) < 0.001


def test_loop_may_begin_anywhere_in_its_bar() -> None:
    """What matters is the length of a loop, not where it was cut."""
    found = tempo_of(np.roll(drums(120, 8), 7777))

    assert found
    assert found["bpm"] == pytest.approx(120, rel=1e-3)


def test_slow_beat_is_not_doubled() -> None:
    """Of a slow tempo only those multiples count that a window holds: of a metronome at 63 BPM 126 is not preferred."""
    y = 0.01 * noise(20)
    for number in range(21):
        start = round(number * 60 / 63 * SR)
        y[start : start + 6000] += HIT[: len(y) - start]

    found = tempo_of(y)

    assert found
    assert found["bpm"] == pytest.approx(63, rel=0.005)


def test_onset_strength_is_librosas() -> None:
    """The onset strength is that of librosa, which shifts it by three frames, to two hundredths of a dB."""
    beat = drums(113, 40)
    y = (beat + 0.01 * noise(len(beat) / SR)[: len(beat)]).astype(np.float32)
    feature = Tempo()

    strength = [feature._onset_strength(spectra.mel_levels) for spectra in compute_spectra([y])]

    plain = librosa.onset.onset_strength(y=y, sr=SR)
    np.testing.assert_allclose(np.concatenate(strength)[1:-2], plain[3:], atol=0.02)


@pytest.mark.parametrize("seconds", [1, 9, 12, 13, 60])
def test_every_window_counts(seconds: int) -> None:
    """What is added up batch by batch are the power spectra of all windows of the onset strength, each once."""
    y = (noise(seconds) * np.linspace(0, 1, seconds * SR) ** 2).astype(np.float32)
    feature, other = Tempo(), Tempo()
    strength = []
    for spectra in compute_spectra([y]):
        feature.add(spectra)
        strength.append(other._onset_strength(spectra.mel_levels))
    feature.fields()

    padded = np.pad(np.concatenate(strength), WINDOW // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::STEP] * np.hanning(WINDOW + 1)[:-1]
    powers = np.square(np.abs(np.fft.rfft(windows, N_CORRELATION)))
    np.testing.assert_allclose(feature._powers, powers.sum(axis=0), rtol=1e-3, atol=1e-6 * powers.sum())
    np.testing.assert_allclose(feature._energy, np.square(windows).sum(), rtol=1e-3)


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """White noise."""
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * SR))


def at_random(n: int, seconds: float, seed: int) -> np.ndarray:
    """Hits at times that follow no beat."""
    y = np.zeros(round(seconds * SR) + 6000)
    for start in np.random.default_rng(seed).integers(0, round(seconds * SR), n):
        y[start : start + 6000] += HIT
    return y


def tone(seconds: float) -> np.ndarray:
    """A tone that decays."""
    t = np.arange(round(seconds * SR)) / SR
    return 0.5 * np.sin(2 * np.pi * 220 * t) * np.exp(-t)


def tremolo(seconds: float) -> np.ndarray:
    """A steady sound of 99 partials whose level rises and falls by 1 dB, twice a second."""
    t = np.arange(round(seconds * SR)) / SR
    steady = sum(np.sin(2 * np.pi * 110 * partial * t + partial**2) for partial in range(1, 100)) / 100
    return steady * 10 ** (np.sin(4 * np.pi * t) / 20)


WITHOUT_BEAT: dict[str, Callable[[], np.ndarray]] = {
    "noise": lambda: noise(0.5),
    "2 s of noise": lambda: noise(2),
    "6 s of noise": lambda: noise(6),
    "30 s of noise": lambda: noise(30),
    **{f"at random {seed}": partial(at_random, 25, 6, seed) for seed in range(6)},
    "hit": lambda: HIT,
    "hit, 1 s": lambda: np.concatenate([HIT, np.zeros(20_000)]),
    "hit, 4 s": lambda: np.concatenate([HIT, np.zeros(80_000)]),
    "hit, 14 s": lambda: np.concatenate([HIT, np.zeros(300_000)]),
    "tone": lambda: tone(4),
    "long tone": lambda: tone(20),
    "tremolo": lambda: tremolo(12),
    "click": lambda: np.eye(1, 4 * SR, 9000)[0],
    "offset": lambda: np.ones(5 * SR),
    "silence": lambda: np.zeros(9 * SR),
}


@pytest.mark.parametrize("name", WITHOUT_BEAT)
def test_what_has_no_beat_has_no_tempo(name: str) -> None:
    """Noise, single hits, hits at random, tones, a tremolo, clicks and silence have no tempo."""
    assert tempo_of(WITHOUT_BEAT[name]()) is None


@pytest.mark.parametrize("n", [1, 2, 511, 512, 2048, 17_000])
def test_short_sound_has_no_tempo(n: int) -> None:
    """What is shorter than a loop has no tempo, from one sample on."""
    assert tempo_of(drums(240, 8)[:n]) is None


@settings(deadline=None, max_examples=20)
@given(st.floats(70, 180), st.lists(st.floats(0, 1), max_size=6), st.integers(4, 40))
def test_blocks_change_nothing(bpm: float, cuts: list[float], n_beats: int) -> None:
    """However a sound is cut into blocks, its tempo is the same."""
    y = drums(bpm, n_beats)

    found, again = tempo_of(y), tempo_of(*np.split(y, sorted(int(cut * len(y)) for cut in cuts)))

    assert again == pytest.approx(found, rel=1e-4)


@settings(deadline=None, max_examples=20)
@given(st.floats(70, 180), st.floats(-45, 20), st.tuples(*[st.integers(0, 200_000)] * 2))
def test_level_and_silence_change_little(bpm: float, gain_db: float, silence: tuple[int, int]) -> None:
    """At any usual level and with seconds of silence around, half a minute of a beat has the same tempo."""
    y = drums(bpm, 64)
    changed = np.concatenate([np.zeros(silence[0]), y * 10 ** (gain_db / 20), np.zeros(silence[1])])

    found, again = tempo_of(y), tempo_of(changed)

    assert found
    assert again
    assert again["bpm"] == pytest.approx(found["bpm"], rel=0.005)


@pytest.mark.parametrize("minutes", [10, pytest.param(60, marks=pytest.mark.whole_run("hours of sound are analysed"))])
def test_hours_of_a_beat_have_its_tempo(minutes: int) -> None:
    """An hour of a beat, eight bars of 15 s at a time, has its tempo."""
    found = tempo_of(*[drums(128, 32)] * (4 * minutes))

    assert found
    assert found["bpm"] == pytest.approx(128, rel=0.002)


def test_examples_run() -> None:
    """The examples in the docstrings print what they show."""
    assert doctest.testmod(tempo).attempted
    assert doctest.testmod(tempo).failed == 0
