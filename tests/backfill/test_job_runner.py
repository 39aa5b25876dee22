"""The job's end is the run's: its exit code, its counts, and what is said of them."""

import pytest

from backfill.cloud import execution as executions
from backfill.cloud.job_runner import STOPPED, JobRunner
from backfill.estimate import Tasks
from backfill.plan import Counts
from deploy.deployment import Deployment
from deploy.gcloud import Gcloud
from tests.backfill.played import FUNCTION, Answering, asked, entry, execution, job
from tests.deploy.apis.terminal import BUCKET, PROJECT


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for."""
    monkeypatch.setattr(executions, "POLL_S", 0)
    monkeypatch.setattr(executions, "LOG_S", 0)


def test_ctrl_c_ends_only_the_waiting(capsys: pytest.CaptureFixture[str]):
    """Ctrl-C while waiting is answered by what goes on, and by an exit code that says so."""
    gcloud = Answering(execution(runningCount=1), KeyboardInterrupt())
    runner = JobRunner(gcloud, asked("--tasks", "3"), Deployment(PROJECT, BUCKET), FUNCTION, {}, Tasks(3, 3))

    with pytest.raises(SystemExit) as ended:
        runner._wait("e-1", job(), type("Plan", (), {"counts": Counts()})())

    assert ended.value.code == STOPPED
    assert "e-1 goes on without this machine; --dry-run tells later what is still to be done" in capsys.readouterr().err


def test_missing_summaries_and_what_is_gone_are_said(capsys: pytest.CaptureFixture[str]):
    """Where the log lacks tasks they are named; what is gone is the comparison's count where no task looked for it."""
    gcloud = Answering(execution(completionTime="x", succeededCount=3), [entry(1, objects=4, sounds=4)])
    runner = JobRunner(gcloud, asked("--tasks", "3"), Deployment(PROJECT, BUCKET), FUNCTION, {}, Tasks(3, 3))
    plan = type("Plan", (), {"counts": Counts(gone=6)})()

    status = runner._wait("e-1", job(), plan)

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
    capsys: pytest.CaptureFixture[str],
    status: dict[str, int],
    counts: dict[str, int],
    options: list[str],
    n_gone: int,
    expected: int,
):
    """A failed task or object is 1, and its reasons are found; after pruning the tasks count what is gone."""
    lines = [entry(index, objects=1, **counts) for index in range(3)]
    gcloud = Answering(execution(completionTime="x", **status), lines)
    runner = JobRunner(gcloud, asked("--tasks", "3", *options), Deployment(PROJECT, BUCKET), FUNCTION, {}, Tasks(3, 3))
    plan = type("Plan", (), {"counts": Counts(gone=6)})()

    assert runner._wait("e-1", job(), plan) == expected
    reasons = 'AND (severity>=ERROR OR textPayload:"backfill.sh:")\' --project='
    assert (reasons in capsys.readouterr().err) is bool(expected)
    assert (plan.counts.objects, plan.counts.gone) == (3, n_gone)


@pytest.mark.parametrize(("options", "stream"), [([], "out"), (["--json"], "err")])
def test_commands_are_not_printed_to_a_program(
    capsys: pytest.CaptureFixture[str], options: list[str], stream: str
) -> None:
    """With --json the commands of a dry run go to stderr, and stdout is the summary's alone."""
    gcloud = Gcloud(PROJECT, dry_run=True, offline=True)
    plan = type("Plan", (), {"counts": Counts()})()

    for more in (["--tasks", "3"], ["--schedule", "0 3 * * *"]):
        runner = JobRunner(gcloud, asked(*more, *options), Deployment(PROJECT, BUCKET), FUNCTION, {}, Tasks(3, 3))
        assert runner.run(plan) == 0

    printed = capsys.readouterr()
    assert "gcloud run jobs execute analyze-backfill" in getattr(printed, stream)
    assert "gcloud scheduler jobs create http" in getattr(printed, stream)
    assert printed.out == "" or printed.err == ""
