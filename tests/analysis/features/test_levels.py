"""Peaks, levels and silence are what numpy says of the whole sound."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.features import extract
from analysis.features.levels import Levels
from analysis.features.spectra import compute_spectra

# Of rms_db. Its squares are added up in float32, 400,000 at most here, in as many sums as the processor has lanes: of a
# constant, where all roundings go one way, Nehalem's kernel of OpenBLAS is off by 1.4e-3 dB, Haswell's by half of that.
ROUNDING_DB = 5e-3


def levels_of(*blocks: np.ndarray) -> dict[str, Any]:
    """The fields of a sound in blocks."""
    levels = Levels()
    for spectra in compute_spectra(blocks):
        levels.add(spectra)
    return levels.fields()


def plain_peaks(y: np.ndarray) -> bytes:
    """The definition."""
    stretch = 1
    while -(-len(y) // stretch) > 800:
        stretch *= 2
    pairs = [[v.min(), v.max()] for v in np.split(y, range(stretch, len(y), stretch))]
    return np.rint(127 * np.clip(pairs, -1, 1)).astype(np.int8).tobytes()


def assert_is_plain(y: np.ndarray, levels: dict[str, Any]) -> None:
    """Compare with the definitions over the whole sound."""
    exact = y.astype(np.float64)
    assert levels["length"] == len(y)
    assert levels["peaks"] == plain_peaks(y)
    assert levels["silence"] == np.mean(np.abs(y) < np.float32(0.001))
    if y.any():
        assert levels["peak_db"] == pytest.approx(20 * np.log10(np.abs(exact).max()), abs=1e-9)
        assert levels["rms_db"] == pytest.approx(10 * np.log10(np.mean(exact**2)), abs=ROUNDING_DB)
    else:
        assert levels["peak_db"] is levels["rms_db"] is None


lengths = (
    st.integers(1, 5000) | st.integers(1, 400_000) | st.sampled_from([799, 800, 801, 1600, 1601, 102_400, 102_401])
)


@settings(deadline=None, max_examples=150)
@given(lengths, st.lists(st.floats(0, 1), max_size=12), st.integers(0, 2**32 - 1), st.floats(-4, 0.5))
def test_any_split_of_any_length_is_plain(n: int, cuts: list[float], seed: int, exponent: float) -> None:
    """Of every length, however it is cut into blocks, the numbers are those of the whole."""
    y = (np.random.default_rng(seed).standard_normal(n) * 10**exponent).astype(np.float32)

    split = [block for block in np.split(y, sorted(int(cut * n) for cut in cuts)) if len(block)]

    assert_is_plain(y, levels_of(*split))


values = st.floats(-2, 2, width=32) | st.sampled_from([0, 0.001, -0.001, 1, -1, float(np.float32(0.0009999999))])


@settings(deadline=None, max_examples=100)
@given(arrays(np.float32, st.integers(1, 2000), elements=values))
def test_any_samples_are_plain(y: np.ndarray) -> None:
    """Whatever the samples are, at the limit of silence and above full scale too."""
    assert_is_plain(y, levels_of(y))


@pytest.mark.parametrize("level", [1e-40, 1e-25, 1e-22, 1e-18, 1e15, 1e25, 3e38])
def test_samples_of_any_size_are_plain(level: float) -> None:
    """Where squares leave the range of float32, levels are still those of the samples."""
    y = (np.sin(np.arange(5000)) * level).astype(np.float32)

    with np.errstate(over="ignore"):  # as extract does
        levels = levels_of(y)

    assert_is_plain(y, levels)


@given(st.integers(1, 10**7))
@settings(deadline=None, max_examples=20)
def test_peaks_are_400_to_800_pairs(n: int) -> None:
    """There are 400 to 800 pairs, and fewer only where there are fewer samples."""
    n_pairs = len(levels_of(np.zeros(n, np.float32))["peaks"]) / 2

    assert min(n, 400) <= n_pairs <= 800


def test_full_scale_is_0_db() -> None:
    """A constant 1 has peak and RMS 0 dBFS; a sine's RMS is 3.01 dB below its peak."""
    constant, sine = np.ones(1000, np.float32), np.sin(2 * np.pi * np.arange(44100) / 100).astype(np.float32)

    assert (levels_of(constant)["peak_db"], levels_of(constant)["rms_db"]) == (0, pytest.approx(0, abs=ROUNDING_DB))
    assert levels_of(sine)["peak_db"] == pytest.approx(0, abs=1e-6)
    assert levels_of(sine)["rms_db"] == pytest.approx(-10 * np.log10(2), abs=ROUNDING_DB)


def test_digital_silence_has_no_level() -> None:
    """Of digital silence the levels are null, all is silence and the waveform is flat."""
    fields = extract([np.zeros(1000, np.float32)])

    assert (fields["peak_db"], fields["rms_db"], fields["silence"]) == (None, None, 1)
    assert fields["peaks"] == bytes(2 * 500)


def test_second_pass_counts_nothing_twice() -> None:
    """A recording whose mean MFCCs take a second pass has the levels of its one sound."""
    y = np.full(300_000, 50, np.float32)  # longer than what is kept for one pass

    fields = extract([y])

    assert fields["length"] == 300_000
    assert fields["rms_db"] == pytest.approx(20 * np.log10(50), abs=ROUNDING_DB)
