"""From the command line to the exit code, for a person and for a task of a Cloud Run job."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from backfill import request as requests
from backfill.__main__ import main
from backfill.ending import SIGNALS
from backfill.estimate import Tasks
from deploy.failures import FailedError
from tests.backfill.played import FUNCTION

ARGUMENTS = ["--project", "my-project", "--bucket", "my-bucket"]


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Any, ...]]]:
    """What the comparison is asked for, instead of a comparison."""
    received: list[tuple[Any, ...]] = []
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "of-the-person")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")
    monkeypatch.setattr("backfill.reconciliation.reconcile", lambda *asked: received.append(asked) or 0)
    monkeypatch.setattr(requests.os, "sched_getaffinity", lambda _: {1, 2, 3}, raising=False)
    yield received
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_a_task_analyses_one_object_at_a_time(received: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A task has the function's memory, which is measured for one analysis at a time, however many cores it has."""
    monkeypatch.setenv("CLOUD_RUN_TASK_INDEX", "2")
    monkeypatch.setenv("MAX_BYTES", "17")

    assert main([*ARGUMENTS, "--here", "--yes", "--json"]) == 0

    ((request, variables),) = received
    assert request.n_processes == 1
    assert variables["MAX_BYTES"] == "17"


def test_a_persons_machine_analyses_on_every_core(
    received: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On this machine there is a process for each core that this one may use."""
    monkeypatch.delenv("CLOUD_RUN_TASK_INDEX", raising=False)

    assert main([*ARGUMENTS, "--yes"]) == 0

    ((request, _),) = received
    assert request.n_processes == 3


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

    monkeypatch.setattr("backfill.reconciliation.reconcile", fail)

    assert main(ARGUMENTS) == status
    assert said in capsys.readouterr().err
    assert received == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_ends_it_as_a_shell_expects(received: list[tuple[Any, ...]], number: signal.Signals) -> None:
    """SIGTERM, by which Cloud Run ends a task, leaves by the way on which the processes are ended; once is enough."""
    main(ARGUMENTS)

    assert received
    assert callable(signal.getsignal(number))  # else it would end this process
    with pytest.raises(SystemExit) as ended:
        signal.raise_signal(number)
    for other in SIGNALS:
        signal.raise_signal(other)
    assert ended.value.code == 128 + number


def test_ctrl_c_is_heard_once(received: list[tuple[Any, ...]]) -> None:
    """Ctrl-C interrupts, and whoever presses it again does not disturb the ending."""
    main(ARGUMENTS)

    assert received
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)


def test_settings_are_the_functions(
    received: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without emulators the deployed function is asked for its settings; with them, or --defaults, nobody is asked."""
    asked: list[bool] = []
    monkeypatch.setattr("backfill.cloud.deployed.find_deployed", lambda *_, is_job: asked.append(is_job) or FUNCTION)
    monkeypatch.setattr("backfill.cloud.job.ask_tasks", lambda *_: Tasks(2, 2))
    monkeypatch.setenv("MAX_CHANNELS", "2")

    main(ARGUMENTS)
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    main(ARGUMENTS)
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST")
    main([*ARGUMENTS, "--defaults"])
    assert (asked, capsys.readouterr().err) == ([], "")
    main(ARGUMENTS)
    main([*ARGUMENTS, "--tasks=2"])

    assert ["MAX_BYTES" in variables for _, variables, *_ in received] == [False] * 3 + [True] * 2
    assert asked == [False, True]
    assert capsys.readouterr().err.count("MAX_CHANNELS=2 instead of the default") == 2
    *_, (request, _, run_job, tasks) = received
    assert (request.n_tasks, run_job.__name__, tasks.count) == (2, "run", 2)
