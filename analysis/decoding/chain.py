"""Files that follow each other in one are read one after the other; what one decoder gives up another goes on with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.decoding import Block
from analysis.errors import CorruptError, NotAudioError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from analysis.decoding import Decoder, Source
    from analysis.decoding.sndfile import Sndfile


class Chain:
    """Decoders of parts of a file, one after the other; a part that cannot be read is left out.

    Raises what opening the last of them raises, if none can be opened.

    Attributes:
        source: what the first that can be opened says of itself.
        declared_samples: None: the parts may have different rates.
        problem: what is wrong with the first part that is not whole, as far as they were decoded.
    """

    def __init__(
        self, openers: Sequence[Callable[[], Decoder]], source: Source | None = None, damage: str | None = None
    ) -> None:
        self._openers = openers
        self.declared_samples: int | None = None
        self._damage = self.problem = damage
        self.source = source or self._open_first()

    def decode(self, skip: int = 0) -> Iterator[Block]:
        """Yield the samples from the beginning, or those after the first ``skip``."""
        self.problem = self._damage
        seconds, n_given = 0.0, 0
        for number, opener in enumerate(self._openers, 1):
            where = f"part {number} of {len(self._openers)}, from {seconds:.2f} s"
            try:
                decoder = opener()
                for block in decoder.decode():
                    n_samples = len(block.samples)
                    seconds += n_samples / block.rate
                    if skip < n_given + n_samples:
                        yield Block(block.rate, block.samples[max(0, skip - n_given) :], number)
                    n_given += n_samples
            except NotAudioError:
                continue  # pictures, texts
            except CorruptError as error:
                problem: str | None = str(error)
            else:
                problem = decoder.problem
            self.problem = self.problem or (problem and f"{where}: {problem}")

    def _open_first(self) -> Source:
        error: Exception = NotAudioError("no part of the file is sound")
        for opener in self._openers:
            try:
                return opener().source
            except (NotAudioError, CorruptError) as why:
                error = why
        raise error


class Resumed:
    """libsndfile as far as it gets, which gives up where something is damaged; from there on another decoder.

    Attributes:
        source: what the file says of itself.
        declared_samples: how many samples it says to have, None where it does not say.
        problem: what is wrong with it, as far as it was decoded.
    """

    def __init__(self, sndfile: Sndfile, open_other: Callable[[], Decoder]) -> None:
        self._sndfile, self._open_other = sndfile, open_other
        self.source, self.declared_samples = sndfile.source, sndfile.declared_samples
        self.problem = sndfile.problem

    def decode(self, skip: int = 0) -> Iterator[Block]:
        """Yield the samples from the beginning, or those after the first ``skip``."""
        n_given = skip
        try:
            for block in self._sndfile.decode(skip):
                n_given += len(block.samples)
                yield block
        except CorruptError as error:
            self.problem = str(error)
        else:
            self.problem = self._sndfile.problem
            return
        try:
            other = self._open_other()
            yield from other.decode(n_given)
        except (NotAudioError, CorruptError):
            return
        self.problem = self._sndfile.damage or other.problem or self.problem
