"""The HTTP side: finds the handler of a request, records what was asked, and refuses where a test says so."""

import json
import re
import threading
import traceback
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from tests.fakes.serving import Quiet

# These are asked with POST and change nothing.
_READS = re.compile(r":getIamPolicy$|:testIamPermissions$|/entries:list$|:runQuery$")


@dataclass
class Request:
    """One request as it came in, and whether it was refused; `body` is parsed JSON, or bytes where it is none."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    refused: bool = False
    query_lists: dict[str, list[str]] = field(default_factory=dict)

    @property
    def writes(self) -> bool:
        """Whether it is there to change something."""
        return self.method != "GET" and not _READS.search(self.path)


class RefusalError(Exception):
    """An answer that is an error, as the APIs word it."""

    def __init__(self, code: int, status: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.content = {"error": {"code": code, "status": status, "message": message}}


def not_found(what: str) -> RefusalError:
    """Return the answer to a question about something that is not there."""
    return RefusalError(404, "NOT_FOUND", f"{what} was not found")


def exists(what: str) -> RefusalError:
    """Return the answer to making something twice."""
    return RefusalError(409, "ALREADY_EXISTS", f"{what} already exists")


@dataclass
class Fault:
    """A refusal that a test wants: of the requests that match `pattern`, the first `times`; None: all."""

    pattern: str
    refusal: RefusalError
    times: int | None = None

    def strikes(self, request: Request) -> bool:
        """Return whether this request is refused, and count it."""
        if self.times == 0 or not re.search(self.pattern, f"{request.method} {request.path}"):
            return False
        if self.times is not None:
            self.times -= 1
        return True


Handler = Callable[["State", Request, dict[str, str]], Any]
ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []


def route(method: str, path: str) -> Callable[[Handler], Handler]:
    """Register a handler for a method and a path in which `{name}` stands for one segment, `{name*}` for more."""
    pattern = re.sub(r"\\\{(\w+)\\\*\\\}", r"(?P<\1>.+?)", re.escape(path))
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/:]+)", pattern)

    def register(handler: Handler) -> Handler:
        ROUTES.append((method, re.compile(pattern), handler))
        return handler

    return register


@dataclass
class State:
    """What there is in the cloud: one project, at first empty."""

    url: str = ""
    project: str = "sounds-test"
    number: str = "123456789012"
    services: set[str] = field(default_factory=lambda: {"serviceusage.googleapis.com", "storage.googleapis.com"})
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    agents: set[str] = field(default_factory=set)
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    roles: dict[str, dict[str, Any]] = field(default_factory=dict)
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)
    databases: dict[str, dict[str, Any]] = field(default_factory=dict)
    indexes: dict[str, dict[str, Any]] = field(default_factory=dict)
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    functions: dict[str, dict[str, Any]] = field(default_factory=dict)
    triggers: dict[str, dict[str, Any]] = field(default_factory=dict)
    archives: dict[str, bytes] = field(default_factory=dict)
    repositories: dict[str, dict[str, Any]] = field(default_factory=dict)
    images: set[str] = field(default_factory=set)
    builds: dict[str, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    executions: dict[str, dict[str, Any]] = field(default_factory=dict)
    run_tasks: Callable[[dict[str, Any], dict[str, Any]], None] | None = None
    schedules: dict[str, dict[str, Any]] = field(default_factory=dict)
    schedulers: list[str] = field(default_factory=lambda: ["europe-west1", "us-central1"])
    log: list[dict[str, Any]] = field(default_factory=list)
    parent: dict[str, str] | None = None
    lifecycle: str = "ACTIVE"
    billing: bool = True
    lacking: set[str] = field(default_factory=set)
    quotas: dict[str, int] = field(default_factory=dict)
    constraints: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    notifications: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    app_engine: str | None = None
    subscriptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    uploaded: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    lost_events: int = 0
    lost_deletions: int = 0
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    index_looks: int = 0
    index_ready_after: int = 2
    runtimes: dict[str, str] = field(
        default_factory=lambda: dict.fromkeys(("python312", "python313", "python314"), "GA")
    )


class Cloud:
    """The running server: its state, what it was asked, and its faults."""

    def __init__(self) -> None:
        self.state = State()
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self._lock = threading.Lock()
        cloud = self

        class _Handler(Quiet, BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                content = self.rfile.read(int(self.headers.get("content-length", 0)))
                code, answer = cloud.answer(self.command, self.path, content)
                self.send_response(code)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815  # the names that http.server looks for

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.state.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def refuse(self, pattern: str, code: int, status: str, message: str, times: int | None = None) -> None:
        """Refuse the requests that match `METHOD path`, the first `times` of them or all."""
        self.faults.append(Fault(pattern, RefusalError(code, status, message), times))

    def restore(self, state: State) -> None:
        """Put the cloud into a state that it was in, and forget the faults that a test wanted."""
        self.state = deepcopy(state)
        self.faults.clear()

    @property
    def writes(self) -> list[Request]:
        """The requests that were there to change something."""
        return [request for request in self.requests if request.writes]

    def answer(self, method: str, target: str, content: bytes) -> tuple[int, bytes]:
        """Return the status code and the body for one request."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query))
        request = Request(method, unquote(parts.path), query, _parsed(content), query_lists=parse_qs(parts.query))
        with self._lock:
            self.requests.append(request)
            fault = next((fault for fault in self.faults if fault.strikes(request)), None)
            if fault:
                return _refused(request, fault.refusal)
            try:
                return 200, json.dumps(self._handled(request)).encode()
            except RefusalError as refusal:
                return _refused(request, refusal)
            except Exception:  # noqa: BLE001  # said at once: gcloud asks half a minute long after no answer
                return 400, traceback.format_exc().encode()

    def _handled(self, request: Request) -> Any:
        for method, pattern, handler in ROUTES:
            matched = pattern.fullmatch(request.path) if method == request.method else None
            if matched:
                return handler(self.state, request, matched.groupdict())
        raise RefusalError(400, "UNIMPLEMENTED", f"this server does not play {request.method} {request.path}")


def _refused(request: Request, refusal: RefusalError) -> tuple[int, bytes]:
    request.refused = True
    return refusal.code, json.dumps(refusal.content).encode()


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content
