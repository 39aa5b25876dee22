"""What a sound file says of itself, and what every decoder gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray


class Block(NamedTuple):
    """Some samples that follow each other.

    Attributes:
        rate: Hz.
        samples: [shape=(n, channels)], n >= 1, float32 with full scale 1, or int16; overwritten by the next.
        part: number of the part of the file, in which they stand, if it is joined from several.
    """

    rate: int
    samples: NDArray[np.float32] | NDArray[np.int16]
    part: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """What a file says of itself.

    Attributes:
        container: format of the file.
        codec: codec, or subtype of the samples.
        sample_rate: Hz, at its beginning.
        channels: channels, at its beginning.
        track: which of its audio tracks is analysed, from 1; None where it has one.
        tracks: how many audio tracks it has; None where it has one.
        tags: title, artist, album, date, comment and origination_time, as far as it has them.
        problem: what is wrong with it and where, if its samples are what could be read of it; None where it is whole.
    """

    container: str
    codec: str
    sample_rate: int
    channels: int
    track: int | None = None
    tracks: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None

    @property
    def complete(self) -> bool:
        """Whether all that was recorded could be read."""
        return self.problem is None


class Decoder(Protocol):
    """What decodes a file.

    Attributes:
        source: what the file says of itself.
        declared_samples: how many samples it says to have, None where it does not say.
        problem: what is wrong with the file and where, as far as it was decoded; None where nothing is.
    """

    source: Source
    declared_samples: int | None
    problem: str | None

    def decode(self, skip: int = 0) -> Iterator[Block]:
        """Yield the samples from the beginning, or those after the first ``skip``; may be called again."""
        ...
