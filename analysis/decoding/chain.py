"""Decoders follow each other: one for each part of a file, or a second one where the first cannot go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.decoding import Block
from analysis.errors import CorruptError, NotAudioError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from analysis.decoding import Decoder, Source
    from analysis.decoding.sndfile import Sndfile


class Chain:
    """Decodes the parts of a file one after the other; a part that cannot be read is left out.

    Raises the error of the last part, if no part can be opened.

    Attributes:
        source: what the first part that can be opened says of itself.
        declared_samples: None, as the parts may have different rates.
        problem: what is wrong with the first damaged part, as far as the parts have been decoded.
    """

    def __init__(
        self, openers: Sequence[Callable[[], Decoder]], source: Source | None = None, damage: str | None = None
    ) -> None:
        self._openers = openers
        self.declared_samples: int | None = None
        self._damage = self.problem = damage
        self.source = source or self._open_first()

    def decode(self, skip: int = 0) -> Iterator[Block]:
        """Yield the samples after the first ``skip``."""
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
                continue  # the part is a picture or a text
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
    """Decodes by libsndfile up to the first damage, and by another decoder from there on.

    Attributes:
        source: what the file says of itself.
        declared_samples: number of samples that the file declares; None where it declares none.
        problem: what is wrong with the file, as far as it has been decoded.
    """

    def __init__(self, sndfile: Sndfile, open_other: Callable[[], Decoder]) -> None:
        self._sndfile, self._open_other = sndfile, open_other
        self.source, self.declared_samples = sndfile.source, sndfile.declared_samples
        self.problem = sndfile.problem

    def decode(self, skip: int = 0) -> Iterator[Block]:
        """Yield the samples after the first ``skip``."""
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
