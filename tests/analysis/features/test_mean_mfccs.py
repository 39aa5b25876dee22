"""The means are librosa's, however the samples arrive."""

from collections.abc import Callable, Iterator
from typing import Any

import librosa
import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.definition import HOP_LENGTH, N_MFCC
from analysis.errors import NotFiniteError
from analysis.features import extract
from analysis.features.clipped_means import HELD
from analysis.features.mean_mfccs import MeanMfccs
from analysis.features.spectra import BATCH

SILENCE = -100 * np.sqrt(128)  # every band at -100 dB, through the DCT
PROMISED = 1e-3  # of a coefficient; of the sounds here one processor and another differ by 3e-6
LONG = HELD * BATCH * HOP_LENGTH  # samples: of a longer sound not all levels are kept
CERTAIN = 1e-4  # of a coefficient, after one pass: what one pass leaves open by more takes a second


def plain(y: np.ndarray) -> np.ndarray:
    """The definition."""
    return librosa.feature.mfcc(y=y, sr=22050, n_mfcc=N_MFCC).mean(axis=1)


def assert_agrees(y: np.ndarray, fields: dict[str, Any]) -> None:
    """Compare with the definition."""
    assert fields["length"] == len(y)
    np.testing.assert_allclose(fields["mean_mfccs"], plain(y), atol=PROMISED, rtol=0)


def noise(n: int, level: float = 0.1, seed: int = 0) -> np.ndarray:
    """White noise."""
    return (np.random.default_rng(seed).standard_normal(n) * level).astype(np.float32)


def sine(n: int, frequency: float, level: float = 1.0) -> np.ndarray:
    """A tone."""
    return (level * np.sin(2 * np.pi * frequency * np.arange(n) / 22050)).astype(np.float32)


@pytest.mark.parametrize("n", [1, 2, 511, 512, 513, 1023, 1024, 2047, 2048, 2049, 32768, 33791, 33792, 33793, 100_000])
def test_every_length_agrees(n: int) -> None:
    """From one sample on, around the frame, the hop and the batch, the means are librosa's."""
    assert_agrees(noise(n), extract([noise(n)]))


@pytest.mark.parametrize("n", [1, 511, 2048, 22050, 50_000])
def test_digital_silence(n: int) -> None:
    """Digital silence has -100 dB in every band: coefficient 0 is -1131.371, the others 0."""
    fields = extract([np.zeros(n, np.float32)])

    np.testing.assert_allclose(fields["mean_mfccs"], [SILENCE] + [0] * (N_MFCC - 1), atol=PROMISED)


def test_gain_moves_only_the_first_coefficient() -> None:
    """Gain g adds 20 log10(g) sqrt(128) to coefficient 0 and nothing to the others."""
    quiet, loud = extract([noise(50_000, 0.001)]), extract([noise(50_000, 0.001) * 10])

    difference = np.subtract(loud["mean_mfccs"], quiet["mean_mfccs"])
    np.testing.assert_allclose(difference, [20 * np.sqrt(128)] + [0] * (N_MFCC - 1), atol=PROMISED)


loud, silent = noise(60_000, 0.3), np.zeros(60_000, np.float32)
click = np.zeros(200, np.float32)
click[100] = 1
SIGNALS = {
    "white noise at full scale": noise(100_000, 0.5).clip(-1, 1),
    "very quiet noise": noise(100_000, 1e-5),
    "quiet noise, then a loud click": np.concatenate([noise(200_000, 1e-4), click]),
    "a loud click, then quiet noise": np.concatenate([click, noise(200_000, 1e-4)]),
    "silence, then sound": np.concatenate([silent, loud]),
    "sound, then silence": np.concatenate([loud, silent]),
    "levels that rise all the time": (noise(300_000) * np.geomspace(1e-5, 1, 300_000)).astype(np.float32),
    "a tone in silence": np.concatenate([silent, sine(50_000, 440), silent]),
    "the lowest tone at full scale": sine(100_000, 22),
    "a square wave at full scale": np.sign(sine(100_000, 55)),
    "a constant": np.full(50_000, 0.7, np.float32),
    "noise that falls with frequency": (np.cumsum(noise(150_000, 0.01)) * 0.1).astype(np.float32),
    "a tone at the highest frequency": sine(60_000, 11_000, 0.5),
    "denormal numbers": np.full(5000, 1e-40, np.float32),
}


def several(y: np.ndarray) -> np.ndarray:
    """A signal again and again, for longer than the levels of all frames are kept."""
    return np.tile(y, 1 + LONG // len(y))


@pytest.mark.parametrize("repeat", [np.copy, several])
@pytest.mark.parametrize("name", SIGNALS)
def test_levels_are_clipped_as_librosa_does(name: str, repeat: Callable[[np.ndarray], np.ndarray]) -> None:
    """top_db=80 is relative to the maximum over the whole sound, wherever that is, in short sounds and in long ones."""
    y = repeat(SIGNALS[name])

    assert_agrees(y, extract(np.array_split(y, 7)))


@pytest.mark.each_value
@pytest.mark.parametrize("repeat", [np.copy, several])
@pytest.mark.parametrize("gain", [1.5, 50, 1e4, 1e12])
@pytest.mark.parametrize(
    "name", ["levels that rise all the time", "quiet noise, then a loud click", "a square wave at full scale"]
)
def test_floats_above_full_scale_agree(name: str, gain: float, repeat: Callable[[np.ndarray], np.ndarray]) -> None:
    """Samples above 1, whose levels are beyond what is assumed of others, give librosa's means too."""
    y = repeat(SIGNALS[name]) * np.float32(gain)

    assert_agrees(y, extract(np.array_split(y, 7)))


class Counting:
    """Blocks that count how often they are asked for."""

    def __init__(self, y: np.ndarray) -> None:
        self.y, self.passes = y, 0

    def __iter__(self) -> Iterator[np.ndarray]:
        self.passes += 1
        yield from np.array_split(self.y, 5)


def test_one_pass_is_enough_at_full_scale() -> None:
    """No sound up to full scale has levels beyond what one pass is exact for: a second is for floats above."""
    for name, y in SIGNALS.items():
        recording = Counting(several(y))
        extract(recording)
        assert recording.passes == 1, name


def test_one_pass_is_enough_for_a_short_sound() -> None:
    """The levels of a short sound are kept, however loud it is."""
    recording = Counting(noise(LONG // 2, 500))

    fields = extract(recording)

    assert recording.passes == 1
    assert_agrees(recording.y, fields)


class MelLevels:
    """The spectra of some frames, of which there are only the mel levels, [shape=(t, 128)]."""

    def __init__(self, log_mel: np.ndarray) -> None:
        self.mel_levels = log_mel.astype(np.float32)

    def __len__(self) -> int:
        return len(self.mel_levels)


def assert_certain(mfccs: MeanMfccs, levels: np.ndarray) -> None:
    """Compare what one pass says with what all levels say, [shape=(t, 128)]."""
    mean_log_mel = np.maximum(levels, levels.max() - 80).mean(axis=0)
    rounding = np.sqrt(128) * 100 * 2**-24  # of float32 levels down to -100 dB, through the DCT
    expected = scipy.fft.dct(mean_log_mel, norm="ortho")[:N_MFCC]
    np.testing.assert_allclose(mfccs.fields()["mean_mfccs"], expected, atol=CERTAIN + rounding)


@pytest.mark.parametrize(("n_frames", "is_certain"), [(1, True), (10, True), (40, False), (120, False)])
def test_one_pass_is_certain_or_asks_for_another(n_frames: int, is_certain: bool) -> None:  # noqa: FBT001
    """Where many levels lie in the one bin that holds the threshold, one pass does not say it knows the means."""
    mfccs, threshold = MeanMfccs(), -37.013
    levels = np.full((2600, 128), -10.0)
    levels[:n_frames] = threshold + 0.004
    levels[-1] = threshold + 80
    for batch in np.array_split(levels, 26):
        mfccs.add(MelLevels(batch))

    if is_certain:
        assert_certain(mfccs, levels)
    else:
        assert mfccs.fields() is None


def test_histogram_is_exact_but_for_the_bin_of_the_threshold() -> None:
    """Means of clipped levels are those of all levels kept, to the tolerance, in whatever order levels come."""
    rng = np.random.default_rng(1)
    batches = [
        (rng.normal(-40, 25, (n, 128)) + rise).clip(-100, 44)
        for n, rise in [(64, -40), (64, -20), (10, 0), (64, 20), (1, 30), (64, -60)] * HELD
    ]
    mfccs = MeanMfccs()
    for log_mel in batches:
        mfccs.add(MelLevels(log_mel))

    assert_certain(mfccs, np.concatenate(batches))


@pytest.mark.parametrize("level", [1e17, 1e25, 3e38])
def test_infinite_power_is_not_finite(level: float) -> None:
    """Finite samples whose power is not are an error, not NaN means."""
    with pytest.raises(NotFiniteError, match="infinite"):
        extract([np.full(5000, level, np.float32)])


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 5000) | st.sampled_from([66_047, 66_048, 66_049, 80_000, LONG + 60_000]),
    st.lists(st.floats(0, 1), max_size=12),
    st.integers(0, 2**32 - 1),
    st.floats(-6, 0.5),
)
def test_any_split_gives_the_same(n: int, cuts: list[float], seed: int, exponent: float) -> None:
    """However a sound is cut into blocks, its features are those of the whole, and the whole's are librosa's."""
    y = noise(n, 10**exponent, seed)
    whole = extract([y])

    split = extract([block for block in np.split(y, sorted(int(cut * n) for cut in cuts)) if len(block)])

    assert split["mean_mfccs"] == whole["mean_mfccs"]
    assert_agrees(y, whole)


@settings(deadline=None, max_examples=40)
@given(arrays(np.float32, st.integers(1, 3000), elements=st.floats(-1, 1, width=32)))
def test_any_samples_agree(y: np.ndarray) -> None:
    """Whatever the samples are, the means are librosa's."""
    assert_agrees(y, extract([y]))
