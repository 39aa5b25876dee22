"""Service Usage: which APIs are enabled; and what the other APIs answer while theirs is not."""

from typing import Any

from tests.deploy.apis.answering import RefusalError, Request, State, route


@route("GET", "/serviceusage/v1/projects/{project}/services")
def _list(state: State, _request: Request, _names: dict[str, str]) -> Any:
    return {"services": [_service(state, name) for name in sorted(state.services)]}


@route("GET", "/serviceusage/v1/projects/{project}/services/{name}")
def _get(state: State, _request: Request, names: dict[str, str]) -> Any:
    return _service(state, names["name"])


@route("POST", "/serviceusage/v1/projects/{project}/services:batchEnable")
def _enable(state: State, request: Request, _names: dict[str, str]) -> Any:
    state.services.update(request.body["serviceIds"])
    return {"name": "operations/enabled", "done": True, "response": {}}


@route("POST", "/serviceusage/v1/projects/{project}/services/{name}:enable")
def _enable_one(state: State, _request: Request, names: dict[str, str]) -> Any:
    state.services.add(names["name"])
    return {"name": "operations/enabled", "done": True, "response": {}}


@route("GET", "/serviceusage/v1beta1/projects/{project}/services/{name}/consumerQuotaMetrics")
def _quotas(state: State, _request: Request, names: dict[str, str]) -> Any:
    """Return the quotas that a test sets, each for one region: `metric region` to the limit."""
    metrics = []
    for key, limit in state.quotas.items():
        metric, region = key.split(" ")
        if metric.startswith(names["name"]):
            buckets = [{"effectiveLimit": "0"}, {"effectiveLimit": str(limit), "dimensions": {"region": region}}]
            metrics.append({"metric": metric, "consumerQuotaLimits": [{"quotaBuckets": buckets}]})
    return {"metrics": metrics}


@route("GET", "/serviceusage/v1/operations/{name}")
def _operation(_state: State, _request: Request, names: dict[str, str]) -> Any:
    return {"name": f"operations/{names['name']}", "done": True, "response": {}}


def need(state: State, *names: str) -> None:
    """Refuse, as the APIs do, unless these are enabled."""
    for name in names:
        if f"{name}.googleapis.com" not in state.services:
            raise RefusalError(
                403,
                "PERMISSION_DENIED",
                f"{name} API has not been used in project {state.number} before or it is disabled. If you enabled this"
                " API recently, wait a few minutes for the action to propagate to our systems and retry.",
            )


def _service(state: State, name: str) -> dict[str, Any]:
    return {
        "name": f"projects/{state.number}/services/{name}",
        "config": {"name": name},
        "state": "ENABLED" if name in state.services else "DISABLED",
    }
