"""One execution of the job: started, waited for, and the summaries of its tasks added up."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from backfill.plan import Counts
from deploy.failures import RefusedError

if TYPE_CHECKING:
    from backfill.cloud.job import Job
    from deploy.gcloud import Gcloud

POLL_S = 10
MAX_REFUSALS = 20  # in a row: a laptop that wakes up has no network at first
LOG_S = 60  # until the last lines of the tasks are in the log
LABEL = "run.googleapis.com/"


@dataclass(frozen=True)
class Execution:
    """The progress of an execution.

    Attributes:
        name: without project and region.
        created: when it was created, as the API writes it.
        running: number of tasks that run.
        succeeded: number of tasks that ended with exit code 0.
        failed: number of tasks that failed in every attempt, or were cancelled.
        has_ended: whether all tasks have ended.

    """

    name: str
    created: str
    running: int
    succeeded: int
    failed: int
    has_ended: bool


def execute(gcloud: Gcloud, job: Job) -> str:
    """Start an execution and return its name."""
    job_of_region = job.name, f"--region={job.region}"
    return gcloud.run("run", "jobs", "execute", *job_of_region, "--format=value(metadata.name)", "--async").strip()


def wait(gcloud: Gcloud, name: str, job: Job) -> Execution:
    """Print the progress of an execution until it has ended, and return it.

    Raises RefusedError after more than MAX_REFUSALS refusals in a row.
    """
    printed, refusals = None, 0
    while True:
        try:
            answer = gcloud.read("run", "jobs", "executions", "describe", name, f"--region={job.region}")
            refusals = 0
        except RefusedError:
            refusals += 1
            if refusals > MAX_REFUSALS:
                raise
            time.sleep(POLL_S)
            continue
        execution = read_execution(answer)
        if execution != printed:
            gcloud.say(
                f"{execution.succeeded} of {job.n_tasks} tasks done,"
                f" {execution.running} running, {execution.failed} failed"
            )
            printed = execution
        if execution.has_ended:
            return execution
        time.sleep(POLL_S)


def read_execution(answer: dict[str, Any]) -> Execution:
    """Return the execution that the API describes."""
    status = answer.get("status", {})
    return Execution(
        name=answer["metadata"]["name"],
        created=answer["metadata"]["creationTimestamp"],
        running=status.get("runningCount", 0),
        succeeded=status.get("succeededCount", 0),
        failed=status.get("failedCount", 0) + status.get("cancelledCount", 0),
        has_ended="completionTime" in status,
    )


def log_filter(execution: Execution) -> str:
    """Return the filter for the log lines of an execution."""
    return (
        f'resource.type="cloud_run_job" AND labels."{LABEL}execution_name"="{execution.name}"'
        f' AND timestamp>="{execution.created}"'
    )


def read_summaries(gcloud: Gcloud, execution: Execution, job: Job) -> dict[int, Counts]:
    """Return the summaries in the log by the index of the task; of a task with several attempts the last."""
    summaries = f"{log_filter(execution)} AND jsonPayload.objects>=0 AND jsonPayload.failed>=0"
    limit = f"--limit={job.n_tasks * (job.retries + 1)}"
    found: dict[int, Counts] = {}
    end = time.monotonic() + LOG_S
    while True:
        for entry in gcloud.read("logging", "read", summaries, limit, "--order=asc") or []:
            index = int(entry["labels"][f"{LABEL}task_index"])
            found[index] = Counts(**{each.name: int(entry["jsonPayload"][each.name]) for each in fields(Counts)})
        if len(found) == job.n_tasks or time.monotonic() > end:
            return found
        time.sleep(POLL_S)


def add_up(counts: list[Counts]) -> Counts:
    """Return the sum."""
    return Counts(**{each.name: sum(getattr(one, each.name) for one in counts) for each in fields(Counts)})
