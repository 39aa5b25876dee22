"""Small HTTP servers that tests let the project ask."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from threading import Thread
from typing import Any


class Quiet:
    """What makes a handler write no log, and hold nothing back that it has written."""

    disable_nagle_algorithm = True  # else a body waits 40 ms for the client to acknowledge the headers

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(handler: Callable[..., Any]) -> Iterator[int]:
    """Serve on a port until the context is left."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
