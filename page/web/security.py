"""The middleware that keeps other sites away from the sounds: it checks each request and sets headers on each answer.

*Conventions.* A request is judged by headers that a script in a browser cannot change: `Host`, as another site's name
can be made to point to this machine; `Origin` and `Sec-Fetch-Site`, as another site can make a browser ask, if only to
cost reads. A link from another site may lead to a page for people, and to nothing else.
"""

from __future__ import annotations

import html
import ipaddress
import re
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from page.config import LOOPBACK

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from page.config import Config

ANSWER_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
# It stands alone: under another name its style would be refused too.
REFUSAL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Refused</title>
</head>
<body><main><h1>Refused</h1><p>{reason}</p><p><a href="{url}">Open the page</a></p></main></body>
</html>
"""
SAFE_METHODS = frozenset({"GET", "HEAD"})
PAGES = re.compile(
    r"/|/rejections|/map|/duplicates|/similar|/sounds/[^/]+"
)  # the addresses that another site may link to
LOCAL_NAMES = frozenset({LOOPBACK, "localhost", "[::1]"})
ANY_ADDRESS = frozenset({"0.0.0.0", "::", "[::]"})  # noqa: S104  compared, not bound


class SecurityMiddleware:
    """Refuses what another site asks for, and sets ANSWER_HEADERS on every answer."""

    def __init__(self, app: ASGIApp, config: Config) -> None:
        self._app = app
        self._config = config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI asks for it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in ANSWER_HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        headers = Headers(scope=scope)
        reason = refuse(self._config, scope["method"], scope["path"], headers)
        app = _answer(self._config, reason, headers) if reason else self._app
        await app(scope, receive, send_with_headers)


def refuse(config: Config, method: str, path: str, headers: Headers) -> str | None:
    """Return why a request is refused, None where it is not."""
    host = headers.get("host", "")
    if not is_own_host(config, host):
        return f"This page is not {host!r}: open {config.url}"
    is_from_another_site = headers.get("sec-fetch-site") in {"cross-site", "same-site"}
    if is_from_another_site and not (method in SAFE_METHODS and PAGES.fullmatch(path) and _is_link(headers)):
        return "Another site asked for this in your name."
    origin = headers.get("origin")
    if method not in SAFE_METHODS and origin is not None and origin != f"http://{host}":
        return "Another site wanted to change something in your name."
    return None


def is_own_host(config: Config, host: str) -> bool:
    """Whether a Host header names this machine, or the address that the page listens on; the port counts too."""
    name, _, port = host.rpartition(":")
    if port != str(config.port):
        return False
    if name in LOCAL_NAMES or name.strip("[]") == config.host.strip("[]"):
        return True
    # A name can be made to point anywhere, an address cannot.
    return config.host in ANY_ADDRESS and _is_address(name.strip("[]"))


def _answer(config: Config, reason: str, headers: Headers) -> Response:
    if "text/html" not in headers.get("accept", ""):
        return PlainTextResponse(f"{reason}\n", 403)
    return HTMLResponse(REFUSAL.format(reason=html.escape(reason), url=html.escape(config.url)), 403)


def _is_link(headers: Headers) -> bool:
    # A frame navigates too, but its destination is not "document".
    return (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
