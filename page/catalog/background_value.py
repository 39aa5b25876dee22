"""What is computed from the state of the catalog is kept until that state changes."""

from __future__ import annotations

from threading import Condition, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WAIT_S = 2  # for the newer, where there is an older


class BackgroundValue[T]:
    """A value that is computed in a thread, once for each state; the older is given where the newer takes long.

    ``compute`` is given what is known, None at first, and returns the version of the state that it has read, and the
    value.
    """

    def __init__(self, compute: Callable[[tuple[int, T] | None], tuple[int, T]]) -> None:
        self._compute = compute
        self._condition = Condition()
        self._known: tuple[int, T] | None = None
        self._error: Exception | None = None
        self._is_computing = False

    def get(self, version: int) -> T:
        """Return the value of a version, or an older one; raise what kept the first from being computed."""
        with self._condition:
            if self._known is None or self._known[0] != version:
                self._start()
                self._condition.wait_for(lambda: not self._is_computing, None if self._known is None else WAIT_S)
            if self._known is None:
                raise self._error or RuntimeError("nothing was computed")
            return self._known[1]

    @property
    def known(self) -> tuple[int, T] | None:
        """The value that was computed last and the version of its state, None before."""
        with self._condition:
            return self._known

    def put(self, version: int, value: T) -> None:
        """Take over a value that was computed before."""
        with self._condition:
            self._known = version, value

    def _start(self) -> None:
        if not self._is_computing:
            self._is_computing = True
            Thread(target=self._run, name="background value", daemon=True).start()

    def _run(self) -> None:
        known, error = None, None
        try:
            known = self._compute(self._known)
        except Exception as raised:  # noqa: BLE001  who asks is told
            error = raised
        with self._condition:
            self._known, self._error, self._is_computing = known or self._known, error, False
            self._condition.notify_all()
