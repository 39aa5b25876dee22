"""Ogg Opus is decoded by ffmpeg in less than half of libsndfile's time, to the samples that libsndfile gives.

*Conventions.* Those of `Block`.

*Source.* Both decode by libopus, to float32, and drop the samples that the header and the position of the last page
say; the samples differ by less than 1e-6. libsndfile, by which librosa reads, says how many samples there are. Where
ffmpeg ends too early, or meets damage, libsndfile goes on from the same sample. libsndfile alone reads what the two
read differently: sounds that were recorded at less than 48 kHz, files that are not one whole stream, and streams that
do not begin at time 0.
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
    """Decodes an Ogg Opus file by ffmpeg as far as possible, then by libsndfile.

    Attributes:
        source: what the file says of itself.
        declared_samples: number of samples that the file declares; None where it declares none.
        problem: what is wrong with the file, as far as it has been decoded.
    """

    def __init__(self, file: IO[bytes], sndfile: Sndfile, view: Callable[[], Spans] | None = None) -> None:
        self._file, self._sndfile, self._view = file, sndfile, view
        self.source, self.declared_samples = sndfile.source, sndfile.declared_samples
        self.problem = sndfile.problem

    def decode(self, skip: int = 0) -> Iterator[Block]:
        """Yield the samples after the first ``skip``."""
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
