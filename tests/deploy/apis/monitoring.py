"""Cloud Monitoring: notification channels and alert policies."""

from typing import Any

from tests.deploy.apis.answering import RefusalError, Request, State, not_found, route
from tests.deploy.apis.services import need

_ALL = "/monitoring/v3/projects/{project}/{kind}"


@route("GET", _ALL)
def _list(state: State, _request: Request, names: dict[str, str]) -> Any:
    need(state, "monitoring")
    return {names["kind"]: [one for name, one in state.alerts.items() if f"/{names['kind']}/" in name]}


@route("POST", _ALL)
def _make(state: State, request: Request, names: dict[str, str]) -> Any:
    need(state, "monitoring")
    _check(state, request.body)
    name = f"projects/{names['project']}/{names['kind']}/{len(state.alerts)}"
    state.alerts[name] = {"name": name, **request.body}
    return state.alerts[name]


@route("PATCH", _ALL + "/{id}")
def _change(state: State, request: Request, _names: dict[str, str]) -> Any:
    found = _found(state, request)
    _check(state, request.body)
    for field in request.query["updateMask"].split(","):
        found[field] = request.body[field]
    return found


@route("DELETE", _ALL + "/{id}")
def _remove(state: State, request: Request, _names: dict[str, str]) -> Any:
    name = _found(state, request)["name"]
    if (
        any(name in one.get("notificationChannels", []) for one in state.alerts.values())
        and "force" not in request.query
    ):
        raise RefusalError(400, "FAILED_PRECONDITION", "The channel is used by a policy")
    del state.alerts[name]
    return {}


def _found(state: State, request: Request) -> dict[str, Any]:
    name = request.path.removeprefix("/monitoring/v3/")
    if name not in state.alerts:
        raise not_found(name)
    return state.alerts[name]


def _check(state: State, body: dict[str, Any]) -> None:
    """Refuse a policy as Google does: an unknown channel, two conditions with one on logs, a limit where none goes."""
    conditions = body.get("conditions", [])
    on_logs = any("conditionMatchedLog" in one for one in conditions)
    limited = "notificationRateLimit" in body.get("alertStrategy", {})
    if any(channel not in state.alerts for channel in body.get("notificationChannels", [])):
        raise RefusalError(400, "INVALID_ARGUMENT", "Unknown notification channel")
    if conditions and (on_logs != limited or (on_logs and len(conditions) > 1)):
        raise RefusalError(400, "INVALID_ARGUMENT", "notificationRateLimit goes with one condition on logs")
