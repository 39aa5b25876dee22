"""The changes of tests/mutations fit the code, and the program that tries them says what the tests notice."""

import ast
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psutil
import pytest

from tests.fakes.waiting import wait_until
from tests.mutations.change import ROOT, Change, DoesNotApplyError, read_changes

CHANGES = read_changes()
ENVIRONMENT = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # the small tests need no plugin, and start sooner
DRUM = "BEATS = 4\nLOUDNESS = 11\n\n\ndef beat():\n    return 'boom ' * BEATS\n"
TEST_DRUM = """
import pytest
import drum

def test_beats():
    assert drum.beat() == "boom boom boom boom "

def test_broken():
    assert drum.beat() == "tick"

@pytest.mark.skip
def test_without_drum():
    pass

def test_long():
    import subprocess, time
    subprocess.Popen(["sh", "-c", "trap '' INT; exec sleep 300"])
    time.sleep(300)
"""
CHANGE = """
[[change]]
name = "{name}"
file = "{file}"
old = "{old}"
new = "{new}"
breaks = "the band"
tests = ["tests/test_drum.py::{test}"]
"""


@pytest.fixture
def band(tmp_path: Path) -> Path:
    """A repository of one module and its tests, with our program and no changes."""
    shutil.copytree(ROOT / "tests/mutations", tmp_path / "tests/mutations", ignore=shutil.ignore_patterns("*.toml"))
    (tmp_path / "tests/__init__.py").touch()
    (tmp_path / "drum.py").write_text(DRUM)
    (tmp_path / "tests/test_drum.py").write_text(TEST_DRUM)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def add_change(
    band: Path, name: str, *, old: str = "BEATS = 4", new: str = "BEATS = 3", test: str, file: str = "drum.py"
) -> None:
    """Add a change of the drum to the band's changes."""
    with (band / "tests/mutations/drum.toml").open("a") as changes:
        changes.write(CHANGE.format(name=name, file=file, old=old, new=new, test=test))


def command(*arguments: str) -> list[str]:
    """The program with arguments."""
    return [sys.executable, "-m", "tests.mutations", *arguments]


def sleepers(pid: int) -> list[psutil.Process]:
    """The processes below this one that only sleep."""
    return [process for process in psutil.Process(pid).children(recursive=True) if process.name() == "sleep"]


def run(band: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run(
        command(*arguments), cwd=band, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("folder", sorted({change.folder for change in CHANGES}))
def test_changes_fit_the_code(folder: str) -> None:
    """Every change replaces a text that its file holds once by another one, and its tests are there."""
    unfit = {change.name: what for change in CHANGES if change.folder == folder and (what := what_is_unfit(change))}

    assert unfit == {}


@pytest.mark.whole_run("every changed module is parsed")
def test_changed_modules_are_python() -> None:
    """What a change makes of a module can be run: it is noticed for what it does."""
    for change in CHANGES:
        if change.file.endswith(".py"):
            ast.parse(change.changed(ROOT), change.name)


def what_is_unfit(change: Change) -> str | None:
    """What keeps a change from being tried."""
    try:
        change.changed(ROOT)
    except DoesNotApplyError as error:
        return str(error)
    if missing := [test for test in change.tests if not (ROOT / test.partition("::")[0]).exists()]:
        return f"{missing} do not exist"
    if change.new == change.old or not change.tests or not change.breaks:
        return "it changes nothing, has no tests or does not say what it breaks"
    return None


def test_names_of_changes_are_unique() -> None:
    """A name says which change is meant, and no name is that of a folder."""
    names = Counter(change.name for change in CHANGES)

    assert {name for name, n in names.items() if n > 1} == set()
    assert set(names) & {change.folder for change in CHANGES} == set()


def test_program_says_what_is_noticed(band: Path) -> None:
    """Each change is noticed, not noticed, or not tried for a reason; exit 1 unless all are noticed."""
    add_change(band, "slower", test="test_beats")
    add_change(band, "quieter", old="LOUDNESS = 11", new="LOUDNESS = 1", test="test_beats")
    add_change(band, "gone", old="LOUDNESS = 12", test="test_beats")
    add_change(band, "twice", old="BEATS", test="test_beats")
    add_change(band, "elsewhere", file="flute.py", test="test_beats")
    add_change(band, "broken", test="test_broken")
    add_change(band, "silent", test="test_without_drum")

    tried = run(band)

    told = dict(
        line.split("] ")[1].split(" (")[0].split(": ")[::-1] for line in tried.stdout.splitlines() if "] " in line
    )
    assert told == {
        "slower": "noticed",
        "quieter": "NOT noticed",
        "gone": "does not apply",
        "twice": "does not apply",
        "elsewhere": "does not apply",
        "broken": "not tried",
        "silent": "not tried",
    }
    assert "drum.py: 'LOUDNESS = 11' became 'LOUDNESS = 1': the band" in tried.stdout
    assert "tests/test_drum.py::test_broken fails without the change too" in tried.stdout
    assert "tests/test_drum.py::test_without_drum is skipped here" in tried.stdout
    assert (tried.stdout.splitlines()[-1], tried.returncode) == ("1 of 7 noticed", 1)
    assert (band / "drum.py").read_text() == DRUM


def test_program_copies_what_is_not_committed(band: Path) -> None:
    """A file that git does not know yet is in the copy, one that it ignores or that is deleted is not."""
    (band / ".gitignore").write_text("flute.py\n")
    (band / "flute.py").touch()
    (band / "horn.py").touch()
    (band / "tests/test_drum.py").write_text(
        "from pathlib import Path\nimport drum\n\ndef test_files():\n"
        "    assert sorted(p.name for p in Path().glob('*.py')) == ['drum.py'] and drum.BEATS == 4\n"
    )
    subprocess.run(["git", "add", "--all"], cwd=band, check=True)
    (band / "horn.py").unlink()
    add_change(band, "slower", test="test_files")

    tried = run(band, "slower")

    assert (tried.stdout.splitlines()[-1], tried.returncode) == ("1 of 1 noticed", 0)


def test_ctrl_c_ends_what_runs(band: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """After Ctrl-C nothing that the tests started is running, and no copy is left: exit 130."""
    add_change(band, "slower", test="test_long")
    temporary = tmp_path_factory.mktemp("copies")
    environment = ENVIRONMENT | {"TMPDIR": str(temporary)}
    started: list[psutil.Process] = []

    with subprocess.Popen(command(), cwd=band, env=environment, start_new_session=True) as program:
        wait_until(lambda: started.extend(sleepers(program.pid)) or started, 60)
        program.send_signal(signal.SIGINT)

    assert program.returncode == 130
    wait_until(lambda: not any(process.is_running() and process.status() != "zombie" for process in started))
    assert list(temporary.iterdir()) == []


def test_names_are_listed_and_unknown_ones_refused(band: Path) -> None:
    """--list prints what there is, and a name that is none of it is one line on stderr and exit 2."""
    add_change(band, "slower", test="test_beats")

    listed, refused = run(band, "--list"), run(band, "louder")

    assert listed.stdout.split() == ["drum", "slower:", "the", "band"]
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "tests.mutations: unknown: louder (--list prints all names)\n"
