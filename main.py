"""Upload a sound to a bucket; a moment later its fingerprint is a document in Firestore."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from analysis.document import make_uid
from analysis.errors import Skipped
from analysis.pipeline import Answer, answer, remove_if_gone
from analysis.settings import Settings
from analysis.upload import Upload, read_deletion, read_upload

SETTINGS = Settings.from_environment(os.environ)


def analyze(event: Any, context: Any = None) -> None:
    """Answer one finalize event: write a sound or a rejection, or log why it needs neither.

    1st-gen functions call it with the object resource and a context, 2nd-gen functions with one CloudEvent. It returns
    where the event is answered. It raises where a retry can help, so that the platform retries.
    """
    _answer(
        lambda: read_upload(event, context),
        lambda upload: answer(upload, SETTINGS, begin=lambda: _log("INFO", "analysing", upload)),
    )


def forget(event: Any, context: Any = None) -> None:
    """Answer one delete event: remove the sound and the rejection of that generation, or log why nothing is removed.

    It is called, returns and raises as `analyze` does. In a bucket without versions an overwrite is a deletion, too; a
    restored object has another generation.
    """
    _answer(lambda: read_deletion(event, context), lambda upload: remove_if_gone(upload, SETTINGS))


def _answer(read: Callable[[], Upload], answer_upload: Callable[[Upload], Answer]) -> None:
    try:
        upload = read()
    except Skipped as why:
        _log("WARNING", str(why))
        return
    try:
        answered = answer_upload(upload)
    except Exception as error:
        _log("ERROR", f"failed, to be retried: {type(error).__name__}: {error}", upload)
        # The framework prints the whole chain of exceptions. Where a rejection could not be written, that would include
        # its message, and with it a blob name whose line breaks could forge lines of the log.
        raise error from None
    _log_answer(upload, answered)


def _log_answer(upload: Upload, answered: Answer) -> None:
    match answered.kind:
        case "sound":
            _log("INFO", "sound", upload, length=answered.length, seconds=answered.seconds)
        case "rejection":
            _log("WARNING", f"rejected: {answered.message}", upload, reason=answered.reason)
        case "kept":
            _log("WARNING", f"skipped: a sound already; {answered.message}", upload, reason=answered.reason)
        case "skipped" | "gone":
            _log("INFO", f"skipped: {answered.message}", upload)
        case "forgotten":
            _log("INFO", "forgotten", upload)


def _log(severity: str, message: str, upload: Upload | None = None, **more: Any) -> None:
    """Write one line of JSON, in one call, as calls run in parallel, and in ASCII, so that no name forges a line."""
    line: dict[str, Any] = {"severity": severity, "message": message}
    if upload:
        line |= {
            "bucket": upload.bucket_name,
            "blob": upload.blob_name,
            "generation": upload.generation,
            "event_id": upload.event_id,
            "uid": make_uid(upload),
        }
    sys.stdout.write(json.dumps(line | more) + "\n")
    sys.stdout.flush()
