"""What the comparison reads of a document, and what is wrong with one that is not ours or not whole."""

from __future__ import annotations

from dataclasses import dataclass
from reprlib import Repr
from typing import TYPE_CHECKING, Any, TypeGuard

from analysis.definition import ANALYSIS_VERSION, librosa_name
from analysis.document import lacks_features, make_uid, read_version
from analysis.errors import AnalysisError
from analysis.upload import MAX_GENERATION, Upload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from google.cloud import firestore

MAX_NAME_BYTES = 1024  # of a blob; Firestore sorts by the first 1500
DOCUMENT_FIELDS = ("bucket", "blob_name", "generation", "analysis_version", "reason")
REASONS = frozenset(error.reason for error in AnalysisError.__subclasses__())
_shown = Repr(maxstring=80, maxother=80).repr  # so that a value of a megabyte is no line of a megabyte


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """What the comparison reads of a document.

    Attributes:
        collection: id of its collection.
        uid: its id.
        blob_name: name of the blob; of an unreadable document that has none, the name behind which it was listed.
        generation: generation of the blob.
        is_stale: whether it is a sound of an older analysis version, or one of today's that lacks a feature which the
            settings ask for.
        reason: of a rejection; None for a sound.
        problem: why it is unreadable; empty where it is ours and whole.
        is_newer: whether that is because a newer version of the analysis wrote it.
        created_at: when it was written first.
    """

    collection: str
    uid: str
    blob_name: str
    generation: int
    is_stale: bool
    reason: str | None
    problem: str = ""
    is_newer: bool = False
    created_at: datetime | None = None


def fields_to_read(asked: tuple[str, ...]) -> list[str]:
    """Return the fields to read: of the features only those of the setting FEATURES, as some have many numbers."""
    return [*DOCUMENT_FIELDS, *sorted({f"features.{librosa_name(feature)}" for feature in asked})]


def make_stored_document(
    snapshot: firestore.DocumentSnapshot[Any], listed_name: str, asked: tuple[str, ...], *, is_rejection: bool
) -> StoredDocument:
    """Return a document as it is compared; ``listed_name`` is its blob_name, or that of the one listed before it."""
    fields = snapshot.to_dict() or {}
    version, generation, reason = read_version(fields), fields.get("generation"), fields.get("reason")
    is_old = version < ANALYSIS_VERSION or (version == ANALYSIS_VERSION and lacks_features(fields, asked))
    is_newer = isinstance(reason, str) and reason not in REASONS if is_rejection else version > ANALYSIS_VERSION
    return StoredDocument(
        collection=snapshot.reference.parent.id,
        uid=snapshot.id,
        blob_name=listed_name,
        generation=generation if isinstance(generation, int) else 0,
        is_stale=not is_rejection and is_old,
        reason=str(reason) if is_rejection else None,
        problem=_find_problem(snapshot.id, fields, is_rejection=is_rejection),
        is_newer=is_newer,
        created_at=snapshot.create_time,
    )


def _find_problem(uid: str, fields: Mapping[str, Any], *, is_rejection: bool) -> str:
    """Return what is wrong with a document, "" if it is ours and whole."""
    checks = (*CHECKS, REASON_CHECK if is_rejection else VERSION_CHECK)
    for name, is_right, expected in checks:
        if not is_right(fields.get(name)):
            return f"its {name} is {_shown(fields[name])}, not {expected}" if name in fields else f"it has no {name}"
    if uid != make_uid(Upload(fields["bucket"], fields["blob_name"], fields["generation"])):
        return "its id is not that of its bucket, blob_name and generation"
    if is_rejection:
        reason = fields["reason"]
        return "" if reason in REASONS else f"its reason {_shown(reason)} is one of a newer version, so it stays"
    version = fields["analysis_version"]
    return (
        f"its analysis_version {version} is newer than {ANALYSIS_VERSION}, so it stays"
        if version > ANALYSIS_VERSION
        else ""
    )


def is_text(value: object) -> bool:
    """Tell whether a value is a text that is not empty."""
    return isinstance(value, str) and value != ""


def is_name(value: object) -> bool:
    """Tell whether a value can be the name of a blob."""
    return isinstance(value, str) and 0 < len(value.encode()) <= MAX_NAME_BYTES


def _is_generation(value: object) -> bool:
    return _is_integer(value) and 0 < value <= MAX_GENERATION


def _is_version(value: object) -> bool:
    return _is_integer(value) and value >= 0


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


# What a document has to say: the field, whether a value is right, and what it should be.
CHECKS: tuple[tuple[str, Callable[[object], bool], str], ...] = (
    ("bucket", is_text, "the name of a bucket"),
    ("blob_name", is_name, "the name of a blob"),
    ("generation", _is_generation, "the generation of an object"),
)
VERSION_CHECK = ("analysis_version", _is_version, "a version of the analysis")
REASON_CHECK = ("reason", is_text, "the reason of a rejection")
