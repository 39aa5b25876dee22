"""What becomes of an upload: objects, the event's way through trigger and function, documents and their search."""

import re
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from analysis.definition import N_FINGERPRINT
from tests.deploy.apis.answering import RefusalError, Request, State, not_found, route
from tests.deploy.apis.identity import policy

_OBJECT = "/storage/v1/b/{bucket}/o/{name*}"
_DOCUMENTS = "/firestore/v1/projects/{project}/databases/{database}/documents"
FINGERPRINT = {
    "mapValue": {
        "fields": {
            "__type__": {"stringValue": "__vector__"},
            "value": {"arrayValue": {"values": [{"doubleValue": float(i)} for i in range(N_FINGERPRINT)]}},
        }
    }
}


def upload(state: State, request: Request, bucket: str) -> dict[str, Any]:
    """Take an object as it comes, and deliver its event unless it is one of the first that get lost."""
    if bucket not in state.buckets:
        raise not_found("The specified bucket")
    name, generation = request.query["name"], str(1000 + len(state.uploaded))
    state.uploaded.append(name)
    state.objects[f"{bucket}/{name}"] = {"bucket": bucket, "name": name, "generation": generation}
    if len(state.uploaded) > state.lost_events:
        for function in _functions_of(state, "finalized"):
            _deliver(state, function, bucket, name, generation)
    return state.objects[f"{bucket}/{name}"]


@route("DELETE", _OBJECT)
def _remove(state: State, _request: Request, names: dict[str, str]) -> Any:
    key = f"{names['bucket']}/{names['name']}"
    if key not in state.objects:
        raise not_found(key)
    if state.buckets[names["bucket"]].get("retentionPolicy"):
        raise RefusalError(403, "PERMISSION_DENIED", f"Object '{key}' is subject to bucket's retention policy")
    generation = state.objects.pop(key)["generation"]
    state.deleted.append(names["name"])
    if len(state.deleted) > state.lost_deletions:
        for function in _functions_of(state, "deleted"):
            _deliver(state, function, names["bucket"], names["name"], generation)
    return {}


@route("GET", _DOCUMENTS + "/{collection}/{uid}")
def _document(state: State, _request: Request, names: dict[str, str]) -> Any:
    path = f"{names['collection']}/{names['uid']}"
    if path not in state.documents:
        raise not_found(f'Document "{path}"')
    return {"name": f"x/documents/{path}", "fields": state.documents[path]}


@route("DELETE", _DOCUMENTS + "/{collection}/{uid}")
def _forget(state: State, _request: Request, names: dict[str, str]) -> Any:
    state.documents.pop(f"{names['collection']}/{names['uid']}", None)
    return {}


@route("POST", _DOCUMENTS + ":runQuery")
def _query(state: State, request: Request, _names: dict[str, str]) -> Any:
    """Answer for all documents, if there is an index that is ready."""
    query = request.body["structuredQuery"]
    collection = query["from"][0]["collectionId"]
    assert query["findNearest"]["queryVector"] == FINGERPRINT
    ready = [one for one in state.indexes.values() if one["state"] == "READY"]
    if not ready or f"/collectionGroups/{collection}/" not in ready[0]["name"]:
        state.index_looks += 1
        if state.index_looks >= state.index_ready_after:
            for one in state.indexes.values():
                one["state"] = "READY"
        raise RefusalError(400, "FAILED_PRECONDITION", "Missing vector index configuration. Please create the index")
    return [{"document": {"name": f"x/documents/{path}"}} for path in state.documents if path.startswith(collection)]


def _functions_of(state: State, kind: str) -> list[dict[str, Any]]:
    """Return the functions that get the finalized or the deleted events."""
    return [one for one in state.functions.values() if one["eventTrigger"]["eventType"].endswith(f".{kind}")]


def _deliver(state: State, function: dict[str, Any], bucket: str, name: str, generation: str) -> None:
    """Take an event as far as it gets; what keeps it is in the log, as Google's services word it."""
    trigger, service = state.triggers.get(function["name"]), function.get("serviceConfig", {})
    account, short = service.get("serviceAccountEmail", ""), function["name"].rpartition("/")[2]
    forgets = function["buildConfig"]["entryPoint"] == "forget"
    role = f"projects/{state.project}/roles/soundsForget" if forgets else "roles/datastore.user"
    if trigger is None or not _may(state, "project", f"service-{state.number}@gs-project-accounts", "pubsub.publisher"):
        return
    if not _may(state, f"service {short}", account, "run.invoker"):
        text = "The request was not authenticated. Either allow unauthenticated invocations or set the proper header."
        _log(state, short, textPayload=text, httpRequest={"status": 403, "requestMethod": "POST"})
    elif function.get("crashes"):
        text = "The user-provided container failed to start and listen on the port defined by the PORT variable."
        _log(state, short, textPayload=text, httpRequest={"status": 503, "requestMethod": "POST"})
    elif not _may(state, f"bucket {bucket}", account, "storage.objectViewer"):
        text = (
            f"{account} does not have storage.objects.get access to the Google Cloud Storage object. Permission denied"
        )
        _log(state, short, jsonPayload={"message": f"Forbidden: 403 GET: {text}"})
    elif not _may(state, "project", account, role.partition("roles/")[2]):
        _log(state, short, jsonPayload={"message": "PermissionDenied: 403 Missing or insufficient permissions."})
    elif function.get("error"):
        _log(state, short, jsonPayload={"message": function["error"]})
    else:
        uid = str(uuid5(NAMESPACE_URL, f"gs://{bucket}/{name}#{generation}"))
        environment = service.get("environmentVariables", {})
        if forgets:
            for variable, default in (("SOUNDS_COLLECTION", "sounds"), ("REJECTIONS_COLLECTION", "rejections")):
                state.documents.pop(f"{environment.get(variable, default)}/{uid}", None)
            return
        if function.get("rejects"):
            fields = {"reason": {"stringValue": "not_audio"}, "message": {"stringValue": "no sound"}}
            state.documents[f"{environment.get('REJECTIONS_COLLECTION', 'rejections')}/{uid}"] = fields
            return
        state.documents[f"{environment.get('SOUNDS_COLLECTION', 'sounds')}/{uid}"] = {"fingerprint": FINGERPRINT}


def _may(state: State, resource: str, account: str, role: str) -> bool:
    bindings = [one for one in policy(state, resource).get("bindings", []) if "condition" not in one]
    return any(
        one["role"].endswith(f"roles/{role}") and any(account in member for member in one["members"])
        for one in bindings
    )


def _log(state: State, service: str, **entry: Any) -> None:
    resource = {"type": "cloud_run_revision", "labels": {"service_name": service}}
    state.log.insert(0, {"resource": resource, "labels": {}, "severity": "ERROR", **entry})


def entries(state: State, asked: str) -> list[dict[str, Any]] | None:
    """Return the log of the service that a filter names; None where it names none."""
    named = re.search(r'service_name="([^"]+)"', asked)
    if named is None:
        return None
    return [one for one in state.log if one.get("resource", {}).get("labels", {}).get("service_name") == named[1]]
