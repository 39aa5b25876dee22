"""Upload a sound to a bucket; a moment later its fingerprint is a document in Firestore."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from threading import Thread
from time import perf_counter
from typing import Any

from analysis import blobs
from analysis.errors import AnalysisError, ExpiredError, NothingToDo
from analysis.settings import Settings
from analysis.sound import make_rejection, make_sound, make_uid
from analysis.upload import Upload, check_wanted, read_upload

SETTINGS = Settings.from_environment(os.environ)
# Most of a cold start: imported beside the first download, while that waits for the network.
HEAVY_ROOMS = ("analysis.features", "analysis.audio", "analysis.records")


def analyze(event: Any, context: Any = None) -> None:
    """Answer one finalize event: with a sound, a rejection, or a line in the log that says why it needs neither.

    Called by 1st-gen functions with the object and its context, by 2nd-gen functions with one CloudEvent.
    Returns when the event is answered; raises when a retry can help, so that the platform retries.
    """
    try:
        upload = read_upload(event, context)
    except NothingToDo as why:
        _log("WARNING", str(why))
        return
    try:
        _answer(upload)
    except Exception as error:
        _log("ERROR", f"failed, to be retried: {type(error).__name__}: {error}", upload)
        # The framework prints what is raised as it is, and a rejection that could not be written would bring its
        # message along: the blob's name, line breaks and all.
        raise error from None


def _answer(upload: Upload) -> None:
    """Make of the upload what it is: a sound, a rejection or a line in the log."""
    try:
        check_wanted(upload, SETTINGS.include_names, SETTINGS.exclude_names)
        _log("INFO", "analysing", upload)
        _make_sound(upload)
    except NothingToDo as why:
        _log("INFO", f"left: {why}", upload)
    except AnalysisError as error:
        _reject(upload, error)


def _make_sound(upload: Upload) -> None:
    """Go the way of the upload, from its blob to its document."""
    _check_age(upload)
    _import_ahead()
    seconds: dict[str, float] = {}
    with _timed("download", seconds):
        file = blobs.download(upload, SETTINGS.max_bytes)
    with file:
        with _timed("load", seconds):
            from analysis import audio, features, records  # noqa: PLC0415 - see HEAVY_ROOMS
        with _timed("analyze", seconds):
            recording = audio.open_recording(file, SETTINGS)
            extracted = features.extract(recording)
    with _timed("write", seconds):
        records.write_sound(make_sound(upload, recording.source, extracted, datetime.now(UTC)), SETTINGS)
    _log("INFO", "sound", upload, length=extracted.length, seconds=seconds)


def _reject(upload: Upload, error: AnalysisError) -> None:
    from analysis import records  # noqa: PLC0415 - see HEAVY_ROOMS

    written = records.write_rejection(make_rejection(upload, error, datetime.now(UTC)), SETTINGS)
    _log("WARNING", f"rejected: {error}" if written else f"left: a sound already; {error}", upload, reason=error.reason)


@cache
def _import_ahead() -> None:
    """Begin to import the heavy rooms, once per process."""
    Thread(target=lambda: [import_module(room) for room in HEAVY_ROOMS]).start()


@contextmanager
def _timed(step: str, seconds: dict[str, float]) -> Iterator[None]:
    """Note how long a step of the way took, for the log."""
    start = perf_counter()
    yield
    seconds[step] = round(perf_counter() - start, 4)


def _check_age(upload: Upload) -> None:
    limit = timedelta(seconds=SETTINGS.max_event_age_s)
    if upload.happened_at and (age := datetime.now(UTC) - upload.happened_at) > limit:
        raise ExpiredError(f"{upload.uri}: its event is {age} old, at most MAX_EVENT_AGE_S={limit} is analysed")


def _log(severity: str, message: str, upload: Upload | None = None, **more: Any) -> None:
    """Write one line of JSON in one call, as calls run side by side; it is ASCII, so that no name forges another."""
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
