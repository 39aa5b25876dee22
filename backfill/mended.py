"""What became of an object."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mended:
    """What became of an object.

    Attributes:
        kind: "sound", "rejection", "kept" (a sound that there was already, which it would not become now), "left" (it
            needed neither, or is not there any more) or "failed".
        message: why it is no sound.
    """

    kind: str
    message: str = ""
