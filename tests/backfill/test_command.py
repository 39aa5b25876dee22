"""From the command line to the exit code, for a person and for a task of a Cloud Run job."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from backfill import request as requests
from backfill.__main__ import main
from backfill.request import MAX_TASKS, Request, parse
from deploy.failures import FailedError

ARGUMENTS = ["--project", "my-project", "--bucket", "my-bucket"]


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Any, ...]]]:
    """What the comparison is asked for, instead of a comparison."""
    received: list[tuple[Any, ...]] = []
    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "of-the-person")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")
    monkeypatch.setattr("backfill.agreement.bring_about", lambda *asked: received.append(asked) or 0)
    monkeypatch.setattr(requests.os, "sched_getaffinity", lambda _: {1, 2, 3}, raising=False)
    yield received
    signal.signal(signal.SIGTERM, handler)


def test_a_task_analyses_one_object_at_a_time(received: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A task has the function's memory, which is measured for one analysis at a time, however many cores it has."""
    monkeypatch.setenv("CLOUD_RUN_TASK_INDEX", "2")
    monkeypatch.setenv("MAX_BYTES", "17")

    assert main([*ARGUMENTS, "--here", "--yes", "--json"]) == 0

    ((request, variables),) = received
    assert request.processes == 1
    assert variables["MAX_BYTES"] == "17"


def test_a_persons_machine_analyses_on_every_core(
    received: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On this machine there is a process for each core that this one may use."""
    monkeypatch.delenv("CLOUD_RUN_TASK_INDEX", raising=False)

    assert main([*ARGUMENTS, "--yes"]) == 0

    ((request, _),) = received
    assert request.processes == 3


def test_all_clients_go_by_the_project_that_is_asked_for(received: list[tuple[Any, ...]]) -> None:
    """The analysis makes its clients from the environment, which is not left as the person has it."""
    main(ARGUMENTS)

    assert received
    assert requests.os.environ["GOOGLE_CLOUD_PROJECT"] == "my-project"


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [(KeyboardInterrupt(), 130, "run the same command again"), (FailedError("so"), 1, "so")],
)
def test_what_ends_it_is_said_in_a_line(
    received: list[tuple[Any, ...]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    said: str,
) -> None:
    """Ctrl-C and a step that cannot be done are an exit code of their own and a line, not a traceback."""

    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr("backfill.agreement.bring_about", fail)

    assert main(ARGUMENTS) == status
    assert said in capsys.readouterr().err
    assert received == []


def test_sigterm_ends_it_as_a_shell_expects(received: list[tuple[Any, ...]]) -> None:
    """SIGTERM, by which Cloud Run ends a task, leaves by the way on which the processes are ended."""
    main(ARGUMENTS)

    assert received
    with pytest.raises(SystemExit) as ended:
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 143


def test_what_is_asked_for() -> None:
    """Without an option nothing is analysed anew, removed or made in the cloud, and a question is asked."""
    plain = parse(ARGUMENTS)

    assert plain == Request(
        project="my-project",
        bucket="my-bucket",
        prefix="",
        stale=False,
        rejected=None,
        prune=False,
        dry_run=False,
        json=False,
        processes=plain.processes,
        n_tasks=None,
        schedule=None,
        yes=False,
        name="analyze",
    )


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        (["--bucket", "gs://my-bucket/"], "bucket", "my-bucket"),
        (["--rejected"], "rejected", ""),
        (["--rejected", "too_large"], "rejected", "too_large"),
        (["--tasks", "1"], "n_tasks", 1),
        (["--tasks", str(MAX_TASKS)], "n_tasks", MAX_TASKS),
        (["--schedule", "0 3 * * *"], "n_tasks", 1),
        (["--schedule", "0 3 * * *", "--tasks", "5"], "n_tasks", 5),
        (["--prefix", "takes/"], "prefix", "takes/"),
    ],
)
def test_what_an_option_asks_for(options: list[str], name: str, value: object) -> None:
    """An address of a bucket is its name, --rejected alone means any reason, and a schedule needs a task."""
    assert getattr(parse([*ARGUMENTS, *options]), name) == value


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--tasks", "0"], "accepted are 1 to 10000"),
        (["--tasks", str(MAX_TASKS + 1)], "accepted are 1 to 10000"),
        (["--tasks", "²"], "accepted are 1 to 10000"),
        (["--tasks", "2", "--here"], "not allowed with"),
        (["--rejected", "ugly"], "not_audio"),
        (["--schedule", " "], "--schedule is empty"),
        (["--schedule", "0 3 * * *", "--here"], "not --here"),
        (["--dry"], "--dry"),
    ],
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], options: list[str], words: str) -> None:
    """Wrong usage is one line that names what is accepted, and exit code 2."""
    with pytest.raises(SystemExit) as ended:
        parse([*ARGUMENTS, *options])

    assert ended.value.code == 2
    assert words in (said := capsys.readouterr().err)
    assert said.count("\n") == 1
