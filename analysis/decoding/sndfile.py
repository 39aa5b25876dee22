"""libsndfile decodes a sound file: WAV, AIFF, AU, CAF, W64, RF64, FLAC, OGG, Opus, MP3 and what else it knows.

*Conventions.* As in recording.py; samples are [shape=(n, channels)], float32 with full scale 1, or int16.
"""

from __future__ import annotations

import os
import re
from typing import IO, TYPE_CHECKING

import numpy as np
import soundfile

from analysis.decoding import Block, Source
from analysis.decoding.mpeg import begins_like_a_frame
from analysis.errors import CorruptError, NotAudioError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK_VALUES = 2**17  # of all channels together: half a megabyte as float32
UNRECOGNISED_FORMAT, UNSUPPORTED_ENCODING = 1, 4  # libsndfile's SF_ERR_...
# What libsndfile notes of a file that is shorter than it says: how many bytes it says to have, and how many it has.
SHORTER = re.compile(r"^ *(?:data|SSND|Data Size|riff|Riff size) *: (\d+) \(should be (\d+)\)", re.MULTILINE)
UNKNOWN_BYTES = 0x7FFF0000  # what recorders declare that do not know yet is at least as large, or 0


class Sndfile:
    """libsndfile's view of a file, or of what ``view`` gives each time it is read.

    Raises NotAudioError where it does not know the format, CorruptError where it does and cannot open it.

    Attributes:
        source: what the file says of itself.
        declared_samples: how many samples it says to have, None where it does not say.
        n_samples: how many there are to read at most.
        damage: what is known to be wrong with the file before it is decoded.
        problem: what is wrong with it.
    """

    def __init__(self, file: IO[bytes], view: Callable[[], object] | None = None) -> None:
        self._file, self._view = file, view
        try:
            with self._open() as sound:
                self.source = Source(sound.format, sound.subtype, sound.samplerate, sound.channels)
                self.n_samples = sound.frames
                self.damage = _find_cut(sound)
        except soundfile.LibsndfileError as error:
            if error.code == UNRECOGNISED_FORMAT or begins_like_a_frame(file):
                raise NotAudioError("libsndfile does not know the format") from error
            raise CorruptError(f"damaged, says libsndfile: {error.error_string}") from error
        self.problem = self.damage
        # A stream of unknown length declares the largest number there is; of MPEG it may be guessed from a first frame.
        is_declared = self.n_samples < 2**62 and self.source.container != "MP3"
        self.declared_samples = self.n_samples if is_declared else None

    def decode(self, skip: int = 0) -> Iterator[Block]:
        """Yield the samples from the beginning, or those after the first ``skip``.

        Each block is overwritten by the next. What cannot be read ends them, and is the problem.
        """
        # Its floats take ten times as long to read; only SDS calls 16-bit what has finer values.
        is_16_bit = self.source.codec == "PCM_16" and self.source.container != "SDS"
        dtype = "int16" if is_16_bit else "float32"
        self.problem = self.damage
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
                    start, end = ((self.n_samples - left + n) / sound.samplerate for n in (0, len(wanted)))
                    raise CorruptError(
                        f"damaged between {start:.2f} and {end:.2f} s, says libsndfile: {error.error_string}"
                    ) from error
                if not n_read:
                    return
                left -= n_read
                if skip < n_read:
                    yield Block(self.source.sample_rate, wanted[skip:n_read])
                skip = max(0, skip - n_read)

    def _open(self) -> _Forward:
        if self._view is not None:
            return _Forward(self._view())
        os.lseek(self._file.fileno(), 0, os.SEEK_SET)
        return _Forward(self._file.fileno(), closefd=False)


def is_of_unknown_encoding(error: CorruptError) -> bool:
    """Tell whether a file cannot be opened because libsndfile does not know how its samples are encoded."""
    cause = error.__cause__
    return isinstance(cause, soundfile.LibsndfileError) and cause.code == UNSUPPORTED_ENCODING


class _Forward(soundfile.SoundFile):  # type: ignore[misc]  # it ships no types
    """A sound file that is only read onwards: of a seekable one, soundfile seeks after every read."""

    def seekable(self) -> bool:
        return False


def _find_cut(sound: soundfile.SoundFile) -> str | None:
    """Return what is missing of a file that says how many bytes it has."""
    for said, there in SHORTER.findall(sound.extra_info):
        if int(there) < int(said) < UNKNOWN_BYTES:
            return f"ends at {sound.frames / sound.samplerate:.2f} s, after {there} of {said} bytes"
    return None
