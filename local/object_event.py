"""A finalize or delete event, as fake-gcs-server publishes it and in the four shapes that a function may be handed.

*Source.* https://cloud.google.com/storage/docs/pubsub-notifications for what is read;
https://github.com/GoogleCloudPlatform/functions-framework-conformance and the CloudEvents HTTP binding for the shapes.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

SHAPES = ("legacy", "flat", "binary", "structured")
LEGACY_TYPES = {"finalize": "google.storage.object.finalize", "delete": "google.storage.object.delete"}
CLOUDEVENT_TYPES = {
    "finalize": "google.cloud.storage.object.v1.finalized",
    "delete": "google.cloud.storage.object.v1.deleted",
}
HEADER_SAFE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


@dataclass(frozen=True, slots=True)
class Event:
    """The event of an object.

    Attributes:
        id: identity of the event; a repeated delivery has the same.
        time: when it happened, RFC 3339.
        resource: the object, as Cloud Storage's JSON API describes it.
        kind: "finalize", or "delete" where it was deleted or overwritten.
    """

    id: str
    time: str
    resource: dict[str, Any]
    kind: str = "finalize"

    @property
    def upload(self) -> tuple[str, str, int]:
        """Bucket name, blob name and generation."""
        return self.resource["bucket"], self.resource["name"], int(self.resource["generation"])


def read_event(event_id: str, payload: bytes, kind: str = "finalize") -> Event:
    """Return the event of an object that fake-gcs-server published, with the fields that only the real cloud has."""
    published = {key: value for key, value in json.loads(payload).items() if value != ""}
    bucket_name, blob_name, generation = published["bucket"], published["name"], published["generation"]
    path = f"/storage/v1/b/{bucket_name}/o/{quote(blob_name, safe='')}"
    resource = published | {
        "id": f"{bucket_name}/{blob_name}/{generation}",
        "selfLink": f"https://www.googleapis.com{path}",
        "mediaLink": f"https://storage.googleapis.com/download{path}?generation={generation}&alt=media",
        "metageneration": "1",
        "etag": base64.b64encode(hashlib.md5(generation.encode(), usedforsecurity=False).digest()[:9]).decode(),
        "timeStorageClassUpdated": published["timeCreated"],
    }
    if kind == "delete":
        now = datetime.now(UTC).isoformat()
        return Event(event_id, now, resource | {"timeDeleted": now}, kind)
    return Event(event_id, published["timeCreated"], resource)


def shape_event(event: Event, shape: str) -> tuple[dict[str, str], bytes]:
    """Return headers and body of the request that hands over the event in one of SHAPES."""
    bucket_name, blob_name, _ = event.upload
    bucket_resource, subject = f"projects/_/buckets/{bucket_name}", f"objects/{blob_name}"
    legacy = {"eventId": event.id, "timestamp": event.time, "eventType": LEGACY_TYPES[event.kind]}
    cloudevent = {
        "specversion": "1.0",
        "id": event.id,
        "source": f"//storage.googleapis.com/{bucket_resource}",
        "type": CLOUDEVENT_TYPES[event.kind],
        "subject": subject,
        "time": event.time,
        "bucket": bucket_name,
    }
    resource_name = f"{bucket_resource}/{subject}"
    headers = {"Content-Type": "application/json"}
    body: dict[str, Any]
    match shape:
        case "legacy":
            resource = {"service": "storage.googleapis.com", "name": resource_name, "type": "storage#object"}
            body = {"context": legacy | {"resource": resource}, "data": event.resource}
        case "flat":
            body = legacy | {"resource": resource_name, "data": event.resource}
        case "binary":
            headers |= {f"ce-{name}": quote(value, safe=HEADER_SAFE) for name, value in cloudevent.items()}
            body = event.resource
        case "structured":
            headers = {"Content-Type": "application/cloudevents+json"}
            body = cloudevent | {"datacontenttype": "application/json", "data": event.resource}
    return headers, json.dumps(body).encode()
