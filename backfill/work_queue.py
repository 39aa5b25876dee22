"""The queue of objects to analyse: new ones first, then those that failed, after a pause and a bounded number of times.

*Canary.* Many failures in a row have one of two causes: these objects, or an outage of bucket, database or rights. To
tell which, the queue hands out the canary, an object that could be analysed before. If the canary succeeds, the objects
are the cause and the rest goes on. If it fails too, there is an outage.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.pipeline import Answer
    from backfill.comparison import Comparison

MAX_ATTEMPTS = 3
BACKOFF_S = 5  # before the second attempt; twice that before the third
FAILURES_BEFORE_CANARY = 30  # objects that fail in a row at their first attempt


class OutageError(Exception):
    """The canary failed, so the cause is the bucket, the database or a right, and not the objects."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that ended without an answer, so that another one may succeed.

    Attributes:
        message: what happened.
    """

    message: str


type Result = Answer | Failure


@dataclass(slots=True)
class WorkItem:
    """An object in the queue.

    Attributes:
        comparison: the object.
        attempts: how many attempts were begun.
        not_before: time of the monotonic clock, in s, before which the next attempt does not begin.
    """

    comparison: Comparison
    attempts: int = 0
    not_before: float = 0.0


class WorkQueue:
    """Objects that are still to be analysed."""

    def __init__(self, objects: Iterable[Comparison], canary: Comparison) -> None:
        self._new = (WorkItem(comparison) for comparison in objects)
        self._retries: deque[WorkItem] = deque()
        self._canary = canary
        self._canary_item: WorkItem | None = None  # while it is being analysed
        self._failures_in_a_row = 0

    @property
    def has_retries(self) -> bool:
        """Whether an object that failed waits for its next attempt."""
        return bool(self._retries)

    def take(self) -> WorkItem | None:
        """Return the next object to analyse; None if there is none now."""
        item = self._next()
        if item:
            item.attempts += 1
        return item

    def finish(self, item: WorkItem, result: Result) -> bool:
        """Take the result of an attempt; return whether it is final: not of the canary, and without another attempt.

        Raises OutageError when the canary failed.
        """
        has_failed = isinstance(result, Failure)
        if not has_failed:
            self._failures_in_a_row = 0
        elif item.attempts == 1:
            self._failures_in_a_row += 1
        if item is self._canary_item:
            if isinstance(result, Failure):
                raise OutageError(f"nothing can be analysed, not even what was analysed before: {result.message}")
            self._canary_item = None
            return False
        if has_failed and item.attempts < MAX_ATTEMPTS:
            item.not_before = time.monotonic() + BACKOFF_S * item.attempts
            self._retries.append(item)
            return False
        return True

    def _next(self) -> WorkItem | None:
        if self._failures_in_a_row >= FAILURES_BEFORE_CANARY and self._canary_item is None:
            self._canary_item = WorkItem(self._canary)
            return self._canary_item
        if (item := next(self._new, None)) is not None:
            return item
        is_due = self._retries and self._retries[0].not_before <= time.monotonic()
        return self._retries.popleft() if is_due else None
