"""What became of an object."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mended:
    """What became of an object.

    Attributes:
        kind: "sound", "rejection", "kept" (a sound that there was already, which it would not become now),
            "skipped" (it needed neither), "gone" (it is not there any more) or "failed".
        message: why it is no sound.
    """

    kind: str
    message: str = ""
