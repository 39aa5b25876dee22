"""libsndfile decodes a sound file: WAV, AIFF, AU, CAF, W64, RF64, FLAC, OGG, Opus, MP3 and what else it knows.

*Conventions.* As in audio.py; samples are [shape=(n, channels)], float32 with full scale 1, or int16.
"""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING

import numpy as np
import soundfile

from analysis.decoding import Source
from analysis.decoding.mpeg import AsMpeg, begins_like_a_frame
from analysis.errors import CorruptError, NotAudioError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

BLOCK_VALUES = 2**17  # of all channels together: half a megabyte as float32
UNRECOGNISED_FORMAT = 1  # libsndfile's SF_ERR_UNRECOGNISED_FORMAT


class Sndfile:
    """libsndfile's view of a file, of one of its own formats or, from a place ``mpeg_at`` on, of MPEG.

    Raises NotAudioError where it does not know the format, CorruptError where it does and cannot open it.

    Attributes:
        source: what the file says of itself.
        declared_samples: how many samples it says to have, None where it does not say.
        n_samples: how many there are to read at most.
    """

    def __init__(self, file: IO[bytes], mpeg_at: int | None = None) -> None:
        self._file, self._mpeg_at = file, mpeg_at
        try:
            with self._open() as sound:
                self.source = Source(sound.format, sound.subtype, sound.samplerate, sound.channels)
                self.n_samples = sound.frames
        except soundfile.LibsndfileError as error:
            if mpeg_at is not None:
                raise CorruptError("no frame of MPEG audio that libsndfile finds") from error
            if error.code == UNRECOGNISED_FORMAT or begins_like_a_frame(file):
                raise NotAudioError("libsndfile does not know the format") from error
            raise CorruptError(f"damaged, says libsndfile: {error.error_string}") from error
        # A stream of unknown length declares the largest number there is; of MPEG it may be guessed from a first frame.
        is_declared = self.n_samples < 2**62 and self.source.container != "MP3"
        self.declared_samples = self.n_samples if is_declared else None

    def decode(self, skip: int = 0) -> Iterator[NDArray[np.float32] | NDArray[np.int16]]:
        """Yield the samples from the beginning, or those after the first ``skip``, [shape=(n, channels)].

        Each block is overwritten by the next.
        """
        # Its floats take ten times as long to read; only SDS calls 16-bit what has finer values.
        is_16_bit = self.source.codec == "PCM_16" and self.source.container != "SDS"
        dtype = "int16" if is_16_bit else "float32"
        left = self.n_samples
        if left <= skip:
            return
        with self._open() as sound:
            n_block = max(1, BLOCK_VALUES // sound.channels)
            block = np.empty((n_block, sound.channels), dtype)
            while left > 0:
                wanted = block[: min(n_block, left)]
                try:
                    n_read = sound.buffer_read_into(wanted, dtype)
                except soundfile.LibsndfileError as error:
                    raise CorruptError(f"libsndfile after {self.n_samples - left} samples: {error}") from error
                if not n_read:
                    return
                left -= n_read
                if skip < n_read:
                    yield wanted[skip:n_read]
                skip = max(0, skip - n_read)

    def _open(self) -> _Forward:
        if self._mpeg_at is not None:
            return _Forward(AsMpeg(self._file, self._mpeg_at))
        os.lseek(self._file.fileno(), 0, os.SEEK_SET)
        return _Forward(self._file.fileno(), closefd=False)


class _Forward(soundfile.SoundFile):  # type: ignore[misc]  # it ships no types
    """A sound file that is only read onwards: of a seekable one, soundfile seeks after every read."""

    def seekable(self) -> bool:
        return False
