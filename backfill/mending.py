"""One object becomes what its event would have made of it: a sound, a rejection, or nothing for a reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from analysis import audio, blobs, features, records
from analysis.errors import AnalysisError, NothingToDo
from analysis.sound import make_rejection, make_sound
from backfill.mended import Mended

if TYPE_CHECKING:
    from analysis.blobs import Pace
    from analysis.settings import Settings
    from analysis.upload import Upload


def mend(upload: Upload, settings: Settings, pace: Pace) -> Mended:
    """Go the way of the upload as the function does; its age is no reason to reject it here."""
    try:
        with blobs.download(upload, settings.max_bytes, pace) as file:
            recording = audio.open_recording(file, settings)
            extracted = features.extract(recording)
        records.write_sound(make_sound(upload, recording.source, extracted, datetime.now(UTC)), settings)
    except NothingToDo as why:
        return Mended("left", str(why))
    except AnalysisError as error:
        if records.write_rejection(make_rejection(upload, error, datetime.now(UTC)), settings):
            return Mended("rejection", f"{error.reason}: {error}")
        return Mended("kept", f"a sound already; {error}")
    return Mended("sound")
