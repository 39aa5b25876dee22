"""One generation of one blob becomes a temporary file, of which nothing is left when it is closed.

*Conventions.* The bytes are fetched as they are stored and compared with their checksum. What begins like gzip is then
decompressed: the object's metadata may be wrong about that. The temporary files have no name, so that nothing is left
of them even where the process is killed.

*Errors.* What a retry can cure is raised as Google's own error, or as TimeoutError where bytes come too slowly. No
attempt begins later than RETRY_S after the first. A download is given up when it has taken longer than RETRY_S and the
time that its `Pace` allows for the bytes that came.

*Source.* https://cloud.google.com/storage/docs/json_api/v1/objects/get. The requests are made here, because the
client's own downloads read 8 KiB at a time, which takes more than twice the CPU, and wait for each 8 KiB without a
limit: 200 MB from a local server take 0.43 s of CPU by `Blob.download_to_file`, 0.28 in ranges of 8 MiB, 0.76 by
`Blob.open`, 0.18 here.
"""

from __future__ import annotations

import base64
import gzip
import os
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from math import inf
from tempfile import TemporaryFile
from time import monotonic
from typing import IO, TYPE_CHECKING

import google.auth
from google.api_core.exceptions import BadRequest, NotFound, from_http_status
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud import storage  # type: ignore[attr-defined]  # it ships no types
from google.cloud.storage.exceptions import DataCorruption
from google.cloud.storage.retry import DEFAULT_RETRY
from google_crc32c import extend

from analysis.errors import (
    AnalysisError,
    CorruptError,
    EmptyError,
    EncryptedError,
    Gone,
    RequesterPaysError,
    Skipped,
    TooLargeError,
)

if TYPE_CHECKING:
    from analysis.upload import Upload

SCOPES = ("https://www.googleapis.com/auth/devstorage.read_only",)
TIMEOUT_S = (5, 20)  # of one attempt: to connect, and of each wait for bytes
RETRY_S = 45  # no attempt begins later than this after the first; the platform's own retries go on from there
RETRY = DEFAULT_RETRY.with_timeout(RETRY_S)
GZIP = b"\x1f\x8b"
PIECE_BYTES = 2**17  # read at a time, at most
# What Cloud Storage answers to a reader without the customer's key: the reason of one error, and the text of another.
KEY_IS_MISSING = ("resourceisencryptedwithcustomerencryptionkey", "customer-supplied encryption key")
# And to one whose request names no project that pays; it once said "is requester pays bucket", without "a".
PAYER_IS_MISSING = ("requester pays bucket but no user project", "userprojectmissing")


@dataclass(frozen=True, slots=True)
class Pace:
    """How slowly a download may come: the more bytes have come, the longer it may have taken.

    Attributes:
        bytes_per_s: how many bytes allow one more second than RETRY_S.
        longest_s: how many seconds more than RETRY_S are allowed at most.
    """

    bytes_per_s: int
    longest_s: float

    def allows(self, n_bytes: int, seconds: float) -> bool:
        """Return whether this many bytes may have taken this long."""
        return seconds <= RETRY_S + min(n_bytes / self.bytes_per_s, self.longest_s)


IN_THE_CLOUD = Pace(4 * 2**20, 240)  # which leaves half of the platform's 540 s to the analysis
AT_HOME = Pace(2**17, inf)  # for each process; a laptop has less to share, and time


def download(upload: Upload, max_bytes: int, pace: Pace = IN_THE_CLOUD) -> IO[bytes]:
    """Return the upload's content as a file open at its beginning, which is gone when it is closed.

    Raises TimeoutError when bytes come more slowly than the pace allows, and the client's own errors;
    EmptyError, TooLargeError, EncryptedError, RequesterPaysError, CorruptError; Gone when this generation is no longer
    there; Skipped when it turns out to be a folder's placeholder.
    """
    if refused := _refused_by_event(upload, max_bytes):
        check_is_there(upload)  # often it is not, as some tools make an empty object first
        raise refused
    with ExitStack() as on_error:
        stored = on_error.enter_context(TemporaryFile(prefix="sound-"))
        _fetch(upload, stored, max_bytes, pace)
        file = open_stored(stored, upload.uri, max_bytes)
        on_error.pop_all()
    return file


def open_stored(stored: IO[bytes], name: str, max_bytes: int) -> IO[bytes]:
    """Return the content of a file of this name, open at its beginning: itself, or what it is when decompressed.

    The file is closed where another takes its place. Raises TooLargeError and CorruptError.
    """
    if os.pread(stored.fileno(), len(GZIP), 0) != GZIP:  # file.read() would leave the descriptor ahead
        stored.seek(0)
        return stored
    with ExitStack() as on_error:
        file = on_error.enter_context(TemporaryFile(prefix="sound-"))
        _decompress(name, stored, file, max_bytes)
        stored.close()
        file.seek(0)
        on_error.pop_all()
    return file


def check_is_there(upload: Upload) -> None:
    """Raise Gone where this generation is no longer in the bucket.

    Raises RequesterPaysError where the bucket does not say, and the client's own errors.
    """
    _ask(upload)


def _refused_by_event(upload: Upload, max_bytes: int) -> AnalysisError | Skipped | None:
    """Return the reason for which an object is not downloaded, as far as its event tells; None where it tells none."""
    if upload.size == 0:
        return _empty(upload)
    if upload.size is not None and upload.size > max_bytes:
        return TooLargeError(f"{upload.uri} has {upload.size} bytes: at most MAX_BYTES={max_bytes} are taken")
    return EncryptedError(_encrypted(upload)) if upload.customer_encrypted else None


def _fetch(upload: Upload, file: IO[bytes], max_bytes: int, pace: Pace) -> None:
    """Write what is stored to the file, whole and unchanged."""
    received = _Received(file, upload, max_bytes, pace)
    try:
        RETRY(_receive)(upload, received)
    except NotFound:
        raise _gone(upload) from None
    except BadRequest as error:
        raise _refused(upload, error) from error
    stored = upload.crc32c or _ask(upload).crc32c
    if received.crc32c != stored:
        raise DataCorruption(None, f"{upload.uri}: what came has the CRC32C {received.crc32c}, what is stored {stored}")
    if not received.n_bytes:
        raise _empty(upload)
    file.flush()  # the decoders read its descriptor


def _receive(upload: Upload, received: _Received) -> None:
    """Take the bytes that have not come yet, each piece as soon as it comes."""
    blob = _client().bucket(upload.bucket_name).blob(upload.blob_name)
    url = f"{_client().api_endpoint}/download/storage/v1{blob.path}?alt=media&generation={upload.generation}"
    headers = {"Accept-Encoding": "gzip"}  # else Cloud Storage decompresses objects whose metadata says gzip
    if received.n_bytes:
        headers["Range"] = f"bytes={received.n_bytes}-"
    with _session().get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
        if not response.ok:
            raise from_http_status(response.status_code, response.text, response=response)
        while piece := response.raw.read1(PIECE_BYTES, decode_content=False):
            received.write(piece)


def _ask(upload: Upload) -> storage.Blob:
    """Return the object as the bucket has it now; raise Gone where it has another generation, or none."""
    bucket = _client().bucket(upload.bucket_name)
    try:
        blob = bucket.get_blob(upload.blob_name, generation=upload.generation, timeout=TIMEOUT_S, retry=RETRY)
    except BadRequest as error:
        raise _refused(upload, error) from error
    if blob is None:
        raise _gone(upload)
    return blob


def _decompress(name: str, stored: IO[bytes], decompressed: IO[bytes], max_bytes: int) -> None:
    """Undo gzip; both files together are within the limit, as both are memory."""
    remaining = max_bytes - stored.seek(0, 2)
    stored.seek(0)
    try:
        with gzip.open(stored) as content:
            while piece := content.read(PIECE_BYTES):
                remaining -= len(piece)
                if remaining < 0:
                    raise TooLargeError(f"{name} takes more than MAX_BYTES={max_bytes} bytes to decompress")
                decompressed.write(piece)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorruptError(f"{name} is gzip that cannot be decompressed: {error}") from error


@cache
def _client() -> storage.Client:
    return storage.Client(project=None, credentials=_session().credentials)


@cache
def _session() -> AuthorizedSession:
    """Return what makes requests with the function's credentials; with none where the bucket is an emulator's."""
    if os.environ.get("STORAGE_EMULATOR_HOST"):
        return AuthorizedSession(AnonymousCredentials())
    credentials, _ = google.auth.default(scopes=SCOPES)
    return AuthorizedSession(credentials)


def _gone(upload: Upload) -> Gone:
    return Gone(f"{upload.uri} is not there: deleted or overwritten since")


def _empty(upload: Upload) -> EmptyError | Skipped:
    """Return what is to be raised for an object without bytes."""
    if upload.is_named_like_a_folder:
        return Skipped("a folder placeholder")
    return EmptyError(f"{upload.uri} has no bytes: a sound file is needed")


def _refused(upload: Upload, error: BadRequest) -> Exception:
    """Return what a refusal means that comes at every attempt; the refusal itself where it is none that is known."""
    words = str(error).lower()
    if any(text in words for text in KEY_IS_MISSING):
        return EncryptedError(_encrypted(upload))
    if any(text in words for text in PAYER_IS_MISSING):
        return RequesterPaysError(
            f"{upload.uri} cannot be read: its bucket makes the requester pay, and nobody does for the function. What "
            f"to do: gcloud storage buckets update gs://{upload.bucket_name} --no-requester-pays"
        )
    return error


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
        """Take the next piece; raise TooLargeError or TimeoutError where it is too much, or too late."""
        self.n_bytes += len(piece)
        if self.n_bytes > self._max_bytes:
            raise TooLargeError(f"{self._upload.uri} has more bytes than MAX_BYTES={self._max_bytes}")
        seconds = monotonic() - self._began
        if not self._pace.allows(self.n_bytes, seconds):
            raise TimeoutError(f"{self._upload.uri} comes too slowly: {self.n_bytes} bytes in {seconds:.0f} s")
        self._crc32c = extend(self._crc32c, piece)
        self._file.write(piece)
