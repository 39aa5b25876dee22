"""What a function is, compared with what it should be: every field is read, compared, and told to gcloud."""

from dataclasses import fields, replace
from typing import Any

import pytest

from deploy import reconcile as module
from deploy.deployment import Deployment
from deploy.function import Function, read_function
from deploy.gcloud import Gcloud
from deploy.location import locate
from deploy.reconcile import desired_function, ensure_function
from tests.deploy.apis.terminal import BUCKET, PROJECT

FIELDS = [each.name for each in fields(Function)]
OF_THE_SECOND = {"vcpus", "concurrency", "trigger_location", "trigger_account"}
NAME = f"projects/{PROJECT}/locations/us-central1/functions/analyze"


@pytest.fixture
def goals(monkeypatch: pytest.MonkeyPatch) -> dict[int, Function]:
    """The function as it should be in each generation."""
    monkeypatch.setattr(module, "digest", lambda: "0" * 40)
    where = locate(None, None)
    return {
        generation: desired_function(Deployment(PROJECT, BUCKET, generation=generation), where) for generation in (1, 2)
    }


def changed(function: Function, name: str) -> Function:
    """Return the function with another value in one of its fields."""
    match getattr(function, name):
        case bool(value):
            other: Any = not value
        case int(value):
            other = value * 2
        case dict(value):
            other = dict.fromkeys(value, "1")
        case value:
            other = f"{value}-other"
    return replace(function, **{name: other})


def printed(goal: Function, found: Function | None, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines of a dry run."""
    ensure_function(Gcloud(PROJECT, dry_run=True), goal, found)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("generation", [1, 2])
@pytest.mark.parametrize("name", FIELDS)
def test_a_difference_in_any_field_is_a_redeployment(
    goals: dict[int, Function], generation: int, name: str, capsys: pytest.CaptureFixture[str]
):
    """A function that is other than it should be in one field, whichever, is deployed anew, and the field is named."""
    goal = goals[generation]

    first, *_notes, command = printed(goal, changed(goal, name), capsys)

    assert command.startswith("gcloud functions deploy analyze ")
    label = "MAX_BYTES" if name == "environment" else name.replace("_", " ")
    assert first.lower().startswith(f"# {label} is ".lower())


@pytest.mark.parametrize("generation", [1, 2])
def test_what_nobody_asked_for_may_differ(
    goals: dict[int, Function], generation: int, capsys: pytest.CaptureFixture[str]
):
    """A function as it should be is left alone, also with variables that somebody else has set."""
    goal = goals[generation]
    settings = {"EXCLUDE_NAMES": "*.txt,*.md", **goal.environment}

    assert printed(goal, goal, capsys) == []
    assert printed(goal, replace(goal, environment=settings), capsys) == []


@pytest.mark.parametrize("name", [name for name in FIELDS if name not in {"state", "event"}])
@pytest.mark.parametrize("generation", [1, 2])
def test_gcloud_is_told_every_field(
    goals: dict[int, Function], generation: int, name: str, capsys: pytest.CaptureFixture[str]
):
    """Another value in any field is another command, else it could not be put right; state and event follow."""
    goal = goals[generation]
    told = printed(goal, None, capsys) != printed(changed(goal, name), None, capsys)

    assert told is (generation == 2 or name not in OF_THE_SECOND)


@pytest.mark.parametrize(
    ("memory", "mib", "cpu", "vcpus"),
    [("2Gi", 2048, "1", 1), ("2048M", 1953, "1000m", 1), ("512MiB", 512, "0.5", 0.5), ("8Gi", 8192, "2", 2)],
)
def test_quantities_are_read_as_the_platform_writes_them(memory: str, mib: int, cpu: str, vcpus: float):
    """Memory and cores come as numbers with a unit, of which some are decimal and some binary."""
    service = {"availableMemory": memory, "availableCpu": cpu}

    function = read_function({"name": NAME, "environment": "GEN_2", "serviceConfig": service})

    assert (function.memory_mib, function.vcpus) == (mib, vcpus)


@pytest.mark.parametrize("generation", [1, 2])
def test_what_an_api_leaves_out_is_a_difference(generation: int):
    """A function of which the API tells next to nothing is read all the same, as one without those settings."""
    function = read_function({"name": NAME, "environment": f"GEN_{generation}"})

    assert (function.generation, function.region, function.name) == (generation, "us-central1", "analyze")
    assert (function.bucket, function.source, function.build_account, function.retry) == (None, None, None, False)
    assert (function.memory_mib, dict(function.environment)) == (0, {})
