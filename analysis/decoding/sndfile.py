"""libsndfile decodes a sound file: WAV, AIFF, AU, CAF, W64, RF64, FLAC, OGG, Opus, MP3 and what else it knows.

*Conventions.* Those of `Block`.
"""

from __future__ import annotations

import os
import re
from typing import IO, TYPE_CHECKING

import numpy as np
import soundfile

from analysis.decoding import Block, Source
from analysis.decoding.cut import UNKNOWN_BYTES
from analysis.decoding.mpeg import begins_like_a_frame
from analysis.errors import CorruptError, NotAudioError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK_VALUES = 2**17  # samples times channels of a block: half a megabyte as float32
UNRECOGNISED_FORMAT, UNSUPPORTED_ENCODING = 1, 4  # libsndfile's error codes SF_ERR_...
# libsndfile's log of a file that is shorter than it declares: the number of bytes declared, and the number there is.
SHORTER = re.compile(r"^ *(?:data|SSND|Data Size|riff|Riff size) *: (\d+) \(should be (\d+)\)", re.MULTILINE)


class Sndfile:
    """Decodes a file by libsndfile; ``view``, if given, returns the file that is read in its place.

    Raises NotAudioError where libsndfile does not know the format, CorruptError where it knows the format but cannot
    open the file.

    Attributes:
        source: what the file says of itself.
        declared_samples: number of samples that the file declares; None where it declares none.
        n_samples: the most samples that are read.
        damage: what is known to be wrong with the file before it is decoded.
        problem: what is wrong with the file, as far as it has been decoded.
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
        # libsndfile gives the largest number for an unknown length, and for MPEG audio it may guess.
        is_declared = self.n_samples < 2**62 and self.source.container != "MP3"
        self.declared_samples = self.n_samples if is_declared else None

    def decode(self, skip: int = 0) -> Iterator[Block]:
        """Yield the samples after the first ``skip``; raise CorruptError where they cannot be read on."""
        # As floats, 16-bit samples take ten times as long to read. SDS says 16 bits where its samples have more.
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
    """Tell whether libsndfile could not open a file because it does not know the encoding of the samples."""
    cause = error.__cause__
    return isinstance(cause, soundfile.LibsndfileError) and cause.code == UNSUPPORTED_ENCODING


class _Forward(soundfile.SoundFile):  # type: ignore[misc]  # it ships no types
    """A sound file that is read without seeking: soundfile seeks after every read where the file is seekable."""

    def seekable(self) -> bool:
        return False


def _find_cut(sound: soundfile.SoundFile) -> str | None:
    """Return where a file ends that is shorter than it declares, None for any other."""
    for said, there in SHORTER.findall(sound.extra_info):
        if int(there) < int(said) < UNKNOWN_BYTES:
            return f"ends at {sound.frames / sound.samplerate:.2f} s, after {there} of {said} bytes"
    return None
