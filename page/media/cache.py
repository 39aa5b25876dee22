"""A cache of what is slow or billed to compute."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future
from math import inf
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


class Cache[T]:
    """Values by key, each kept for ``ttl_s`` seconds; the least recently used goes when there are too many.

    Threads that ask for the same key at the same time share one computation, also when it raises an exception. An
    exception is not cached.
    """

    def __init__(self, ttl_s: float, max_entries: int) -> None:
        self._ttl_s = ttl_s
        self._max_entries = max_entries
        self._entries: OrderedDict[Hashable, _Entry[T]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the value of a key; compute it where it is not cached or has expired."""
        with self._lock:
            entry = self._entries.get(key)
            is_new = entry is None or monotonic() >= entry.expires_at
            if entry is None or is_new:
                entry = self._entries[key] = _Entry()
            self._entries.move_to_end(key)
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
        if is_new:
            self._compute(entry, compute)
        return entry.future.result()

    def find(self, key: Hashable) -> T | None:
        """Return the value of a key, None where it is not cached or has expired."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or not entry.future.done() or monotonic() >= entry.expires_at:
                return None
            self._entries.move_to_end(key)
            return entry.future.result()

    def put(self, key: Hashable, value: T) -> None:
        """Set the value of a key."""
        self.get(key, lambda: value)

    def _compute(self, entry: _Entry[T], compute: Callable[[], T]) -> None:
        try:
            value = compute()
        except BaseException as error:
            entry.expires_at = -inf
            entry.future.set_exception(error)
            raise
        else:
            entry.expires_at = monotonic() + self._ttl_s
            entry.future.set_result(value)


class _Entry[T]:
    def __init__(self) -> None:
        self.future: Future[T] = Future()
        self.expires_at = inf  # while it is computed
