"""One generation of one blob becomes a temporary file, which nothing outlives.

*Conventions.* Errors that a retry can cure leave as the client raises them, about `RETRY_S` after the first attempt.
The file has no name from the start, so that not even a killed process leaves it behind.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from google.api_core.exceptions import BadRequest, NotFound
from google.cloud import storage  # type: ignore[attr-defined]  # it ships no types
from google.cloud.storage.retry import DEFAULT_RETRY

from analysis.errors import EmptyError, EncryptedError, NothingToDo, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.upload import Upload

CONNECT_S, READ_S = 5, 20  # of one attempt, the second per read
RETRY_S = 60  # no attempt begins later than this after the first; the platform's own retries go on from there


@contextmanager
def download(upload: Upload, max_bytes: int) -> Iterator[IO[bytes]]:
    """Give the upload's content as a file open at its beginning, gone when the context is left.

    Raises EmptyError, TooLargeError, EncryptedError; NothingToDo when this generation is no longer there.
    """
    check_size(upload, max_bytes)
    if upload.customer_encrypted:
        raise EncryptedError(_encrypted(upload))
    with TemporaryFile(prefix="sound-") as file:
        blob = _client().bucket(upload.bucket_name).blob(upload.blob_name, generation=upload.generation)
        try:
            blob.download_to_file(
                _Bounded(file, max_bytes, upload),
                timeout=(CONNECT_S, READ_S),
                retry=DEFAULT_RETRY.with_timeout(RETRY_S),
            )
        except NotFound:
            raise NothingToDo(f"{upload.uri} is not there: deleted or overwritten since") from None
        except BadRequest as error:
            if "CustomerEncryptionKey" in str(error):
                raise EncryptedError(_encrypted(upload)) from error
            raise
        if not file.tell():
            raise EmptyError(f"{upload.uri} has no bytes: a sound file is needed")
        file.seek(0)
        yield file


def check_size(upload: Upload, max_bytes: int) -> None:
    """Raise EmptyError or TooLargeError for the size that the event tells of."""
    if upload.size == 0:
        raise EmptyError(f"{upload.uri} has no bytes: a sound file is needed")
    if upload.size is not None and upload.size > max_bytes:
        raise TooLargeError(f"{upload.uri} has {upload.size} bytes: at most MAX_BYTES={max_bytes} are taken")


@cache
def _client() -> storage.Client:
    return storage.Client()


def _encrypted(upload: Upload) -> str:
    return f"{upload.uri} is encrypted with a key of the customer's own: upload it without one"


class _Bounded:
    """What a download may write to a file: the events of objects stored compressed do not tell the size that counts."""

    def __init__(self, file: IO[bytes], max_bytes: int, upload: Upload) -> None:
        self._file, self._max_bytes, self._upload = file, max_bytes, upload

    def write(self, chunk: bytes) -> int:
        if self._file.tell() + len(chunk) > self._max_bytes:
            raise TooLargeError(f"{self._upload.uri} has more than MAX_BYTES={self._max_bytes} bytes when decompressed")
        return self._file.write(chunk)

    def seek(self, offset: int) -> int:
        return self._file.seek(offset)
