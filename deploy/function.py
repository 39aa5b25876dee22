"""What a function is, how the two versions of the API say it, and what makes one function differ from another.

Source: the REST references of Cloud Functions v1 (CloudFunction) and v2 (Function).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from deploy.archive import LABEL

# What the letters behind a number mean in the v2 API, as in Kubernetes.
_UNITS = {"m": 1e-3, "": 1, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


# What each generation calls the two kinds of events that our functions get.
EVENTS = {1: "google.storage.object.finalize", 2: "google.cloud.storage.object.v1.finalized"}
DELETE_EVENTS = {1: "google.storage.object.delete", 2: "google.cloud.storage.object.v1.deleted"}


@dataclass(frozen=True, kw_only=True)
class Function:
    """What a function is: as it was read, or as it should be.

    A setting that a function may lack, or that only the 2nd generation has, is None where it is missing.

    Attributes:
        generation: of Cloud Functions, 1 or 2.
        name: without project and region.
        region: where it runs.
        state: ACTIVE, or what keeps it from being that.
        source: digest of what it was built from.
        runtime: language and version, such as python313.
        entry_point: name of the Python function that is called.
        bucket: name of the bucket whose events it gets.
        event: type of those events.
        retry: whether an event is delivered again after an error.
        account: e-mail of the service account that it runs as.
        build_account: e-mail of the service account that builds it.
        memory_mib: memory of one instance.
        timeout_s: how long one call may take.
        instances: how many may run at once.
        ingress: from where it may be called, as the API names it.
        environment: variables; of the function as it should be, only those that deploy.sh sets.
        vcpus: cores of one instance (2nd generation).
        concurrency: how many calls one instance gets at once (2nd generation).
        trigger_location: where the events come from (2nd generation).
        trigger_account: e-mail of the service account that delivers them (2nd generation).

    """

    generation: int
    name: str
    region: str
    state: str
    source: str | None
    runtime: str
    entry_point: str
    bucket: str | None
    event: str | None
    retry: bool
    account: str
    build_account: str | None
    memory_mib: int = field(metadata={"said": "memory MiB"})
    timeout_s: int
    instances: int | None
    ingress: str
    environment: Mapping[str, str]
    vcpus: float | None = field(default=None, metadata={"said": "vCPUs"})
    concurrency: int | None = None
    trigger_location: str | None = None
    trigger_account: str | None = None


def read_function(answer: dict[str, Any]) -> Function:
    """Return the function that an API describes; only v2, which is asked about the 2nd generation, has environments."""
    return _second(answer) if answer.get("environment") == "GEN_2" else _first(answer)


def differences(found: Function, goal: Function) -> list[str]:
    """Return what is not as it should be about a function, a text for each; variables that nobody asked for may be."""
    settings = [
        (each.metadata.get("said", each.name.replace("_", " ")), getattr(found, each.name), getattr(goal, each.name))
        for each in fields(Function)
        if each.name != "environment"
    ]
    variables = [(name, found.environment.get(name), value) for name, value in goal.environment.items()]
    return [f"{name} is {there}, not {value}" for name, there, value in settings + variables if there != value]


def number(quantity: str) -> float:
    """Return the number that a quantity such as 2Gi, 2048M or 1000m is; 0 where it is none."""
    parts = re.fullmatch(r"([\d.]+)(\w*?)B?", quantity)
    return float(parts[1]) * _UNITS.get(parts[2], 0) if parts else 0


def _first(answer: dict[str, Any]) -> Function:
    trigger = answer.get("eventTrigger", {})
    return Function(
        generation=1,
        name=_last(answer["name"]),
        region=answer["name"].split("/")[3],
        state=answer.get("status", ""),
        source=answer.get("labels", {}).get(LABEL),
        runtime=answer.get("runtime", ""),
        entry_point=answer.get("entryPoint", ""),
        bucket=trigger.get("resource", "").partition("/buckets/")[2] or None,
        event=trigger.get("eventType"),
        retry="retry" in trigger.get("failurePolicy", {}),
        account=answer.get("serviceAccountEmail", ""),
        build_account=_last(answer.get("buildServiceAccount", "")) or None,
        memory_mib=answer.get("availableMemoryMb", 0),
        timeout_s=int(answer.get("timeout", "0s").rstrip("s")),
        instances=answer.get("maxInstances"),
        ingress=answer.get("ingressSettings", ""),
        environment=answer.get("environmentVariables", {}),
    )


def _second(answer: dict[str, Any]) -> Function:
    trigger = answer.get("eventTrigger", {})
    build = answer.get("buildConfig", {})
    service = answer.get("serviceConfig", {})
    filters = {one["attribute"]: one["value"] for one in trigger.get("eventFilters", [])}
    return Function(
        generation=2,
        name=_last(answer["name"]),
        region=answer["name"].split("/")[3],
        state=answer.get("state", ""),
        source=answer.get("labels", {}).get(LABEL),
        runtime=build.get("runtime", ""),
        entry_point=build.get("entryPoint", ""),
        bucket=filters.get("bucket"),
        event=trigger.get("eventType"),
        retry=trigger.get("retryPolicy") == "RETRY_POLICY_RETRY",
        account=service.get("serviceAccountEmail", ""),
        build_account=_last(build.get("serviceAccount", "")) or None,
        memory_mib=round(number(service.get("availableMemory", "0")) / 2**20),
        timeout_s=service.get("timeoutSeconds", 0),
        instances=service.get("maxInstanceCount"),
        ingress=service.get("ingressSettings", ""),
        environment=service.get("environmentVariables", {}),
        vcpus=number(service.get("availableCpu", "0")),
        concurrency=service.get("maxInstanceRequestConcurrency", 1),
        trigger_location=trigger.get("triggerRegion"),
        trigger_account=trigger.get("serviceAccountEmail"),
    )


def _last(resource: str) -> str:
    return resource.rpartition("/")[2]
