"""An upload becomes its answer: a sound, a rejection, or skipped with a reason; what was written can be removed again.

*Conventions.* The function and the backfill both call `answer`, so what they write is the same. What a retry can cure
is raised; everything else is an `Answer`.

*Deleted objects.* The delete event of an object that is deleted or overwritten is answered by `remove_if_gone`. It may
come before the object's document is written. With the setting ``forget``, `answer` therefore looks for the object once
more after its commit: either it is gone, and the document is removed here, or its delete event is still to come. A
generation that is gone never returns, so their order does not matter. A process that ends between its commit and that
look is made good by the retry, which finds no object to download.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from threading import Thread
from time import perf_counter
from typing import TYPE_CHECKING, Literal

from analysis.definition import ANALYSIS_VERSION
from analysis.document import make_rejection, make_sound, make_uid
from analysis.download import IN_THE_CLOUD, Pace, check_is_there, download
from analysis.errors import AnalysisError, ExpiredError, Gone, Skipped
from analysis.upload import check_selected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from analysis.settings import Settings
    from analysis.upload import Upload

# Their imports are most of a cold start, so they run in a thread while the first download waits for the network.
HEAVY_MODULES = ("analysis.features", "analysis.decoding.recording", "analysis.store")


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an upload.

    Attributes:
        kind: "sound" or "rejection", which was written; "kept", where a sound is there that stays, as the upload would
            be rejected now, or as a newer version wrote it; "skipped", where it needs no document; "gone", where it is
            no longer in the bucket; "forgotten", where its documents were removed at its delete event.
        uid: the uid of the upload, and of its document if it has one.
        message: why no sound was written.
        reason: the reason of the rejection, also of one that was not written as a sound is kept.
        length: samples of the sound at 22 050 Hz.
        seconds: how long each step took, by its name.
    """

    kind: Literal["sound", "rejection", "kept", "skipped", "gone", "forgotten"]
    uid: str
    message: str = ""
    reason: str | None = None
    length: int | None = None
    seconds: dict[str, float] = field(default_factory=dict)


def answer(
    upload: Upload, settings: Settings, pace: Pace = IN_THE_CLOUD, *, begin: Callable[[], None] = lambda: None
) -> Answer:
    """Analyse an upload and write its document, if it needs one; ``begin`` is called before its download.

    Raises what a retry can cure, such as errors of the network and of the services.
    """
    answered = _answer(upload, settings, pace, begin)
    if not settings.forget or answered.kind == "skipped":
        return answered
    if answered.kind != "gone":
        try:
            check_is_there(upload)
        except Gone as why:
            answered = Answer("gone", answered.uid, str(why), seconds=answered.seconds)
        except AnalysisError:  # the bucket does not say
            return answered
        else:
            return answered
    _remove(upload, settings)  # also where it was gone before: an earlier try may have ended after its commit
    return answered


def remove_if_gone(upload: Upload, settings: Settings) -> Answer:
    """Remove the sound and the rejection of an upload; skip it where its object is there after all.

    Raises what a retry can cure, as `answer` does.
    """
    try:
        check_is_there(upload)
    except Gone as why:
        _remove(upload, settings)
        return Answer("forgotten", make_uid(upload), str(why))
    except AnalysisError as error:
        return Answer("skipped", make_uid(upload), f"the bucket does not say whether it is there: {error}")
    return Answer("skipped", make_uid(upload), f"{upload.uri} is there: nothing of it is removed")


def _answer(upload: Upload, settings: Settings, pace: Pace, begin: Callable[[], None]) -> Answer:
    try:
        check_selected(upload, settings)
        begin()
        return _answer_with_sound(upload, settings, pace)
    except Skipped as why:
        return Answer("gone" if isinstance(why, Gone) else "skipped", make_uid(upload), str(why))
    except AnalysisError as error:
        return _answer_with_rejection(upload, settings, error)


def _answer_with_sound(upload: Upload, settings: Settings, pace: Pace) -> Answer:
    """Download, decode, extract and write; raise Skipped or AnalysisError where there is no sound."""
    _check_age(upload, settings.max_event_age_s)
    _import_ahead()
    seconds: dict[str, float] = {}
    with _timed("download", seconds):
        file = download(upload, settings.max_bytes, pace)
    with file:
        with _timed("load", seconds):
            from analysis import features, store  # noqa: PLC0415 - see HEAVY_MODULES
            from analysis.decoding.recording import open_recording  # noqa: PLC0415 - see HEAVY_MODULES
        with _timed("analyze", seconds):
            recording = open_recording(file, settings)
            extracted = features.extract(recording, settings.features)
    sound = make_sound(upload, recording.source, extracted, datetime.now(UTC))
    with _timed("write", seconds):
        is_written = store.write_sound(sound, settings)
    if not is_written:
        message = f"{upload.uri}: it is of a newer version of the analysis than {ANALYSIS_VERSION}"
        return Answer("kept", sound["uid"], message)
    return Answer("sound", sound["uid"], length=sound["length"], seconds=seconds)


def _answer_with_rejection(upload: Upload, settings: Settings, error: AnalysisError) -> Answer:
    from analysis import store  # noqa: PLC0415 - see HEAVY_MODULES

    rejection = make_rejection(upload, error, datetime.now(UTC))
    kind: Literal["rejection", "kept"] = "rejection" if store.write_rejection(rejection, settings) else "kept"
    return Answer(kind, rejection["uid"], str(error), error.reason)


def _remove(upload: Upload, settings: Settings) -> None:
    from analysis import store  # noqa: PLC0415 - see HEAVY_MODULES

    store.remove(make_uid(upload), settings)


def _check_age(upload: Upload, limit_s: float) -> None:
    if upload.happened_at and (age := datetime.now(UTC) - upload.happened_at).total_seconds() > limit_s:
        check_is_there(upload)
        limit = timedelta(seconds=limit_s)
        raise ExpiredError(f"{upload.uri}: its event is {age} old, at most MAX_EVENT_AGE_S={limit} is analysed")


@cache
def _import_ahead() -> None:
    """Start to import the heavy modules, once per process."""
    Thread(target=lambda: [import_module(module) for module in HEAVY_MODULES]).start()


@contextmanager
def _timed(step: str, seconds: dict[str, float]) -> Iterator[None]:
    """Note how long a step took."""
    start = perf_counter()
    yield
    seconds[step] = round(perf_counter() - start, 4)
