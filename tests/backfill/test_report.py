"""What is printed of a run: its progress, its plan, and what failed."""

import json
import sys
from pathlib import Path

import pytest

from backfill import report
from backfill.comparison import Comparison, State
from backfill.estimate import Tasks
from backfill.plan_report import describe_plan
from backfill.report import FailureList, duration, with_progress
from backfill.request import parse
from tests.backfill.comparisons import ALL, comparison, plan


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h"), (172_800, "2 days")],
)
def test_a_time_is_said_in_the_unit_that_reads_best(seconds: float, text: str) -> None:
    """From two of a unit on, that unit."""
    assert duration(seconds) == text


def test_the_plan_says_what_it_does_and_what_it_would_do() -> None:
    """Objects with their bytes, time and price, documents to remove, and the options that would do more."""
    request = parse(["--project", "p", "--bucket", "b", "--tasks", "4"])
    sounds = [comparison(State.MISSING, f"{number}.m4a", 100_000_000) for number in range(40)]
    made = plan(*sounds, *ALL, options=("--tasks=4",))
    pruning = plan(*ALL, options=("--prune", "--stale"))
    nothing = plan(comparison(State.SOUND))

    assert describe_plan(made, request, Tasks(4, 4)).splitlines() == [
        "To analyse: 41 objects, 4,001.0 MB; about 0.11 vCPU-hours",
        "By 4 tasks, 4 at once: about 2 min and $0.01 (tasks 0.01), if none is tried again",
        "--stale would analyse 1 again",
        "--prune would remove 1 documents",
    ]
    said = describe_plan(pruning, parse(["--project", "p", "--bucket", "b", "--prune", "--stale"]), None)
    assert "Here, by " in said
    assert "To remove: 1 documents of objects that are gone" in said
    assert "would" not in said
    assert describe_plan(nothing, request, None).startswith("Nothing to do")
    for each in (made, pruning, nothing):
        each.close()


def test_a_task_lists_what_failed_in_its_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no directory that anybody sees, what failed is a line of JSON with the severity of an error."""
    failures = FailureList(None)

    failures.add(Comparison(State.MISSING, None, None), "why")

    assert json.loads(capsys.readouterr().err) == {"state": "missing", "message": "why", "severity": "ERROR"}
    assert not list(Path.cwd().glob("backfill-failed-*"))


def test_a_persons_list_is_made_by_the_first_failure(tmp_path: Path) -> None:
    """On a person's machine there is a file only where something failed, with a line for each object or document."""
    failures = FailureList(tmp_path)
    nothing = list(tmp_path.iterdir())
    for state in (State.MISSING, State.GONE):
        failures.add(comparison(state, f"{state}.wav"), "why")
    failures.close()

    (path,) = tmp_path.iterdir()
    assert nothing == []
    assert str(path) == failures.place
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"state": state, "message": "why", "blob_name": f"{state}.wav", "generation": 1}
        for state in ("missing", "gone")
    ]


def test_progress_in_a_terminal_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line replaces the one before, the last one stays, and the items pass unchanged."""
    monkeypatch.setattr(report, "TERMINAL_S", -1)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    items = list(with_progress("abc", "read", 3))

    lines = capsys.readouterr().err.split("\r\x1b[K")
    assert items == ["a", "b", "c"]
    assert [line[:11] for line in lines] == ["", "read: 1 of ", "read: 2 of ", "read: 3 of ", "read: 3 of "]
    assert lines[-1].count("\n") == "".join(lines).count("\n") == 1


def test_progress_in_a_log_is_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line is one of its own; where the number is not known beforehand, it tells how many there were."""
    monkeypatch.setattr(report, "LOG_S", -1)

    items = list(with_progress("ab", "compared"))

    lines = capsys.readouterr().err.splitlines()
    assert items == ["a", "b"]
    assert [line.split(",")[0] for line in lines] == ["compared: 1", "compared: 2"]


def test_progress_of_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing comes, as from an empty bucket, a terminal shows that, and no rate or time is made of it."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    assert list(with_progress([], "analysed", 3)) == []
    assert capsys.readouterr().err == "\r\x1b[Kanalysed: 0 of 3, 0.0 a second\n"
