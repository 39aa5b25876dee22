"""An upload and its features become a uid and the plain document of a sound, or of a rejection. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from analysis.definition import ANALYSIS_VERSION, SR

if TYPE_CHECKING:
    from datetime import datetime

    from analysis.errors import AnalysisError
    from analysis.features import Features
    from analysis.source import Source
    from analysis.upload import Upload


def make_uid(upload: Upload) -> str:
    """Return the version 5 UUID of ``gs://bucket/blob#generation``: a repeat of the event has the same."""
    return str(uuid5(NAMESPACE_URL, upload.uri))


def make_sound(upload: Upload, source: Source, features: Features, analyzed_at: datetime) -> dict[str, Any]:
    """Return the document ``sounds/{uid}``."""
    document = _identify(upload) | {
        "length": features.length,
        "mean_mfccs": list(features.mean_mfccs),
        "peaks": features.peaks,
        "peak_db": features.peak_db,
        "rms_db": features.rms_db,
        "silence": features.silence,
        "size": upload.size,
        "content_type": upload.content_type,
        "md5_hash": upload.md5_hash,
        "uploaded_at": upload.uploaded_at,
        "sample_rate": SR,
        "duration": features.length / SR,
        "source": {
            "container": source.container,
            "codec": source.codec,
            "sample_rate": source.sample_rate,
            "channels": source.channels,
        },
        "analyzed_at": analyzed_at,
        "analysis_version": ANALYSIS_VERSION,
    }
    if features.fingerprint is not None:
        document["fingerprint"] = list(features.fingerprint)
    return document


def make_rejection(upload: Upload, error: AnalysisError, rejected_at: datetime) -> dict[str, Any]:
    """Return the document ``rejections/{uid}``."""
    return _identify(upload) | {"reason": error.reason, "message": str(error), "rejected_at": rejected_at}


def _identify(upload: Upload) -> dict[str, Any]:
    """Which upload this is and which event told of it: the fields that a sound and a rejection share."""
    return {
        "uid": make_uid(upload),
        "blob_name": upload.blob_name,
        "file_name": upload.blob_name,
        "bucket": upload.bucket_name,
        "generation": upload.generation,
        "event_id": upload.event_id,
    }
