"""A sound file becomes what it says of itself, and blocks of samples; the types that all decoders share stand here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray


class Block(NamedTuple):
    """Consecutive samples.

    Attributes:
        rate: sample rate, Hz.
        samples: [shape=(n, channels)], n >= 1, float32 with full scale 1, or int16; the next block overwrites them.
        part: number of the part that they come from, in a file that is joined from several.
    """

    rate: int
    samples: NDArray[np.float32] | NDArray[np.int16]
    part: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """What a file says of itself.

    Attributes:
        container: format of the file.
        codec: codec, or type of the samples.
        sample_rate: sample rate at the beginning of the file, Hz.
        channels: number of channels at the beginning of the file.
        track: number of the audio track that is analysed, from 1; None where the file has one track.
        tracks: number of audio tracks; None where the file has one track.
        tags: title, artist, album, date, comment and origination_time; those that the file has.
        problem: what is wrong and where, if the file is damaged or cut; None where it is whole.
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
    """Decodes one file.

    Attributes:
        source: what the file says of itself.
        declared_samples: number of samples that the file declares; None where it declares none.
        problem: what is wrong with the file and where, as far as it has been decoded; None where nothing is.
    """

    source: Source
    declared_samples: int | None
    problem: str | None

    def decode(self, skip: int = 0) -> Iterator[Block]:
        """Yield the samples after the first ``skip``; each call decodes from the beginning."""
        ...
