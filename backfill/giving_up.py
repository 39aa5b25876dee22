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

    Raises the database client's own errors.
    """
    # Where the bucket does not tell, as it may not be what fails: the object was there when it was listed.
    with suppress(GoogleAPIError, OSError):
        options = {"generation": upload.generation, "timeout": TIMEOUT_S, "retry": None}
        if bucket.get_blob(upload.blob_name, **options) is None:
            return "gone"
    error = KeepsFailingError(f"{upload.uri} fails while others succeed: {message[:MAX_MESSAGE]}")
    is_written = store.write_rejection(make_rejection(upload, error, datetime.now(UTC)), settings)
    return "rejection" if is_written else "kept"
