"""The settings of a run are the deployed function's, or nothing is done."""

from dataclasses import fields
from typing import Any

import pytest

from analysis.settings import Settings
from backfill.cloud.deployed import describe_overridden, find_deployed, settings_variables
from deploy.deployment import Deployment
from deploy.failures import FailedError, RefusedError
from deploy.scheduled_job import SETTINGS
from tests.backfill.played import FUNCTION, Answering
from tests.deploy.apis.terminal import BUCKET, PROJECT


def test_settings_are_the_functions_unless_the_person_sets_them():
    """Of both environments only settings are taken, and the person's go before the function's."""
    variables = settings_variables(FUNCTION, {"MAX_BYTES": "5", "MAX_CHANNELS": "2", "PATH": "/bin"})

    assert variables == {"MAX_BYTES": "5", "EXCLUDE_NAMES": "*.txt", "MAX_CHANNELS": "2"}
    assert settings_variables(None, {"MAX_BYTES": "5"}) == {"MAX_BYTES": "5"}
    assert len(SETTINGS) == len(fields(Settings))


def test_what_the_environment_overrides_is_said():
    """A setting of the environment that differs from the function's is named with both values, and no other."""
    same = {"MAX_BYTES": "1000", "PATH": "/bin"}

    assert describe_overridden(FUNCTION, same) is None
    assert describe_overridden(FUNCTION, same | {"EXCLUDE_NAMES": "", "MAX_CHANNELS": "2"}) == (
        "settings of the environment, not of the function analyze: EXCLUDE_NAMES= instead of *.txt;"
        " MAX_CHANNELS=2 instead of the default"
    )


NAME = f"projects/{PROJECT}/locations/us-central1/functions/analyze"
REFUSED = RefusedError(["gcloud"], "You do not currently have an active account\nmore")


def watching(bucket: str, name: str = NAME) -> dict[str, Any]:
    """Return a function that watches a bucket, as the API describes it."""
    filters = [{"attribute": "bucket", "value": bucket}]
    return {"name": name, "environment": "GEN_2", "eventTrigger": {"eventFilters": filters}}


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let gcloud be installed, whether it is or not."""
    monkeypatch.setattr("shutil.which", lambda _: "/bin/gcloud")


def test_the_function_of_the_bucket_is_found():
    """The function of the name that is asked for, which watches the bucket, is the one."""
    found = find_deployed(Answering([watching(BUCKET)], watching(BUCKET)), Deployment(PROJECT, BUCKET), is_job=False)

    assert (found.name, found.bucket) == ("analyze", BUCKET)


@pytest.mark.parametrize("is_job", [True, False])
@pytest.mark.parametrize(
    ("answers", "texts"),
    [
        ([[]], ["there is no function analyze in project", "./deploy.sh --project"]),
        ([[watching(BUCKET, f"{NAME}-2")]], ["there is no function analyze", f"gs://{BUCKET} is watched by analyze-2"]),
        ([[watching("other")], watching("other")], ["the function analyze watches bucket other, not", "./deploy.sh"]),
        ([[watching("")], watching("")], ["the function analyze watches no bucket, not"]),
        ([REFUSED], ["active account", "sign in: gcloud auth login"]),
    ],
)
def test_without_the_functions_settings_nothing_is_done(answers: list[Any], texts: list[str], *, is_job: bool):
    """No function of the name, one of another bucket, and no answer each end the run, with the ways out."""
    with pytest.raises(FailedError) as failed:
        find_deployed(Answering(*answers), Deployment(PROJECT, BUCKET), is_job=is_job)

    assert all(text in str(failed.value) for text in [*texts, "--name"])
    assert ("--defaults" in str(failed.value)) is not is_job  # a job needs the function's account and limits too


def test_without_gcloud_nothing_is_done_either(monkeypatch: pytest.MonkeyPatch):
    """Where gcloud is not installed, the message says so, and how to go on without it."""
    monkeypatch.setattr("shutil.which", lambda _: None)

    with pytest.raises(FailedError, match=r"gcloud is not installed(.|\n)*--defaults"):
        find_deployed(Answering([]), Deployment(PROJECT, BUCKET), is_job=False)
