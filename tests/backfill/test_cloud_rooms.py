"""The rooms of backfill/cloud, each on its own."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analysis.settings import Settings
from backfill.cloud import execution as executions
from backfill.cloud import schedule as schedules
from backfill.cloud.deployed import VARIABLES, look_for_deployed, settings_variables
from backfill.cloud.elsewhere import STOPPED, Elsewhere
from backfill.cloud.execution import Execution, added_up, summaries, wait
from backfill.cloud.job import MAX_PARALLELISM, Job, read_job, task_arguments, wanted
from backfill.comparison import Finding, State
from backfill.planning import Counts
from backfill.report import FailureList
from backfill.request import Request, parse
from deploy.deployment import Deployment
from deploy.failures import FailedError, RefusedError
from deploy.function import read_function
from deploy.gcloud import Gcloud, joined
from tests.deploy.apis.terminal import BUCKET, PROJECT

FUNCTION = read_function(
    {
        "name": f"projects/{PROJECT}/locations/us-central1/functions/analyze",
        "environment": "GEN_2",
        "buildConfig": {"runtime": "python313"},
        "serviceConfig": {
            "serviceAccountEmail": "run@p",
            "availableMemory": "8Gi",
            "availableCpu": "2",
            "environmentVariables": {"MAX_BYTES": "1000", "EXCLUDE_NAMES": "*.txt", "OTHER": "1"},
        },
    }
)


class Answering(Gcloud):
    """A gcloud that gives the next of its answers, or raises it, and repeats the last."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(PROJECT)
        self.answers = list(answers)

    def read(self, *_: str) -> Any:
        """Return the next answer."""
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for."""
    monkeypatch.setattr(executions, "POLL_S", 0)
    monkeypatch.setattr(executions, "LOG_S", 0)


def asked(*options: str) -> Request:
    """Return the request of a run for the bucket of these tests."""
    return parse(["--project", PROJECT, "--bucket", BUCKET, *options])


def job(n_tasks: int = 3) -> Job:
    """Return a job as it is made."""
    return wanted("analyze-backfill", "image:tag", FUNCTION, asked(), n_tasks, {})


def execution(**status: Any) -> dict[str, Any]:
    """Return an execution as the API describes it."""
    return {"metadata": {"name": "e-1", "creationTimestamp": "2026-01-01T00:00:00Z"}, "status": status}


def entry(index: int, **counts: int) -> dict[str, Any]:
    """Return a task's summary as the log has it."""
    summary = {each.name: float(counts.get(each.name, 0)) for each in fields(Counts)}
    return {"labels": {"run.googleapis.com/task_index": str(index)}, "jsonPayload": summary}


@example(["^", "^"])
@example(["^a^b"])
@given(st.lists(st.text("ab,|;^=-", min_size=1), min_size=1))
def test_a_list_is_read_as_it_was_meant(parts: list[str]):
    """Gcloud, which splits at commas or at what stands first between carets, gets the parts of a list as they are."""
    text, separator = joined(parts), ","

    if text.startswith("^") and "^" in text[1:]:
        separator, text = text[1:].split("^", 1)
    assert text.split(separator) == parts


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--prefix=a,b c", "--stale", "--prune"],
        ["--rejected"],
        ["--rejected=corrupt", "--prefix=--x"],
    ],
)
def test_a_task_is_asked_for_what_the_person_asked_for(options: list[str]):
    """The command line of a task says the same as the person's, but here, without a question and for a program."""
    mine, theirs = asked(*options, "--tasks=7"), parse(task_arguments(asked(*options, "--tasks=7")))

    same = ("project", "bucket", "prefix", "stale", "rejected", "prune")
    assert [getattr(mine, name) for name in same] == [getattr(theirs, name) for name in same]
    assert (theirs.n_tasks, theirs.schedule, theirs.dry_run) == (None, None, False)
    assert theirs.yes
    assert theirs.json


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


@pytest.mark.parametrize("n_tasks", [1, MAX_PARALLELISM, 10_000])
def test_a_job_is_bounded_and_is_what_the_function_is(n_tasks: int):
    """Tasks, those at once, retries and time have bounds; account, memory and cores are the function's."""
    made = job(n_tasks)

    assert made.n_tasks == n_tasks
    assert made.parallelism == min(n_tasks, 100)  # as docs/backfill.md says, with the next two
    assert made.retries == 2
    assert made.timeout_s == 24 * 3600
    assert (made.account, made.memory_mib, made.vcpus) == ("run@p", 8192, 2)


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


def test_waiting_outlasts_a_night_without_network():
    """Questions in vain are asked again, so a laptop may be shut meanwhile; but not for ever."""
    refused = RefusedError(["gcloud"], "no network")
    gcloud = Answering(execution(runningCount=3), *[refused] * 5, execution(completionTime="x", succeededCount=3))

    ended = wait(gcloud, "e-1", job())

    assert (ended.succeeded, ended.failed, ended.has_ended) == (3, 0, True)
    with pytest.raises(RefusedError):
        wait(Answering(refused), "e-1", job())
    again = [refused] * executions.PATIENCE
    wait(Answering(*again, execution(), *again, execution(completionTime="x")), "e-1", job())


class Log(Gcloud):
    """A gcloud that reads a log as Cloud Logging does: newest first unless told, and no more lines than the limit."""

    def __init__(self, *entries: dict[str, Any]) -> None:
        super().__init__(PROJECT)
        self.entries = list(entries)
        self.filters: list[str] = []

    def read(self, *arguments: str) -> Any:
        """Return the lines; what the filter says is only kept."""
        _, _, wanted, *options = arguments
        self.filters.append(wanted)
        given = dict(option.removeprefix("--").split("=") for option in options)
        entries = self.entries if given.get("order") == "asc" else self.entries[::-1]
        return entries[: int(given["limit"])]


def test_every_attempt_of_every_task_is_read():
    """Where each task was tried as often as it may be, all lines are read, and the last of each task counts."""
    attempts = [entry(index, objects=attempt) for attempt in (1, 2, 3) for index in range(3)]
    ended = Execution("e-1", "2026-01-01T00:00:00Z", 0, 3, 0, has_ended=True)
    gcloud = Log(*attempts)

    found = summaries(gcloud, ended, job())

    assert {index: counts.objects for index, counts in found.items()} == {0: 3, 1: 3, 2: 3}
    (wanted,) = gcloud.filters
    assert 'labels."run.googleapis.com/execution_name"="e-1"' in wanted
    assert 'timestamp>="2026-01-01T00:00:00Z"' in wanted


def test_a_last_line_that_comes_late_is_waited_for(monkeypatch: pytest.MonkeyPatch):
    """The log is read again until it has a line of every task, or for a minute."""
    monkeypatch.setattr(executions, "LOG_S", 60)
    ended = Execution("e-1", "2026-01-01T00:00:00Z", 0, 3, 0, has_ended=True)
    lines = [entry(index, objects=1) for index in range(3)]

    found = summaries(Answering(None, lines[:2], lines), ended, job())

    assert set(found) == {0, 1, 2}


def test_a_task_that_was_cancelled_has_not_ended_well():
    """Tasks that failed and tasks that were cancelled are told together, and make the exit code 1."""
    ended = wait(Answering(execution(completionTime="x", failedCount=1, cancelledCount=2)), "e-1", job())

    assert (ended.succeeded, ended.failed) == (0, 3)


def test_summaries_are_added_up_by_task():
    """Of a task that was tried again the last attempt counts; a task without a line in the log is missing."""
    gcloud = Answering([entry(0, objects=2, failed=1), entry(2, objects=5), entry(0, objects=2, sounds=2)])
    ended = Execution("e-1", "2026-01-01T00:00:00Z", 0, 3, 0, has_ended=True)

    found = summaries(gcloud, ended, job())

    assert set(found) == {0, 2}
    assert added_up(list(found.values())) == Counts(objects=7, sounds=2)


def test_ctrl_c_ends_only_the_waiting(capsys: pytest.CaptureFixture[str]):
    """Ctrl-C while waiting is answered by what goes on, and by an exit code that says so."""
    gcloud = Answering(execution(runningCount=1), KeyboardInterrupt())
    elsewhere = Elsewhere(gcloud, asked("--tasks", "3"), Deployment(PROJECT, BUCKET), FUNCTION, {})

    with pytest.raises(SystemExit) as ended:
        elsewhere._see_through("e-1", job(), type("Plan", (), {"counts": Counts()})())

    assert ended.value.code == STOPPED
    assert "e-1 goes on without this machine; --dry-run tells later what is left to do" in capsys.readouterr().err


def test_missing_summaries_and_what_is_gone_are_said(capsys: pytest.CaptureFixture[str]):
    """Where the log lacks tasks they are named; what is gone is the comparison's count where no task looked for it."""
    gcloud = Answering(execution(completionTime="x", succeededCount=3), [entry(1, objects=4, sounds=4)])
    elsewhere = Elsewhere(gcloud, asked("--tasks", "3"), Deployment(PROJECT, BUCKET), FUNCTION, {})
    plan = type("Plan", (), {"counts": Counts(gone=6)})()

    status = elsewhere._see_through("e-1", job(), plan)

    assert status == 0
    assert plan.counts == Counts(objects=4, sounds=4, gone=6)
    assert "no summary of 2 of 3 tasks" in (said := capsys.readouterr().err)
    assert "These tasks: 0, 2" in said


@pytest.mark.parametrize(
    ("status", "counts", "options", "n_gone", "expected"),
    [
        ({"succeededCount": 3}, {}, [], 6, 0),
        ({"succeededCount": 2, "failedCount": 1}, {}, [], 6, 1),
        ({"succeededCount": 3}, {"failed": 1}, [], 6, 1),
        ({"succeededCount": 3}, {"gone": 1}, ["--prune"], 3, 0),
    ],
)
def test_the_exit_code_is_the_executions(
    status: dict[str, int], counts: dict[str, int], options: list[str], n_gone: int, expected: int
):
    """A task or an object that failed is 1; what is gone after pruning is what the tasks could not remove."""
    lines = [entry(index, objects=1, **counts) for index in range(3)]
    gcloud = Answering(execution(completionTime="x", **status), lines)
    elsewhere = Elsewhere(gcloud, asked("--tasks", "3", *options), Deployment(PROJECT, BUCKET), FUNCTION, {})
    plan = type("Plan", (), {"counts": Counts(gone=6)})()

    assert elsewhere._see_through("e-1", job(), plan) == expected
    assert (plan.counts.objects, plan.counts.gone) == (3, n_gone)


def test_what_others_changed_about_a_schedule_is_seen():
    """A schedule at another time, in another zone, of another job or as another account is changed, not made again."""
    goal = schedules.wanted(PROJECT, "job", "us-central1", "0 3 * * *", "cron@p")
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
    verbs = []
    gcloud = Answering(found)
    gcloud.run = lambda *words: verbs.append(words[2])  # type: ignore[method-assign]
    ensure(gcloud, goal)
    return verbs


def test_a_task_lists_what_failed_in_its_log(capsys: pytest.CaptureFixture[str]):
    """Where there is no directory that anybody sees, what failed is a line of JSON with the severity of an error."""
    failures = FailureList(None)

    failures.add(Finding(State.MISSING, None, None), "why")

    assert json.loads(capsys.readouterr().err) == {"state": "missing", "message": "why", "severity": "ERROR"}
    assert not list(Path.cwd().glob("backfill-failed-*"))


@pytest.mark.parametrize(("memory_mib", "vcpus"), [(2048, 1), (8192, 2)])
def test_cores_that_the_first_generation_does_not_tell(memory_mib: int, vcpus: int):
    """A job for a function of the 1st generation, which says nothing of cores, has as many as its memory needs."""
    name = f"projects/{PROJECT}/locations/us-central1/functions/analyze"
    first = read_function({"name": name, "availableMemoryMb": memory_mib, "environmentVariables": {}})

    assert wanted("job", "image:tag", first, asked(), 1, {}).vcpus == vcpus
