"""Calls to bucket and database that are made again while what fails passes, for a bounded time.

*Conventions.* A call makes one attempt, without the client's own retries: those of a stream cannot be resumed where
they are told not to retry, and say nothing while they wait.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING

from google.api_core.retry import Retry
from google.cloud.storage.retry import DEFAULT_RETRY

from analysis import store
from backfill.report import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CALL_S = 60  # timeout of one call
RETRY_S = 300  # after the first attempt no further one begins; longer than the function's, as nobody waits for a page
NOTICE_S = 20  # whoever waits longer than this is told so
RETRY = store.RETRY.with_delay(initial=0.5, maximum=20).with_timeout(RETRY_S)
STORAGE_RETRY = DEFAULT_RETRY.with_delay(initial=0.5, maximum=20).with_timeout(RETRY_S)
NEVER = Retry(predicate=lambda _: False)  # a query in the middle of which an error comes has to ask somebody


def patiently[T](call: Callable[[], T], what: str, retry: Retry | None = None) -> T:
    """Return what a call returns, made again while its errors pass; a line says so where that takes long.

    Raises the error that does not pass, or RetryError after RETRY_S.
    """
    with _noticed(what) as note:
        return (retry or RETRY)(call, on_error=note)()


@contextmanager
def _noticed(what: str) -> Iterator[Callable[[Exception], None]]:
    """Print a line after NOTICE_S, with the last error that was noted until then."""
    errors: list[Exception] = []

    def note(error: Exception) -> None:
        errors[:] = [error]

    def notice() -> None:
        because = f" ({type(errors[0]).__name__}: {errors[0]})" if errors else ""
        say(f"still waiting for {what}, at most {RETRY_S} s{because}")

    timer = Timer(NOTICE_S, notice)
    timer.daemon = True
    timer.start()
    try:
        yield note
    finally:
        timer.cancel()
        timer.join()
