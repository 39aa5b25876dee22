"""A Cloud Run job: what it is, how the API says it, and how it should be; deployed when anything about it is otherwise.

Source: the REST reference of the Cloud Run Admin API v1 (Job), which gcloud speaks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from math import ceil
from typing import TYPE_CHECKING, Any

from deploy.deployment import vcpus_beside
from deploy.function import number
from deploy.gcloud import joined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backfill.request import Request
    from deploy.function import Function
    from deploy.gcloud import Gcloud

# What bounds a run, whatever happens in it: no more tasks at once than this, each tried so often again, for so long.
MAX_PARALLELISM = 100
RETRIES = 2
TIMEOUT_S = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a job is: as it was read, or as it should be.

    Attributes:
        name: without project and region.
        region: where it runs.
        image: what its tasks run, with its tag.
        account: e-mail of the service account that it runs as.
        memory_mib: memory of a task.
        vcpus: cores of a task.
        n_tasks: how many tasks an execution has.
        parallelism: how many of them may run at once.
        retries: how often a task that failed is tried again.
        timeout_s: how long a task may take each time.
        arguments: of the command line of each task.
        environment: variables of each task, the settings.

    """

    name: str
    region: str
    image: str
    account: str
    memory_mib: int = field(metadata={"said": "memory MiB"})
    vcpus: int = field(metadata={"said": "vCPUs"})
    n_tasks: int = field(metadata={"said": "tasks"})
    parallelism: int
    retries: int
    timeout_s: int
    arguments: tuple[str, ...]
    environment: Mapping[str, str]


def wanted(
    name: str, image: str, function: Function, request: Request, n_tasks: int, variables: Mapping[str, str]
) -> Job:
    """Return the job as it should be: with the function's account and limits."""
    return Job(
        name=name,
        region=function.region,
        image=image,
        account=function.account,
        memory_mib=function.memory_mib,
        vcpus=ceil(function.vcpus or vcpus_beside(function.memory_mib)),
        n_tasks=n_tasks,
        parallelism=min(n_tasks, MAX_PARALLELISM),
        retries=RETRIES,
        timeout_s=TIMEOUT_S,
        arguments=task_arguments(request),
        environment=variables,
    )


def task_arguments(request: Request) -> tuple[str, ...]:
    """Return the command line of a task: what the person asked for, here, without a question."""
    return (
        f"--project={request.project}",
        f"--bucket={request.bucket}",
        *([f"--prefix={request.prefix}"] if request.prefix else []),
        *(["--stale"] if request.stale else []),
        *([f"--rejected={request.rejected}"] if request.rejected else []),
        *(["--rejected"] if request.rejected == "" else []),
        *(["--prune"] if request.prune else []),
        *("--here", "--yes", "--json"),
    )


def find_job(gcloud: Gcloud, name: str, region: str) -> Job | None:
    """Return the job of this name, or None."""
    answer = gcloud.read("run", "jobs", "describe", name, f"--region={region}")
    return answer and read_job(answer, region)


def read_job(answer: dict[str, Any], region: str) -> Job:
    """Return the job that the API describes."""
    execution = answer["spec"]["template"]["spec"]
    task = execution["template"]["spec"]
    container = task["containers"][0]
    limits = container.get("resources", {}).get("limits", {})
    return Job(
        name=answer["metadata"]["name"],
        region=region,
        image=container["image"],
        account=task.get("serviceAccountName", ""),
        memory_mib=round(number(limits.get("memory", "0")) / 2**20),
        vcpus=round(number(limits.get("cpu", "0"))),
        n_tasks=execution.get("taskCount", 1),
        parallelism=execution.get("parallelism", 0),
        retries=task.get("maxRetries", 0),
        timeout_s=int(task.get("timeoutSeconds", 0)),
        arguments=tuple(container.get("args", [])),
        environment={variable["name"]: variable.get("value", "") for variable in container.get("env", [])},
    )


def ensure_job(gcloud: Gcloud, goal: Job, found: Job | None) -> None:
    """Deploy the job unless it is there as it should be; say what differs."""
    if found == goal:
        return
    if found is not None:
        gcloud.say("; ".join(_differences(found, goal)))
    variables = joined(f"{name}={value}" for name, value in goal.environment.items())
    gcloud.run(
        *("run", "jobs", "deploy", goal.name, f"--region={goal.region}", f"--image={goal.image}"),
        *(f"--service-account={goal.account}", f"--memory={goal.memory_mib}Mi", f"--cpu={goal.vcpus}"),
        *(f"--tasks={goal.n_tasks}", f"--parallelism={goal.parallelism}"),
        *(f"--max-retries={goal.retries}", f"--task-timeout={goal.timeout_s}s"),
        f"--args={joined(goal.arguments)}",
        f"--set-env-vars={variables}" if variables else "--clear-env-vars",
    )


def _differences(found: Job, goal: Job) -> list[str]:
    values = ((each, getattr(found, each.name), getattr(goal, each.name)) for each in fields(Job))
    return [
        f"{each.metadata.get('said', each.name.replace('_', ' '))}: {there}, to be {value}"
        for each, there, value in values
        if there != value
    ]
