"""One execution of the job: begun, waited for, and what its tasks said added up."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from backfill.planning import Counts
from deploy.failures import RefusedError

if TYPE_CHECKING:
    from backfill.cloud.job import Job
    from deploy.gcloud import Gcloud

POLL_S = 10
# Of asking in vain, one after the other: a laptop that was shut has no network at first.
PATIENCE = 20
# For the last lines to come into the log after the tasks have ended.
LOG_S = 60
LABEL = "run.googleapis.com/"


@dataclass(frozen=True)
class Execution:
    """How far an execution is.

    Attributes:
        name: which.
        began: when it was made, as the API writes it.
        running: tasks that run.
        succeeded: tasks that ended well.
        failed: tasks that ended otherwise, after all retries.
        has_ended: whether nothing more will happen.

    """

    name: str
    began: str
    running: int
    succeeded: int
    failed: int
    has_ended: bool


def execute(gcloud: Gcloud, job: Job) -> str:
    """Begin an execution and return its name."""
    where = job.name, f"--region={job.region}"
    return gcloud.run("run", "jobs", "execute", *where, "--format=value(metadata.name)", "--async").strip()


def wait(gcloud: Gcloud, name: str, job: Job) -> Execution:
    """Return the execution when it has ended; tell meanwhile how far it is.

    Raises RefusedError if it cannot be asked for long.
    """
    told, refusals = None, 0
    while True:
        try:
            answer = gcloud.read("run", "jobs", "executions", "describe", name, f"--region={job.region}")
            refusals = 0
        except RefusedError:
            refusals += 1
            if refusals > PATIENCE:
                raise
            time.sleep(POLL_S)
            continue
        execution = read_execution(answer)
        if execution != told:
            gcloud.say(
                f"{execution.succeeded} of {job.n_tasks} tasks done,"
                f" {execution.running} running, {execution.failed} failed"
            )
            told = execution
        if execution.has_ended:
            return execution
        time.sleep(POLL_S)


def read_execution(answer: dict[str, Any]) -> Execution:
    """Return the execution that the API describes."""
    status = answer.get("status", {})
    return Execution(
        name=answer["metadata"]["name"],
        began=answer["metadata"]["creationTimestamp"],
        running=status.get("runningCount", 0),
        succeeded=status.get("succeededCount", 0),
        failed=status.get("failedCount", 0) + status.get("cancelledCount", 0),
        has_ended="completionTime" in status,
    )


def log_filter(execution: Execution) -> str:
    """Return what finds the lines of an execution in the log."""
    return (
        f'resource.type="cloud_run_job" AND labels."{LABEL}execution_name"="{execution.name}"'
        f' AND timestamp>="{execution.began}"'
    )


def summaries(gcloud: Gcloud, execution: Execution, job: Job) -> dict[int, Counts]:
    """Return what the tasks counted, by their index, so far as the log has it; of several attempts the last."""
    wanted = f"{log_filter(execution)} AND jsonPayload.objects>=0 AND jsonPayload.failed>=0"
    limit = f"--limit={job.n_tasks * (job.retries + 1)}"
    found: dict[int, Counts] = {}
    end = time.monotonic() + LOG_S
    while True:
        for entry in gcloud.read("logging", "read", wanted, limit, "--order=asc") or []:
            index = int(entry["labels"][f"{LABEL}task_index"])
            found[index] = Counts(**{each.name: int(entry["jsonPayload"][each.name]) for each in fields(Counts)})
        if len(found) == job.n_tasks or time.monotonic() > end:
            return found
        time.sleep(POLL_S)


def added_up(counts: list[Counts]) -> Counts:
    """Return the sum."""
    return Counts(**{each.name: sum(getattr(one, each.name) for one in counts) for each in fields(Counts)})
