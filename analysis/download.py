"""One generation of one blob becomes a temporary file, of which nothing is left when it is closed.

*Conventions.* What is stored is fetched as it is and held to its checksum, then decompressed if its content is gzip: an
object's metadata may be wrong, or changed since. What a retry can cure is raised as the client's own error, or as
TimeoutError where bytes come too slowly: the client begins no attempt later than `RETRY_S` after the first, and a
download is given up when it has taken longer than that and what its `Pace` allows for the bytes that came. The files
have no name from the start, so that not even a killed process leaves them behind.
"""

from __future__ import annotations

import base64
import gzip
import os
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from math import inf
from tempfile import TemporaryFile
from time import monotonic
from typing import IO, TYPE_CHECKING, Any

from google.api_core.exceptions import BadRequest, NotFound
from google.cloud import storage  # type: ignore[attr-defined]  # it ships no types
from google.cloud.storage.exceptions import DataCorruption
from google.cloud.storage.retry import DEFAULT_RETRY
from google_crc32c import extend

from analysis.errors import CorruptError, EmptyError, EncryptedError, Gone, Skipped, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.upload import Upload

TIMEOUT_S = (5, 20)  # of one attempt: to connect, and of each wait for bytes
RETRY_S = 45  # no attempt begins later than this after the first; the platform's own retries go on from there
RETRY = DEFAULT_RETRY.with_timeout(RETRY_S)
GZIP = b"\x1f\x8b"
PIECE_BYTES = 2**17  # read at a time; of 635 MB that takes 0.58 s of CPU where the client's own 8 KiB take 1.40
# What Cloud Storage answers to a reader without the customer's key: the reason of its error, and another error's text.
KEY_IS_MISSING = ("resourceisencryptedwithcustomerencryptionkey", "customer-supplied encryption key")


@dataclass(frozen=True, slots=True)
class Pace:
    """How slowly a download may come: a large one may be slow, none may drip.

    Attributes:
        bytes_per_s: so many bytes that came may have taken a second, besides RETRY_S.
        longest_s: all together have to come in this time, besides RETRY_S.
    """

    bytes_per_s: int
    longest_s: float

    def allows(self, n_bytes: int, seconds: float) -> bool:
        """Return whether so many bytes may have taken so long."""
        return seconds <= RETRY_S + min(n_bytes / self.bytes_per_s, self.longest_s)


IN_THE_CLOUD = Pace(4 * 2**20, 240)  # which leaves half of the platform's 540 s to the analysis
AT_HOME = Pace(2**17, inf)  # for each process; a laptop has less to share, and time


def download(upload: Upload, max_bytes: int, pace: Pace = IN_THE_CLOUD) -> IO[bytes]:
    """Return the upload's content as a file open at its beginning, which is gone when it is closed.

    Raises TimeoutError when bytes come more slowly than the pace allows, and the client's own errors;
    EmptyError, TooLargeError, EncryptedError, CorruptError; Gone when this generation is no longer there;
    Skipped when it turns out to be a folder's placeholder.
    """
    if upload.size == 0:
        raise _empty(upload)
    if upload.size is not None and upload.size > max_bytes:
        raise TooLargeError(f"{upload.uri} has {upload.size} bytes: at most MAX_BYTES={max_bytes} are taken")
    if upload.customer_encrypted:
        raise EncryptedError(_encrypted(upload))
    with ExitStack() as on_error:
        file = on_error.enter_context(TemporaryFile(prefix="sound-"))
        _fetch(upload, file, max_bytes, pace)
        if os.pread(file.fileno(), len(GZIP), 0) == GZIP:  # file.read() would leave the descriptor ahead
            stored = file
            file = on_error.enter_context(TemporaryFile(prefix="sound-"))
            _decompress(upload, stored, file, max_bytes)
            stored.close()
        file.seek(0)
        on_error.pop_all()
    return file


def _fetch(upload: Upload, file: IO[bytes], max_bytes: int, pace: Pace) -> None:
    """Write what is stored to the file, whole and unchanged."""
    blob = _client().bucket(upload.bucket_name).blob(upload.blob_name, generation=upload.generation)
    received = _Received(file, upload, max_bytes, pace)
    try:
        # No checksum: the client checks what comes in one answer alone, not what is cut and goes on in another; we do.
        blob.download_to_file(received, raw_download=True, checksum=None, timeout=TIMEOUT_S, retry=RETRY)
    except NotFound:
        raise _gone(upload) from None
    except BadRequest as error:
        if any(words in str(error).lower() for words in KEY_IS_MISSING):
            raise EncryptedError(_encrypted(upload)) from error
        raise
    stored = upload.crc32c or _ask_for_crc32c(upload)
    if received.crc32c != stored:
        raise DataCorruption(None, f"{upload.uri}: what came has the CRC32C {received.crc32c}, what is stored {stored}")
    if not received.n_bytes:
        raise _empty(upload)
    file.flush()  # the decoders read its descriptor


def _ask_for_crc32c(upload: Upload) -> str:
    """Return the checksum that every stored object has, for an upload whose event does not tell it."""
    bucket = _client().bucket(upload.bucket_name)
    blob = bucket.get_blob(upload.blob_name, generation=upload.generation, timeout=TIMEOUT_S, retry=RETRY)
    if blob is None:
        raise _gone(upload)
    crc32c: str = blob.crc32c
    return crc32c


def _decompress(upload: Upload, stored: IO[bytes], decompressed: IO[bytes], max_bytes: int) -> None:
    """Undo gzip, with both files together within the limit, as both are memory."""
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
    client = storage.Client()
    client._http.hooks["response"].append(_read_as_it_comes)  # noqa: SLF001 - its session has no public name
    return client


def _read_as_it_comes(response: Any, *, stream: bool = False, **_: object) -> None:
    """Let the client read a download in the pieces in which it comes; by itself it waits until each 8 KiB are full."""
    if stream:
        response.raw.stream = partial(_pieces, response.raw)


def _pieces(raw: Any, _n_bytes: int, *, decode_content: bool) -> Iterator[bytes]:
    """Give what urllib3's ``stream`` gives, but each piece as soon as there is one."""
    while piece := raw.read1(PIECE_BYTES, decode_content):
        yield piece


def _check_client() -> None:
    """Raise ImportError for a client that does not read by ``stream``, which is what `_read_as_it_comes` replaces.

    Such a client would work, but slowly, and without an end where bytes drip: the function is not to start with it.
    """
    read = getattr(getattr(storage.blob, "RawDownload", None), "_write_to_stream", None)
    if not read or "stream" not in read.__code__.co_names:
        raise ImportError(
            f"google-cloud-storage {storage.__version__} does not read downloads by urllib3's stream(): "
            "install the version of requirements.txt, or adapt _read_as_it_comes in analysis/download.py"
        )


_check_client()


def _gone(upload: Upload) -> Gone:
    return Gone(f"{upload.uri} is not there: deleted or overwritten since")


def _empty(upload: Upload) -> EmptyError | Skipped:
    """Return what is to be raised for an object without bytes."""
    if upload.is_named_like_a_folder:
        return Skipped("a folder placeholder")
    return EmptyError(f"{upload.uri} has no bytes: a sound file is needed")


def _encrypted(upload: Upload) -> str:
    return f"{upload.uri} is encrypted with a key of the customer's own: upload it without one"


class _Received:
    """What has come of a download: written to a file, counted and summed, within limits of size and time.

    Attributes:
        n_bytes: how many bytes have come.
    """

    def __init__(self, file: IO[bytes], upload: Upload, max_bytes: int, pace: Pace) -> None:
        self._file, self._upload, self._max_bytes, self._pace = file, upload, max_bytes, pace
        self._began = monotonic()
        self._crc32c = 0
        self.n_bytes = 0

    @property
    def crc32c(self) -> str:
        """The checksum of what has come, base64 as in Cloud Storage."""
        return base64.b64encode(self._crc32c.to_bytes(4)).decode()

    def write(self, piece: bytes) -> None:
        """Take the next piece: to the client, this is the file that it downloads to."""
        self.n_bytes += len(piece)
        if self.n_bytes > self._max_bytes:
            raise TooLargeError(f"{self._upload.uri} has more bytes than MAX_BYTES={self._max_bytes}")
        seconds = monotonic() - self._began
        if not self._pace.allows(self.n_bytes, seconds):
            raise TimeoutError(f"{self._upload.uri} comes too slowly: {self.n_bytes} bytes in {seconds:.0f} s")
        self._crc32c = extend(self._crc32c, piece)
        self._file.write(piece)
