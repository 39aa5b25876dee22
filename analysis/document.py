"""The documents of a sound and of a rejection: which fields they have, and how they are made. Pure.

*Conventions.* SOUND_FIELDS and REJECTION_FIELDS list all fields, in the order of the documents. A document has these
fields and no others. `python -m tests.rewrite` writes the tables of the docs from them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal
from uuid import NAMESPACE_URL, uuid5

from analysis.definition import ANALYSIS_VERSION, N_FINGERPRINT, N_MELS, N_MFCC, SILENT_DB, SR, librosa_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from analysis.decoding import Source
    from analysis.errors import AnalysisError
    from analysis.upload import Upload


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a document.

    Attributes:
        name: name of the field.
        type: type of its value, as Firestore calls it; "doubles" is an array of doubles.
        meaning: what its value says, in Markdown.
        unit: unit of its numbers, if they have one.
        since: the first analysis_version that wrote the field.
        n: how many numbers "doubles" or a "vector" have; more than one count where the settings decide.
        is_nullable: whether the value may be null.
        is_optional: whether the field may be absent.
        fields: the fields of a map.
    """

    name: str
    type: Literal["string", "boolean", "integer", "double", "doubles", "vector", "bytes", "timestamp", "map"]
    meaning: str
    unit: str = ""
    since: int = 1
    n: int | tuple[int, ...] | None = None
    is_nullable: bool = False
    is_optional: bool = False
    fields: tuple[Field, ...] = ()


_UID = Field(
    "uid",
    "string",
    "the document's id: the version 5 UUID of `gs://bucket/blob#generation`, so a repeat of the event writes the same "
    "document",
)
_BLOB_NAME = Field("blob_name", "string", "name of the blob")
_FILE_NAME = Field("file_name", "string", "the same, for readers of the first version")
_BUCKET = Field("bucket", "string", "name of the bucket")
_GENERATION = Field("generation", "integer", "which upload of that name this was")
_EVENT_ID = Field("event_id", "string", "which event told of it; empty where the platform does not say")

SOUND_FIELDS = (
    _UID,
    _BLOB_NAME,
    _FILE_NAME,
    Field(
        "length",
        "integer",
        "samples of `y`: exactly `len(librosa.load(path)[0])` where librosa reads all of the file",
        "samples",
    ),
    Field(
        "mean_mfccs",
        "doubles",
        f"means over frames of `librosa.feature.mfcc(y=y, sr={SR}, n_mfcc={N_MFCC})`",
        n=N_MFCC,
    ),
    _BUCKET,
    _GENERATION,
    Field("size", "integer", "of the object, as stored", "bytes", is_nullable=True),
    Field("content_type", "string", "as the uploader declared it", is_nullable=True),
    Field("md5_hash", "string", "of the object, base64; composite objects have none", is_nullable=True),
    Field("crc32c", "string", "of the object, base64, if the event tells it", since=3, is_nullable=True),
    Field("uploaded_at", "timestamp", "when the object was created", is_nullable=True),
    Field("sample_rate", "integer", f"of `y`: {SR}", "Hz"),
    Field("duration", "double", "of `y`", "s"),
    Field(
        "source",
        "map",
        "what the file says of itself",
        fields=(
            Field("container", "string", "format of the file"),
            Field("codec", "string", "codec, or type of the samples"),
            Field("sample_rate", "integer", "of the file", "Hz"),
            Field("channels", "integer", "of the file"),
            Field(
                "complete",
                "boolean",
                "false where the file is damaged or cut off and `y` is what could be read",
                since=3,
            ),
            Field("problem", "string", "what is wrong with it, and where", since=3, is_optional=True),
            Field(
                "tags",
                "map",
                "what somebody wrote into the file: of each at most 500 characters, not to be trusted; absent where "
                "there is nothing",
                since=3,
                is_optional=True,
                fields=(
                    Field("title", "string", "of the sound", since=3, is_optional=True),
                    Field("artist", "string", "who made it; several are separated by `; `", since=3, is_optional=True),
                    Field("album", "string", "what it is part of", since=3, is_optional=True),
                    Field("date", "string", "such as `2026` or `2026-11-28`, in any form", since=3, is_optional=True),
                    Field("comment", "string", "or description", since=3, is_optional=True),
                    Field(
                        "origination_time",
                        "string",
                        "of a Broadcast Wave: when the recording began, by the recorder's clock, such as "
                        "`2026-11-28 10:30:00`",
                        since=3,
                        is_optional=True,
                    ),
                ),
            ),
            Field("track", "integer", "which of several audio tracks `y` is, from 1", since=3, is_optional=True),
            Field("tracks", "integer", "how many audio tracks there are, if several", since=3, is_optional=True),
        ),
    ),
    Field(
        "fingerprint",
        "vector",
        "near another's, by Euclidean distance, where the two sounds sound alike; absent for digital silence",
        since=2,
        n=N_FINGERPRINT,
        is_optional=True,
    ),
    Field(
        "note",
        "map",
        "the single pitch that the sound has; null where it has none, or more than one",
        since=3,
        is_nullable=True,
        fields=(
            Field("midi", "double", "69 is A4, 440 Hz", "semitones", 3),
            Field("name", "string", "of the nearest semitone, such as `A#3`; `C4` is 60", since=3),
            Field("clarity", "double", "how much of what is heard repeats at that pitch, up to 1", since=3),
        ),
    ),
    Field(
        "tempo",
        "map",
        "of the beat; null where there is none",
        since=3,
        is_nullable=True,
        fields=(
            Field("bpm", "double", "may be half or twice what another would count", "beats a minute", 3),
            Field("clarity", "double", "how far the beat stands out, up to 1", since=3),
        ),
    ),
    Field(
        "features",
        "map",
        "what the [setting](#settings) `FEATURES` asks for: means over frames of "
        f"`librosa.feature.NAME(y=y, sr={SR})`, by librosa's names; absent where nothing is asked for",
        since=3,
        is_optional=True,
        fields=(
            Field("chroma_stft", "doubles", "with `tuning=0`", "0 to 1", 3, n=12, is_optional=True),
            Field("melspectrogram", "doubles", "powers of mel bands", since=3, n=N_MELS, is_optional=True),
            Field("mfcc", "doubles", "as `mean_mfccs`, but more of them", since=3, n=(20, 40), is_optional=True),
            Field("rms", "double", "root of the mean square", "1 is full scale", 3, is_optional=True),
            Field("spectral_bandwidth", "double", "deviation from the centroid", "Hz", 3, is_optional=True),
            Field("spectral_centroid", "double", "mean frequency", "Hz", 3, is_optional=True),
            Field("spectral_contrast", "doubles", "peaks above valleys of 7 bands", "dB", 3, n=7, is_optional=True),
            Field("spectral_flatness", "double", "0 of a tone, 1 of white noise", since=3, is_optional=True),
            Field("spectral_rolloff", "double", "below which 85 % of the magnitude is", "Hz", 3, is_optional=True),
            Field("zero_crossing_rate", "double", "sign changes a sample", since=3, is_optional=True),
        ),
    ),
    Field(
        "peaks",
        "bytes",
        "the waveform at a glance: signed 8-bit pairs (minimum, maximum) of equal stretches of `y`, 400 to 800 pairs, "
        "fewer only where `y` has fewer samples; full scale is 127; not indexed",
        since=2,
    ),
    Field("peak_db", "double", "largest absolute sample of `y`; null for digital silence", "dBFS", 2, is_nullable=True),
    Field("rms_db", "double", "root of the mean square of `y`; null for digital silence", "dBFS", 2, is_nullable=True),
    Field("silence", "double", f"share of `y` below {SILENT_DB} dBFS, 0 to 1", since=2),
    _EVENT_ID,
    Field("analyzed_at", "timestamp", "when the sound was analysed"),
    Field("analysis_version", "integer", f"which definition the fields have: {ANALYSIS_VERSION}"),
)

REJECTION_FIELDS = (
    _UID,
    _BUCKET,
    _BLOB_NAME,
    _FILE_NAME,
    _GENERATION,
    Field("reason", "string", "one of the reasons below"),
    Field("message", "string", "what was found, and what would have been accepted"),
    _EVENT_ID,
    Field("rejected_at", "timestamp", "when the upload was rejected"),
)


def make_uid(upload: Upload) -> str:
    """Return the version 5 UUID of ``gs://bucket/blob#generation``: a repeat of the event has the same."""
    return str(uuid5(NAMESPACE_URL, upload.uri))


def make_sound(upload: Upload, source: Source, features: Mapping[str, Any], analyzed_at: datetime) -> dict[str, Any]:
    """Return the document ``sounds/{uid}``; ``features`` are the fields that come from the signal.

    Raises ValueError for a feature that SOUND_FIELDS does not have.
    """
    values = {
        **_identify(upload),
        "size": upload.size,
        "content_type": upload.content_type,
        "md5_hash": upload.md5_hash,
        "crc32c": upload.crc32c,
        "uploaded_at": upload.uploaded_at,
        "sample_rate": SR,
        "duration": features["length"] / SR,
        "source": _describe(source),
        "analyzed_at": analyzed_at,
        "analysis_version": ANALYSIS_VERSION,
        **features,
    }
    return _in_order(values, SOUND_FIELDS)


def make_rejection(upload: Upload, error: AnalysisError, rejected_at: datetime) -> dict[str, Any]:
    """Return the document ``rejections/{uid}``."""
    values = {**_identify(upload), "reason": error.reason, "message": str(error), "rejected_at": rejected_at}
    return _in_order(values, REJECTION_FIELDS)


def read_version(document: Mapping[str, Any]) -> float:
    """Return the analysis_version of a document that anybody may have written: 0 where it is no number.

    >>> read_version({"analysis_version": 3}), read_version({"analysis_version": "three"}), read_version({})
    (3, 0, 0)
    """
    version = document.get("analysis_version")
    return version if isinstance(version, int | float) and version > 0 else 0


def lacks_features(document: Mapping[str, Any], asked: tuple[str, ...]) -> bool:
    """Return whether a sound's document lacks a feature that the setting FEATURES now asks for.

    >>> lacks_features({"features": {"rms": 0.1, "mfcc": [0.0] * 20}}, ("mfcc:20", "rms"))
    False
    >>> lacks_features({"features": {"mfcc": [0.0] * 20}}, ("mfcc:40",))
    True
    """
    features = document.get("features")
    held = features if isinstance(features, dict) else {}
    return any(librosa_name(feature) not in held or not _has_number_asked(feature, held) for feature in asked)


def _has_number_asked(feature: str, held: dict[str, Any]) -> bool:
    name, _, n = feature.partition(":")
    return not n or (isinstance(held[name], list) and len(held[name]) == int(n))


def _describe(source: Source) -> dict[str, Any]:
    """Return what the file says of itself, without what it does not say."""
    values = {**asdict(source), "complete": source.complete, "tags": dict(source.tags) or None}
    fields = next(field.fields for field in SOUND_FIELDS if field.name == "source")
    return {field.name: values[field.name] for field in fields if values[field.name] is not None}


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


def _in_order(values: dict[str, Any], fields: tuple[Field, ...]) -> dict[str, Any]:
    if unknown := values.keys() - {field.name for field in fields}:
        raise ValueError(f"{', '.join(sorted(unknown))}: a field of a document has an entry in analysis/document.py")
    return {field.name: values[field.name] for field in fields if field.name in values}
