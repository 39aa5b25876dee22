"""The queue of objects to analyse: new ones first, then those that failed, after a pause and a bounded number of times.

*Canaries.* Many failures in a row have one of two causes: these objects, or an outage of bucket, database or rights. To
tell which, the queue hands out canaries: objects that have not failed in this run, first those that could be analysed
before. As soon as anything succeeds, the objects are the cause, and the rest goes on. If all canaries fail, there is an
outage.

*Own failures.* An object fails by itself if others succeed both before its last attempt and after it. Where nothing
else is left that could tell, a canary is asked.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from analysis.pipeline import Answer
    from backfill.comparison import Comparison

MAX_ATTEMPTS = 3
BACKOFF_S = 5  # before the second attempt; twice that before the third
FAILURES_BEFORE_CANARY = 30  # objects that fail in a row at their first attempt
MAX_CANARIES = 10  # that fail, too
UNPROVEN = frozenset({"skipped", "gone"})  # nothing was written, so they do not show that bucket and database work


class OutageError(Exception):
    """All canaries failed, so the cause is the bucket, the database or a right rather than the objects.

    Attributes:
        failures: the objects whose last attempt failed, each with its failure.
    """

    def __init__(self, message: str, failures: Iterable[tuple[Comparison, Failure]] = ()) -> None:
        super().__init__(message)
        self.failures = list(failures)


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that ended without an answer, so that another one may succeed.

    Attributes:
        message: what happened.
        is_of_this_machine: whether another machine may succeed, as this one has no room on its disk.
        is_own: whether others succeeded, so that the object is the cause.
    """

    message: str
    is_of_this_machine: bool = False
    is_own: bool = False


type Result = Answer | Failure


@dataclass(slots=True)
class WorkItem:
    """An object in the queue.

    Attributes:
        comparison: the object.
        attempts: how many attempts were begun.
        not_before: time of the monotonic clock, in s, before which the next attempt does not begin.
        successes_before: how many others had succeeded when its last attempt failed.
        failure: of its last attempt.
    """

    comparison: Comparison
    attempts: int = 0
    not_before: float = 0.0
    successes_before: int = 0
    failure: Failure | None = None


class WorkQueue:
    """Objects that are still to be analysed."""

    def __init__(self, objects: Iterable[Comparison], canaries: Iterable[Comparison]) -> None:
        self._new = (WorkItem(comparison) for comparison in objects)
        self._retries: deque[WorkItem] = deque()
        self._exhausted: list[WorkItem] = []  # they failed at every attempt, and nothing has succeeded since
        self._canaries = {_key(comparison): comparison for comparison in canaries}
        self._canary_item: WorkItem | None = None  # while it is being analysed
        self._n_canaries_failed = 0  # since the last success
        self._failures_in_a_row = 0
        self._n_successes = 0
        self._n_taken = 0  # and not finished

    @property
    def has_more(self) -> bool:
        """Whether an object that failed waits for its next attempt, or for a canary."""
        return bool(self._retries or (self._exhausted and self._canaries))

    def take(self) -> WorkItem | None:
        """Return the next object to analyse; None if there is none now.

        Raises OutageError when there is no canary left that could tell of many failures in a row what their cause is.
        """
        item = self._next()
        if item:
            item.attempts += 1
            self._n_taken += 1
        return item

    def finish(self, item: WorkItem, result: Result) -> Iterator[tuple[Comparison, Result]]:
        """Take the result of an attempt, and yield each object whose result is final now, with it.

        Raises OutageError when the last canary failed.
        """
        self._n_taken -= 1
        is_canary = item is self._canary_item
        if is_canary:
            self._canary_item = None
        if not isinstance(result, Failure):
            if not is_canary:
                yield item.comparison, result
            if result.kind not in UNPROVEN:
                yield from self._succeed(item, is_canary=is_canary)
            return
        self._canaries.pop(_key(item.comparison), None)
        if is_canary:
            self._n_canaries_failed += 1
            if not self._canaries or self._n_canaries_failed == MAX_CANARIES:
                raise self._outage(result.message)
            return
        self._failures_in_a_row += item.attempts == 1
        item.failure, item.successes_before = result, self._n_successes
        if item.attempts == MAX_ATTEMPTS:
            self._exhausted.append(item)
        else:
            item.not_before = time.monotonic() + BACKOFF_S * item.attempts
            self._retries.append(item)

    def rest(self) -> Iterator[tuple[Comparison, Result]]:
        """Yield what failed where nothing succeeded that could tell the cause."""
        for item in self._exhausted:
            if item.failure:
                yield item.comparison, item.failure
        self._exhausted.clear()

    def _succeed(self, item: WorkItem, *, is_canary: bool) -> Iterator[tuple[Comparison, Result]]:
        self._failures_in_a_row = self._n_canaries_failed = 0
        self._n_successes += 1
        if is_canary:
            self._canaries[_key(item.comparison)] = item.comparison
        for failed in self._exhausted:
            if failed.failure:
                yield failed.comparison, replace(failed.failure, is_own=True)
        self._exhausted.clear()

    def _next(self) -> WorkItem | None:
        if self._failures_in_a_row >= FAILURES_BEFORE_CANARY and self._canary_item is None:
            return self._take_canary()
        if (item := next(self._new, None)) is not None:
            return item
        if self._retries and self._may_begin(self._retries[0]):
            return self._retries.popleft()
        is_undecided = self._exhausted or (self._retries and self._retries[0].not_before <= time.monotonic())
        if is_undecided and self._canaries and not self._n_taken:
            return self._take_canary()
        return None

    def _may_begin(self, item: WorkItem) -> bool:
        """Return whether an object that failed may be tried again: the last time only if something else succeeded."""
        if item.not_before > time.monotonic():
            return False
        has_succeeded = self._n_successes > item.successes_before
        return item.attempts < MAX_ATTEMPTS - 1 or has_succeeded or not (self._canaries or self._n_taken)

    def _take_canary(self) -> WorkItem:
        if not self._canaries:
            raise self._outage(next((item.failure.message for item in reversed(self._retries) if item.failure), ""))
        self._canary_item = WorkItem(self._canaries.pop(next(iter(self._canaries))))
        return self._canary_item

    def _outage(self, message: str) -> OutageError:
        failed = [item for item in (*self._exhausted, *self._retries) if item.failure]
        also = f", and so did {self._n_canaries_failed} others, asked to tell why" if self._n_canaries_failed else ""
        return OutageError(
            f"{len(failed)} objects failed and none succeeded since{also}; the last error: {message}",
            [(item.comparison, item.failure) for item in failed if item.failure],
        )


def _key(comparison: Comparison) -> tuple[str, int]:
    upload = comparison.upload
    return (upload.blob_name, upload.generation) if upload else ("", 0)
