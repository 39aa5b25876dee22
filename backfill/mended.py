"""What became of an object."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mended:
    """What became of an object.

    Attributes:
        kind: "sound", "rejection", "left" (it needed neither) or "failed".
        message: why it is no sound.
    """

    kind: str
    message: str = ""
