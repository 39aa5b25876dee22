"""A Cloud Scheduler job that runs the Cloud Run job, as an account that may do this and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deploy.gcloud import Gcloud

TIME_ZONE = "Etc/UTC"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What a schedule is: as it was read, or as it should be.

    Attributes:
        name: without project and region.
        region: where it is.
        cron: when it runs the job, in TIME_ZONE.
        time_zone: in which that is meant.
        uri: what it posts to.
        account: e-mail of the service account as which it does so.

    """

    name: str
    region: str
    cron: str
    time_zone: str
    uri: str
    account: str


def wanted(project: str, job: str, region: str, cron: str, account: str) -> Schedule:
    """Return the schedule as it should be; it has the name of the job that it runs."""
    uri = f"https://run.googleapis.com/v2/projects/{project}/locations/{region}/jobs/{job}:run"
    return Schedule(name=job, region=region, cron=cron, time_zone=TIME_ZONE, uri=uri, account=account)


def read_schedule(answer: dict[str, Any]) -> Schedule:
    """Return the schedule that the API describes."""
    target = answer.get("httpTarget", {})
    parts = answer["name"].split("/")
    return Schedule(
        name=parts[-1],
        region=parts[3],
        cron=answer.get("schedule", ""),
        time_zone=answer.get("timeZone", ""),
        uri=target.get("uri", ""),
        account=target.get("oauthToken", {}).get("serviceAccountEmail", ""),
    )


def ensure_schedule(gcloud: Gcloud, goal: Schedule) -> None:
    """Make the schedule, or change it where it is otherwise."""
    where = goal.name, f"--location={goal.region}"
    answer = gcloud.read("scheduler", "jobs", "describe", *where)
    if answer is not None and read_schedule(answer) == goal:
        return
    gcloud.run(
        *("scheduler", "jobs", "create" if answer is None else "update", "http", *where),
        *(f"--schedule={goal.cron}", f"--time-zone={goal.time_zone}"),
        *(f"--uri={goal.uri}", "--http-method=POST", f"--oauth-service-account-email={goal.account}"),
    )
