"""A Cloud Scheduler job, which runs the Cloud Run job as an account with no other right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deploy.gcloud import Gcloud

TIME_ZONE = "Etc/UTC"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A schedule, observed or desired.

    Attributes:
        name: without project and region.
        region: where it is.
        cron: when it runs the job, in cron's syntax.
        time_zone: of those times.
        uri: address that it posts to.
        account: e-mail of the service account with which it posts.

    """

    name: str
    region: str
    cron: str
    time_zone: str
    uri: str
    account: str


def desired_schedule(project: str, job: str, region: str, location: str, cron: str, account: str) -> Schedule:
    """Return the desired schedule, which has the name of its job."""
    uri = f"https://run.googleapis.com/v2/projects/{project}/locations/{region}/jobs/{job}:run"
    return Schedule(name=job, region=location, cron=cron, time_zone=TIME_ZONE, uri=uri, account=account)


def list_locations(gcloud: Gcloud) -> list[str]:
    """Return where Cloud Scheduler is; nothing where that cannot be known yet."""
    return [one.get("locationId", "") for one in gcloud.read("scheduler", "locations", "list") or []]


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


def ensure_schedule(gcloud: Gcloud, desired: Schedule) -> None:
    """Create the schedule, or update it if it differs."""
    where = desired.name, f"--location={desired.region}"
    answer = gcloud.read("scheduler", "jobs", "describe", *where)
    if answer is not None and read_schedule(answer) == desired:
        return
    gcloud.run(
        *("scheduler", "jobs", "create" if answer is None else "update", "http", *where),
        *(f"--schedule={desired.cron}", f"--time-zone={desired.time_zone}"),
        *(f"--uri={desired.uri}", "--http-method=POST", f"--oauth-service-account-email={desired.account}"),
    )
