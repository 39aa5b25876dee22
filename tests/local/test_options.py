"""The options are those that the help tells of; what is wrong with them is one line, and the files get their names."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from local import command_line, sample
from local.command_line import find_files
from tests.fakes.local_sh import LOCAL_SH, ROOT, SAMPLE, run
from tests.fakes.waiting import wait_until


@pytest.mark.parametrize("words", [["--help", SAMPLE], [SAMPLE, "-h"], ["--nonsense", "--generation", "--help"]])
def test_help_is_the_header_and_tells_of_every_option(words: list[str | Path]) -> None:
    """--help, wherever it stands, prints the header comment, which names exactly the options there are."""
    done = run(*words)

    header = LOCAL_SH.read_text().split("\nset -euo pipefail")[0].splitlines()[1:]
    assert done.stdout.splitlines() == [line.removeprefix("#").removeprefix(" ") for line in header]
    assert done.returncode == 0
    told = set(re.findall(r"^  (--[\w-]+)", done.stdout, re.MULTILINE))
    assert told == {"--help", *command_line.make_parser()._option_string_actions}


def test_file_may_be_called_help(tmp_path: Path) -> None:
    """What stands after a `--` is a file, whatever it is called."""
    done = run("--", "--help", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert "--help is not there" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["--js"], "unrecognized arguments: --js"),
        (["--generation", "3"], "invalid choice"),
        (["--shape", "round"], "invalid choice"),
        (["--function-port", "70000"], "'70000': accepted are 1 to 65535"),
        (["--function-port", "8080", "--storage-port", "8080"], "same port"),
        (["nowhere.wav"], "nowhere.wav is not there"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be done is said in one line on stderr, before anything is started."""
    with pytest.raises(SystemExit) as end:
        command_line.parse(arguments)

    assert end.value.code == 2
    assert re.fullmatch(rf"local\.sh: .*{re.escape(problem)}.*\n", capsys.readouterr().err)


def test_options_may_stand_between_files(tmp_path: Path) -> None:
    """Files and options come in any order, also between each other; after a `--` all are files."""
    for name in ("a.wav", "b.wav", "--json"):
        (tmp_path / name).touch()
    a, b = str(tmp_path / "a.wav"), str(tmp_path / "b.wav")

    options = command_line.parse([a, "--json", b, "--generation", "2"])
    assert (list(options.files), options.json, options.generation) == (["a.wav", "b.wav"], True, 2)
    assert list(command_line.parse([a, "--", b]).files) == ["a.wav", "b.wav"]


def test_local_sh_refuses_wrong_usage() -> None:
    """The script says no more than that one line either, and ends with exit code 2."""
    done = run("--nonsense")

    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


@pytest.mark.usefixtures("emulators")
def test_taken_port_is_named() -> None:
    """A given port on which somebody listens is said to be taken."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = run(SAMPLE, "--firestore-port", str(port))

    assert done.returncode == 1
    assert f"local.sh: port {port} is taken" in done.stderr


def write(*files: Path) -> None:
    """Make files of nothing."""
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def test_files_of_one_name_are_called_by_their_paths(tmp_path: Path) -> None:
    """Two files that would become one blob are told apart by the directories they do not share."""
    one, other = tmp_path / "one/x.wav", tmp_path / "other/x.wav"
    write(one, other)

    assert find_files([one, other]) == {"one/x.wav": one, "other/x.wav": other}


def test_file_named_twice_is_one(tmp_path: Path) -> None:
    """The same file, given twice or also by its directory, is uploaded once."""
    write(tmp_path / "drums/kick.wav")

    assert list(find_files([tmp_path / "drums/kick.wav", tmp_path / "drums/../drums/kick.wav"])) == ["kick.wav"]
    assert len(find_files([tmp_path / "drums", tmp_path / "drums/kick.wav"])) == 1


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: path.mkdir(), "has no files below it"),
        (lambda path: write(Path(f"{path}/new\nline.wav")), "cannot be a blob's name"),
    ],
)
def test_what_cannot_be_uploaded_is_named(tmp_path: Path, make: object, problem: str) -> None:
    """An empty directory and a name that no blob can have are refused."""
    make(tmp_path / "given")

    with pytest.raises(ValueError, match=problem):
        find_files([tmp_path / "given"])


def test_sample_is_what_its_script_makes(tmp_path: Path) -> None:
    """The committed sample is, byte for byte, what the committed script writes, and is a sound of some seconds."""
    subprocess.run([sys.executable, ROOT / "local/sample.py", tmp_path / "sample.wav"], check=True)

    assert (tmp_path / "sample.wav").read_bytes() == SAMPLE.read_bytes()
    y, sr = soundfile.read(SAMPLE)
    assert 2 < len(y) / sr < 6
    assert np.abs(y).max() == pytest.approx(sample.PEAK, abs=1e-3)
    assert SAMPLE.stat().st_size < 300_000


SLOW_PYTHON = """#!/usr/bin/env bash
case "$1 $2" in
  "-m venv") echo venv >>log; sleep 0.2; rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
  "-m pip") echo pip >>log; [[ -e offline ]] && exit 1; sleep 0.2; echo pip ends >>log ;;
  *) exec {python} "$@" ;;
esac
"""
type FirstRun = Callable[[], subprocess.Popen[str]]
MADE = f".venv/{sys.version_info.major}.{sys.version_info.minor}/bin/python\n"


@pytest.fixture
def first_run(tmp_path: Path) -> FirstRun:
    """Start what each script does first, with a Python that logs what is asked of it."""
    (tmp_path / "locked.txt").write_text("")
    (tmp_path / "python").write_text(SLOW_PYTHON.format(python=sys.executable))
    (tmp_path / "python").chmod(0o755)
    script = f"source {ROOT}/local/environment.sh; made=$(ensure_environment ./python locked.txt); echo $made"
    command = ["bash", "-euo", "pipefail", "-c", f"{script}; cp log $$.log"]
    return lambda: subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True)


def test_two_first_runs_at_once_make_one_environment(tmp_path: Path, first_run: FirstRun) -> None:
    """Two scripts started at once wait for each other: the environment is made once, and both get it complete."""
    runs = [first_run(), first_run()]

    assert {run.communicate(timeout=60)[0] for run in runs} == {MADE}
    assert [run.returncode for run in runs] == [0, 0]
    assert all((tmp_path / f"{run.pid}.log").read_text().split("\n") == ["venv", "pip", "pip ends", ""] for run in runs)


@pytest.mark.parametrize("by", ["an error", "Ctrl-C", "SIGKILL"])
def test_first_run_that_was_ended_is_made_anew(tmp_path: Path, first_run: FirstRun, by: str) -> None:
    """When the making of an environment was ended, the script fails, and the next one makes it anew."""
    if by == "an error":
        (tmp_path / "offline").touch()
    ended = first_run()
    wait_until(lambda: (tmp_path / "log").exists() and "pip" in (tmp_path / "log").read_text())
    if by != "an error":
        os.killpg(ended.pid, signal.SIGINT if by == "Ctrl-C" else signal.SIGKILL)
    assert ended.communicate(timeout=60)[0] == ""
    assert ended.returncode != 0
    (tmp_path / "offline").unlink(missing_ok=True)

    again = first_run()

    assert again.communicate(timeout=60)[0] == MADE
    log = (tmp_path / "log").read_text().split("\n")
    assert log == ["venv", "pip", "venv", "pip", "pip ends", ""]


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [([], "legacy"), (["--generation", "2"], "binary"), (["--generation", "2", "--shape", "flat"], "flat")],
)
def test_events_come_as_the_platform_posts_them(arguments: list[str], shape: str) -> None:
    """Each generation is posted what the platform posts to it, unless another shape is asked for."""
    assert command_line.parse(arguments).shape == shape


def test_the_bucket_is_kept_where_the_user_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory of --keep is made, and named as a whole, because the servers run in another one."""
    monkeypatch.chdir(tmp_path)

    assert command_line.parse(["--keep", "a/b"]).keep == tmp_path / "a/b"
    assert (tmp_path / "a/b").is_dir()
