"""The settings of a run are the deployed function's, or those of the environment."""

from dataclasses import fields
from typing import Any

import pytest

from analysis.settings import Settings
from backfill.cloud.deployed import VARIABLES, find_deployed, look_for_deployed, settings_variables
from deploy.deployment import Deployment
from deploy.failures import FailedError, RefusedError
from tests.backfill.played import FUNCTION, Answering
from tests.deploy.apis.terminal import BUCKET, PROJECT


def test_settings_are_the_functions_unless_the_person_sets_them():
    """Of both environments only settings are taken, and the person's go before the function's."""
    variables = settings_variables(FUNCTION, {"MAX_BYTES": "5", "MAX_CHANNELS": "2", "PATH": "/bin"})

    assert variables == {"MAX_BYTES": "5", "EXCLUDE_NAMES": "*.txt", "MAX_CHANNELS": "2"}
    assert settings_variables(None, {"MAX_BYTES": "5"}) == {"MAX_BYTES": "5"}
    assert len(VARIABLES) == len(fields(Settings))


REFUSED = RefusedError(["gcloud"], "You do not currently have an active account\nmore")


@pytest.mark.parametrize(("answer", "environment"), [([], {}), (REFUSED, {"SOUNDS_COLLECTION": "sounds"})])
def test_without_the_function_the_settings_are_the_environments(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: Any, environment: dict[str, str]
):
    """Where there is no function, or the person has set settings, one line says that the environment counts."""
    monkeypatch.setattr("shutil.which", lambda _: "/bin/gcloud")

    found = look_for_deployed(Answering(answer), Deployment(PROJECT, BUCKET), environment)

    assert found is None
    assert capsys.readouterr().err.count("\n") == 1


def test_a_function_that_cannot_be_read_has_no_defaults(monkeypatch: pytest.MonkeyPatch):
    """Where Google does not tell the function's settings, nothing is done by others, and what to do is said."""
    monkeypatch.setattr("shutil.which", lambda _: "/bin/gcloud")

    with pytest.raises(FailedError, match="sign in: gcloud auth login"):
        look_for_deployed(Answering(REFUSED), Deployment(PROJECT, BUCKET), {"PATH": "/bin"})


def test_without_gcloud_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Where gcloud is not installed, the line says that."""
    monkeypatch.setattr("shutil.which", lambda _: None)

    assert look_for_deployed(Answering([]), Deployment(PROJECT, BUCKET), {}) is None
    assert "gcloud is not installed" in capsys.readouterr().err


def answers_of(bucket: str) -> list[Any]:
    """Return what gcloud answers about functions and about this one."""
    name = f"projects/{PROJECT}/locations/us-central1/functions/analyze"
    filters = [{"attribute": "bucket", "value": bucket}]
    return [[{"name": name}], {"name": name, "environment": "GEN_2", "eventTrigger": {"eventFilters": filters}}]


def test_the_function_of_another_bucket_is_another(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """A function that watches another bucket has no say here: no job is made by it, and its settings are not taken."""
    monkeypatch.setattr("shutil.which", lambda _: "/bin/gcloud")
    deployment = Deployment(PROJECT, BUCKET)

    assert find_deployed(Answering(*answers_of(BUCKET)), deployment).bucket == BUCKET
    with pytest.raises(FailedError, match="watches bucket other"):
        find_deployed(Answering(*answers_of("other")), deployment)
    assert look_for_deployed(Answering(*answers_of("other")), deployment, {}) is None
    assert "settings are those of the environment" in capsys.readouterr().err
