"""Cloud Scheduler and Cloud Logging: what is run when, and what was said meanwhile."""

import re
from typing import Any

from tests.deploy.apis.answering import RefusalError, Request, State, not_found, route
from tests.deploy.apis.services import need
from tests.deploy.apis.sounds import entries

_LOCATIONS = "/cloudscheduler/v1/projects/{project}/locations"
_SCHEDULES = f"{_LOCATIONS}/{{region}}/jobs"


@route("GET", _LOCATIONS)
def _locations(state: State, _request: Request, _names: dict[str, str]) -> Any:
    need(state, "cloudscheduler")
    return {"locations": [{"locationId": region} for region in state.schedulers]}


@route("GET", f"{_SCHEDULES}/{{name}}")
def _get(state: State, request: Request, _names: dict[str, str]) -> Any:
    return _found(state, request)


@route("POST", _SCHEDULES)
def _make(state: State, request: Request, _names: dict[str, str]) -> Any:
    need(state, "cloudscheduler")
    return _set(state, request.body)


@route("PATCH", f"{_SCHEDULES}/{{name}}")
def _change(state: State, request: Request, _names: dict[str, str]) -> Any:
    return _set(state, _found(state, request) | request.body)


@route("DELETE", f"{_SCHEDULES}/{{name}}")
def _remove(state: State, request: Request, _names: dict[str, str]) -> Any:
    del state.schedules[_found(state, request)["name"]]
    return {}


@route("POST", "/logging/v2/entries:list")
def _entries(state: State, request: Request, _names: dict[str, str]) -> Any:
    """Return the lines of the execution that the filter names, with the numbers that it asks for."""
    need(state, "logging")
    of_service = entries(state, request.body["filter"])
    if of_service is not None:
        return {"entries": of_service}
    (execution,) = re.findall(r'execution_name"="([^"]+)"', request.body["filter"])
    numbers = set(re.findall(r"jsonPayload\.(\w+)>=0", request.body["filter"]))
    lines = [one for one in state.log if one["labels"].get("run.googleapis.com/execution_name") == execution]
    return {"entries": [line for line in lines if numbers <= set(line.get("jsonPayload", {}))]}


def _found(state: State, request: Request) -> dict[str, Any]:
    need(state, "cloudscheduler")
    name = request.path.split("/", 3)[3]
    if name not in state.schedules:
        raise not_found(f"Job {name}")
    return state.schedules[name]


def _set(state: State, schedule: dict[str, Any]) -> dict[str, Any]:
    account = schedule["httpTarget"]["oauthToken"]["serviceAccountEmail"]
    if account not in state.accounts:
        raise RefusalError(400, "INVALID_ARGUMENT", f"Service account {account} does not exist.")
    state.schedules[schedule["name"]] = schedule
    return schedule
