"""One generation of one blob becomes a temporary file, which nothing outlives.

*Conventions.* Errors that a retry can cure leave as the client raises them, at most `RETRY_S` and one attempt after the
first attempt began. What is stored is fetched as it is and checked against the event, then decompressed if it is gzip:
its content says so, as the object's metadata may be wrong or changed. The files have no name from the start, so that
not even a killed process leaves them behind.
"""

from __future__ import annotations

import base64
import gzip
import os
import zlib
from contextlib import ExitStack
from functools import cache
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from google.api_core.exceptions import BadRequest, NotFound
from google.cloud import storage  # type: ignore[attr-defined]  # it ships no types
from google.cloud.storage.exceptions import DataCorruption
from google.cloud.storage.retry import DEFAULT_RETRY
from google_crc32c import extend

from analysis.errors import CorruptError, EmptyError, EncryptedError, NothingToDo, TooLargeError

if TYPE_CHECKING:
    from analysis.upload import Upload

CONNECT_S, READ_S = 5, 20  # of one attempt, the second per read
RETRY_S = 45  # no attempt begins later than this after the first; the platform's own retries go on from there
GZIP = b"\x1f\x8b"
PIECE_BYTES = 2**20
# Cloud Storage's words to who reads without the key, as the reason of an error and as its text.
KEY_IS_MISSING = ("resourceisencryptedwithcustomerencryptionkey", "customer-supplied encryption key")


def download(upload: Upload, max_bytes: int) -> IO[bytes]:
    """Return the upload's content as a file open at its beginning, which is gone when it is closed.

    Raises EmptyError, TooLargeError, EncryptedError, CorruptError; NothingToDo when this generation is no longer there.
    """
    if upload.size == 0:
        raise EmptyError(_empty(upload))
    if upload.size is not None and upload.size > max_bytes:
        raise TooLargeError(f"{upload.uri} has {upload.size} bytes: at most MAX_BYTES={max_bytes} are taken")
    if upload.customer_encrypted:
        raise EncryptedError(_encrypted(upload))
    with ExitStack() as on_error:
        file = on_error.enter_context(TemporaryFile(prefix="sound-"))
        _fetch(upload, file, max_bytes)
        if os.pread(file.fileno(), len(GZIP), 0) == GZIP:  # a read would leave the descriptor ahead of the file
            stored = file
            file = on_error.enter_context(TemporaryFile(prefix="sound-"))
            _decompress(upload, stored, file, max_bytes)
            stored.close()
        file.seek(0)
        on_error.pop_all()
    return file


def _fetch(upload: Upload, file: IO[bytes], max_bytes: int) -> None:
    """Write what is stored to the file, and leave that at its beginning."""
    blob = _client().bucket(upload.bucket_name).blob(upload.blob_name, generation=upload.generation)
    checked = _Checked(file, max_bytes, upload)
    try:
        blob.download_to_file(
            checked, raw_download=True, timeout=(CONNECT_S, READ_S), retry=DEFAULT_RETRY.with_timeout(RETRY_S)
        )
    except NotFound:
        raise NothingToDo(f"{upload.uri} is not there: deleted or overwritten since") from None
    except BadRequest as error:
        if any(words in str(error).lower() for words in KEY_IS_MISSING):
            raise EncryptedError(_encrypted(upload)) from error
        raise
    if not file.tell():
        raise EmptyError(_empty(upload))
    checked.check()
    file.seek(0)


def _decompress(upload: Upload, stored: IO[bytes], decompressed: IO[bytes], max_bytes: int) -> None:
    """Undo gzip; both files together keep to the limit, as both are memory."""
    left = max_bytes - stored.seek(0, 2)
    stored.seek(0)
    try:
        with gzip.open(stored) as content:
            while piece := content.read(PIECE_BYTES):
                left -= len(piece)
                if left < 0:
                    raise TooLargeError(f"{upload.uri} takes more than MAX_BYTES={max_bytes} bytes to decompress")
                decompressed.write(piece)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorruptError(f"{upload.uri} is gzip that cannot be decompressed: {error}") from error


@cache
def _client() -> storage.Client:
    return storage.Client()


def _empty(upload: Upload) -> str:
    return f"{upload.uri} has no bytes: a sound file is needed"


def _encrypted(upload: Upload) -> str:
    return f"{upload.uri} is encrypted with a key of the customer's own: upload it without one"


class _Checked:
    """A file that a download is written to, within a limit, and with the sum that the client does not check.

    It checks what came in one answer, not what was cut and went on in another.
    """

    def __init__(self, file: IO[bytes], max_bytes: int, upload: Upload) -> None:
        self._file, self._max_bytes, self._upload = file, max_bytes, upload
        self._crc32c = 0

    def write(self, chunk: bytes) -> int:
        if self._file.tell() + len(chunk) > self._max_bytes:
            raise TooLargeError(f"{self._upload.uri} has more bytes than MAX_BYTES={self._max_bytes}")
        self._crc32c = extend(self._crc32c, chunk)
        return self._file.write(chunk)

    def check(self) -> None:
        found = base64.b64encode(self._crc32c.to_bytes(4)).decode()
        if self._upload.crc32c and found != self._upload.crc32c:
            raise DataCorruption(None, f"CRC32C {found} came, the event tells of {self._upload.crc32c}")
