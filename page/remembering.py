"""Answers that are kept for a while, because asking again costs money or time."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


class Memory[T]:
    """Answers by key, each kept for some seconds; the longest unused is given up for a new one.

    Who asks for what another is already asking for waits for that answer. What raises is not kept.
    """

    def __init__(self, keep_s: float, most: int) -> None:
        self._keep_s = keep_s
        self._most = most
        self._answers: OrderedDict[Hashable, _Answer] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, ask: Callable[[], T]) -> T:
        """Return the answer for a key, asking for it where it is not known or too old."""
        with self._lock:
            answer = self._answers.setdefault(key, _Answer())
            self._answers.move_to_end(key)
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
        with answer.lock:
            if monotonic() >= answer.until:
                answer.value = ask()
                answer.until = monotonic() + self._keep_s
            return cast("T", answer.value)


class _Answer:
    def __init__(self) -> None:
        self.lock = Lock()
        self.until = 0.0
        self.value: object = None
