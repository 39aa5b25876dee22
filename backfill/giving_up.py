"""An object whose analysis keeps failing while others succeed becomes the rejection `failed`."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from google.api_core.exceptions import GoogleAPIError

from analysis import store
from analysis.document import make_rejection
from analysis.download import TIMEOUT_S
from analysis.errors import KeepsFailingError

if TYPE_CHECKING:
    from google.cloud import storage  # type: ignore[attr-defined]  # it ships no types

    from analysis.settings import Settings
    from analysis.upload import Upload

MAX_MESSAGE = 1000  # characters of an error


def give_up(
    upload: Upload, message: str, bucket: storage.Bucket, settings: Settings
) -> Literal["rejection", "kept", "gone"]:
    """Write the rejection with the last error; nothing if the object is gone or has a sound meanwhile.

    With the setting ``forget`` it is looked for once more after that, as `analysis.pipeline` does, but by the client of
    the backfill and without retries. Raises the database client's own errors.
    """
    if _is_gone(upload, bucket):
        return "gone"
    error = KeepsFailingError(f"{upload.uri} fails while others succeed: {message[:MAX_MESSAGE]}")
    rejection = make_rejection(upload, error, datetime.now(UTC))
    is_written = store.write_rejection(rejection, settings)
    if settings.forget and _is_gone(upload, bucket):
        store.remove(rejection["uid"], settings)
        return "gone"
    return "rejection" if is_written else "kept"


def _is_gone(upload: Upload, bucket: storage.Bucket) -> bool:
    """Return whether this generation is no longer there; False where the bucket does not tell.

    It may not be the bucket that fails, and the object was there when it was listed.
    """
    options = {"generation": upload.generation, "timeout": TIMEOUT_S, "retry": None}
    with suppress(GoogleAPIError, OSError):
        return bucket.get_blob(upload.blob_name, **options) is None
    return False
