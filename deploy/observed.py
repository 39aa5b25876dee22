"""What a function is, as its API describes it, under the same names for both generations.

Source: the REST references of Cloud Functions v1 (CloudFunction) and v2 (Function).
"""

import re
from typing import Any

from deploy.archive import LABEL

_MIB = {"": 1 / 2**20, "k": 1e3 / 2**20, "M": 1e6 / 2**20, "G": 1e9 / 2**20, "Ki": 1 / 1024, "Mi": 1, "Gi": 1024}


def generation(function: dict[str, Any]) -> int:
    """Return 1 or 2; only the v2 API names an environment."""
    return 2 if function.get("environment") == "GEN_2" else 1


def observed(function: dict[str, Any]) -> dict[str, Any]:
    """Return the function's settings by name; one that is not set is None."""
    return _second(function) if generation(function) == 2 else _first(function)


def _first(function: dict[str, Any]) -> dict[str, Any]:
    trigger = function.get("eventTrigger", {})
    return {
        "state": function.get("status"),
        "source": function.get("labels", {}).get(LABEL),
        "runtime": function.get("runtime"),
        "entry point": function.get("entryPoint"),
        "bucket": trigger.get("resource", "").partition("/buckets/")[2],
        "event": trigger.get("eventType"),
        "retry": "retry" in trigger.get("failurePolicy", {}),
        "account": function.get("serviceAccountEmail"),
        "build account": _last(function.get("buildServiceAccount")),
        "memory MiB": function.get("availableMemoryMb"),
        "timeout s": int(function.get("timeout", "0s").rstrip("s")),
        "instances": function.get("maxInstances"),
        "ingress": function.get("ingressSettings"),
        "MAX_BYTES": function.get("environmentVariables", {}).get("MAX_BYTES"),
    }


def _second(function: dict[str, Any]) -> dict[str, Any]:
    trigger = function.get("eventTrigger", {})
    build = function.get("buildConfig", {})
    service = function.get("serviceConfig", {})
    filters = {one["attribute"]: one["value"] for one in trigger.get("eventFilters", [])}
    return {
        "state": function.get("state"),
        "source": function.get("labels", {}).get(LABEL),
        "runtime": build.get("runtime"),
        "entry point": build.get("entryPoint"),
        "bucket": filters.get("bucket"),
        "event": trigger.get("eventType"),
        "retry": trigger.get("retryPolicy") == "RETRY_POLICY_RETRY",
        "account": service.get("serviceAccountEmail"),
        "build account": _last(build.get("serviceAccount")),
        "memory MiB": _mib(service.get("availableMemory", "")),
        "timeout s": service.get("timeoutSeconds"),
        "instances": service.get("maxInstanceCount"),
        "ingress": service.get("ingressSettings"),
        "MAX_BYTES": service.get("environmentVariables", {}).get("MAX_BYTES"),
        "vCPUs": float(service.get("availableCpu", 0)),
        "concurrency": service.get("maxInstanceRequestConcurrency", 1),
        "trigger location": trigger.get("triggerRegion"),
        "trigger account": trigger.get("serviceAccountEmail"),
    }


def _last(resource: str | None) -> str | None:
    return resource and resource.rpartition("/")[2]


def _mib(quantity: str) -> float | None:
    parts = re.fullmatch(r"(\d+)(\w*?)B?", quantity)
    return parts and int(parts[1]) * _MIB.get(parts[2], 0)
