"""page.sh: its help, and what it refuses."""

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest

from analysis.settings import Settings
from local.ports import choose_port
from local.servers import start_page
from page.__main__ import main
from page.arguments import parse
from page.catalog.catalog import path_of
from page.config import Config

EMULATORS = {"STORAGE_EMULATOR_HOST": "http://127.0.0.1:1", "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"}
type Run = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).parents[2]


def run_program(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the page's command line as a process, with nothing of ours in its environment."""
    command = [sys.executable, "-m", "page", *arguments]
    own = {"PATH": "/usr/bin:/bin", **environment}
    return subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run it in this process, whose imports are made."""

    def run_here(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        with patch.dict(os.environ, environment, clear=True):
            try:
                code: object = main(arguments)
            except SystemExit as ended:
                code = ended.code
        assert isinstance(code, int)
        return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())

    return run_here


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--project", "p", "--nonsense", "--help"]])
def test_help_is_the_header(arguments: list[str]) -> None:
    """Wherever --help stands, it prints the header comment and nothing is started."""
    ended = subprocess.run([ROOT / "page.sh", *arguments], capture_output=True, text=True, timeout=60, check=True)

    header = (ROOT / "page.sh").read_text().split("\nset -e")[0].splitlines()[1:]
    assert ended.stdout.splitlines() == [line.removeprefix("#").removeprefix(" ") for line in header]
    assert "--host ADDRESS" in ended.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--project", "p"],
        ["--project", "p", "--bucket", "b", "--port", "x"],
        ["--project", "p", "--bucket", "b", "--port", "65536"],
        ["--project", "p", "--bucket", "b", "--delete"],
        ["--project", "p", "export"],
        ["--project", "p", "export", "all.xlsx"],
        ["--project", "p", "similar", "a.wav"],
        ["--project", "p", "--bucket", "b", "similar"],
        ["--project", "p", "--bucket", "b", "--json"],
    ],
)
def test_wrong_usage_is_one_line(run: Run, arguments: list[str]) -> None:
    """What is wrong with the arguments is one line, and the exit code 2."""
    ended = run(*arguments)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("place", range(3))
def test_options_may_stand_anywhere(place: int) -> None:
    """A command, its file and its option come in any order that keeps the command before its file."""
    words = ["similar", "a.wav"]
    words.insert(place, "--json")

    given = parse(["--project", "p", "--bucket", "b", *words])
    assert (given.command, given.file, given.json) == ("similar", Path("a.wav"), True)


def test_uploads_never_go_to_a_real_bucket(run: Run) -> None:
    """The option of the local stack is refused where there is no local stack."""
    ended = run("--project", "p", "--bucket", "b", "--uploads")

    assert ended.returncode == 1
    assert "never writes to a real bucket" in ended.stderr


def test_who_is_not_signed_in_is_told_so(run: Run, tmp_path: Path) -> None:
    """Without credentials it ends at once, with the command that gives some."""
    ended = run("--project", "p", "--bucket", "b", HOME=str(tmp_path), NO_GCE_CHECK="true")

    assert ended.returncode == 1
    assert "gcloud auth application-default login" in ended.stderr


def test_a_file_that_is_no_sound_is_told_in_the_terminal(run: Run, tmp_path: Path) -> None:
    """It ends at once with the function's reason and words, before the collection is asked for anything."""
    file = tmp_path / "no.wav"
    file.write_text("no sound")
    ended = run("--project", "p", "--bucket", "b", "similar", str(file), HOME=str(tmp_path))
    missing = run("--project", "p", "--bucket", "b", "similar", str(tmp_path / "missing.wav"), HOME=str(tmp_path))

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"page.sh: {file} is no sound for the function, not_audio: no sound that can be")
    assert (missing.returncode, len(missing.stderr.splitlines())) == (1, 1)


def test_it_starts_again_at_once(tmp_path: Path) -> None:
    """Whoever ends the page and starts it again finds it on the same port, though connections to the first linger."""
    port = choose_port()
    for start in ("first", "second"):
        (tmp_path / start).mkdir()
        with start_page(tmp_path / start, "b", EMULATORS, port=port).wait() as program:
            connection = http.client.HTTPConnection(program.host, port, timeout=20)
            connection.request("GET", "/static/icon.svg")
            assert connection.getresponse().read()
        connection.close()  # after the page, so that it is the page's end that lingers


def test_a_port_that_is_taken_is_told() -> None:
    """A page that cannot listen says so in one line."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = run_program("--project", "p", "--bucket", "b", "--port", str(taken.getsockname()[1]), **EMULATORS)

    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert "in use" in ended.stderr


def test_a_catalog_is_forgotten_by_the_command(run: Run, tmp_path: Path) -> None:
    """The option removes the catalog of the bucket that it names, without a login, and says where it was."""
    config = Config("p", "b", Settings())
    path = path_of(config, {"XDG_CACHE_HOME": str(tmp_path)})
    path.parent.mkdir()
    for name in (path.name, f"{path.name}-wal", "another.sqlite"):
        (path.parent / name).touch()
    ended = run("--project", "p", "--bucket", "b", "--forget-catalog", XDG_CACHE_HOME=str(tmp_path))
    again = run("--project", "p", "--bucket", "b", "--forget-catalog", XDG_CACHE_HOME=str(tmp_path))

    assert (ended.returncode, ended.stdout) == (0, f"Removed {path}\n")
    assert (again.returncode, again.stdout) == (0, "There is no catalog of this bucket.\n")
    assert [left.name for left in path.parent.iterdir()] == ["another.sqlite"]
