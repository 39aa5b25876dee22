"""A finalize event, as fake-gcs-server publishes it and in the four shapes in which a function may be handed it.

*Source.* https://cloud.google.com/storage/docs/pubsub-notifications for what is read;
https://github.com/GoogleCloudPlatform/functions-framework-conformance and the CloudEvents HTTP binding for the shapes.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

SHAPES = ("legacy", "flat", "binary", "structured")
LEGACY_TYPE = "google.storage.object.finalize"
CLOUDEVENT_TYPE = "google.cloud.storage.object.v1.finalized"
HEADER_SAFE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


@dataclass(frozen=True, slots=True)
class Event:
    """The finalize event of an object.

    Attributes:
        id: identity of the event; a repeated delivery has the same.
        time: when it happened, RFC 3339.
        resource: the object, as Cloud Storage's JSON API describes it.
    """

    id: str
    time: str
    resource: dict[str, Any]

    @property
    def upload(self) -> tuple[str, str, int]:
        """Bucket name, blob name and generation."""
        return self.resource["bucket"], self.resource["name"], int(self.resource["generation"])


def read_event(event_id: str, payload: bytes) -> Event:
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
    return Event(event_id, published["timeCreated"], resource)


def shape_event(event: Event, shape: str) -> tuple[dict[str, str], bytes]:
    """Return headers and body of the request that hands over the event in one of SHAPES."""
    bucket_name, blob_name, _ = event.upload
    bucket_resource, subject = f"projects/_/buckets/{bucket_name}", f"objects/{blob_name}"
    legacy = {"eventId": event.id, "timestamp": event.time, "eventType": LEGACY_TYPE}
    cloudevent = {
        "specversion": "1.0",
        "id": event.id,
        "source": f"//storage.googleapis.com/{bucket_resource}",
        "type": CLOUDEVENT_TYPE,
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
