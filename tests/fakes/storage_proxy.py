"""A proxy in front of the storage server that fails downloads as a network, a service and its users do."""

import http.client
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread

from local.program import Program
from tests.fakes.serving import Quiet

type Fault = Callable[[Download], None]


class Download(Quiet, BaseHTTPRequestHandler):
    """One request for a download; a fault decides what becomes of it."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        """Hand the request to the next fault."""
        self.server.proxy.next_fault(self)(self)

    def fetch(self) -> tuple[int, dict[str, str], bytes]:
        """Return what the storage server answers: status, headers, content."""
        storage = self.server.proxy.storage
        connection = http.client.HTTPConnection(storage.host, storage.port, timeout=30)
        connection.request("GET", self.path, headers=dict(self.headers))
        response = connection.getresponse()
        headers = {name: value for name, value in response.getheaders() if name not in ("Transfer-Encoding", "Date")}
        content = response.read()
        connection.close()
        return response.status, headers | {"Content-Length": str(len(content))}, content

    def begin(self, status: int, headers: dict[str, str]) -> None:
        """Send status and headers."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def hang_up(self) -> None:
        """End the connection without another word."""
        self.close_connection = True


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    proxy: "StorageProxy"

    def handle_error(self, *_: object) -> None:
        """Take a client that was killed as it is."""


class StorageProxy:
    """Downloads go through it: the faults of ``queue`` first, one each, then ``default`` for every other.

    Attributes:
        storage: the server behind it.
        default: what happens to a request when the queue is empty.
        queue: what happens to the next requests.
        requests: every request's Range header, in order; empty for one from the beginning.
    """

    def __init__(self, storage: Program, port: int = 0) -> None:
        self.storage = storage
        self.default: Fault = pass_on
        self.queue: deque[Fault] = deque()
        self.requests: list[str] = []
        self.closed = Event()
        self._lock = Lock()
        self._server = _Server(("127.0.0.1", port), Download, bind_and_activate=False)
        self._server.proxy = self

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def next_fault(self, download: Download) -> Fault:
        """Return what is to become of a request, and take it down."""
        with self._lock:
            self.requests.append(download.headers.get("Range", ""))
            return self.queue.popleft() if self.queue else self.default

    def clear(self) -> None:
        """Forget what was and what was to come."""
        self.default = pass_on
        self.queue.clear()
        self.requests.clear()

    @contextmanager
    def running(self) -> Iterator["StorageProxy"]:
        """Serve until the context is left; before, nothing listens."""
        self._server.server_bind()
        self._server.server_activate()
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield self
        finally:
            self.closed.set()
            self._server.shutdown()
            self._server.server_close()


def pass_on(download: Download) -> None:
    """No fault."""
    status, headers, content = download.fetch()
    download.begin(status, headers)
    download.wfile.write(content)


def answer(status: int, text: str = "so it is") -> Fault:
    """Answer with a status instead of the content."""

    def fault(download: Download) -> None:
        download.begin(status, {"Content-Length": str(len(text)), "Content-Type": "text/plain"})
        download.wfile.write(text.encode())

    return fault


def reset(download: Download) -> None:
    """Hang up instead of answering."""
    download.hang_up()


def cut(at: int, then: Callable[[bytes], bytes] = bytes) -> Fault:
    """Hang up after so many bytes of the content, which ``then`` may change."""

    def fault(download: Download) -> None:
        status, headers, content = download.fetch()
        download.begin(status, headers)
        download.wfile.write(then(content)[:at])
        download.hang_up()

    return fault


def corrupt(content: bytes) -> bytes:
    """One bit of the 300th byte is another."""
    return content[:299] + bytes([content[299] ^ 1]) + content[300:]


def corrupted(download: Download) -> None:
    """Send the content with one bit changed."""
    status, headers, content = download.fetch()
    download.begin(status, headers)
    download.wfile.write(corrupt(content))


def emptied(download: Download) -> None:
    """Answer as if the object had no bytes."""
    status, headers, _ = download.fetch()
    download.begin(status, headers | {"Content-Length": "0"})


def stall(after: int = 0) -> Fault:
    """Fall silent after so many bytes, with the connection open."""

    def fault(download: Download) -> None:
        status, headers, content = download.fetch()
        download.begin(status, headers)
        download.wfile.write(content[:after])
        download.server.proxy.closed.wait()
        download.hang_up()

    return fault


def drip(n_bytes: int, seconds: float) -> Fault:
    """Send so many bytes at a time, with so long a pause after each."""

    def fault(download: Download) -> None:
        status, headers, content = download.fetch()
        download.begin(status, headers)
        for start in range(0, len(content), n_bytes):
            download.wfile.write(content[start : start + n_bytes])
            download.server.proxy.closed.wait(seconds)

    return fault


def before(action: Callable[[], object]) -> Fault:
    """Do something just before the download begins."""

    def fault(download: Download) -> None:
        action()
        pass_on(download)

    return fault


def after(action: Callable[[], object]) -> Fault:
    """Do something as soon as the last byte has left."""

    def fault(download: Download) -> None:
        pass_on(download)
        action()

    return fault
