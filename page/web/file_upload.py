"""A file that is dropped onto the page is put into the local bucket, as any upload."""

from __future__ import annotations

import re
import tempfile
import unicodedata
from typing import IO, TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from analysis.document import make_uid
from analysis.upload import Upload
from page.media.audio import storage_client
from page.media.media_type import HEAD_BYTES, sniff

if TYPE_CHECKING:
    from starlette.requests import Request

    from page.config import Config

LENGTH = re.compile(r"[0-9]{1,20}")  # as many digits as HTTP servers take
MAX_NAME_BYTES = 1024  # Cloud Storage's limit
MAX_MEMORY_BYTES = 2**20  # a file that is larger is written to the disk while it arrives


class RefusedUploadError(Exception):
    """The file is not uploaded; the message says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def upload(config: Config, request: Request) -> str:
    """Put the body of a request into the bucket, under the name in its address; return the uid of its document.

    Raises RefusedUploadError for a bad name, and for a file that is larger than the function would analyse.
    """
    name = check_name(request.query_params.get("name", ""))
    max_bytes = config.settings.max_bytes
    check_size(declared_bytes(request), max_bytes)
    with tempfile.SpooledTemporaryFile(MAX_MEMORY_BYTES) as file:
        n_bytes = 0
        async for piece in request.stream():
            n_bytes += len(piece)
            check_size(n_bytes, max_bytes)
            await run_in_threadpool(file.write, piece)
        return await run_in_threadpool(_put, config, name, file)


def declared_bytes(request: Request) -> int:
    """Return how many bytes the body of a request is said to have; 0 where that is not said."""
    declared = request.headers.get("content-length", "")
    return int(declared) if LENGTH.fullmatch(declared) else 0


def check_name(name: str) -> str:
    """Return the name, if the bucket can hold it and nothing that copies the bucket takes it for another place."""
    if not name or len(name.encode(errors="replace")) > MAX_NAME_BYTES:
        raise RefusedUploadError(400, f"A name has 1 to {MAX_NAME_BYTES} bytes.")
    if any(part in {"", ".", ".."} for part in name.split("/")):
        raise RefusedUploadError(400, "A name has no empty part, and none that is . or ..")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        raise RefusedUploadError(400, "A name has no control characters.")
    return name


def check_size(n_bytes: int, max_bytes: int) -> None:
    """Raise RefusedUploadError for a file that is larger than the function would analyse."""
    if n_bytes > max_bytes:
        raise RefusedUploadError(413, f"{n_bytes} bytes: at most MAX_BYTES={max_bytes} are analysed.")


def _put(config: Config, name: str, file: IO[bytes]) -> str:
    file.seek(0)
    media_type = sniff(file.read(HEAD_BYTES))
    blob = storage_client(config.project).bucket(config.bucket_name).blob(name)
    blob.upload_from_file(file, rewind=True, content_type=media_type)
    return make_uid(Upload(config.bucket_name, name, int(blob.generation)))
