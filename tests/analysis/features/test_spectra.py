"""Spectra are librosa's, in batches, and computed only when they are asked for."""

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.features.spectra import BATCH, Spectra, compute_spectra


def noise(n: int) -> np.ndarray:
    """White noise."""
    return (np.random.default_rng(n).standard_normal(n) * 0.1).astype(np.float32)


def together(kind: str, *blocks: np.ndarray) -> np.ndarray:
    """One kind of spectra, of all batches."""
    return np.concatenate([getattr(spectra, kind).copy() for spectra in compute_spectra(blocks)])


@pytest.mark.parametrize("n", [1, 511, 512, 2048, 65_536, 100_000])
def test_spectra_are_librosas(n: int) -> None:
    """Magnitudes, powers and mel powers are librosa's of the whole sound; float32 sums of 2048 terms apart."""
    y = noise(n)
    magnitudes = np.abs(librosa.stft(y)).T
    mel_powers = librosa.feature.melspectrogram(y=y, sr=22050).T

    blocks = np.array_split(y, 3) if n > 3 else [y]
    np.testing.assert_allclose(together("magnitudes", *blocks), magnitudes, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(together("powers", *blocks), magnitudes**2, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(together("mel_powers", *blocks), mel_powers, rtol=1e-4, atol=1e-6)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 5000) | st.sampled_from([65_535, 66_048, 66_049, 200_000]), st.lists(st.floats(0, 1), max_size=12)
)
def test_every_sample_and_every_frame_arrives_once(n: int, cuts: list[float]) -> None:
    """However a sound is cut into blocks, its samples arrive in order and once, with 1 + n // 512 frames."""
    y = noise(n)
    split = [block for block in np.split(y, sorted(int(cut * n) for cut in cuts)) if len(block)]

    batches = [(len(spectra), spectra.samples) for spectra in compute_spectra(split)]

    np.testing.assert_array_equal(np.concatenate([samples for _, samples in batches]), y)
    assert sum(n_frames for n_frames, _ in batches) == 1 + n // 512
    assert all(1 <= n_frames <= BATCH for n_frames, _ in batches)


def test_what_is_not_asked_for_is_not_computed() -> None:
    """A feature that takes samples alone pays for no spectrum, and one that takes mel powers computes them once."""
    (spectra,) = compute_spectra([noise(1000)])
    assert len(spectra.samples) == 1000
    assert not {"magnitudes", "powers", "mel_powers"} & spectra.__dict__.keys()

    assert spectra.mel_powers is spectra.mel_powers


@pytest.mark.parametrize("order", [("powers", "magnitudes"), ("magnitudes", "powers")])
def test_order_of_asking_changes_nothing(order: tuple[str, str]) -> None:
    """Powers are the squares of the magnitudes in every batch, whichever of them is asked for first."""
    y = noise(200_000)
    n_frames = 0

    for spectra in compute_spectra([y]):
        asked = {kind: getattr(spectra, kind) for kind in order}
        np.testing.assert_array_equal(asked["powers"], np.square(asked["magnitudes"]))
        n_frames += len(spectra)
    assert n_frames > 2 * BATCH


def test_memory_does_not_grow_with_the_batches() -> None:
    """The arrays of a batch are those of the batch before it."""
    addresses = {
        tuple(_address_of(spectra, kind) for kind in ("magnitudes", "powers", "mel_powers"))
        for spectra in compute_spectra(np.array_split(noise(300_000), 20))
    }

    assert len(addresses) == 1


def _address_of(spectra: Spectra, kind: str) -> int:
    address: int = getattr(spectra, kind).__array_interface__["data"][0]
    return address
