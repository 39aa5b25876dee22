"""Alerts by e-mail: errors, sounds that were given up, and a nightly backfill that failed or did not run.

They are made by the REST API of Cloud Monitoring, as gcloud has channels in beta and policies in alpha only.

Source: the REST reference of Cloud Monitoring v3 (AlertPolicy, NotificationChannel).
"""

import json
from typing import Any

from deploy.deployment import Deployment
from deploy.failures import FailedError
from deploy.gcloud import Gcloud
from deploy.rest import Answer, Rest
from deploy.scheduled_job import ask_schedule

# The labels by which the alerts of a function are known again.
LABEL, KIND = "sounds-function", "sounds-alert"

# Reasons of rejections for which the upload is not to blame, as the log and the backfill name them.
GIVEN_UP_REASONS = ("expired", "failed", "too_large")

# No more than one e-mail in this time for one alert, and when an incident counts as over.
RATE_LIMIT_S, AUTO_CLOSE_S = 3600, 86400

# A job that runs every night has ended once within this time; Cloud Monitoring looks back no further than 25 hours.
NIGHT_S, RETEST_S = 90000, 300

WHERE = "docs/operations.md of the repository says what it means and what to do."


def ensure_alerts(gcloud: Gcloud, rest: Rest, deployment: Deployment, region: str) -> None:
    """Make the channel and the alerts that are not as they should be.

    Raises FailedError if one cannot be made.
    """
    address = deployment.notify or ""
    channel = _channel(gcloud, rest, deployment, address)
    there = {one["userLabels"][KIND]: one for one in _ours(rest, deployment, "alertPolicies")}
    nightly, forgetting = (
        _runs_nightly(rest, deployment, region),
        deployment.forget or _forgets(rest, deployment, region),
    )
    for kind, goal in desired_policies(deployment, channel, nightly=nightly, forgetting=forgetting).items():
        found = there.get(kind)
        if found is None:
            gcloud.say(f"the alert {kind} goes to {address}")
            _done(rest.post("monitoring", f"v3/projects/{deployment.project}/alertPolicies", goal))
        elif {name: found.get(name) for name in goal} != goal:
            gcloud.say(f"the alert {kind} is changed")
            _done(rest.patch("monitoring", f"v3/{found['name']}", goal, updateMask=",".join(goal)))


def remove_alerts(gcloud: Gcloud, rest: Rest, deployment: Deployment) -> None:
    """Remove the alerts of the function, then its channel, so far as they are there."""
    for kind, force in (("alertPolicies", {}), ("notificationChannels", {"force": "true"})):
        for one in _ours(rest, deployment, kind):
            gcloud.say(f"{'would remove' if gcloud.dry_run else 'removing'} {one['displayName']}")
            if not gcloud.dry_run:
                _done(rest.delete("monitoring", f"v3/{one['name']}", **force))


def desired_policies(
    deployment: Deployment, channel: str, *, nightly: bool, forgetting: bool = False
) -> dict[str, dict[str, Any]]:
    """Return the alerts as they should be, by their kind.

    That of the missing night is there only where a job runs nightly; the errors are also those of the function that
    forgets, where there is one.
    """
    name, job = deployment.name, deployment.scheduled_job
    function = _log_of(name)
    functions = f"({function} OR {_log_of(deployment.forgetting)})" if forgetting else function
    jobs = " OR ".join(f'resource.labels.job_name="{one}"' for one in (job, deployment.backfill_job))
    reasons = " OR ".join(f'"{reason}"' for reason in GIVEN_UP_REASONS)
    logs = {
        "errors": (f"{name}: errors", f"{functions} AND severity>=ERROR"),
        "given-up": (
            f"{name}: sounds that were given up",
            f'({function} OR (resource.type="cloud_run_job" AND ({jobs}))) AND jsonPayload.reason=({reasons})',
        ),
        "nightly-failed": (
            f"{name}: the scheduled backfill failed",
            (
                f'((resource.type="cloud_run_job" AND resource.labels.job_name="{job}")'
                f' OR (resource.type="cloud_scheduler_job" AND resource.labels.job_id="{job}")) AND severity>=ERROR'
            ),
        ),
    }
    policies = {
        kind: _policy(deployment, kind, title, channel, {"conditionMatchedLog": {"filter": text}})
        for kind, (title, text) in logs.items()
    }
    if nightly:
        threshold = {
            "filter": 'metric.type="run.googleapis.com/job/completed_execution_count" AND resource.type="cloud_run_job"'
            f' AND resource.labels.job_name="{job}"',
            "aggregations": [
                {
                    "alignmentPeriod": f"{NIGHT_S}s",
                    "perSeriesAligner": "ALIGN_SUM",
                    "crossSeriesReducer": "REDUCE_SUM",
                }
            ],
            "comparison": "COMPARISON_LT",
            "thresholdValue": 1,
            "duration": f"{RETEST_S}s",
            "evaluationMissingData": "EVALUATION_MISSING_DATA_ACTIVE",
        }
        title = f"{name}: the scheduled backfill did not run"
        policies["nightly-missing"] = _policy(
            deployment, "nightly-missing", title, channel, {"conditionThreshold": threshold}
        )
    return policies


def _log_of(name: str) -> str:
    """Return the filter of a function's log, in either generation."""
    return (
        f'((resource.type="cloud_run_revision" AND resource.labels.service_name="{name}")'
        f' OR (resource.type="cloud_function" AND resource.labels.function_name="{name}"))'
    )


def _policy(deployment: Deployment, kind: str, title: str, channel: str, condition: dict[str, Any]) -> dict[str, Any]:
    strategy = {"autoClose": f"{AUTO_CLOSE_S}s"}
    # a limit is demanded of alerts on logs, and taken of no other
    limit = {"notificationRateLimit": {"period": f"{RATE_LIMIT_S}s"}} if "conditionMatchedLog" in condition else {}
    return {
        "displayName": title,
        "documentation": {"content": f"{title}, of gs://{deployment.bucket}. {WHERE}", "mimeType": "text/markdown"},
        "userLabels": {LABEL: deployment.name, KIND: kind},
        "conditions": [{"displayName": title, **condition}],
        "combiner": "OR",
        "enabled": True,
        "notificationChannels": [channel],
        "alertStrategy": {**limit, **strategy},
    }


def _channel(gcloud: Gcloud, rest: Rest, deployment: Deployment, address: str) -> str:
    """Return the name of the channel to the address, which is made or changed where it is not so."""
    there = _ours(rest, deployment, "notificationChannels")
    goal = {
        "type": "email",
        "displayName": f"{deployment.name}: alerts to {address}",
        "labels": {"email_address": address},
        "userLabels": {LABEL: deployment.name},
        "enabled": True,
    }
    path = f"v3/projects/{deployment.project}/notificationChannels"
    if not there:
        gcloud.say(f"alerts go to {address}")
        return str(_done(rest.post("monitoring", path, goal))["name"])
    if there[0].get("labels") != goal["labels"]:
        gcloud.say(f"alerts go to {address}, no longer to {there[0].get('labels', {}).get('email_address')}")
        _done(rest.patch("monitoring", f"v3/{there[0]['name']}", goal, updateMask=",".join(goal)))
    return str(there[0]["name"])


def _ours(rest: Rest, deployment: Deployment, kind: str) -> list[dict[str, Any]]:
    """Return the alerts or channels of the function; none while the API is not enabled."""
    path = f"v3/projects/{deployment.project}/{kind}"
    answer, found = rest.items("monitoring", path, kind, filter=f'user_labels.{json.dumps(LABEL)}="{deployment.name}"')
    if answer.ok:
        return [one for one in found if one.get("userLabels", {}).get(LABEL) == deployment.name]
    if "SERVICE_DISABLED" in json.dumps(answer.content) or "has not been used" in answer.message:
        return []
    raise FailedError(f"alerts cannot be read: {answer.message}\nWhat to do: you need roles/monitoring.editor")


def _runs_nightly(rest: Rest, deployment: Deployment, region: str) -> bool:
    """Return whether the scheduled backfill runs every day."""
    answer = ask_schedule(rest, deployment, region)
    return answer.ok and answer.content.get("schedule", "").split()[2:] == ["*", "*", "*"]


def _forgets(rest: Rest, deployment: Deployment, region: str) -> bool:
    """Return whether the function that forgets is there."""
    path = f"v2/projects/{deployment.project}/locations/{region}/functions/{deployment.forgetting}"
    return rest.get("cloudfunctions", path).ok


def _done(answer: Answer) -> dict[str, Any]:
    if not answer.ok:
        raise FailedError(
            f"the alerts could not be made or removed: {answer.message}\n"
            "What to do: you need roles/monitoring.editor; the function itself is as it should be"
        )
    return dict(answer.content)
