"""A sound becomes a picture of its levels over time and mel band, reduced while it is read.

*Conventions.* The levels are those of the analysis' own mel powers, [shape=(t, 128)]. A column of the picture is the
loudest of the frames it stands for, so that short events stay visible in long sounds. The brightest is the
loudest of the sound, the darkest RANGE_DB below it.
"""

from __future__ import annotations

import io
from functools import cache
from threading import Semaphore
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from analysis.decoding.recording import open_recording
from analysis.definition import HOP_LENGTH, N_MELS
from analysis.download import AT_HOME, download
from analysis.features.spectra import compute_spectra
from analysis.upload import Upload
from page.playing import ElsewhereError
from page.remembering import Memory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from page.scope import Scope

COLUMNS = 1000
RANGE_DB = 80
LEAST_POWER = 1e-10  # as librosa's: what is below is as good as silence
# From dark to bright, as matplotlib's magma goes: even steps of lightness, told apart by every kind of sight.
COLOURS = (
    *((0, 0, 4), (28, 16, 68), (79, 18, 123), (129, 37, 129), (181, 54, 122)),
    *((229, 80, 100), (251, 135, 97), (254, 194, 135), (252, 253, 191)),
)
AT_ONCE = Semaphore(1)  # each takes a core and memory for the file

_pictures: Memory[bytes] = Memory(3600, 50)


def draw_spectrogram(scope: Scope, sound: dict[str, Any]) -> bytes:
    """Return the picture of a sound as PNG; raises what the analysis raises where the sound cannot be read."""
    if sound.get("bucket") != scope.bucket_name:
        raise ElsewhereError(f"{sound.get('bucket')}")
    return _pictures.get((scope.bucket_name, sound["uid"]), lambda: _draw(scope, sound))


def reduce_levels(blocks: Iterable[NDArray[np.float32]], n_samples: int) -> NDArray[np.float32]:
    """Reduce the levels of a sound to a picture's.

    Parameters
    ----------
    blocks : iterable of np.ndarray [shape=(n,)], float32
        y at 22 050 Hz
    n_samples : int
        how many samples they have together

    Returns
    -------
    levels : np.ndarray [shape=(128, columns)], float32, dB
        the lowest band last; columns <= COLUMNS
    """
    n_frames = 1 + n_samples // HOP_LENGTH
    loudest = np.full((min(n_frames, COLUMNS), N_MELS), LEAST_POWER, np.float32)
    first = 0
    for spectra in compute_spectra(blocks):
        columns = np.arange(first, first + len(spectra)) * len(loudest) // n_frames
        np.maximum.at(loudest, np.minimum(columns, len(loudest) - 1), spectra.mel_powers)
        first += len(spectra)
    return 10 * np.log10(loudest.T[::-1])


def _draw(scope: Scope, sound: dict[str, Any]) -> bytes:
    upload = Upload(sound["bucket"], sound["blob_name"], sound["generation"], sound.get("size"))
    with AT_ONCE, download(upload, scope.settings.max_bytes, AT_HOME) as file:
        levels = reduce_levels(open_recording(file, scope.settings), sound["length"])
    shades = np.clip((levels - levels.max()) / RANGE_DB + 1, 0, 1) * 255
    picture = Image.fromarray(shades.astype(np.uint8), "P")
    picture.putpalette(_palette())
    png = io.BytesIO()
    picture.save(png, "PNG", optimize=True)
    return png.getvalue()


@cache
def _palette() -> bytes:
    places = np.linspace(0, 255, len(COLOURS))
    channels = [np.interp(np.arange(256), places, channel) for channel in zip(*COLOURS, strict=True)]
    return np.stack(channels, axis=1).round().astype(np.uint8).tobytes()
