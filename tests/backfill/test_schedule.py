"""A schedule is made once, and changed only where it differs."""

from typing import Any

from backfill.cloud import schedule as schedules
from tests.backfill.played import Answering
from tests.deploy.apis.terminal import PROJECT


def test_what_others_changed_about_a_schedule_is_seen():
    """A schedule at another time, in another zone, of another job or as another account is changed, not made again."""
    goal = schedules.desired_schedule(PROJECT, "job", "us-central1", "us-central1", "0 3 * * *", "cron@p")
    uri = f"https://run.googleapis.com/v2/projects/{PROJECT}/locations/us-central1/jobs/job:run"
    answer = {
        "name": f"projects/{PROJECT}/locations/us-central1/jobs/job",
        "schedule": "0 3 * * *",
        "timeZone": "Etc/UTC",
        "httpTarget": {"uri": uri, "oauthToken": {"serviceAccountEmail": "cron@p"}},
    }
    others = [answer | {"schedule": "0 4 * * *"}, answer | {"timeZone": "Europe/Rome"}, answer | {"httpTarget": {}}]
    others.append(answer | {"httpTarget": {"uri": uri, "oauthToken": {"serviceAccountEmail": "owner@p"}}})

    assert [changes(schedules.ensure_schedule, goal, each) for each in (answer, None)] == [[], ["create"]]
    assert [changes(schedules.ensure_schedule, goal, each) for each in others] == [["update"]] * 4


def changes(ensure: Any, goal: Any, found: Any) -> list[str]:
    """Return the verbs of the commands that a step runs where it finds this."""
    commands: list[tuple[str, ...]] = []
    gcloud = Answering(found)
    gcloud.run = lambda *words: commands.append(words)  # type: ignore[method-assign]
    ensure(gcloud, goal)
    assert all({"--http-method=POST", "--oauth-service-account-email=cron@p"} <= {*command} for command in commands)
    return [command[2] for command in commands]
