"""The page's own files; under an address that names their content a browser keeps them."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette import staticfiles

if TYPE_CHECKING:
    from starlette.responses import Response

DIRECTORY = Path(__file__).parent / "static"
CACHE_CONTROL = "public, max-age=31536000, immutable"


@cache
def prefix() -> str:
    """Return the address of the files, which is another one as soon as one of them changes."""
    digest = blake2b(digest_size=6)
    for file in sorted(DIRECTORY.iterdir()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return f"/static/{digest.hexdigest()}"


class StaticFiles(staticfiles.StaticFiles):
    """The files at an address that stays."""

    def __init__(self) -> None:
        super().__init__(directory=DIRECTORY)


class UnchangingFiles(StaticFiles):
    """The files at an address at which they never change."""

    def file_response(self, *arguments: Any, **options: Any) -> Response:
        """Return a file, to be kept."""
        response = super().file_response(*arguments, **options)
        response.headers["cache-control"] = CACHE_CONTROL
        return response
