"""The scheduled backfill stays in step with the function: what differs is known, and what renews it is one command."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from backfill.cloud.job import desired_job, desired_tasks
from backfill.request import parse
from deploy.deployment import Deployment
from deploy.location import locate_schedule
from deploy.provision import say_scheduled_job
from deploy.rest import Rest
from deploy.scheduled_job import ScheduledJob, differences_from, image_of, renewal
from tests.backfill.played import FUNCTION, Answering, asked
from tests.deploy.apis.answering import Cloud
from tests.deploy.apis.deployed import NAME, deploy, make_job
from tests.deploy.apis.terminal import BUCKET, PROJECT, Terminal

DEPLOYMENT = Deployment(PROJECT, BUCKET)


def made(*options: str, covered: int | None = None) -> ScheduledJob:
    """Return the job that backfill.sh makes for a schedule with these options."""
    request = asked("--schedule=0 3 * * *", *options)
    variables = {name: value for name, value in FUNCTION.environment.items() if name != "OTHER"}
    tasks = desired_tasks(FUNCTION, request.n_tasks or 1, covered)
    job = desired_job("job", image_of(DEPLOYMENT, FUNCTION), FUNCTION, request, tasks, variables)
    return ScheduledJob(
        image=job.image,
        account=job.account,
        memory_mib=job.memory_mib,
        vcpus=job.vcpus,
        n_tasks=job.n_tasks,
        arguments=job.arguments,
        environment=job.environment,
    )


def test_what_was_made_for_the_function_is_in_step() -> None:
    """Right after backfill.sh made it the job is what the function is, whatever others set for the function."""
    assert differences_from(FUNCTION, made(), DEPLOYMENT) == []


@pytest.mark.parametrize("name", ["MAX_BYTES", "FEATURES"])
def test_a_setting_that_one_of_them_lacks_is_a_difference(name: str) -> None:
    """A setting that was removed from the function, or that it got since, is named."""
    job = made()
    others = {key: value for key, value in job.environment.items() if key != "MAX_BYTES"}
    environment = others if name == "MAX_BYTES" else {**job.environment, "FEATURES": "rms"}

    assert differences_from(FUNCTION, replace(job, environment=environment), DEPLOYMENT) == [name]


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--tasks=50"],
        ["--stale", "--prune", "--rejected", "--grace=60"],
        ["--rejected=too_large", "--prefix=it's, a/", "--tasks=3"],
    ],
)
def test_what_renews_it_asks_for_the_same(options: list[str]) -> None:
    """The command that is printed makes the same job again, with all that the person asked for, at the same times."""
    job = made(*options, covered=2)

    program, *words = shlex.split(renewal(DEPLOYMENT, job, "0 3 * * *"))
    request = parse(words, {})

    assert program == "./backfill.sh"
    assert request == asked("--schedule=0 3 * * *", *options)
    assert request.schedule == "0 3 * * *"


@pytest.mark.parametrize(
    ("offered", "region", "expected"),
    [
        ([], "europe-west9", "europe-west9"),  # not known
        (["us-central1", "europe-west9"], "europe-west9", "europe-west9"),
        (["us-central1", "europe-west3", "europe-west1"], "europe-west9", "europe-west1"),
        (["us-central1", "europe-west1"], "africa-south1", "us-central1"),
    ],
)
def test_a_schedule_is_where_cloud_scheduler_is(offered: list[str], region: str, expected: str) -> None:
    """The schedule is in the job's region, or nearby where Cloud Scheduler is not there."""
    assert locate_schedule(offered, region) == expected


@pytest.mark.parametrize("change", [{}, {"MAX_BYTES": "5"}])
def test_a_deployment_prints_what_renews_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], change: dict[str, str]
) -> None:
    """A job that is out of step after a deployment is told with the command that renews it; one in step is not."""
    cloud = Cloud()
    for name, value in Terminal(tmp_path, cloud).environment().items():
        monkeypatch.setenv(name, value)
    deploy(cloud.state)
    make_job(cloud.state, cron={}, **change)

    gcloud = Answering(cloud.state.functions[NAME])
    say_scheduled_job(gcloud, Rest("played", PROJECT), DEPLOYMENT, "us-central1")
    cloud.state.jobs.clear()
    say_scheduled_job(gcloud, Rest("played", PROJECT), DEPLOYMENT, "us-central1")
    cloud.stop()

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == (3 if change else 0)
    if change:
        assert "out of step with the function: MAX_BYTES; this renews it:" in lines[1]
        assert parse(shlex.split(lines[2])[1:], {}).schedule == "0 3 * * *"
