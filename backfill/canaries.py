"""The objects that may tell whether it is the objects or the services that fail."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backfill.comparison import Comparison

N_SOUNDS = 3
N_OBJECTS = 16


class Canaries:
    """Some of all objects, in the order in which they are asked.

    First come the smallest that have a sound, as they could be analysed before and are quickly done. Then come the last
    object to analyse and a random choice of the others: neighbours often fail together, and where a choice fails, the
    next run makes another.
    """

    def __init__(self) -> None:
        self._sounds: list[Comparison] = []
        self._chosen: list[Comparison] = []
        self._last: Comparison | None = None
        self._n_objects = 0

    def __iter__(self) -> Iterator[Comparison]:
        """Yield each once."""
        yield from self._sounds
        yield from ([self._last] if self._last else [])
        yield from (one for one in self._chosen if one is not self._last)

    def add_sound(self, comparison: Comparison) -> None:
        """Keep an object with a sound if it is one of the smallest."""
        if len(self._sounds) < N_SOUNDS or comparison.size < self._sounds[-1].size:
            self._sounds = sorted([*self._sounds, comparison], key=lambda one: one.size)[:N_SOUNDS]

    def add_object(self, comparison: Comparison) -> None:
        """Keep an object to analyse, until chance chooses another."""
        self._n_objects += 1
        self._last = comparison
        if len(self._chosen) < N_OBJECTS:
            self._chosen.append(comparison)
        elif (place := random.randrange(self._n_objects)) < N_OBJECTS:  # noqa: S311 - nobody gains by knowing it
            self._chosen[place] = comparison
