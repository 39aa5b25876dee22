"""The pictures of sounds: spectrogram, means among the collection's, and map."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.cloud.firestore_v1.vector import Vector
from PIL import Image

from analysis.definition import SR
from bench.documents import make_document
from page import drawing, projection, spectrogram
from tests.page import planting
from tests.page.served import Page


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

    assert levels.shape == (128, spectrogram.COLUMNS)
    loud = np.flatnonzero(levels.max(axis=0) > levels.max() - 10)
    for column in loud:
        assert min(abs(column - second / 120 * spectrogram.COLUMNS) for second in (31.7, 90.2)) < 2
    assert len(loud) >= 2
    assert levels.min() == pytest.approx(-100)


def test_a_short_sound_has_a_column_for_each_frame() -> None:
    """No column is empty where there are fewer frames than columns."""
    y = np.random.default_rng(1).standard_normal(2 * SR).astype(np.float32)
    levels = spectrogram.reduce_levels([y], len(y))

    assert levels.shape == (128, 1 + len(y) // 512)
    assert levels.min() > -60


def test_one_spectrogram_is_drawn_at_a_time(
    heard: tuple[Page, dict[str, Any], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one is being drawn another waits, so that many who look take no more than one core and one file."""
    page, document, _ = heard
    scope = page.open_here(monkeypatch)
    drawn: list[bytes] = []
    drawing_it = threading.Thread(target=lambda: drawn.append(spectrogram.draw_spectrogram(scope, document)))
    with spectrogram.AT_ONCE:
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


def test_means_are_shown_among_the_collection(many: Page) -> None:
    """Twelve rows, and how many sounds the spread is of."""
    uid = make_document("kit/007.wav", bucket=many.bucket.name, seed=7)["uid"]
    html = many.read(f"/sounds/{uid}/means")

    assert html.count('scope="row"') == 12
    assert f"all {planting.N_MANY} sounds" in html


def test_a_bar_is_among_those_of_the_sample() -> None:
    """The spread is from the 10th to the 90th percentile, the median in it, all from the least to the most."""
    sample = [{"mean_mfccs": [float(value)] * 12} for value in range(101)]
    bars = drawing.draw_bars([25.0] * 12, sample)

    assert len(bars) == 12
    assert bars[0] == drawing.Bar(25, 50, 10, 90, 25, 50, 10, 90)
    outside = drawing.draw_bars([-100.0] * 12, sample)[0]
    assert (outside.at, outside.median_at, outside.high_at) == (0, 75, 95)


@pytest.mark.parametrize("others", [[], [{}], [{"mean_mfccs": None}], [{"mean_mfccs": [1.0]}]])
def test_without_others_a_bar_is_alone(others: list[dict[str, Any]]) -> None:
    """Where nothing is to compare with the sound is its own median, and nothing is divided by nothing."""
    bar = drawing.draw_bars([3.0] * 12, others)[0]

    assert (bar.value, bar.median, bar.at) == (3, 3, 0)


def test_silence_is_a_line_to_see() -> None:
    """Where the waveform has no height a thin line shows that there is a sound."""
    drawn = drawing.draw_waveform(bytes(8))

    assert drawn is not None
    assert drawn.path == "".join(f"M{x}.5 127V129" for x in range(4))


def test_the_map_places_alike_sounds_together(serve_page: Callable[..., Page]) -> None:
    """Two groups of fingerprints are two groups in the picture."""
    page = serve_page()
    rng = np.random.default_rng(1)
    sounds = [
        make_document(
            f"{index % 2}.wav",
            bucket=page.bucket.name,
            seed=index,
            fingerprint=Vector((rng.normal(0, 1, 9) + index % 2 * 40).tolist()),
        )
        for index in range(20)
    ]
    page.plant(*sounds)

    found = json.loads(page.read("/map.json"))

    left, right = (
        [sound["x"] for sound in found["sounds"] if sound["blob_name"] == name] for name in ("0.wav", "1.wav")
    )
    assert (max(left) < min(right)) or (max(right) < min(left))
    assert found["count"] == 20
    assert found["kept"] > 0.9


def test_the_map_leaves_out_what_it_cannot_place() -> None:
    """Sounds without a fingerprint, or with one of another length than most, have no place; few make no picture."""
    sounds = [make_document(f"{seed}.wav", seed=seed) for seed in range(4)]
    odd = [make_document("short", seed=9, fingerprint=Vector([1.0])), make_document("none", seed=8, fingerprint=None)]
    made = projection.make_map([*odd, *sounds], 1000)

    assert [sound["blob_name"] for sound in made["sounds"]] == [f"{seed}.wav" for seed in range(4)]
    assert (made["count"], made["read"]) == (1000, 6)
    assert projection.make_map(sounds[:2], 2) == {"sounds": [], "count": 2, "read": 2, "kept": 0}
    assert projection.make_map(sounds[:3], 3)["sounds"][0]["folder"] == ""


def test_sounds_that_are_all_the_same_are_in_the_middle() -> None:
    """Where nothing differs every place is the middle, and nothing is divided by nothing."""
    places, kept = projection.project(np.ones((4, 9)))

    assert places.tolist() == [[0.5, 0.5]] * 4
    assert kept == 0
