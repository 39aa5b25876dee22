"""Waveforms, and the mean MFCCs of a sound among those of the collection."""

from typing import Any

import numpy as np
import pytest

from analysis.definition import N_MFCC
from bench.documents import make_document
from page.web import svg
from tests.page import sample_sounds
from tests.page.served_page import Page


@pytest.mark.parametrize(("n_pairs", "columns"), [(1, 1), (87, 87), (88, 88), (601, 88), (800, 88)])
def test_a_waveform_keeps_every_peak(n_pairs: int, columns: int) -> None:
    """However few its columns, the highest and the lowest of all pairs are in the picture."""
    rng = np.random.default_rng(n_pairs)
    pairs = np.stack([-rng.integers(2, 128, n_pairs), rng.integers(2, 128, n_pairs)], axis=1).astype(np.int8)
    drawn = svg.draw_waveform(pairs.tobytes())

    assert drawn is not None
    assert drawn.columns == columns
    ends = np.array([part.partition(" ")[2].split("V") for part in drawn.path.split("M")[1:]], int)
    assert ends.shape == (columns, 2)
    assert ends.min() == 128 - int(pairs.max())
    assert ends.max() == 128 - int(pairs.min())


def test_silence_is_a_line_to_see() -> None:
    """Where the waveform has no height a thin line shows that there is a sound."""
    drawn = svg.draw_waveform(bytes(8))

    assert drawn is not None
    assert drawn.path == "".join(f"M{x}.5 127V129" for x in range(4))


def test_means_are_shown_among_the_collection(many: Page) -> None:
    """A row for each coefficient, and how many sounds the spread is of."""
    uid = make_document("kit/007.wav", seed=7)["uid"]
    html = many.read(f"/sounds/{uid}/means")

    assert html.count('scope="row"') == N_MFCC
    assert f"all {sample_sounds.N_MANY} sounds" in html


def test_a_bar_is_among_those_of_the_sample() -> None:
    """The spread is from the 10th to the 90th percentile, the median in it, all from the least to the most."""
    sample = [{"mean_mfccs": [float(value)] * N_MFCC} for value in range(101)]
    bars = svg.draw_bars([25.0] * N_MFCC, sample)

    assert len(bars) == N_MFCC
    assert bars[0] == svg.Bar(25, 50, 10, 90, 25, 50, 10, 90)
    outside = svg.draw_bars([-100.0] * N_MFCC, sample)[0]
    assert (outside.value_at, outside.median_at, outside.high_at) == (0, 75, 95)


@pytest.mark.parametrize("others", [[], [{}], [{"mean_mfccs": None}], [{"mean_mfccs": [1.0]}]])
def test_without_others_a_bar_is_alone(others: list[dict[str, Any]]) -> None:
    """Where nothing is to compare with the sound is its own median, and nothing is divided by nothing."""
    bar = svg.draw_bars([3.0] * N_MFCC, others)[0]

    assert (bar.value, bar.median, bar.value_at) == (3, 3, 0)
