"""The spectrogram of a sound: a picture of its levels over time and mel band, reduced while the file is read.

*Conventions.* Levels are those of the mel powers of the analysis, [shape=(t, n_mels)]. A column of the picture stands
for one or more frames and shows the loudest of them, so that a short event is seen in a long sound. The brightest
colour is the highest level of the sound, the darkest RANGE_DB below it.
"""

from __future__ import annotations

import io
from functools import cache
from threading import Semaphore
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from analysis.decoding.recording import open_recording
from analysis.definition import HOP_LENGTH, N_MELS, TOP_DB
from analysis.download import AT_HOME, download
from analysis.features.spectra import compute_spectra
from analysis.upload import Upload
from page.media.audio import OtherBucketError
from page.media.cache import Cache

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from page.config import Config

MAX_COLUMNS = 1000
RANGE_DB = TOP_DB
MIN_POWER = 1e-10  # librosa's: a power that is lower is as good as silence
# matplotlib's magma, from dark to bright: even steps of lightness, which colour-blind people tell apart too
COLOURS = (
    *((0, 0, 4), (28, 16, 68), (79, 18, 123), (129, 37, 129), (181, 54, 122)),
    *((229, 80, 100), (251, 135, 97), (254, 194, 135), (252, 253, 191)),
)
TTL_S = 3600
ONE_AT_A_TIME = Semaphore(1)  # a spectrogram takes a core, and memory for the file

_pictures: Cache[bytes] = Cache(TTL_S, 50)


def draw_spectrogram(config: Config, sound: dict[str, Any]) -> bytes:
    """Return the spectrogram of a sound as PNG; raises OtherBucketError, and what download and decoding raise."""
    if sound.get("bucket") != config.bucket_name:
        raise OtherBucketError(f"{sound.get('bucket')}")
    return _pictures.get((config.bucket_name, sound["uid"]), lambda: _draw(config, sound))


def reduce_levels(blocks: Iterable[NDArray[np.float32]], n_samples: int) -> NDArray[np.float32]:
    """Compute the levels of a sound, reduced to at most MAX_COLUMNS columns.

    Parameters
    ----------
    blocks : iterable of np.ndarray [shape=(n,)], float32
        y at 22 050 Hz
    n_samples : int
        samples of all blocks together

    Returns
    -------
    levels : np.ndarray [shape=(n_mels, columns)], float32, dB
        the lowest band last
    """
    n_frames = 1 + n_samples // HOP_LENGTH
    loudest = np.full((min(n_frames, MAX_COLUMNS), N_MELS), MIN_POWER, np.float32)
    first = 0
    for spectra in compute_spectra(blocks):
        columns = np.arange(first, first + len(spectra)) * len(loudest) // n_frames
        np.maximum.at(loudest, np.minimum(columns, len(loudest) - 1), spectra.mel_powers)
        first += len(spectra)
    return 10 * np.log10(loudest.T[::-1])


def _draw(config: Config, sound: dict[str, Any]) -> bytes:
    upload = Upload(sound["bucket"], sound["blob_name"], sound["generation"], sound.get("size"))
    with ONE_AT_A_TIME, download(upload, config.settings.max_bytes, AT_HOME) as file:
        levels = reduce_levels(open_recording(file, config.settings), sound["length"])
    shades = np.clip((levels - levels.max()) / RANGE_DB + 1, 0, 1) * 255
    picture = Image.fromarray(shades.astype(np.uint8), "P")
    picture.putpalette(_palette())
    png = io.BytesIO()
    picture.save(png, "PNG", optimize=True)
    return png.getvalue()


@cache
def _palette() -> bytes:
    positions = np.linspace(0, 255, len(COLOURS))
    channels = [np.interp(np.arange(256), positions, channel) for channel in zip(*COLOURS, strict=True)]
    return np.stack(channels, axis=1).round().astype(np.uint8).tobytes()
