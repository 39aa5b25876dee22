"""Ogg Opus as libsndfile reads it, by way of ffmpeg, which takes less than half the time.

*Conventions.* As in recording.py.

*Source.* Both decode by libopus, to float32, and drop what the header and the last page's position say; their samples
differ by less than 1e-6. libsndfile, by which librosa reads, says how many there are. It is left alone with what it
reads otherwise: sounds recorded at less than 48 kHz, which it decodes at that rate, files that are not one whole
stream, and streams that begin late. It goes on from the same sample where ffmpeg stumbles, or ends too early.
"""

from __future__ import annotations

from contextlib import suppress
from typing import IO, TYPE_CHECKING

from analysis.decoding import Block
from analysis.decoding.ffmpeg import Ffmpeg
from analysis.errors import CorruptError, NotAudioError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from analysis.decoding.sndfile import Sndfile
    from analysis.decoding.spans import Spans

RATE = 48000  # Hz


class Opus:
    """libsndfile's view of an Ogg Opus file, with ffmpeg's decoder as far as that gets.

    Attributes:
        source: what the file says of itself.
        declared_samples: how many samples it says to have, None where it does not say.
        problem: what is wrong with it, as far as it was decoded.
    """

    def __init__(self, file: IO[bytes], sndfile: Sndfile, view: Callable[[], Spans] | None = None) -> None:
        self._file, self._sndfile, self._view = file, sndfile, view
        self.source, self.declared_samples = sndfile.source, sndfile.declared_samples
        self.problem = sndfile.problem

    def decode(self, skip: int = 0) -> Iterator[Block]:
        """Yield the samples from the beginning, or those after the first ``skip``."""
        n_given = 0
        with suppress(NotAudioError, CorruptError):
            ffmpeg = Ffmpeg(self._file, self._view)
            if ffmpeg.start_s == 0:
                for block in ffmpeg.decode(stop_at_damage=True):
                    wanted = block.samples[: self._sndfile.n_samples - n_given]
                    if skip < n_given + len(wanted):
                        yield Block(block.rate, wanted[max(0, skip - n_given) :])
                    n_given += len(wanted)
        yield from self._sndfile.decode(skip=max(skip, n_given))
        self.problem = self._sndfile.problem
