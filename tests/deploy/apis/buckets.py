"""Cloud Storage: buckets, their policies, and the account that publishes their events."""

from typing import Any

from tests.deploy.apis.answering import Request, State, exists, not_found, route
from tests.deploy.apis.identity import policy, set_policy


@route("GET", "/storage/v1/b/{bucket}")
def _get(state: State, _request: Request, names: dict[str, str]) -> Any:
    if names["bucket"] not in state.buckets:
        raise not_found("The specified bucket")
    return state.buckets[names["bucket"]]


@route("POST", "/storage/v1/b")
def _make(state: State, request: Request, _names: dict[str, str]) -> Any:
    name = request.body["name"]
    if name in state.buckets:
        raise exists(name)
    state.buckets[name] = {
        "kind": "storage#bucket",
        "id": name,
        "projectNumber": state.number,
        **request.body,
        "location": request.body.get("location", "US").upper(),
    }
    return state.buckets[name]


@route("GET", "/storage/v1/projects/{project}/serviceAccount")
def _agent(state: State, _request: Request, _names: dict[str, str]) -> Any:
    email = f"service-{state.number}@gs-project-accounts.iam.gserviceaccount.com"
    state.agents.add(email)
    return {"kind": "storage#serviceAccount", "email_address": email}


@route("GET", "/storage/v1/b/{bucket}/iam")
def _policy(state: State, _request: Request, names: dict[str, str]) -> Any:
    if names["bucket"] not in state.buckets:
        raise not_found("The specified bucket")
    return policy(state, f"bucket {names['bucket']}")


@route("PUT", "/storage/v1/b/{bucket}/iam")
def _set_policy(state: State, request: Request, names: dict[str, str]) -> Any:
    return set_policy(state, f"bucket {names['bucket']}", request.body)


@route("GET", "/storage/v1/b/{bucket}/iam/testPermissions")
def _test(state: State, request: Request, names: dict[str, str]) -> Any:
    if names["bucket"] not in state.buckets:
        raise not_found("The specified bucket")
    asked = request.query_lists.get("permissions", [])
    return {"permissions": [one for one in asked if f"{names['bucket']} {one}" not in state.lacking]}


@route("GET", "/storage/v1/b/{bucket}/notificationConfigs")
def _notifications(state: State, _request: Request, names: dict[str, str]) -> Any:
    return {"items": state.notifications.get(names["bucket"], [])}
