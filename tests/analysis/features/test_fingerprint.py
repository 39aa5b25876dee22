"""Fingerprints are near where sounds sound alike, and defined for every sound that is not silence."""

import re
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import librosa
import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.decoding.recording import open_recording
from analysis.definition import N_FINGERPRINT, SAME_DISTANCE
from analysis.features import extract
from analysis.features.fingerprint import EVEN, FLOOR, LOUDNESS, SCALES
from analysis.features.spectra import BATCH
from analysis.settings import Settings
from tests.fakes.synthetic import SNDFILE_FORMATS, encode

# Of a distance. Each cepstrum adds up 111 products in float32, of logarithms up to 30 and of factors that are 0.37 on
# average. In which order depends on the processor, and on the row that a frame has in its batch: two orders may differ
# by sqrt(111) * 2**-24 * 111 * 30 * 0.37 = 8e-4 dB. In a deviation, which is divided by 3 dB and then by 0.5, that is
# 5e-4. Measured with OpenBLAS' kernels from Nehalem to Sapphirerapids: 4e-6 in another row, 4e-5 at another level.
ROUNDING = 1e-3


def fingerprint(*blocks: np.ndarray) -> np.ndarray:
    """Of a sound in blocks, float32."""
    return np.array(extract([y.astype(np.float32) for y in blocks])["fingerprint"])


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """What find_nearest would compute."""
    return float(np.linalg.norm(fingerprint(a) - fingerprint(b)))


def noise(n: int, seed: int = 0) -> np.ndarray:
    """White noise."""
    return np.random.default_rng(seed).standard_normal(n) * 0.1


def pluck(pitch: float = 220, seconds: float = 1.0, sr: int = 22050) -> np.ndarray:
    """A tone of eight harmonics that dies away."""
    t = np.arange(round(seconds * sr)) / sr
    return sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 9)) * np.exp(-4 * t) * 0.3


def silence(n: int) -> np.ndarray:
    """Digital silence."""
    return np.zeros(n)


SOUNDS = {"noise": noise(30_000), "a pluck": pluck(), "a click": np.eye(1, 3000, 1500)[0], "a tone": pluck(1000) * 0.5}


TONE = np.sin(2 * np.pi * 440 * np.arange(100_000) / 22_050) * 0.3
# All that changes its level is a step from the last frame of a batch to the first of the next.
LONG = {"more than a batch": TONE * np.where(np.arange(100_000) < BATCH * 512, 1, 0.5)}


@pytest.mark.parametrize("name", SOUNDS | LONG)
def test_definition(name: str) -> None:
    """The vector is what numpy makes of librosa's mel powers of the whole sound."""
    y = (SOUNDS | LONG)[name].astype(np.float32)
    p = librosa.feature.melspectrogram(y=y, sr=22050)[1:112].T.astype(np.float64)
    p = p[p.mean(axis=1) > 0]
    e = p.mean(axis=1, keepdims=True)
    c = scipy.fft.dct(10 * np.log10(p + FLOOR * e), norm="ortho", axis=1)
    w = e[:, 0] ** LOUDNESS
    means = np.average(c[:, :23], axis=0, weights=w)
    deviations = np.sqrt(np.average((c[:, :17] - means[:17]) ** 2, axis=0, weights=w))
    steps = np.average(np.abs(np.diff(c[:, 0])), weights=np.minimum(w[1:], w[:-1]))
    numbers = np.concatenate([means[1:], np.log1p(np.append(deviations, steps) / EVEN)])

    np.testing.assert_allclose(fingerprint(y), numbers / SCALES, atol=ROUNDING)


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(sorted(SOUNDS)), st.floats(-80, 30))
def test_gain_changes_nothing(name: str, gain_db: float) -> None:
    """A sound at another level, even above full scale, has the same fingerprint."""
    assert distance(SOUNDS[name], SOUNDS[name] * 10 ** (gain_db / 20)) < ROUNDING


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(sorted(SOUNDS)), st.integers(0, 100) | st.just(4000), st.integers(0, 200_000))
def test_silence_around_in_whole_hops_changes_nothing(name: str, hops: int, after: int) -> None:
    """Digital silence before, as long as frames fall as they did, and after, however long, weighs nothing."""
    y = SOUNDS[name]
    y = np.concatenate([silence(2048), y, silence(2048)])  # so that no frame is cut by the end

    assert distance(y, np.concatenate([silence(512 * hops), y, silence(after)])) < ROUNDING


@pytest.mark.parametrize("name", ["noise", "a pluck", "a tone"])
@pytest.mark.parametrize("before", [1, 100, 256, 511])
def test_silence_that_moves_the_frames_changes_little(name: str, before: int) -> None:
    """Where silence before moves the frames along the sound, the fingerprint is still the same sound's."""
    assert distance(SOUNDS[name], np.concatenate([silence(before), SOUNDS[name], silence(7000)])) < SAME_DISTANCE


@pytest.mark.parametrize("name", ["noise", "a pluck", "a tone"])
def test_an_offset_changes_little(name: str) -> None:
    """A sound that is not around zero, as cheap converters make it, is the same sound."""
    assert distance(SOUNDS[name], SOUNDS[name] + 0.02) < SAME_DISTANCE


def kick(pitch: float) -> np.ndarray:
    """A falling tone that dies away."""
    t = np.arange(22_050) / 22_050
    return np.sin(2 * np.pi * (pitch * t + 8 * (1 - np.exp(-12 * t)))) * np.exp(-7 * t)


def dying(n: int) -> np.ndarray:
    """Noise that dies away in so many samples."""
    return noise(30_000) * np.exp(-np.arange(30_000) / n)


# Two that are alike, but not the same sound: their distances are 1.8 to 2.1.
ALIKE = {
    "noise with and without treble": (noise(30_000), np.convolve(noise(30_000), np.ones(3) / 3)),
    "noise that dies soon and later": (dying(2000), dying(6000)),
    "a low kick and a higher one": (kick(60), kick(80)),
}


@pytest.mark.parametrize("name", ALIKE)
def test_sounds_that_are_alike_are_not_the_same(name: str) -> None:
    """Sounds of the same kind that anybody can tell apart are farther apart than the same sound is from itself."""
    one, other = ALIKE[name]

    assert distance(one, other) > SAME_DISTANCE
    for y in (one, other):
        assert distance(y, np.concatenate([silence(300), y * 0.1, silence(5000)])) < SAME_DISTANCE


def test_other_sounds_are_far_apart() -> None:
    """Noise, a tone and a pluck are farther apart than any change of one of them moves it."""
    for one, other in combinations(["noise", "a pluck", "a tone"], 2):
        assert distance(SOUNDS[one], SOUNDS[other]) > 5


def test_distance_of_the_same_sound_is_the_documented_one() -> None:
    """docs/similarity.md names the distance, and asks for neighbours within it."""
    page = (Path(__file__).parents[3] / "docs/similarity.md").read_text()

    assert re.findall(r"`SAME_DISTANCE` = ([\d.]+)", page) == [str(SAME_DISTANCE)]
    assert re.findall(r'"distanceThreshold": ([\d.]+)', page) == [str(SAME_DISTANCE)]


def test_nearness_follows_likeness() -> None:
    """The more the spectrum falls, the farther a noise is from one whose spectrum does not, and a tone is farther."""
    spectrum, slope = np.fft.rfft(noise(30_000)), np.arange(1, 15_002) / 15_000
    falling = [np.fft.irfft(spectrum / slope**exponent) for exponent in (0.25, 0.5, 1)]

    distances = [distance(noise(30_000), other) for other in [*falling, pluck()]]

    assert distances == sorted(distances)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 5000) | st.sampled_from([66_047, 66_048, 66_049, 80_000]),
    st.lists(st.floats(0, 1), max_size=12),
    st.integers(0, 2**32 - 1),
)
def test_any_split_gives_the_same(n: int, cuts: list[float], seed: int) -> None:
    """However a sound is cut into blocks, its fingerprint is that of the whole."""
    y = noise(n, seed)

    split = [block for block in np.split(y, sorted(int(cut * n) for cut in cuts)) if len(block)]

    np.testing.assert_array_equal(fingerprint(*split), fingerprint(y))


@pytest.mark.parametrize(("container", "codec"), [pair for pair in SNDFILE_FORMATS if pair[1] != "GSM610"])
def test_container_changes_little(container: str, codec: str, tmp_path: Path) -> None:
    """In every container and with every codec but a telephone's, mono or stereo, it is the same sound."""
    sr = 48000
    y = pluck(sr=sr) + np.random.default_rng(0).standard_normal(sr) * 0.02
    reference, packed = tmp_path / "reference", tmp_path / "packed"
    reference.write_bytes(encode(y[:, None], sr, "WAV", "FLOAT"))
    packed.write_bytes(encode(np.stack([y, y], axis=1), sr, container, codec))

    a, b = (_fingerprint_of(path) for path in (reference, packed))

    assert np.linalg.norm(a - b) < SAME_DISTANCE


def _fingerprint_of(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        return np.array(extract(open_recording(file, Settings()))["fingerprint"])


@pytest.mark.parametrize("sr", [16000, 32000, 48000, 96000])
def test_sample_rate_changes_little(sr: int, write_sound: Callable) -> None:
    """At any sample rate that holds the bands it hears, it is the same sound."""
    one, other = (write_sound(pluck(330, sr=rate), rate, name=f"{rate}.wav") for rate in (44100, sr))

    assert np.linalg.norm(_fingerprint_of(one) - _fingerprint_of(other)) < SAME_DISTANCE


class Counting:
    """Blocks that count how often they are asked for."""

    def __init__(self, y: np.ndarray) -> None:
        self.y, self.passes = y.astype(np.float32), 0

    def __iter__(self) -> Iterator[np.ndarray]:
        self.passes += 1
        yield from np.array_split(self.y, 5)


def test_second_pass_gives_the_same() -> None:
    """A recording whose mean MFCCs take a second pass has the fingerprint and the length of its first."""
    once, twice = Counting(noise(300_000)), Counting(noise(300_000) * 500)

    first, second = extract(once), extract(twice)

    assert (once.passes, twice.passes) == (1, 2)
    assert first["length"] == second["length"] == 300_000
    np.testing.assert_allclose(second["fingerprint"], first["fingerprint"], atol=ROUNDING)


@pytest.mark.parametrize("n", [1, 22_050])
def test_digital_silence_has_none(n: int) -> None:
    """There is nothing to compare in digital silence."""
    assert "fingerprint" not in extract([np.zeros(n, np.float32)])


HARD = {
    "one sample": np.ones(1),
    "one frame": noise(500),
    "a click in silence": np.eye(1, 100_000, 50_000)[0],
    "floats above full scale": noise(5000) * 1e15,
    "the quietest click": np.eye(1, 3000, 10)[0] * 1e-13,
    "a tone of one bit": np.sign(np.sin(2 * np.pi * 1000 * np.arange(22_050) / 22_050)),
    "a tone above its bands": np.sin(2 * np.pi * 10_000 * np.arange(22_050) / 22_050),
    "a constant": np.full(10_000, 0.5),
    "denormal numbers": np.full(5000, 1e-40),
}


@pytest.mark.parametrize("name", HARD)
def test_every_sound_has_finite_numbers_or_none(name: str) -> None:
    """From one sample on, whatever it is, no number is NaN or infinite."""
    vector = extract([HARD[name].astype(np.float32)]).get("fingerprint")

    assert vector is None or (len(vector) == N_FINGERPRINT and np.isfinite(vector).all())
    assert (vector is None) == (name == "denormal numbers")


@settings(deadline=None, max_examples=60)
@given(arrays(np.float32, st.integers(1, 3000), elements=st.floats(-(2.0**40), 2.0**40, width=32)))
def test_any_samples_have_finite_numbers_or_none(y: np.ndarray) -> None:
    """Whatever the samples are, the fingerprint can be compared, or is absent."""
    vector = extract([y]).get("fingerprint")

    assert vector is None or np.isfinite(vector).all()
