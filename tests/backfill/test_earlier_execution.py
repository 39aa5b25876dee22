"""A task ends where an earlier execution of its job still runs, and goes on where nobody knows."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from backfill.__main__ import main
from backfill.cloud.job import desired_tasks, task_arguments
from backfill.earlier_execution import UnknownError, find_earlier
from tests.backfill.played import FUNCTION, asked
from tests.deploy.apis.terminal import PROJECT
from tests.fakes.serving import Quiet, serving

JOB = f"projects/{PROJECT}/locations/europe-west1/jobs/analyze-backfill-scheduled"


def execution(name: str, minute: int, *, ended: bool) -> dict[str, Any]:
    """Return an execution as the API shows it."""
    ending = {"completionTime": "2026-01-01T04:00:00Z"} if ended else {}
    return {"name": f"{JOB}/executions/{name}", "createTime": f"2026-01-01T03:{minute:02}:00Z", **ending}


@contextmanager
def cloud(*executions: dict[str, Any], refused: str = "") -> Iterator[dict[str, str]]:
    """Play the metadata server and Cloud Run, which gives one execution at a time; yield a task's variables."""

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path.startswith("/computeMetadata/v1/") and self.headers["Metadata-Flavor"] == "Google":
                name = parts.path.rpartition("/")[2]
                texts = {"region": "projects/123/regions/europe-west1", "token": '{"access_token": "played"}'}
                self._answer(texts[name], refused == name)
            elif parts.path == f"/v2/{JOB}/executions" and self.headers["Authorization"] == "Bearer played":
                page = int(parse_qs(parts.query).get("pageToken", ["0"])[0])
                more = {"nextPageToken": str(page + 1)} if page + 1 < len(executions) else {}
                self._answer(json.dumps({"executions": list(executions[page : page + 1])} | more), refused == "list")
            else:
                self._answer("", refused=True)

        def _answer(self, text: str, refused: bool) -> None:  # noqa: FBT001 - of this handler alone
            self.send_response(403 if refused else 200)
            self.end_headers()
            self.wfile.write(text.encode())

    with serving(Handler) as port:
        yield {
            "GCE_METADATA_HOST": f"127.0.0.1:{port}",
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN": f"http://127.0.0.1:{port}/",
            "CLOUD_RUN_JOB": "analyze-backfill-scheduled",
            "CLOUD_RUN_EXECUTION": "own",
            "CLOUD_RUN_TASK_INDEX": "0",
            "CLOUD_RUN_TASK_COUNT": "3",
        }


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([], None),
        ([execution("before", 0, ended=True)], None),
        ([execution("after", 2, ended=False)], None),
        ([execution("before", 0, ended=False)], "before"),
        ([execution("after", 2, ended=False), execution("old", 0, ended=True), execution("x", 0, ended=False)], "x"),
        ([execution("at-once", 1, ended=False)], "at-once"),  # of two that begin at once one goes on
        ([execution("pair", 1, ended=False)], None),
    ],
)
def test_an_earlier_execution_is_one_that_began_before_and_runs(
    others: list[dict[str, Any]], expected: str | None
) -> None:
    """An execution that has ended or began later is no reason to end, and of two that begin at once one goes on."""
    with cloud(execution("own", 1, ended=False), *others) as environment:
        assert find_earlier(PROJECT, environment) == expected


@pytest.mark.parametrize("refused", ["region", "token", "list"])
def test_nobody_knows(refused: str) -> None:
    """Where the metadata server or Cloud Run refuses, that is an error of its own."""
    with cloud(execution("own", 1, ended=False), refused=refused) as environment, pytest.raises(UnknownError):
        find_earlier(PROJECT, environment)


@pytest.mark.parametrize(
    ("others", "refused", "n_runs", "said"),
    [
        ([execution("before", 0, ended=False)], "", 0, "before still runs, so this execution ends"),
        ([execution("before", 0, ended=True)], "", 1, ""),
        ([execution("before", 0, ended=False)], "list", 1, "is not known, and does no harm: HTTPError"),
    ],
)
def test_a_scheduled_task_ends_where_an_earlier_execution_runs(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    others: list[dict[str, Any]],
    refused: str,
    n_runs: int,
    said: str,
) -> None:
    """It ends with 0 and a line; where it cannot know it goes on, as two runs at once do no harm."""
    runs: list[Any] = []
    monkeypatch.setattr("backfill.reconciliation.reconcile", lambda *asked: runs.append(asked) or 0)
    request = asked("--schedule=0 3 * * *", "--tasks=3")

    with cloud(execution("own", 1, ended=False), *others, refused=refused) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        status = main(task_arguments(request, desired_tasks(FUNCTION, 3, None)))

    printed = capsys.readouterr()
    assert (status, len(runs)) == (0, n_runs)
    assert said in printed.out + printed.err
    assert (printed.out + printed.err).count("\n") == bool(said)


def test_a_task_that_a_person_started_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `--tasks` started does what was asked for, also beside a scheduled execution."""
    runs: list[Any] = []
    monkeypatch.setattr("backfill.reconciliation.reconcile", lambda *asked: runs.append(asked) or 0)
    monkeypatch.setenv("CLOUD_RUN_TASK_INDEX", "0")

    assert main(task_arguments(asked("--tasks=3"), desired_tasks(FUNCTION, 3, None))) == 0
    assert len(runs) == 1
