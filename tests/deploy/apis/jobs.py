"""Cloud Run jobs: the jobs, their policies, their executions, which a test may really run meanwhile."""

import threading
from copy import deepcopy
from typing import Any

from tests.deploy.apis.answering import RefusalError, Request, State, not_found, route
from tests.deploy.apis.identity import policy, set_policy
from tests.deploy.apis.services import need

_JOBS = "/run/apis/run.googleapis.com/v1/namespaces/{project}/jobs"
_EXECUTIONS = "/run/apis/run.googleapis.com/v1/namespaces/{project}/executions"
_POLICY = "/run/v1/projects/{project}/locations/{region}/jobs/{name}"
_READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}


@route("GET", f"{_JOBS}/{{name}}")
def _get(state: State, _request: Request, names: dict[str, str]) -> Any:
    need(state, "run")
    return _found(state, names)


@route("POST", _JOBS)
def _make(state: State, request: Request, _names: dict[str, str]) -> Any:
    need(state, "run")
    return _deploy(state, request.body)


@route("PUT", f"{_JOBS}/{{name}}")
def _change(state: State, request: Request, names: dict[str, str]) -> Any:
    _found(state, names)
    return _deploy(state, request.body)


@route("DELETE", f"{_JOBS}/{{name}}")
def _remove(state: State, _request: Request, names: dict[str, str]) -> Any:
    _found(state, names)
    del state.jobs[names["name"]]
    state.policies.pop(f"job {names['name']}", None)
    return {"status": "Success"}


@route("POST", f"{_JOBS}/{{name}}:run")
def _run(state: State, _request: Request, names: dict[str, str]) -> Any:
    job = _found(state, names)
    name = f"{names['name']}-{len(state.executions)}"
    n_tasks = job["spec"]["template"]["spec"]["taskCount"]
    state.executions[name] = {
        "apiVersion": "run.googleapis.com/v1",
        "kind": "Execution",
        "metadata": {"name": name, "namespace": state.number, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": deepcopy(job["spec"]["template"]["spec"]),
        "status": {"runningCount": n_tasks},
    }
    ended = {"completionTime": "2026-01-01T00:01:00Z", "succeededCount": n_tasks}
    if state.run_tasks:
        threading.Thread(target=state.run_tasks, args=(state.executions[name], ended)).start()
    else:
        state.executions[name]["status"] = ended
    return state.executions[name]


@route("GET", f"{_EXECUTIONS}/{{name}}")
def _execution(state: State, _request: Request, names: dict[str, str]) -> Any:
    if names["name"] not in state.executions:
        raise not_found(f"Execution {names['name']}")
    return state.executions[names["name"]]


@route("GET", f"{_POLICY}:getIamPolicy")
def _policy(state: State, _request: Request, names: dict[str, str]) -> Any:
    _found(state, names)
    return policy(state, f"job {names['name']}")


@route("POST", f"{_POLICY}:setIamPolicy")
def _set_policy(state: State, request: Request, names: dict[str, str]) -> Any:
    _found(state, names)
    return set_policy(state, f"job {names['name']}", request.body["policy"])


def _found(state: State, names: dict[str, str]) -> dict[str, Any]:
    if names["name"] not in state.jobs:
        raise not_found(f"Resource '{names['name']}' of kind 'JOB' in region")
    return state.jobs[names["name"]]


def _deploy(state: State, job: dict[str, Any]) -> dict[str, Any]:
    """Take a job as it is asked for; like Google's it knows no account and no image that is not there."""
    task = job["spec"]["template"]["spec"]["template"]["spec"]
    if task["serviceAccountName"] not in state.accounts:
        raise RefusalError(400, "INVALID_ARGUMENT", f"Service account {task['serviceAccountName']} does not exist.")
    if task["containers"][0]["image"] not in state.images:
        raise RefusalError(404, "NOT_FOUND", f"Image '{task['containers'][0]['image']}' not found.")
    job = {**job, "metadata": {**job["metadata"], "generation": 1}}
    state.jobs[job["metadata"]["name"]] = {**job, "status": {"observedGeneration": 1, "conditions": [_READY]}}
    return state.jobs[job["metadata"]["name"]]
