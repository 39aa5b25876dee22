"""The scheduled backfill: what its job has to be for the function that is deployed, and the command that renews it.

Source: the REST references of the Cloud Run Admin API v2 (Job) and of Cloud Scheduler v1 (Job).
"""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from math import ceil
from typing import Any

from analysis.settings import Settings
from deploy.archive import ROOT, digest, digest_of
from deploy.deployment import Deployment, vcpus_beside
from deploy.failures import RefusedError
from deploy.function import Function, number
from deploy.location import locate_schedule
from deploy.rest import Answer, Rest

PACKAGE = "backfill"
BUILD_DIRECTORY = "backfill/image"
# The files that gcloudignore in BUILD_DIRECTORY includes.
SOURCES = ("requirements.txt", "analysis/**/*.py", "backfill/*.py", f"{BUILD_DIRECTORY}/*")

SETTINGS = tuple(field.name.upper() for field in fields(Settings))

# What a task of the job is told besides what the person asked for.
FOR_TASKS = ("--here", "--yes", "--json", "--unless-running", "--parallelism=")


@dataclass(frozen=True, kw_only=True)
class ScheduledJob:
    """The Cloud Run job of a schedule.

    Attributes:
        image: the image of its tasks, with its tag.
        account: e-mail of the service account of its tasks.
        memory_mib: memory of a task.
        vcpus: cores of a task.
        n_tasks: number of tasks.
        arguments: command line of a task.
        environment: variables of a task.

    """

    image: str
    account: str
    memory_mib: int
    vcpus: int
    n_tasks: int
    arguments: tuple[str, ...]
    environment: Mapping[str, str]


def image_of(deployment: Deployment, function: Function) -> str:
    """Return the name of the image, in which the tag changes with the Python version and the content of SOURCES."""
    names = {str(path.relative_to(ROOT)) for pattern in SOURCES for path in ROOT.glob(pattern)}
    repository = f"{function.region}-docker.pkg.dev/{deployment.project}/{deployment.repository}"
    return f"{repository}/{PACKAGE}:{function.runtime}-{digest_of(names)}"


def vcpus_of(function: Function) -> int:
    """Return the cores of a task: those of the function, of which a job has whole ones."""
    return ceil(function.vcpus or vcpus_beside(function.memory_mib))


def ask_scheduled_job(rest: Rest, deployment: Deployment, region: str) -> Answer:
    """Ask for the job of the schedule."""
    return rest.get("run", f"v2/projects/{deployment.project}/locations/{region}/jobs/{deployment.scheduled_job}")


def ask_schedule(rest: Rest, deployment: Deployment, region: str) -> Answer:
    """Ask for the schedule, which is elsewhere where Cloud Scheduler is not in the region."""
    locations = f"v1/projects/{deployment.project}/locations"
    _, offered = rest.items("cloudscheduler", locations, "locations")
    location = locate_schedule((one.get("locationId", "") for one in offered), region)
    return rest.get("cloudscheduler", f"{locations}/{location}/jobs/{deployment.scheduled_job}")


def read_scheduled_job(answer: dict[str, Any]) -> ScheduledJob:
    """Return the job that the API describes."""
    execution = answer.get("template", {})
    task = execution.get("template", {})
    container = (task.get("containers") or [{}])[0]
    limits = container.get("resources", {}).get("limits", {})
    return ScheduledJob(
        image=container.get("image", ""),
        account=task.get("serviceAccount", ""),
        memory_mib=round(number(limits.get("memory", "0")) / 2**20),
        vcpus=round(number(limits.get("cpu", "0"))),
        n_tasks=execution.get("taskCount", 1),
        arguments=tuple(container.get("args", [])),
        environment={one["name"]: one.get("value", "") for one in container.get("env", [])},
    )


def differences_from(function: Function, job: ScheduledJob, deployment: Deployment) -> list[str]:
    """Return what is not the function's about the job, in a word or two each.

    The image is compared where the function is of this checkout; else there is no telling which is older.
    """
    different = [name for name in SETTINGS if job.environment.get(name) != function.environment.get(name)]
    values = {
        "the service account": (job.account, function.account),
        "the memory": (job.memory_mib, function.memory_mib),
        "the cores": (job.vcpus, vcpus_of(function)),
        "the runtime": (_runtime(job.image), function.runtime),
    }
    different += [name for name, (there, goal) in values.items() if there != goal]
    if job.image != image_of(deployment, function) and "the runtime" not in different and _is_of_checkout(function):
        different.append("the image")
    return different


def _is_of_checkout(function: Function) -> bool:
    try:
        return function.source == digest()
    except RefusedError:  # it is asked of gcloud, which reads .gcloudignore
        return False


def renewal(deployment: Deployment, job: ScheduledJob, cron: str | None) -> str:
    """Return the command that makes the job as the function is now, with all that was asked for when it was made."""
    asked = [one for one in job.arguments if not one.startswith(FOR_TASKS)]
    if not asked:
        asked = [f"--project={deployment.project}", f"--bucket={deployment.bucket}"]
    tasks = [f"--tasks={job.n_tasks}"] if job.n_tasks > 1 else []
    schedule = f"--schedule={cron}" if cron else "--schedule=CRON"
    return shlex.join(["./backfill.sh", *asked, f"--name={deployment.name}", *tasks, schedule])


def _runtime(image: str) -> str:
    """Return the Python version in the tag of an image."""
    return image.rpartition(":")[2].partition("-")[0]


def describe_differences(names: Iterable[str], deployment: Deployment) -> str:
    """Return that the job is out of step with the function, and by what."""
    return f"{deployment.scheduled_job} is out of step with the function: {', '.join(names)}"
