"""A job is bounded, is what the function is, and asks its tasks for what the person asked for."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backfill.cloud.job import ask_tasks, desired_job, desired_tasks, read_job, task_arguments
from backfill.estimate import Tasks
from backfill.request import MAX_PARALLELISM, parse
from deploy.function import read_function
from deploy.gcloud import joined
from deploy.rest import Rest
from tests.backfill.played import FUNCTION, asked, job
from tests.deploy.apis.answering import Cloud
from tests.deploy.apis.terminal import PROJECT, Terminal


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--prefix=a,b c", "--stale", "--prune"],
        ["--rejected"],
        ["--rejected=corrupt", "--prefix=--x"],
        ["--grace=0"],
    ],
)
def test_a_task_is_asked_for_what_the_person_asked_for(options: list[str]):
    """The command line of a task says the same as the person's, but here, without a question and for a program."""
    mine, theirs = asked(*options, "--tasks=7"), parse(task_arguments(asked(*options, "--tasks=7"), Tasks(7, 7)))

    same = ("project", "bucket", "prefix", "stale", "rejected", "prune", "grace_s")
    assert [getattr(mine, name) for name in same] == [getattr(theirs, name) for name in same]
    assert (theirs.n_tasks, theirs.schedule, theirs.dry_run) == (None, None, False)
    assert theirs.yes
    assert theirs.json


@pytest.mark.parametrize("n_tasks", [1, MAX_PARALLELISM, 10_000])
def test_a_job_is_bounded_and_is_what_the_function_is(n_tasks: int):
    """Tasks, those at once, retries and time have bounds; account, memory and cores are the function's."""
    made = job(n_tasks)

    assert made.n_tasks == n_tasks
    assert made.parallelism == min(n_tasks, 100)  # as docs/backfill.md says, with the next two
    assert made.retries == 2
    assert made.timeout_s == 24 * 3600
    assert (made.account, made.memory_mib, made.vcpus) == ("run@p", 8192, 2)


@pytest.mark.parametrize(("count", "covered", "expected"), [(50, 20, 20), (5, 20, 5), (50, 0, 1), (500, 1000, 100)])
def test_no_more_tasks_run_at_once_than_the_quota_covers(count: int, covered: int, expected: int):
    """The quota of the project bounds how many run at once, and each task is told how many share the rate of writes."""
    tasks = desired_tasks(FUNCTION, count, covered)
    made = desired_job("job", "image:tag", FUNCTION, asked(), tasks, {})

    assert (made.n_tasks, made.parallelism) == (count, expected)
    environment = {"CLOUD_RUN_TASK_INDEX": "0", "CLOUD_RUN_TASK_COUNT": str(count)}
    assert parse(made.arguments, environment).parallelism == expected


@pytest.mark.parametrize(
    ("quotas", "parallelism", "is_told"),
    [
        ({"cpu_allocation": 20_000, "mem_allocation": 40 * 2**30}, 5, False),  # of 8 GiB each
        ({"cpu_allocation": 4_000, "mem_allocation": 400 * 2**30}, 2, False),  # of 2 vCPUs each
        ({}, 50, True),
    ],
)
def test_the_quota_is_asked_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    quotas: dict[str, int],
    parallelism: int,
    is_told: bool,  # noqa: FBT001 - of this test alone
):
    """What CPU and memory of the quota cover in the region runs at once; where nobody says what it is, that is told."""
    cloud = Cloud()
    for name, value in Terminal(tmp_path, cloud).environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("backfill.cloud.job.signed_in", lambda project: Rest("played", project))
    cloud.state.quotas = {f"run.googleapis.com/{name} us-central1": limit for name, limit in quotas.items()}

    tasks = ask_tasks(PROJECT, FUNCTION, 50)
    cloud.stop()

    assert (tasks.count, tasks.parallelism, tasks.vcpus, tasks.memory_mib) == (50, parallelism, 2, 8192)
    assert ("quota in us-central1 is not known" in capsys.readouterr().err) is is_told


def test_what_others_changed_about_a_job_is_seen():
    """A job with another limit, argument or variable than it was made with is not the same."""
    container = {"image": "image:tag", "args": list(job().arguments), "resources": {"limits": {"cpu": "2000m"}}}
    task = {"containers": [container], "maxRetries": 2, "serviceAccountName": "run@p", "timeoutSeconds": "86400"}
    answer = {
        "metadata": {"name": "analyze-backfill"},
        "spec": {"template": {"spec": {"taskCount": 3, "parallelism": 3, "template": {"spec": task}}}},
    }
    container["resources"]["limits"]["memory"] = "8Gi"
    same = read_job(answer, "us-central1")
    container["env"] = [{"name": "MAX_BYTES", "value": "1"}]

    assert same == job()
    assert read_job(answer, "us-central1") != job()


@pytest.mark.parametrize(("memory_mib", "vcpus"), [(2048, 1), (8192, 2)])
def test_cores_that_the_first_generation_does_not_tell(memory_mib: int, vcpus: int):
    """A job for a function of the 1st generation, which says nothing of cores, has as many as its memory needs."""
    name = f"projects/{PROJECT}/locations/us-central1/functions/analyze"
    first = read_function({"name": name, "availableMemoryMb": memory_mib, "environmentVariables": {}})

    assert desired_tasks(first, 1, None).vcpus == vcpus


def test_a_part_of_a_core_is_one():
    """A function of the 2nd generation may have half a core; a job has whole ones."""
    name = f"projects/{PROJECT}/locations/us-central1/functions/analyze"
    service = {"availableCpu": "0.5", "availableMemory": "512Mi"}
    half = read_function({"name": name, "environment": "GEN_2", "serviceConfig": service})

    assert desired_tasks(half, 1, None).vcpus == 1


@example(["^", "^"])
@example(["^a^b"])
@given(st.lists(st.text("ab,|;^=-", min_size=1), min_size=1))
def test_a_list_is_read_as_it_was_meant(parts: list[str]):
    """Gcloud, which splits at commas or at what stands first between carets, gets the parts of a list as they are."""
    text, separator = joined(parts), ","

    if text.startswith("^") and "^" in text[1:]:
        separator, text = text[1:].split("^", 1)
    assert text.split(separator) == parts
