"""Alerts by e-mail: what is made, made again, changed and removed, and what they look at."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis import errors
from deploy.alerts import GIVEN_UP_REASONS, desired_policies, ensure_alerts, remove_alerts
from deploy.deployment import Deployment
from deploy.failures import FailedError
from deploy.gcloud import Gcloud
from deploy.rest import Rest
from tests.deploy.apis.answering import Cloud
from tests.deploy.apis.console import opened
from tests.deploy.apis.terminal import BUCKET, PROJECT, Terminal, needs_gcloud

ADDRESS = "owner@example.org"
KINDS = {"errors", "given-up", "nightly-failed"}


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Play a cloud in which Cloud Monitoring is enabled."""
    cloud = Cloud()
    for name, value in Terminal(tmp_path, cloud).environment().items():
        monkeypatch.setenv(name, value)
    cloud.state.services |= {"monitoring.googleapis.com", "cloudscheduler.googleapis.com"}
    yield cloud
    cloud.stop()


def ensure(address: str = ADDRESS, name: str = "analyze") -> None:
    """Make the alerts of a function."""
    deployment = Deployment(PROJECT, BUCKET, name=name, notify=address)
    ensure_alerts(Gcloud(PROJECT), Rest("played", PROJECT), deployment, "us-central1")


def kinds(cloud: Cloud) -> set[str]:
    """Return which alerts there are."""
    return {one["userLabels"]["sounds-alert"] for one in cloud.state.alerts.values() if "conditions" in one}


def channels(cloud: Cloud) -> list[dict[str, Any]]:
    """Return the channels that there are."""
    return [one for one in cloud.state.alerts.values() if "conditions" not in one]


def schedule(cloud: Cloud, cron: str) -> None:
    """Let the backfill be scheduled."""
    name = f"projects/{PROJECT}/locations/us-central1/jobs/analyze-backfill-scheduled"
    cloud.state.schedules[name] = {"name": name, "schedule": cron}


def test_alerts_are_made_once(cloud: Cloud):
    """The alerts and one channel are made, every alert goes to it, and a second run makes nothing."""
    ensure()
    before = len(cloud.writes)
    ensure()

    assert kinds(cloud) == KINDS
    (channel,) = channels(cloud)
    assert channel["labels"] == {"email_address": ADDRESS}
    policies = [one for one in cloud.state.alerts.values() if "conditions" in one]
    assert all(one["notificationChannels"] == [channel["name"]] and one["enabled"] for one in policies)
    assert len(cloud.writes) == before


def test_another_address_is_a_change_of_the_channel(cloud: Cloud):
    """Another address goes into the channel that is there."""
    ensure()
    ensure("other@example.org")

    (channel,) = channels(cloud)
    assert channel["labels"] == {"email_address": "other@example.org"}
    assert kinds(cloud) == KINDS


def test_an_alert_that_somebody_switched_off_is_put_back(cloud: Cloud):
    """An alert that is not as it should be is changed, and only that."""
    ensure()
    policy = next(one for one in cloud.state.alerts.values() if "conditions" in one)
    policy["enabled"] = False
    before = len(cloud.writes)
    ensure()

    assert policy["enabled"]
    assert [one.method for one in cloud.writes[before:]] == ["PATCH"]


@pytest.mark.parametrize(("cron", "told"), [("0 3 * * *", True), ("0 3 * * 0", False), ("0 3 1 * *", False)])
def test_a_night_without_a_run_is_an_alert_where_there_are_nights(cloud: Cloud, cron: str, *, told: bool):
    """A backfill that is scheduled for every day is missed where it does not run; a weekly one is not."""
    schedule(cloud, cron)
    ensure()

    assert ("nightly-missing" in kinds(cloud)) is told


def test_the_alerts_of_another_function_are_its_own(cloud: Cloud):
    """Two functions have alerts and channels of their own, and removing those of one leaves the other's."""
    ensure()
    ensure(name="my-analyze")
    remove_alerts(Gcloud(PROJECT), Rest("played", PROJECT), Deployment(PROJECT, BUCKET))

    assert {one["userLabels"]["sounds-function"] for one in cloud.state.alerts.values()} == {"my-analyze"}
    assert kinds(cloud) == KINDS


def test_nothing_is_left(cloud: Cloud):
    """Removing takes alerts and channel; where the API is not enabled there is nothing to remove."""
    ensure()
    remove_alerts(Gcloud(PROJECT), Rest("played", PROJECT), Deployment(PROJECT, BUCKET))
    assert cloud.state.alerts == {}

    cloud.state.services.remove("monitoring.googleapis.com")
    remove_alerts(Gcloud(PROJECT), Rest("played", PROJECT), Deployment(PROJECT, BUCKET))


def test_a_person_who_may_not_is_told(cloud: Cloud):
    """A refusal names the role, and says that the function is not concerned."""
    cloud.refuse("POST /monitoring/", 403, "PERMISSION_DENIED", "no monitoring.alertPolicies.create")

    with pytest.raises(FailedError, match=r"(?s)no monitoring.*roles/monitoring\.editor; the function itself"):
        ensure()


def test_the_reasons_are_ones_that_there_are():
    """Each reason that an alert looks for is one of the closed vocabulary, or the backfill's own."""
    known = {value for kind in vars(errors).values() if isinstance(value := getattr(kind, "reason", None), str)}

    assert set(GIVEN_UP_REASONS) - {"failed"} <= known


def test_each_alert_is_in_the_docs():
    """docs/operations.md has a row for each alert, with what to do."""
    policies = desired_policies(Deployment(PROJECT, BUCKET), "channel", nightly=True)
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE)

    assert set(rows) >= set(policies)
    assert all("docs/operations.md" in json.dumps(policy["documentation"]) for policy in policies.values())


@needs_gcloud
def test_deployed_with_alerts_and_removed_without_a_trace(tmp_path: Path):
    """`--notify` makes them beside the function, a run without it leaves them, and `--delete` takes them too."""
    with opened(tmp_path) as console:
        made = console.deployed("--notify", ADDRESS)
        there = kinds(console.cloud)
        again = console.deployed("--notify", ADDRESS)
        removed = console.deployed("--delete", "--yes")

    assert made.done.returncode == 0, made.done.stderr
    assert there == KINDS
    assert (again.done.returncode, again.writes) == (0, [])
    assert removed.done.returncode == 0, removed.done.stderr
    assert console.cloud.state.alerts == {}


def test_errors_of_the_function_that_forgets_are_alerts_too(cloud: Cloud):
    """Where it is there or asked for, the alert on errors has both logs; the other alerts are as without it."""
    deployment = Deployment(PROJECT, BUCKET)
    without = desired_policies(deployment, "channel", nightly=True)
    policies = desired_policies(deployment, "channel", nightly=True, forgetting=True)

    text = policies["errors"]["conditions"][0]["conditionMatchedLog"]["filter"]
    for name in ("analyze", "analyze-forget"):
        assert f'service_name="{name}"' in text
        assert f'function_name="{name}"' in text
    assert {kind: one for kind, one in policies.items() if kind != "errors"} == {
        kind: one for kind, one in without.items() if kind != "errors"
    }
    ensure()
    cloud.state.services |= {"cloudfunctions.googleapis.com"}
    name = f"projects/{PROJECT}/locations/us-central1/functions/analyze-forget"
    cloud.state.functions[name] = {"name": name, "environment": "GEN_2"}
    ensure()
    (made,) = [one for one in cloud.state.alerts.values() if one["userLabels"].get("sounds-alert") == "errors"]
    assert made["conditions"][0]["conditionMatchedLog"]["filter"] == text
