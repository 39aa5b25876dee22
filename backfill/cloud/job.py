"""A Cloud Run job: as desired, as the API describes it, and deployed when the two differ.

Source: the REST reference of the Cloud Run Admin API v1 (Job), which gcloud speaks.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from backfill.estimate import ATTEMPT_S, Tasks
from backfill.request import GRACE_S, MAX_PARALLELISM
from deploy.failures import RefusedError
from deploy.function import number
from deploy.gcloud import joined
from deploy.quota import instances_covered
from deploy.rest import signed_in
from deploy.scheduled_job import vcpus_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backfill.request import Request
    from deploy.function import Function
    from deploy.gcloud import Gcloud

# The bounds of the cost of an execution, with MAX_PARALLELISM.
RETRIES = 2  # of a task


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job, observed or desired.

    Attributes:
        name: without project and region.
        region: where it runs.
        image: the image of its tasks, with its tag.
        account: e-mail of the service account of its tasks.
        memory_mib: memory of a task.
        vcpus: cores of a task.
        n_tasks: number of tasks of an execution.
        parallelism: how many tasks may run at once.
        retries: how often a failed task is started again.
        timeout_s: how long an attempt of a task may take.
        arguments: command line of each task.
        environment: variables of each task: the settings.

    """

    name: str
    region: str
    image: str
    account: str
    memory_mib: int = field(metadata={"label": "memory MiB"})
    vcpus: int = field(metadata={"label": "vCPUs"})
    n_tasks: int = field(metadata={"label": "tasks"})
    parallelism: int
    retries: int
    timeout_s: int
    arguments: tuple[str, ...]
    environment: Mapping[str, str]


def ask_tasks(project: str, function: Function, count: int) -> Tasks:
    """Return the desired tasks, after asking what the project's quota covers; where nobody says, that is said."""
    covered: dict[str, int] | None
    try:
        rest = signed_in(project)
        covered = instances_covered(rest, project, function.region, vcpus_of(function), function.memory_mib)
    except RefusedError:
        covered = None
    if not covered and count > 1:
        print(
            f"backfill.sh: Cloud Run's quota in {function.region} is not known: fewer tasks may run at once",
            file=sys.stderr,
        )
    return desired_tasks(function, count, min(covered.values()) if covered else None)


def desired_tasks(function: Function, count: int, covered: int | None) -> Tasks:
    """Return the tasks of the desired job: no more at once than the project's quota covers, where that is known."""
    return Tasks(
        count=count,
        parallelism=max(1, min(count, MAX_PARALLELISM, MAX_PARALLELISM if covered is None else covered)),
        vcpus=vcpus_of(function),
        memory_mib=function.memory_mib,
    )


def desired_job(
    name: str, image: str, function: Function, request: Request, tasks: Tasks, variables: Mapping[str, str]
) -> Job:
    """Return the desired job, which has the function's account and limits."""
    return Job(
        name=name,
        region=function.region,
        image=image,
        account=function.account,
        memory_mib=tasks.memory_mib,
        vcpus=tasks.vcpus,
        n_tasks=tasks.count,
        parallelism=tasks.parallelism,
        retries=RETRIES,
        timeout_s=ATTEMPT_S,
        arguments=task_arguments(request, tasks),
        environment=variables,
    )


def task_arguments(request: Request, tasks: Tasks) -> tuple[str, ...]:
    """Return the command line of a task: the same request, but done by the task itself and without a question."""
    return (
        f"--project={request.project}",
        f"--bucket={request.bucket}",
        *([f"--prefix={request.prefix}"] if request.prefix else []),
        *(["--stale"] if request.stale else []),
        *([f"--rejected={request.rejected}"] if request.rejected else []),
        *(["--rejected"] if request.rejected == "" else []),
        *(["--prune"] if request.prune else []),
        *([f"--grace={request.grace_s}"] if request.grace_s != GRACE_S else []),
        *([f"--parallelism={tasks.parallelism}"] if tasks.parallelism != min(tasks.count, MAX_PARALLELISM) else []),
        *(["--unless-running"] if request.schedule else []),
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


def ensure_job(gcloud: Gcloud, desired: Job, observed: Job | None) -> None:
    """Deploy the job if there is none or if it differs, and say what differs."""
    if observed == desired:
        return
    if observed is not None:
        gcloud.say("; ".join(_differences(observed, desired)))
    variables = joined(f"{name}={value}" for name, value in desired.environment.items())
    gcloud.run(
        *("run", "jobs", "deploy", desired.name, f"--region={desired.region}", f"--image={desired.image}"),
        *(f"--service-account={desired.account}", f"--memory={desired.memory_mib}Mi", f"--cpu={desired.vcpus}"),
        *(f"--tasks={desired.n_tasks}", f"--parallelism={desired.parallelism}"),
        *(f"--max-retries={desired.retries}", f"--task-timeout={desired.timeout_s}s"),
        f"--args={joined(desired.arguments)}",
        f"--set-env-vars={variables}" if variables else "--clear-env-vars",
    )


def _differences(observed: Job, desired: Job) -> list[str]:
    values = ((each, getattr(observed, each.name), getattr(desired, each.name)) for each in fields(Job))
    return [
        f"{each.metadata.get('label', each.name.replace('_', ' '))}: {before}, to be {after}"
        for each, before, after in values
        if before != after
    ]
