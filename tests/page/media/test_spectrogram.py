"""The spectrogram of a sound."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from analysis.definition import HOP_LENGTH, N_MELS, SR
from page.media import spectrogram
from tests.page.served_page import Page


def test_the_spectrogram_shows_a_tone_where_it_is(heard: tuple[Page, dict[str, Any], bytes], tmp_path: Path) -> None:
    """A steady tone is one bright line at its pitch, from the beginning to the end."""
    page, document, _ = heard
    _, body = page.ask(f"/sounds/{document['uid']}/spectrogram.png")
    path = tmp_path / "picture.png"
    path.write_bytes(body)
    picture = np.asarray(Image.open(path).convert("L"))

    brightest = picture[:, 5:-5].argmax(axis=0)
    assert np.ptp(brightest) <= 1
    hertz = 0.1 * SR / (2 * np.pi)
    assert abs((127 - brightest[0]) - hertz / 66.67 / 49.9 * 129) < 2


@pytest.mark.parametrize("n_blocks", [1, 700])
def test_a_short_event_is_seen_in_a_long_sound(n_blocks: int) -> None:
    """A click of a millisecond in two minutes is as bright in its column as it is loud, wherever it lies."""
    y = np.zeros(120 * SR, np.float32)
    for second in (31.7, 90.2):
        y[round(second * SR) :][:22] = 0.9
    levels = spectrogram.reduce_levels(np.array_split(y, n_blocks), len(y))

    assert levels.shape == (N_MELS, spectrogram.MAX_COLUMNS)
    loud = np.flatnonzero(levels.max(axis=0) > levels.max() - 10)
    for column in loud:
        assert min(abs(column - second / 120 * spectrogram.MAX_COLUMNS) for second in (31.7, 90.2)) < 2
    assert len(loud) >= 2
    assert levels.min() == pytest.approx(-100)


def test_a_short_sound_has_a_column_for_each_frame() -> None:
    """No column is empty where there are fewer frames than columns."""
    y = np.random.default_rng(1).standard_normal(2 * SR).astype(np.float32)
    levels = spectrogram.reduce_levels([y], len(y))

    assert levels.shape == (N_MELS, 1 + len(y) // HOP_LENGTH)
    assert levels.min() > -60


def test_one_spectrogram_is_drawn_at_a_time(
    heard: tuple[Page, dict[str, Any], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one is being drawn another waits, so that many who look take no more than one core and one file."""
    page, document, _ = heard
    config = page.open_here(monkeypatch)
    drawn: list[bytes] = []
    drawing_it = threading.Thread(target=lambda: drawn.append(spectrogram.draw_spectrogram(config, document)))
    with spectrogram.ONE_AT_A_TIME:
        drawing_it.start()
        drawing_it.join(2)
        assert drawn == []
    drawing_it.join(60)

    assert drawn[0].startswith(b"\x89PNG")


def test_the_darkest_is_80_db_below_the_loudest() -> None:
    """As in librosa's own pictures; what is louder is brighter."""
    assert spectrogram.RANGE_DB == 80
    palette = np.frombuffer(spectrogram._palette(), np.uint8).reshape(256, 3).astype(float)
    lightness = palette @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(lightness) >= 0).all()
    assert palette[0].tolist() == [0, 0, 4]
