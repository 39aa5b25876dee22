"""One object becomes what its event would have made of it: a sound, a rejection, or nothing for a reason."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from analysis import pipeline
from backfill.mended import Mended

if TYPE_CHECKING:
    from analysis.download import Pace
    from analysis.settings import Settings
    from analysis.upload import Upload


def mend(upload: Upload, settings: Settings, pace: Pace) -> Mended:
    """Go the way of the upload as the function does; its age is no reason to reject it here."""
    answer = pipeline.answer(upload, replace(settings, max_event_age_s=inf), pace)
    match answer.kind:
        case "rejection":
            return Mended("rejection", f"{answer.reason}: {answer.message}")
        case "kept":
            return Mended("kept", f"a sound already; {answer.message}")
        case kind:
            return Mended(kind, answer.message)
