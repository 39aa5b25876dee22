"""What became of an upload: a sound, a rejection, a line in the function's log, or nothing."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.api_core.retry import Retry
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from local.trigger import Answer

COLLECTIONS = {  # as the function's settings name them
    "sound": os.environ.get("SOUNDS_COLLECTION", "sounds"),
    "rejection": os.environ.get("REJECTIONS_COLLECTION", "rejections"),
}
QUERY_S = 30
NEVER = Retry(predicate=lambda _: False)  # with None the client cannot tell an error in the middle of a query
DATABASE = os.environ.get("FIRESTORE_DATABASE", "(default)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one upload ended.

    Attributes:
        blob_name: name of the uploaded blob.
        kind: "sound", "rejection", "skipped" (it needed neither), "forgotten" (its documents were removed) or "failed".
        document: the document of a sound or a rejection.
        message: why it is no sound.
        seconds: how long the function took.
    """

    blob_name: str
    kind: str
    document: dict[str, Any] | None = None
    message: str = ""
    seconds: float | None = None


def find_outcome(client: firestore.Client, answer: Answer, function_log: Path) -> Outcome:
    """Find what an event led to: a document in Firestore, else a line in the function's log.

    Raises Firestore's error, which is not retried.
    """
    upload = answer.event.upload
    blob_name = upload[1]
    logged = _last_message(function_log, upload)
    if answer.problem:
        return Outcome(blob_name, "failed", message=f"{answer.problem}; {logged}".removesuffix("; "))
    if answer.event.kind == "delete":
        kind = "forgotten" if logged == "forgotten" else "skipped"
        message = f"generation {upload[2]} was deleted" if kind == "forgotten" else logged.removeprefix("skipped: ")
        return Outcome(blob_name, kind, message=message, seconds=answer.seconds)
    for kind, collection in COLLECTIONS.items():
        query = client.collection(collection).limit(1)
        for field, value in zip(("bucket", "blob_name", "generation"), upload, strict=True):
            query = query.where(filter=FieldFilter(field, "==", value))
        for snapshot in query.stream(retry=NEVER, timeout=QUERY_S):
            document = snapshot.to_dict() or {}  # None only of a document that is not there
            message = f"{document['reason']}: {document['message']}" if kind == "rejection" else ""
            return Outcome(blob_name, kind, document, message, answer.seconds)
    reason = logged.removeprefix("skipped: ")  # the kind, which is printed before the message
    return Outcome(blob_name, "skipped", message=reason or "the function's log does not say why")


def _last_message(function_log: Path, upload: tuple[str, str, int]) -> str:
    """Return the message of the last structured log line about an upload."""
    message = ""
    with function_log.open(errors="replace") as lines:
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and (entry.get("bucket"), entry.get("blob"), entry.get("generation")) == upload:
                message = str(entry.get("message", ""))
    return message
