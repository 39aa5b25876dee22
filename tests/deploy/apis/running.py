"""Cloud Run and Eventarc: who may invoke a function's service, and the triggers of a project."""

from typing import Any

from tests.deploy.apis.answering import Request, State, not_found, route
from tests.deploy.apis.identity import policy, set_policy
from tests.deploy.apis.services import need

_SERVICE = "/run/v1/projects/{project}/locations/{region}/services/{name}"


@route("GET", f"{_SERVICE}:getIamPolicy")
def _policy(state: State, _request: Request, names: dict[str, str]) -> Any:
    need(state, "run")
    _check(state, names["name"])
    return policy(state, f"service {names['name']}")


@route("POST", f"{_SERVICE}:setIamPolicy")
def _set_policy(state: State, request: Request, names: dict[str, str]) -> Any:
    _check(state, names["name"])
    return set_policy(state, f"service {names['name']}", request.body["policy"])


@route("GET", "/eventarc/v1/projects/{project}/locations/{region}/triggers")
def _triggers(state: State, _request: Request, _names: dict[str, str]) -> Any:
    need(state, "eventarc")
    return {"triggers": list(state.triggers.values())}


def _check(state: State, name: str) -> None:
    if not any(function.endswith(f"/functions/{name}") for function in state.triggers):
        raise not_found(f"Service {name}")


@route("GET", "/run/v2/projects/{project}/locations/{region}/services/{name}:getIamPolicy")
def _policy_second(state: State, _request: Request, names: dict[str, str]) -> Any:
    need(state, "run")
    _check(state, names["name"])
    return policy(state, f"service {names['name']}")


@route("GET", "/run/v2/projects/{project}/locations/{region}/jobs/{name}")
def _job(state: State, _request: Request, names: dict[str, str]) -> Any:
    """Return a job as the second version of the API shows it."""
    need(state, "run")
    if names["name"] not in state.jobs:
        raise not_found(f"Job {names['name']}")
    execution = state.jobs[names["name"]]["spec"]["template"]["spec"]
    task = execution["template"]["spec"]
    template = {"containers": task["containers"], "serviceAccount": task["serviceAccountName"]}
    return {"template": {"taskCount": execution.get("taskCount", 1), "template": template}}


@route("GET", "/eventarc/v1/projects/{project}/locations/{region}/triggers/{name}")
def _trigger(state: State, request: Request, _names: dict[str, str]) -> Any:
    need(state, "eventarc")
    path = request.path.removeprefix("/eventarc/v1/")
    found = [trigger for trigger in state.triggers.values() if trigger.get("name") == path]
    if not found:
        raise not_found(path)
    return found[0]


@route("GET", "/pubsub/v1/projects/{project}/subscriptions/{name}")
def _subscription(state: State, request: Request, _names: dict[str, str]) -> Any:
    path = request.path.removeprefix("/pubsub/v1/")
    if path not in state.subscriptions:
        raise not_found(path)
    return {"name": path, **state.subscriptions[path]}
