"""Every file has an outcome: what its event led to, or why there was no event."""

import queue
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import ServiceUnavailable

from local import uploads
from local.object_event import Event
from local.outcome import Outcome
from local.program import ProgramError
from local.trigger import Answer
from local.uploads import upload_files, watch_uploads

FILES = {name: Path(name) for name in ("a.wav", "b.wav", "c.wav")}
GENERATIONS = {"a.wav": 1, "b.wav": 2, "c.wav": 3}


@dataclass
class Stack:
    """Stands for a running stack: what the trigger has received, what the function has answered, whether all run."""

    received: set[tuple[str, str, int]] = field(default_factory=set)
    answers: "queue.SimpleQueue[Answer]" = field(default_factory=queue.SimpleQueue)
    ended: str = ""
    n_checks: int = 0
    at_check: dict[int, Callable[[], None]] = field(default_factory=dict)

    @property
    def trigger(self) -> "Stack":
        """The trigger."""
        return self

    @property
    def function(self) -> Any:
        """The function, of which only the log is asked for."""
        return type("Function", (), {"log": Path("function.log")})()

    def check(self) -> None:
        """Raise ProgramError where a program has ended."""
        self.n_checks += 1
        self.at_check.get(self.n_checks, lambda: None)()
        if self.ended:
            raise ProgramError(self.ended)

    def receive(self, *names: str) -> None:
        """Receive the events of these files."""
        self.received |= {("sounds", name, GENERATIONS[name]) for name in names}

    @property
    def forgetting(self) -> None:
        """There is no function that forgets."""

    def answer(self, *names: str, kind: str = "finalize") -> None:
        """Answer the events of these files."""
        for name in names:
            resource = {"bucket": "sounds", "name": name, "generation": str(GENERATIONS[name])}
            self.answers.put(Answer(Event("1", "", resource, kind), 1, 0.1))


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack in which every upload succeeds and every answered event is a sound; nothing is waited for long."""
    monkeypatch.setattr(uploads, "CHECK_S", 0.01)
    monkeypatch.setattr(uploads, "EVENT_S", 0.05)
    monkeypatch.setattr(uploads, "_upload", lambda _, name, file: GENERATIONS[file.name if name else ""])
    monkeypatch.setattr(uploads, "_firestore", lambda: None)
    monkeypatch.setattr(uploads, "find_outcome", lambda _, answer, __: Outcome(answer.event.upload[1], "sound"))
    return Stack()


def test_each_file_has_the_outcome_of_its_event(stack: Stack) -> None:
    """Outcomes come as the function answers, and there is an end when all have come."""
    stack.receive(*FILES)
    stack.answer("c.wav", "a.wav", "b.wav")

    outcomes = list(upload_files(stack, FILES))

    assert [(outcome.blob_name, outcome.kind) for outcome in outcomes] == [
        ("c.wav", "sound"),
        ("a.wav", "sound"),
        ("b.wav", "sound"),
    ]


def test_deletions_are_no_outcome_of_files_and_lines_of_a_stack_that_stays_up(stack: Stack) -> None:
    """A kept bucket's overwritten object is not taken for the file that replaced it; a stack that stays up tells it."""
    stack.receive(*FILES)
    stack.answer("a.wav", "b.wav", kind="delete")
    stack.answer(*FILES)

    assert [outcome.blob_name for outcome in upload_files(stack, FILES)] == [*FILES]
    stack.answer("a.wav", kind="delete")
    assert next(watch_uploads(stack)).blob_name == "a.wav"


def test_an_event_that_does_not_come_is_given_up(stack: Stack) -> None:
    """A file without an event has failed; one whose event came is waited for as long as the function takes."""
    stack.receive("a.wav", "b.wav")
    stack.answer("a.wav")
    stack.at_check = {40: lambda: stack.answer("b.wav")}

    told = list(islice(upload_files(stack, FILES), 10))

    outcomes = {outcome.blob_name: outcome for outcome in told}
    assert len(told) == 3
    assert {name: outcome.kind for name, outcome in outcomes.items()} == {
        "a.wav": "sound",
        "b.wav": "sound",
        "c.wav": "failed",
    }
    assert outcomes["c.wav"].message == "storage published no event of it"


def test_a_file_that_is_not_uploaded_has_failed(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named with the error, and the others are uploaded."""

    def upload(_: object, name: str, __: Path) -> int:
        if name == "b.wav":
            raise OSError("no such file")
        return GENERATIONS[name]

    monkeypatch.setattr(uploads, "_upload", upload)
    stack.receive("a.wav", "c.wav")
    stack.answer("a.wav", "c.wav")

    outcomes = {outcome.blob_name: outcome for outcome in upload_files(stack, FILES)}

    assert outcomes["b.wav"] == Outcome("b.wav", "failed", message="not uploaded: no such file")
    assert [outcomes[name].kind for name in ("a.wav", "c.wav")] == ["sound", "sound"]


@pytest.mark.parametrize(("ended", "raised"), [("", ServiceUnavailable), ("firestore ended", ProgramError)])
def test_the_cause_of_a_clients_error_is_named(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, ended: str, raised: type[Exception]
) -> None:
    """Where a program of the stack has ended, that is the error, and not what a client says of it."""

    def fail(*_: object) -> Outcome:
        stack.ended = ended
        raise ServiceUnavailable("connection refused")

    monkeypatch.setattr(uploads, "find_outcome", fail)
    stack.answer("a.wav")

    with pytest.raises(raised):
        next(watch_uploads(stack))
