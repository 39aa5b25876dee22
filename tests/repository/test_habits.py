"""What is done at every commit, push, update and release fits the repository it is done in."""

import json
import re
import subprocess
import tomllib
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = re.search(r"for version in ([\d. ]+);", (ROOT / "test.sh").read_text())[1].split()


def tracked(pattern: str) -> list[str]:
    """The files of the repository whose path matches the pattern."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.splitlines() if re.search(pattern, name)]


def test_release_is_the_same_everywhere() -> None:
    """The newest release of the changelog is the version of the project and the one that gets fixes."""
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    releases = [heading.split(" - ") for heading in headings if heading != "Unreleased"]

    assert "Unreleased" not in headings[1:]
    assert releases[0][0] == PROJECT["version"]
    assert f"Only the newest release, {PROJECT['version']}, gets fixes." in (ROOT / "SECURITY.md").read_text()


def test_releases_are_in_order() -> None:
    """Every release of the changelog has a number and a date, the newest first."""
    headings = re.findall(r"^## (\d+)\.(\d+)\.(\d+) - (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    releases = [(*map(int, number), date.fromisoformat(day)) for *number, day in headings]

    assert releases
    assert releases == sorted(set(releases), reverse=True)


def test_workflow_tests_every_python() -> None:
    """The hosted workflow runs what .ci/run runs, under each Python that test.sh knows; the oldest is the project's."""
    workflow = (ROOT / ".github/workflows/test.yml").read_text()

    assert json.loads(re.search(r"python: (\[.*\])", workflow)[1]) == PYTHONS
    assert re.findall(r"- run: (.*)", workflow) == [re.search(r"exec (.*)", (ROOT / ".ci/run").read_text())[1]]
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"


def test_update_bot_knows_every_lock() -> None:
    """The update bot reads all locks and nothing else, and can read the command that each was made by."""
    settings = json.loads((ROOT / ".github/renovate.json").read_text())
    (pattern,) = settings["pip-compile"]["managerFilePatterns"]
    locks = tracked(r"requirements\.txt$")

    assert tracked(pattern.strip("/")) == locks
    for lock in locks:
        command = (ROOT / lock).read_text().splitlines()[1].removeprefix("#    ")
        assert command.startswith("uv pip compile ")
        assert f" --output-file={lock} {lock.replace('.txt', '.in')}" in command
        assert re.findall(r"(?<= )-(?!-)\S*|(?<= )--(?:python-version|constraints|output-file)(?!=)", command) == []


@pytest.mark.parametrize("line", re.findall(r"entry: (.*)", (ROOT / ".pre-commit-config.yaml").read_text()))
def test_hooks_of_commits_exist(line: str) -> None:
    """Every command that is run at a commit is a script of ours with that option."""
    script, option = line.split()

    told = subprocess.run([ROOT / script, "--help"], capture_output=True, text=True, check=True).stdout
    assert re.search(rf"(?<![\w-]){option}(?![\w-])", told)


def test_hook_looks_at_every_lock() -> None:
    """A commit that touches a lock, or what it is made of, has the locks checked."""
    (pattern,) = re.findall(r"files: (.*)", (ROOT / ".pre-commit-config.yaml").read_text())

    assert tracked(pattern) == tracked(r"requirements\.(in|txt)$|^lock\.sh$")
