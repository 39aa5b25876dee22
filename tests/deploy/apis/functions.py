"""Cloud Functions, both versions of its API: the second sees the functions of both generations."""

import re
from copy import deepcopy
from typing import Any

from tests.deploy.apis.answering import RefusalError, Request, State, exists, not_found, route
from tests.deploy.apis.services import need

_FIRST = ("python311", "python312")
_PLACE = "projects/{project}/locations/{region}"


@route("GET", f"/cloudfunctions/v2/{_PLACE}/runtimes")
def _runtimes(state: State, _request: Request, _names: dict[str, str]) -> Any:
    first = [{"name": name, "environment": "GEN_1", "stage": "GA"} for name in _FIRST]
    second = [{"name": name, "environment": "GEN_2", "stage": stage} for name, stage in state.runtimes.items()]
    return {"runtimes": first + second}


@route("GET", f"/cloudfunctions/v2/{_PLACE}/functions")
def _list(state: State, _request: Request, _names: dict[str, str]) -> Any:
    need(state, "cloudfunctions")
    return {"functions": [_as_second(state, function) for function in state.functions.values()]}


@route("GET", f"/cloudfunctions/v2/{_PLACE}/functions/{{name}}")
def _get(state: State, request: Request, _names: dict[str, str]) -> Any:
    return _as_second(state, _found(state, request))


@route("GET", f"/cloudfunctions/v1/{_PLACE}/functions/{{name}}")
def _get_first(state: State, request: Request, _names: dict[str, str]) -> Any:
    return _found(state, request)


@route("POST", f"/cloudfunctions/v2/{_PLACE}/functions:generateUploadUrl")
def _upload_url(state: State, _request: Request, _names: dict[str, str]) -> Any:
    name = f"source-{len(state.archives)}.zip"
    return {
        "uploadUrl": f"{state.url}/upload/{name}",
        "storageSource": {"bucket": "gcf-v2-uploads", "object": name},
    }


@route("POST", f"/cloudfunctions/v1/{_PLACE}/functions:generateUploadUrl")
def _upload_url_first(state: State, _request: Request, _names: dict[str, str]) -> Any:
    return {"uploadUrl": f"{state.url}/upload/source-{len(state.archives)}.zip"}


@route("PUT", "/upload/{name}")
def _upload(state: State, request: Request, names: dict[str, str]) -> Any:
    state.archives[names["name"]] = request.body
    return {}


@route("POST", f"/cloudfunctions/v2/{_PLACE}/functions")
def _make(state: State, request: Request, names: dict[str, str]) -> Any:
    need(state, "cloudfunctions", "cloudbuild", "run", "eventarc")
    name = f"{_PLACE.format(**names)}/functions/{request.query['functionId']}"
    if name in state.functions:
        raise exists(name)
    _deploy(state, names, {**request.body, "name": name, "environment": "GEN_2"})
    return _operation_second(state, names, name)


@route("PATCH", f"/cloudfunctions/v2/{_PLACE}/functions/{{name}}")
def _change(state: State, request: Request, names: dict[str, str]) -> Any:
    function = _masked(_found(state, request), request)
    _deploy(state, names, function)
    return _operation_second(state, names, function["name"])


@route("DELETE", f"/cloudfunctions/v2/{_PLACE}/functions/{{name}}")
def _remove(state: State, request: Request, names: dict[str, str]) -> Any:
    function = _found(state, request)
    del state.functions[function["name"]]
    state.triggers.pop(function["name"], None)
    state.subscriptions.pop(f"projects/{names['project']}/subscriptions/{names['name']}-1", None)
    state.policies.pop(f"service {names['name']}", None)
    return _operation_second(state, names, function["name"])


@route("GET", f"/cloudfunctions/v2/{_PLACE}/operations/{{operation}}")
def _done(state: State, _request: Request, names: dict[str, str]) -> Any:
    return _operation_second(state, names, "")


@route("POST", f"/cloudfunctions/v1/{_PLACE}/functions")
def _make_first(state: State, request: Request, _names: dict[str, str]) -> Any:
    need(state, "cloudfunctions", "cloudbuild", "pubsub")
    if request.body["name"] in state.functions:
        raise exists(request.body["name"])
    state.functions[request.body["name"]] = {**request.body, "status": "ACTIVE"}
    return {"name": "operations/done", "done": True, "response": {}}


@route("PATCH", f"/cloudfunctions/v1/{_PLACE}/functions/{{name}}")
def _change_first(state: State, request: Request, _names: dict[str, str]) -> Any:
    function = _found(state, request)
    state.functions[function["name"]] = _masked(function, request) | {"status": "ACTIVE"}
    return {"name": "operations/done", "done": True, "response": {}}


@route("DELETE", f"/cloudfunctions/v1/{_PLACE}/functions/{{name}}")
def _remove_first(state: State, request: Request, _names: dict[str, str]) -> Any:
    del state.functions[_found(state, request)["name"]]
    return {"name": "operations/done", "done": True, "response": {}}


@route("GET", "/cloudfunctions/v1/operations/{name}")
def _done_first(_state: State, _request: Request, _names: dict[str, str]) -> Any:
    return {"name": "operations/done", "done": True, "response": {}}


def _found(state: State, request: Request) -> dict[str, Any]:
    need(state, "cloudfunctions")
    name = request.path.split("/", 3)[3]
    if name not in state.functions:
        raise not_found(f"Resource '{name}'")
    return state.functions[name]


def _as_second(state: State, function: dict[str, Any]) -> dict[str, Any]:
    """Return a function of either generation as the second version of the API shows it, with its trigger's name."""
    if function.get("environment") == "GEN_2":
        trigger = function.get("eventTrigger", {})
        if function["name"] in state.triggers and "name" in state.triggers[function["name"]]:
            trigger = {**trigger, "trigger": state.triggers[function["name"]]["name"]}
        return {**function, "eventTrigger": trigger}
    return {"name": function["name"], "environment": "GEN_1", "labels": function.get("labels", {}), "state": "ACTIVE"}


def _deploy(state: State, names: dict[str, str], function: dict[str, Any]) -> None:
    runtime = function["buildConfig"]["runtime"]
    if runtime not in state.runtimes:
        raise RefusalError(400, "INVALID_ARGUMENT", f"Runtime {runtime} is not supported")
    place, _, name = function["name"].rpartition("/functions/")
    service = function["serviceConfig"] | {"service": f"{place}/services/{name}"}
    state.functions[function["name"]] = {**function, "serviceConfig": service, "state": "ACTIVE"}
    trigger = function["eventTrigger"]
    criteria = [{"attribute": "type", "value": trigger["eventType"]}, *trigger["eventFilters"]]
    state.triggers[function["name"]] = {
        "name": f"projects/{names['project']}/locations/{trigger['triggerRegion']}/triggers/{name}-1",
        "eventFilters": criteria,
        "serviceAccount": trigger["serviceAccountEmail"],
        "transport": {"pubsub": {"subscription": f"projects/{names['project']}/subscriptions/{name}-1"}},
    }
    state.subscriptions[f"projects/{names['project']}/subscriptions/{name}-1"] = {"ackDeadlineSeconds": 600}


def _masked(function: dict[str, Any], request: Request) -> dict[str, Any]:
    """Return the function with the changes that the request's mask names, and no others."""
    changed = deepcopy(function)
    for path in request.query["updateMask"].split(","):
        *parents, last = (re.sub(r"_(.)", lambda m: m[1].upper(), name) for name in path.split("."))
        old, new = changed, request.body
        for parent in parents:
            old, new = old.setdefault(parent, {}), new.get(parent, {})
        old.pop(last, None)
        if last in new:
            old[last] = deepcopy(new[last])
    return changed


def _operation_second(state: State, names: dict[str, str], name: str) -> dict[str, Any]:
    return {
        "name": f"{_PLACE.format(**names)}/operations/done",
        "done": True,
        "metadata": {"@type": "type.googleapis.com/google.cloud.functions.v2.OperationMetadata", "stages": []},
        "response": {
            "@type": "type.googleapis.com/google.cloud.functions.v2.Function",
            **state.functions.get(name, {}),
        },
    }
