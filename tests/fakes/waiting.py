"""Waiting for what happens in another process."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Return as soon as the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
