"""An execution is waited for, and the summaries of its tasks are found and added up."""

import pytest

from backfill.cloud import execution as executions
from backfill.cloud.execution import Execution, add_up, read_summaries, wait
from backfill.plan import Counts
from deploy.failures import RefusedError
from tests.backfill.played import Answering, Log, entry, execution, job

BOUNDS = executions.MAX_REFUSALS, executions.LOG_S


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for."""
    monkeypatch.setattr(executions, "POLL_S", 0)
    monkeypatch.setattr(executions, "LOG_S", 0)


def test_waiting_outlasts_a_night_without_network():
    """Questions in vain are asked again, so a laptop may be shut meanwhile; but not for ever."""
    refused = RefusedError(["gcloud"], "no network")
    gcloud = Answering(execution(runningCount=3), *[refused] * 5, execution(completionTime="x", succeededCount=3))

    ended = wait(gcloud, "e-1", job())

    assert (ended.succeeded, ended.failed, ended.has_ended) == (3, 0, True)
    with pytest.raises(RefusedError):
        wait(Answering(refused), "e-1", job())
    again = [refused] * executions.MAX_REFUSALS
    wait(Answering(*again, execution(), *again, execution(completionTime="x")), "e-1", job())


def test_every_attempt_of_every_task_is_read():
    """Where each task was tried as often as it may be, all its summaries are read, and the last of each task counts."""
    attempts = [entry(index, objects=attempt) for attempt in (1, 2, 3) for index in range(3)]
    ended = Execution("e-1", "2026-01-01T00:00:00Z", 0, 3, 0, has_ended=True)
    failures = [{"labels": {}, "jsonPayload": {"message": "so it is", "severity": "ERROR"}}] * 5
    gcloud = Log(*failures, *attempts)

    found = read_summaries(gcloud, ended, job())

    assert {index: counts.objects for index, counts in found.items()} == {0: 3, 1: 3, 2: 3}
    (wanted,) = gcloud.filters
    assert 'labels."run.googleapis.com/execution_name"="e-1"' in wanted
    assert 'timestamp>="2026-01-01T00:00:00Z"' in wanted


def test_a_last_line_that_comes_late_is_waited_for(monkeypatch: pytest.MonkeyPatch):
    """The log is read again until it has a line of every task, or for a minute."""
    monkeypatch.setattr(executions, "LOG_S", 60)
    ended = Execution("e-1", "2026-01-01T00:00:00Z", 0, 3, 0, has_ended=True)
    lines = [entry(index, objects=1) for index in range(3)]

    found = read_summaries(Answering(None, lines[:2], lines), ended, job())

    assert set(found) == {0, 1, 2}


def test_a_task_that_was_cancelled_has_not_ended_well():
    """Tasks that failed and tasks that were cancelled are told together, and make the exit code 1."""
    ended = wait(Answering(execution(completionTime="x", failedCount=1, cancelledCount=2)), "e-1", job())

    assert (ended.succeeded, ended.failed) == (0, 3)


def test_summaries_are_added_up_by_task():
    """Of a task that was tried again the last attempt counts; a task without a line in the log is missing."""
    gcloud = Answering([entry(0, objects=2, failed=1), entry(2, objects=5), entry(0, objects=2, sounds=2)])
    ended = Execution("e-1", "2026-01-01T00:00:00Z", 0, 3, 0, has_ended=True)

    found = read_summaries(gcloud, ended, job())

    assert set(found) == {0, 2}
    assert add_up(list(found.values())) == Counts(objects=7, sounds=2)


def test_bounds_are_those_that_are_promised() -> None:
    """Twenty refusals in a row are borne, and the log is waited for a minute, as docs/backfill.md says."""
    assert BOUNDS == (20, 60)
