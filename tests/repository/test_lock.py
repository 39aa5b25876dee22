"""lock.sh makes the locks, keeps what fits, and tells which are stale; with the real uv and an index of our own."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = re.findall(r'^  "(\S*requirements\.in)\b', (ROOT / "lock.sh").read_text(), re.MULTILINE)

type Lock = Callable[..., subprocess.CompletedProcess[str]]


def run(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the lock.sh of a repository to its end; without a network to look packages up in, the test is skipped."""
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # pyenv's python3 depends on the folder
    ended = subprocess.run(
        [root / "lock.sh", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ | environment,
    )
    if ended.returncode == 3 and re.search("Failed to fetch|connection broken", ended.stderr):
        pytest.skip(f"the package index is not reached: {ended.stderr[-300:]}")
    return ended


def release(index: Path, name: str, version: str, *requires: str) -> None:
    """Put a release of a package into an index: a wheel with nothing in it but what it requires."""
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    with zipfile.ZipFile(index / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}-{version}.dist-info/METADATA", metadata)
        wheel.writestr(f"{name}-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{name}-{version}.dist-info/RECORD", "")


@pytest.fixture
def uv() -> None:
    """The uv that lock.sh installs, from a package index, and runs."""


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index with a kit that needs a drum, and with the uv that is pinned here."""
    index = tmp_path / "index"
    index.mkdir()
    release(index, "kit", "1.0", "drum")
    release(index, "drum", "1.0")
    (pinned,) = re.findall(r"^uv==(\S+)", (ROOT / "local/uv-requirements.in").read_text(), re.MULTILINE)
    release(index, "uv", pinned)
    return index


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with our lock.sh and small requirements: the function needs a kit, the tests need a drum."""
    repository = tmp_path / "repository"
    for name in ("lock.sh", "local/environment.sh", "local/uv-requirements.in", "local/uv-requirements.txt"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, repository / name)
    (ROOT / ".venv").mkdir(exist_ok=True)
    (repository / ".venv").symlink_to(ROOT / ".venv")
    for name in set(LOCKS) - {"local/uv-requirements.in"}:
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text("")
    (repository / "requirements.in").write_text("kit\n")
    (repository / "tests/requirements.in").write_text("drum\n")
    return repository


@pytest.fixture
def lock(
    repository: Path,
    index: Path,
    uv: None,  # noqa: ARG001  lock.sh installs it itself
) -> Lock:
    """Our lock.sh in that repository, with that index and no other; every lock is made."""

    def lock(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run(repository, *arguments, UV_FIND_LINKS=str(index), UV_NO_INDEX="1", UV_OFFLINE="1")

    made = lock()
    assert made.returncode == 0, made.stderr
    return lock


def test_every_requirements_file_is_locked() -> None:
    """Each requirements.in of the repository has its line in lock.sh, and no line is without its file."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert sorted(LOCKS) == sorted(name for name in listed.stdout.split() if name.endswith("requirements.in"))


def test_locks_are_pinned_with_hashes_and_name_no_index() -> None:
    """Each lock pins every package exactly, with hashes, and says nothing of where they were looked up."""
    for source in LOCKS:
        text = (ROOT / source).with_suffix(".txt").read_text()
        requirements = [line for line in text.splitlines() if not line.startswith((" ", "#"))]

        assert requirements
        assert [line for line in requirements if not re.match(r"[\w.-]+==\S+ (; .* )?\\$", line)] == []
        assert len(re.findall(r"\\\n    --hash=sha256:", text)) >= len(requirements)
        assert "://" not in text
        assert "index-url" not in text


@pytest.mark.usefixtures("uv")
def test_locks_of_this_repository_are_fresh() -> None:
    """The committed locks are what lock.sh makes of the committed requirements."""
    checked = run(ROOT, "--check")

    assert checked.stdout.splitlines() == [f"fresh: {source.removesuffix('.in')}.txt" for source in LOCKS]
    assert checked.returncode == 0


def test_a_newer_release_leaves_locks_fresh(lock: Lock, repository: Path, index: Path) -> None:
    """What was locked stays as long as it fits; only --upgrade takes what was released since."""
    release(index, "drum", "2.0")

    checked, made = lock("--check"), lock()
    kept = (repository / "requirements.txt").read_text()
    outdated, upgraded = lock("--check", "--upgrade"), lock("--upgrade")

    assert (checked.returncode, made.returncode, outdated.returncode, upgraded.returncode) == (0, 0, 1, 0)
    assert "made" not in made.stdout
    assert "drum==1.0" in kept
    assert "drum==2.0" in (repository / "requirements.txt").read_text()


def test_check_tells_stale_locks(lock: Lock, repository: Path) -> None:
    """A requirement that its lock does not fulfil makes --check name that lock and exit with 1, and change nothing."""
    before = (repository / "bench/requirements.txt").read_text()
    (repository / "bench/requirements.in").write_text("drum\n")

    checked = lock("--check")

    assert checked.returncode == 1
    assert re.findall(r"stale: (.*)", checked.stdout) == ["bench/requirements.txt"]
    assert (repository / "bench/requirements.txt").read_text() == before
    assert lock().returncode == 0
    assert lock("--check").returncode == 0


def test_locks_keep_to_each_other(lock: Lock, repository: Path, index: Path) -> None:
    """The tests are locked with the versions of the function, whatever is newer."""
    release(index, "drum", "2.0")
    (repository / "requirements.in").write_text("kit\ndrum<2\n")

    upgraded = lock("--upgrade")

    assert upgraded.returncode == 0
    assert "drum==1.0" in (repository / "tests/requirements.txt").read_text()


def test_failure_leaves_locks_as_they_were(lock: Lock, repository: Path) -> None:
    """What cannot be had is said by uv, and no lock has changed: exit 3."""
    (repository / "requirements.in").write_text("drum\n")
    before = (repository / "requirements.txt").read_text()
    (repository / "bench/requirements.in").write_text("cymbal\n")

    failed = lock()

    assert failed.returncode == 3
    assert "cymbal" in failed.stderr
    assert (repository / "requirements.txt").read_text() == before


@pytest.mark.usefixtures("uv")
@pytest.mark.parametrize("argument", ["--upgarde", "requirements.in"])
def test_unknown_argument_is_refused(argument: str) -> None:
    """What lock.sh does not know is one line on stderr and exit 2."""
    refused = run(ROOT, argument)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert re.fullmatch(rf"lock\.sh: .*{re.escape(argument)}.*--help.*\n", refused.stderr)
