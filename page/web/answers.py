"""Answers that are made whole before they are sent: compressed, and not sent again to whom has them already."""

from __future__ import annotations

import gzip
import re
from hashlib import blake2b
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request

MIN_COMPRESSED = 1000  # bytes: less fits into one packet
LEVEL = 5  # of gzip: 100 kB of HTML take 2 ms
TAKES_GZIP = re.compile(
    r"(^|,)\s*gzip\s*(,|$|;(?!\s*q\s*=\s*0(\.0*)?\s*(,|$)))", re.IGNORECASE
)  # a weight of 0 is a no


def answer(request: Request, text: str, media_type: str, unimportant: str = "") -> Response:
    """Return a text, unless the browser says in If-None-Match that it has it, which is 304 without a text.

    A text that differs only in what is ``unimportant``, such as the time of the answer, is taken for the same.
    """
    body = text.encode(errors="replace")
    told = text.replace(unimportant, "").encode(errors="replace") if unimportant else body
    etag = f'W/"{blake2b(told, digest_size=12).hexdigest()}"'
    headers = {"etag": etag, "vary": "accept-encoding"}
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    if len(body) >= MIN_COMPRESSED and TAKES_GZIP.search(request.headers.get("accept-encoding", "")):
        body = gzip.compress(body, LEVEL, mtime=0)
        headers["content-encoding"] = "gzip"
    return Response(body, headers=headers, media_type=media_type)


def is_known(request: Request, etag: str) -> bool:
    """Whether If-None-Match names an entity tag, or any; what is weak and what is strong does not matter to it."""
    named = (tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(","))
    return any(tag in {etag.removeprefix("W/"), "*"} for tag in named)
