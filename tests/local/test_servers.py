"""Each program of the stack is started with what it needs, below the directory that it is given."""

from pathlib import Path
from typing import Any

import pytest

from local import servers
from local.program import Program
from local.servers import PROJECT, client_variables, start_function, start_page, start_storage


class Started:
    """Keeps what programs were to be started with, and starts none."""

    def __init__(self) -> None:
        self.command: list[str] = []
        self.options: dict[str, Any] = {}

    def start(self, name: str, command: list[Any], directory: Path, **options: Any) -> Program:
        """Keep it."""
        self.command, self.options = [str(word) for word in command], options
        return Program(name, None, "127.0.0.1", options["port"], directory)

    def option(self, name: str) -> str:
        """Return the value of an option on the command line."""
        return self.command[self.command.index(name) + 1]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """Start nothing."""
    started = Started()
    monkeypatch.setattr(servers.program, "start", started.start)
    return started


@pytest.mark.parametrize(("generation", "signature"), [(1, "event"), (2, "cloudevent")])
def test_the_function_is_served_as_its_generation_is(
    started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generation: int, signature: str
) -> None:
    """The 1st generation gets events, the 2nd CloudEvents; nothing of this process but its settings reaches it."""
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("MAX_BYTES", "17")

    start_function(tmp_path, generation=generation, environment={"STORAGE_EMULATOR_HOST": "http://s"}, port=23456)

    environment = started.options["environment"]
    assert (started.option("--signature-type"), started.option("--target")) == (signature, "analyze")
    assert (started.option("--host"), started.option("--port")) == ("127.0.0.1", "23456")
    assert "PYTHONPATH" not in environment
    assert environment["TMPDIR"] == str(tmp_path / "function-tmp")
    assert {name: environment[name] for name in ("MAX_BYTES", "GOOGLE_CLOUD_PROJECT", "STORAGE_EMULATOR_HOST")} == {
        "MAX_BYTES": "17",
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "STORAGE_EMULATOR_HOST": "http://s",
    }


def test_the_function_that_forgets_has_its_own_files(started: Started, tmp_path: Path) -> None:
    """It is another entry point of the same source, with a temp dir of its own beside the other's."""
    start_function(tmp_path, entry_point="forget")

    assert started.option("--target") == "forget"
    assert started.options["environment"]["TMPDIR"] == str(tmp_path / "forget-tmp")


def test_storage_publishes_finalize_events_where_somebody_listens(started: Started, tmp_path: Path) -> None:
    """Only with a publisher's port are events published: of new objects, and if asked for of deleted ones."""
    start_storage(tmp_path, keep=tmp_path / "kept", publisher_port=7)
    with_events, environment = started.command, started.options["environment"]
    start_storage(tmp_path, publisher_port=7, deletions=True)
    with_deletions = started.command
    start_storage(tmp_path)

    assert with_deletions[with_deletions.index("-event.list") + 1] == "finalize,delete"
    assert with_events[with_events.index("-event.list") + 1] == "finalize"
    assert with_events[with_events.index("-filesystem-root") + 1] == str(tmp_path / "kept")
    assert environment["PUBSUB_EMULATOR_HOST"] == "127.0.0.1:7"
    assert started.option("-backend") == "memory"
    assert "-event.list" not in started.command


def test_the_page_uploads_only_where_that_is_asked_for(started: Started, tmp_path: Path) -> None:
    """The page of the local stack takes uploads; a test's page need not."""
    start_page(tmp_path, "bucket", {})
    with_uploads = started.command
    start_page(tmp_path, "bucket", {}, uploads=False)

    assert "--uploads" in with_uploads
    assert "--uploads" not in started.command
    assert started.option("--bucket") == "bucket"


def test_clients_find_the_stack(tmp_path: Path) -> None:
    """Storage is told with its scheme, Firestore without, as Google's clients want them."""
    storage, firestore = (Program(name, None, "127.0.0.1", port, tmp_path) for name, port in (("s", 1), ("f", 2)))

    assert client_variables(storage, firestore) == {
        "STORAGE_EMULATOR_HOST": "http://127.0.0.1:1",
        "FIRESTORE_EMULATOR_HOST": "127.0.0.1:2",
        "GOOGLE_CLOUD_PROJECT": PROJECT,
    }
