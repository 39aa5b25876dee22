"""An answer in pieces begins when its first piece is there: what goes wrong before can still be told with a status."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def begin(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Return the same pieces, the first of them ready; raises what the first raises."""
    return chain((next(pieces, b""),), pieces)
