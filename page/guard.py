"""What every request must be and what every answer says, so that no other site gets at the sounds through a browser.

*Conventions.* A site is told by what a browser cannot be made to hide: `Host` (against names that are made to point
here), `Origin` and `Sec-Fetch-Site` (against pages elsewhere that ask in the reader's name, if only to cost reads).
A link from elsewhere may be followed to what a reader looks at; a frame and a download are no link.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from page.scope import LOOPBACK

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Send
    from starlette.types import Scope as Request

    from page.scope import Scope

SAYS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
READING = frozenset({"GET", "HEAD"})
LOOKED_AT = re.compile(r"/|/rejections|/map|/sounds/[^/]+")  # the addresses of whole pages
LOCAL_NAMES = frozenset({LOOPBACK, "localhost", "[::1]"})
ANY_ADDRESS = frozenset({"0.0.0.0", "::", "[::]"})  # noqa: S104  compared, not bound


class Guard:
    """Refuses what is foreign, and adds SAYS to every answer."""

    def __init__(self, app: ASGIApp, scope: Scope) -> None:
        self._app = app
        self._scope = scope

    async def __call__(self, request: Request, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI asks for it."""
        if request["type"] != "http":
            await self._app(request, receive, send)
            return

        async def say(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SAYS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        why = find_fault(self._scope, request["method"], request["path"], Headers(scope=request))
        app = PlainTextResponse(f"{why}\n", 403) if why else self._app
        await app(request, receive, say)


def find_fault(scope: Scope, method: str, path: str, headers: Headers) -> str | None:
    """Return why a request is refused, None where it is not."""
    host = headers.get("host", "")
    if not is_own_host(scope, host):
        return f"This page is not {host!r}: open {scope.url}"
    is_foreign = headers.get("sec-fetch-site") in {"cross-site", "same-site"}
    if is_foreign and not (method in READING and LOOKED_AT.fullmatch(path) and _is_link(headers)):
        return "Another site asked for this in your name."
    origin = headers.get("origin")
    if method not in READING and origin is not None and origin != f"http://{host}":
        return "Another site wanted to change something in your name."
    return None


def is_own_host(scope: Scope, host: str) -> bool:
    """Whether a `Host` header names this page: this machine, or what it was asked to listen on."""
    name, _, port = host.rpartition(":")
    if port != str(scope.port):
        return False
    if name in LOCAL_NAMES or name.strip("[]") == scope.host.strip("[]"):
        return True
    # A name can be made to point anywhere, an address cannot.
    return scope.host in ANY_ADDRESS and _is_address(name.strip("[]"))


def _is_link(headers: Headers) -> bool:
    # A frame navigates too, but to no document of its own.
    return (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
