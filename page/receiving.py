"""A file that was dropped onto the page goes into the local bucket, where the function finds it."""

from __future__ import annotations

import tempfile
import unicodedata
from typing import IO, TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from analysis.document import make_uid
from analysis.upload import Upload
from page.playing import connect
from page.sniffing import NEEDED, sniff

if TYPE_CHECKING:
    from starlette.requests import Request

    from page.scope import Scope

MOST_NAME_BYTES = 1024  # of a name in Cloud Storage
IN_MEMORY_BYTES = 2**20


class RefusedError(Exception):
    """The file is not taken; the message says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def take(scope: Scope, request: Request) -> str:
    """Put the body of a request into the bucket, under the name it asks for, and return the uid of what becomes of it.

    Raises RefusedError for a name that would mean trouble, and for more than the function would take.
    """
    name = check_name(request.query_params.get("name", ""))
    most = scope.settings.max_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise RefusedError(413, too_large(int(declared), most))
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
        n_bytes = 0
        async for piece in request.stream():
            n_bytes += len(piece)
            if n_bytes > most:
                raise RefusedError(413, too_large(n_bytes, most))
            await run_in_threadpool(file.write, piece)
        return await run_in_threadpool(_put, scope, name, file)


def check_name(name: str) -> str:
    """Return a name that the bucket can hold and no reader takes for something else."""
    if not name or len(name.encode(errors="replace")) > MOST_NAME_BYTES:
        raise RefusedError(400, f"A name has 1 to {MOST_NAME_BYTES} bytes.")
    if any(part in {"", ".", ".."} for part in name.split("/")):
        raise RefusedError(400, "A name has no empty part, and none that is . or ..")
    if any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in name):
        raise RefusedError(400, "A name has no control characters.")
    return name


def too_large(n_bytes: int, most: int) -> str:
    """Say that a file is too large."""
    return f"{n_bytes} bytes: at most MAX_BYTES={most} are analysed."


def _put(scope: Scope, name: str, file: IO[bytes]) -> str:
    file.seek(0)
    media_type = sniff(file.read(NEEDED))
    blob = connect(scope.project).bucket(scope.bucket_name).blob(name)
    blob.upload_from_file(file, rewind=True, content_type=media_type)
    return make_uid(Upload(scope.bucket_name, name, int(blob.generation)))
