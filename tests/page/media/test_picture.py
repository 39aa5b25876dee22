"""The waveform and the spectrogram of a stretch of a sound."""

import io
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from analysis.definition import HOP_LENGTH, N_MELS, SR
from page.media import picture
from page.media.picture import draw, reach
from page.media.stretch import MAX_COLUMNS, Stretch
from tests.page.served_page import Page


def lightness_of(png: bytes) -> np.ndarray:
    """The lightness of a picture, [shape=(height, width)]."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("L")).astype(float)


def peaks_of(drawn: picture.Picture) -> np.ndarray:
    """The pairs of a waveform, [shape=(n, 2)]."""
    return np.frombuffer(drawn.peaks, "<i2").reshape(-1, 2).astype(int)


def test_the_spectrogram_shows_a_tone_where_it_is(heard: tuple[Page, dict[str, Any], bytes], tmp_path: Path) -> None:
    """A steady tone is one bright line at its pitch, from the beginning to the end."""
    page, document, _ = heard
    _, body = page.ask(f"/sounds/{document['uid']}/spectrogram.png")
    path = tmp_path / "picture.png"
    path.write_bytes(body)

    brightest = lightness_of(body)[:, 5:-5].argmax(axis=0)
    assert np.ptp(brightest) <= 1
    hertz = 0.1 * SR / (2 * np.pi)
    assert abs((127 - brightest[0]) - hertz / 66.67 / 49.9 * 129) < 2


@pytest.mark.parametrize("n_blocks", [1, 700])
def test_a_short_event_is_seen_in_a_long_sound(n_blocks: int) -> None:
    """A click of a millisecond in two minutes is as bright in its column as it is loud, wherever it lies."""
    y = np.zeros(120 * SR, np.float32)
    for second in (31.7, 90.2):
        y[round(second * SR) :][:22] = 0.9
    drawn = draw(np.array_split(y, n_blocks), Stretch(0, len(y)))

    lightness, peaks = lightness_of(drawn.png), peaks_of(drawn)
    assert lightness.shape == (N_MELS, MAX_COLUMNS)
    loud = np.flatnonzero(lightness.max(axis=0) > 200)
    high = np.flatnonzero(peaks[:, 1] > 29_000)
    for column in (*loud, *high):
        assert min(abs(column - second / 120 * MAX_COLUMNS) for second in (31.7, 90.2)) < 2
    assert len(loud) >= 2
    assert len(high) == 2
    assert not peaks[:, 0].any()


@pytest.mark.parametrize("least", [0, 1e-4])
def test_silence_is_dark(least: float) -> None:
    """Digital silence has no highest level that could be bright; a whisper has one."""
    y = (least * np.sin(np.arange(SR) * 0.1)).astype(np.float32)

    brightest = lightness_of(draw([y], Stretch(0, len(y))).png).max()
    assert brightest > 200 if least else brightest < 2


def test_a_short_sound_has_a_column_for_each_frame() -> None:
    """No column is empty where there are fewer frames than columns."""
    y = np.random.default_rng(1).standard_normal(2 * SR).astype(np.float32)
    drawn = draw([y], Stretch(0, len(y)))

    lightness = lightness_of(drawn.png)
    assert lightness.shape == (N_MELS, 1 + len(y) // HOP_LENGTH)
    assert lightness.min() > 30


@pytest.mark.parametrize("n_blocks", [1, 13])
@pytest.mark.parametrize(("start", "stop"), [(0, 40_000), (700, 40_000), (50_001, 90_001), (100_000, 110_000)])
def test_a_stretch_is_a_part_of_the_whole(start: int, stop: int, n_blocks: int) -> None:
    """Each frame and each sample of a stretch is that of the whole sound, at its borders too."""
    y = np.random.default_rng(2).normal(0, 0.2, 110_000).astype(np.float32)
    y[60_000:] *= 0.01
    stretch = Stretch(start, stop, 100)
    wanted = reach(stretch)
    drawn = draw(np.array_split(y[wanted.start : wanted.stop], n_blocks), stretch)

    bounds = start + np.arange(101) * (stop - start) // 100
    parts = [y[first:last].clip(-1, 1) * 32767 for first, last in pairwise(bounds)]
    assert peaks_of(drawn).tolist() == [[round(float(part.min())), round(float(part.max()))] for part in parts]
    assert lightness_of(drawn.png).shape == (N_MELS, min(100, 1 + (stop - start) // HOP_LENGTH))


def test_a_frame_of_a_stretch_is_that_of_the_whole() -> None:
    """Where a stretch begins between two frames of the whole, its frames are those of the same samples."""
    y = np.random.default_rng(2).normal(0, 0.2, 110_000).astype(np.float32)
    stretch = Stretch(20 * HOP_LENGTH, 60 * HOP_LENGTH)
    part = draw([y[reach(stretch).start : reach(stretch).stop]], stretch)

    assert np.abs(lightness_of(part.png) - lightness_of(draw([y], Stretch(0, len(y))).png)[:, 20:61]).max() <= 12


def test_the_border_of_a_stretch_is_no_event() -> None:
    """A steady tone is as bright in the first column of a stretch as in the others: the sound goes on beside it."""
    y = (np.sin(np.arange(100_000) * 0.1) * 0.5).astype(np.float32)
    stretch = Stretch(40_000, 60_000)
    drawn = draw([y[reach(stretch).start : reach(stretch).stop]], stretch)

    lightness = lightness_of(drawn.png)
    assert np.abs(lightness - lightness[:, 10:11]).max() < 40


def test_the_darkest_is_80_db_below_the_loudest() -> None:
    """As in librosa's own pictures; what is louder is brighter."""
    assert picture.RANGE_DB == 80
    palette = np.frombuffer(picture._palette(), np.uint8).reshape(256, 3).astype(float)
    lightness = palette @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(lightness) >= 0).all()
    assert palette[0].tolist() == [0, 0, 4]
