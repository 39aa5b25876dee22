"""What a sound file says of itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """What a file says of itself.

    Attributes:
        container: format of the file.
        codec: codec, or subtype of the samples.
        sample_rate: Hz.
        channels: channels.
    """

    container: str
    codec: str
    sample_rate: int
    channels: int
