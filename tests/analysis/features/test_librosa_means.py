"""The features that FEATURES asks for have librosa's means, however the samples arrive."""

import subprocess
import sys
import warnings
from pathlib import Path

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.definition import OPTIONAL_FEATURES, librosa_name
from analysis.features import extract
from analysis.features.librosa_means import LibrosaMeans
from analysis.features.spectra import compute_spectra

ROOT = Path(__file__).parents[3]
RANGES = {  # of a feature: a hundred thousandth is promised where its value is smaller
    "chroma_stft": 1,
    "melspectrogram": 1e4,
    "mfcc:20": 1000,
    "mfcc:40": 1000,
    "rms": 1,
    "spectral_bandwidth": 11025,
    "spectral_centroid": 11025,
    "spectral_contrast": 80,
    "spectral_flatness": 1,
    "spectral_rolloff": 11025,
    "zero_crossing_rate": 1,
}


def plain(y: np.ndarray, name: str) -> np.ndarray:
    """The definition."""
    arguments = {"tuning": 0} if name == "chroma_stft" else {"n_mfcc": int(name[5:])} if name[:5] == "mfcc:" else {}
    if name not in ("rms", "spectral_flatness", "zero_crossing_rate"):
        arguments["sr"] = 22050
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "n_fft=2048 is too large")
        feature = getattr(librosa.feature, librosa_name(name))(y=y, **arguments)
    return feature.mean(axis=-1, dtype=np.float64)


def all_plain(y: np.ndarray) -> dict[str, np.ndarray]:
    """The definitions of all features, from one spectrum instead of one for each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "n_fft=2048 is too large")
        magnitudes = np.abs(librosa.stft(y))
    powers = magnitudes**2
    melspectrogram = librosa.feature.melspectrogram(S=powers, sr=22050)
    mel_levels = librosa.power_to_db(melspectrogram)
    features = {
        "chroma_stft": librosa.feature.chroma_stft(S=powers, sr=22050, tuning=0),
        "melspectrogram": melspectrogram,
        "mfcc:20": librosa.feature.mfcc(S=mel_levels, sr=22050, n_mfcc=20),
        "mfcc:40": librosa.feature.mfcc(S=mel_levels, sr=22050, n_mfcc=40),
        "rms": librosa.feature.rms(y=y),
        "spectral_bandwidth": librosa.feature.spectral_bandwidth(S=magnitudes, sr=22050),
        "spectral_centroid": librosa.feature.spectral_centroid(S=magnitudes, sr=22050),
        "spectral_contrast": librosa.feature.spectral_contrast(S=magnitudes, sr=22050),
        "spectral_flatness": librosa.feature.spectral_flatness(S=magnitudes),
        "spectral_rolloff": librosa.feature.spectral_rolloff(S=magnitudes, sr=22050),
        "zero_crossing_rate": librosa.feature.zero_crossing_rate(y=y),
    }
    return {name: feature.mean(axis=-1, dtype=np.float64) for name, feature in features.items()}


def assert_agrees(y: np.ndarray, *blocks: np.ndarray) -> None:
    """Compare every feature with its definition."""
    most = tuple(name for name in OPTIONAL_FEATURES if name != "mfcc:40")
    features = extract(blocks, most)["features"] | {"mfcc:40": extract(blocks, ("mfcc:40",))["features"]["mfcc"]}
    features["mfcc:20"] = features.pop("mfcc")
    expected = all_plain(y)
    for name in OPTIONAL_FEATURES:
        np.testing.assert_allclose(
            np.atleast_1d(features[name]), expected[name], rtol=1e-3, atol=1e-5 * RANGES[name], err_msg=name
        )


def noise(n: int, level: float = 0.1, seed: int = 0) -> np.ndarray:
    """White noise."""
    return (np.random.default_rng(seed).standard_normal(n) * level).astype(np.float32)


def tone(hz: float, level: float = 1.0, n: int = 50_000) -> np.ndarray:
    """A tone."""
    return (level * np.sin(2 * np.pi * hz * np.arange(n) / 22050)).astype(np.float32)


SOUNDS = {
    "noise": noise(100_000),
    "very quiet noise": noise(50_000, 1e-5),
    "the lowest tone": tone(22, 0.5),
    "a tone": tone(440),
    "the highest tone": tone(10_900, 0.9),
    "a chord in silence": np.concatenate([np.zeros(9000, np.float32), (tone(440) + tone(554.4)) / 2]),
    "noise, then a quiet tone": np.concatenate([noise(5000, 0.3), tone(300, 1e-3)]),
    "floats far above full scale": tone(1234, 50) + noise(50_000),
    "digital silence": np.zeros(9000, np.float32),
    "all below zero": np.full(3000, -0.5, np.float32),
    "what counts as zero": np.tile(np.array([1e-11, -1e-11], np.float32), 3000),
    "a square wave": np.sign(tone(441)),
    "a click": np.eye(1, 30_000, 12_345, dtype=np.float32)[0],
    "clicks": np.tile(np.eye(1, 3001, dtype=np.float32)[0], 12),
    "longer than levels are kept": noise(300_000) * np.geomspace(1, 1e-5, 300_000, dtype=np.float32),
}


@pytest.mark.parametrize("y", [noise(5000), noise(100)], ids=["noise", "less than a frame"])
def test_one_spectrum_is_enough_for_the_definitions(y: np.ndarray) -> None:
    """What these tests compare with is what librosa makes of the samples alone, to the last digit but one."""
    expected = all_plain(y)

    assert expected.keys() == set(OPTIONAL_FEATURES)
    for name in OPTIONAL_FEATURES:
        np.testing.assert_allclose(expected[name], plain(y, name), rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", SOUNDS)
def test_sounds_agree(name: str) -> None:
    """Of sounds of many kinds, in blocks of any length, every mean is librosa's."""
    assert_agrees(SOUNDS[name], *np.array_split(SOUNDS[name], 5))


@pytest.mark.parametrize(
    "n", [1, 2, 511, 512, 513, 1023, 1024, 1025, 1535, 1536, 1537, 2047, 2048, 2049, 65_535, 65_537]
)
def test_every_length_agrees(n: int) -> None:
    """From one sample on, around the frame, the hop and the batch, every mean is librosa's."""
    assert_agrees(noise(n), noise(n))


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 150_000), st.lists(st.floats(0, 1), max_size=9), st.integers(0, 2**32 - 1), st.floats(-5, 0.5))
def test_any_split_of_any_length_agrees(n: int, cuts: list[float], seed: int, exponent: float) -> None:
    """However a sound of any length and level is cut into blocks, every mean is librosa's."""
    y = noise(n, 10**exponent, seed)

    assert_agrees(y, *np.split(y, sorted(int(cut * n) for cut in cuts)))


@settings(deadline=None, max_examples=15)
@given(
    st.sampled_from(["noise", "a chord in silence", "clicks", "noise, then a quiet tone"]),
    st.floats(-80, 30),
    st.tuples(*[st.integers(0, 70_000)] * 2),
)
def test_any_gain_and_silence_around_agree(name: str, gain_db: float, silence: tuple[int, int]) -> None:
    """At any level and with any digital silence around, every mean is librosa's of that very sound."""
    before, after = (np.zeros(n, np.float32) for n in silence)
    y = np.concatenate([before, SOUNDS[name] * np.float32(10 ** (gain_db / 20)), after])

    assert_agrees(y, *np.array_split(y, 3))


@pytest.mark.parametrize(
    "n_turns", [600, pytest.param(3600, marks=pytest.mark.whole_run("hours of sound are analysed"))]
)
def test_an_hour_has_the_means_of_its_seconds(n_turns: int) -> None:
    """Sums over an hour are as exact as those over seconds: of what repeats, each turn adds as much as the last."""
    turn = noise(43 * 512, 0.2) * np.geomspace(1, 1e-4, 43 * 512, dtype=np.float32)
    names = ("rms", "spectral_centroid", "zero_crossing_rate", "mfcc:20")
    n_few = 8

    means = LibrosaMeans(names)
    for spectra in compute_spectra(turn for _ in range(n_turns)):
        means.add(spectra)
    fields = means.fields()

    assert fields
    for name in names:
        few, more = (plain(np.tile(turn, n), name) * (43 * n + 1) for n in (n_few, n_few + 1))
        expected = (few + (n_turns - n_few) * (more - few)) / (43 * n_turns + 1)
        np.testing.assert_allclose(
            fields["features"][librosa_name(name)], expected, rtol=2e-5, atol=1e-7 * RANGES[name], err_msg=name
        )


@pytest.mark.parametrize("name", OPTIONAL_FEATURES)
def test_feature_alone_is_what_it_is_among_others(name: str) -> None:
    """Whatever else is asked for, a feature has the same mean; what is not asked for is absent."""
    y = SOUNDS["a chord in silence"]

    alone = extract([y], (name,))["features"]

    assert alone.keys() == {librosa_name(name)}
    with_others = extract([y], ("spectral_rolloff", "melspectrogram", "rms", name))["features"]
    np.testing.assert_allclose(alone[librosa_name(name)], with_others[librosa_name(name)], rtol=1e-6)


def test_nothing_is_computed_or_imported_that_is_not_asked_for() -> None:
    """Without the setting there is no field, and not even the module that would compute it."""
    code = (
        "import sys, numpy; from analysis.features import extract\n"
        "assert 'features' not in extract([numpy.ones(9000, numpy.float32)])\n"
        "assert 'analysis.features.librosa_means' not in sys.modules\n"
        "extract([numpy.ones(9000, numpy.float32)], ('chroma_stft', 'spectral_contrast'))\n"
        "assert 'scipy.signal' not in sys.modules and 'scipy.stats' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_other_fields_are_the_same_beside_them() -> None:
    """The fields of every document do not change with what is asked for besides."""
    fields, more = extract([noise(70_000)]), extract([noise(70_000)], OPTIONAL_FEATURES)

    assert {name: more[name] for name in fields} == fields
