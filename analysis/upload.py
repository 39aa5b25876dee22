"""A finalize or a delete event becomes an `Upload`, whatever its shape, under 1st and 2nd generation functions.

*Conventions.* Every value of an event is checked: one that is missing or has another type is None.

*Source.* The event's data is Cloud Storage's object resource (https://cloud.google.com/storage/docs/json_api/v1/objects);
the types are those of https://cloud.google.com/functions/docs/calling/storage.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from analysis.errors import Skipped

if TYPE_CHECKING:
    from analysis.settings import Settings

FINALIZE_TYPES = frozenset({"google.storage.object.finalize", "google.cloud.storage.object.v1.finalized"})
DELETE_TYPES = frozenset({"google.storage.object.delete", "google.cloud.storage.object.v1.deleted"})
# The oldest type is the same for finalized and for deleted objects, and some events come without a type. For these the
# object resource says whether the object was deleted.
AMBIGUOUS_TYPES = frozenset({"providers/cloud.storage/eventTypes/object.change", ""})
# Parts of parallel composite uploads, which are deleted as soon as the whole is composed: in the folders of gsutil,
# gcloud and the Go client, with the names that gcloud gives in any folder (its setting
# parallel_composite_upload_component_prefix), and with those of the Java client and of the C++ client.
COMPOSITE_PART = re.compile(
    r"(^|/)(gsutil|gcloud)/tmp/parallel_composite_uploads/|(^|/)gcs-go-sdk-pu-tmp/"
    r"|(^|/)[^/]+_[0-9a-f]{40}_\d+$|[\w-]{22};[^;/]*;\d+-\d+\.part$"
    r"|\.upload_shard_\d+$|\.upload_state$|\.compose_many$|\.compose-tmp-\d+$"
)
# Names that gcsfuse, WinSCP, rclone, browsers and, in a mounted bucket, rsync use until an upload is complete and
# renamed. rsync's are as `.take.wav.Ab12Cd`.
UNFINISHED = re.compile(r"(^|/)\.gcsfuse_tmp/|\.(filepart|partial|crdownload)$|(^|/)\.[^/]+\.[^./]+\.[A-Za-z0-9]{6}$")
MAX_GENERATION = 2**63 - 1  # Cloud Storage's int64


@dataclass(frozen=True, slots=True)
class Upload:
    """One generation of one blob, as its event describes it.

    Attributes:
        bucket_name: name of the bucket.
        blob_name: name of the blob in it.
        generation: identity of this upload among all uploads of that name.
        size: bytes, as stored.
        content_type: as the uploader declared it, so it may be wrong.
        md5_hash: of the stored bytes, base64; composite objects have none.
        uploaded_at: when the object was created.
        customer_encrypted: whether reading it takes a customer-supplied key.
        event_id: identity of the event; empty where the framework does not give it.
        event_time: when the event happened.
        crc32c: checksum of the stored bytes, base64; the download is compared with it.
    """

    bucket_name: str
    blob_name: str
    generation: int
    size: int | None = None
    content_type: str | None = None
    md5_hash: str | None = None
    uploaded_at: datetime | None = None
    customer_encrypted: bool = False
    event_id: str = ""
    event_time: datetime | None = None
    crc32c: str | None = None

    @property
    def uri(self) -> str:
        """The upload as ``gs://bucket/blob#generation``."""
        return f"gs://{self.bucket_name}/{self.blob_name}#{self.generation}"

    @property
    def is_named_like_a_folder(self) -> bool:
        """Whether it has the name of a folder's placeholder: an empty object that consoles and tools make."""
        return self.blob_name.endswith(("/", "_$folder$"))

    @property
    def happened_at(self) -> datetime | None:
        """When the event happened, else when the object was created."""
        return self.event_time or self.uploaded_at


def read_upload(event: Any, context: Any = None) -> Upload:
    """Read a 1st-gen ``(event, context)``, or a 2nd-gen CloudEvent, for which ``context`` is None.

    Raises Skipped when it is not the finalize event of an object: another type, or no bucket, name or generation.
    """
    resource, event_type, event_id, event_time = _unwrap(event, context)
    if event_type not in FINALIZE_TYPES | AMBIGUOUS_TYPES:
        raise Skipped(f"event of type {event_type!r}: only finalize events are analysed")
    if not isinstance(resource, Mapping):
        raise Skipped(f"event data is {type(resource).__name__}: an object resource (a JSON object) is needed")
    if event_type in AMBIGUOUS_TYPES and _tells_of_deletion(resource):
        raise Skipped("event tells of a deletion: only finalize events are analysed")
    return _read_object(resource, event_id, event_time)


def read_deletion(event: Any, context: Any = None) -> Upload:
    """Read the delete event of an object, in the shapes of `read_upload`, as the upload that was deleted.

    Raises Skipped when it is another event. An event without a type of its own may tell that an object became
    noncurrent in a bucket with versions, so it does not prove that the generation is gone.
    """
    resource, event_type, event_id, event_time = _unwrap(event, context)
    if event_type not in DELETE_TYPES | AMBIGUOUS_TYPES:
        raise Skipped(f"event of type {event_type!r}: only delete events remove documents")
    if not isinstance(resource, Mapping):
        raise Skipped(f"event data is {type(resource).__name__}: an object resource (a JSON object) is needed")
    if event_type in AMBIGUOUS_TYPES and not _tells_of_deletion(resource):
        raise Skipped("event tells of no deletion: only delete events remove documents")
    return _read_object(resource, event_id, event_time)


def check_selected(upload: Upload, settings: Settings) -> None:
    """Raise Skipped for objects that tools make beside the uploads, and for names that the settings leave out.

    The names of the settings are globs, in which ``*`` matches ``/`` too.
    """
    if upload.size == 0 and upload.is_named_like_a_folder:
        raise Skipped("a folder placeholder")
    if COMPOSITE_PART.search(upload.blob_name):
        raise Skipped("a temporary part of a composite upload: the whole has an event of its own")
    if UNFINISHED.search(upload.blob_name):
        raise Skipped("an upload that is not finished: what it is renamed to has an event of its own")
    if settings.include_names and not _matches(upload.blob_name, settings.include_names):
        raise Skipped(f"not among INCLUDE_NAMES={','.join(settings.include_names)}")
    if _matches(upload.blob_name, settings.exclude_names):
        raise Skipped(f"among EXCLUDE_NAMES={','.join(settings.exclude_names)}")


def _tells_of_deletion(resource: Mapping[str, Any]) -> bool:
    return bool(resource.get("timeDeleted")) or resource.get("resourceState") == "not_exists"


def _read_object(resource: Mapping[str, Any], event_id: str, event_time: Any) -> Upload:
    generation = _integer(resource, "generation")
    if not generation or generation > MAX_GENERATION:
        raise Skipped("event has no generation: without it the object cannot be told from its successors")
    return Upload(
        bucket_name=_name(resource, "bucket"),
        blob_name=_name(resource, "name"),
        generation=generation,
        size=_integer(resource, "size"),
        content_type=_text(resource, "contentType"),
        md5_hash=_text(resource, "md5Hash"),
        uploaded_at=_time(resource.get("timeCreated")),
        customer_encrypted=bool(resource.get("customerEncryption")),
        event_id=event_id,
        event_time=_time(event_time),
        crc32c=_text(resource, "crc32c"),
    )


def _unwrap(event: Any, context: Any) -> tuple[Any, str, str, Any]:
    """Return the object resource, the event's type, its id and its time."""
    if hasattr(event, "get_attributes") and hasattr(event, "data"):
        attributes = event.get_attributes()
        return event.data, attributes.get("type") or "", attributes.get("id") or "", attributes.get("time")
    return (
        event,
        getattr(context, "event_type", None) or "",
        getattr(context, "event_id", None) or "",
        getattr(context, "timestamp", None),
    )


def _name(resource: Mapping[str, Any], key: str) -> str:
    name = _text(resource, key)
    if name is None:
        raise Skipped(f"event has no {key}: found {resource.get(key)!r}")
    return name


def _text(resource: Mapping[str, Any], key: str) -> str | None:
    """Return a text that is not empty and that UTF-8 can encode, else None; JSON can hold half a surrogate pair."""
    value = resource.get(key)
    if not isinstance(value, str) or any("\ud800" <= character <= "\udfff" for character in value):
        return None
    return value or None


def _integer(resource: Mapping[str, Any], key: str) -> int | None:
    """Return an integer, given as a number or in digits, else None; Cloud Storage writes int64 in digits."""
    value = resource.get(key)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(MAX_GENERATION)):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _time(value: Any) -> datetime | None:
    """Return a datetime, or a text as of RFC 3339, as an aware datetime; None for anything else."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _matches(blob_name: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(blob_name, glob) for glob in globs)
