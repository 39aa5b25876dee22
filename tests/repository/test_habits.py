"""What is done at every commit, push, update and release fits the repository it is done in."""

import re
import tomllib
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_release_is_the_same_everywhere() -> None:
    """The newest release of the changelog is the version of the project and the one that is mended."""
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    releases = [heading.split(" - ") for heading in headings if heading != "Unreleased"]

    assert "Unreleased" not in headings[1:]
    assert releases[0][0] == PROJECT["version"]
    assert f"Only the newest release, {PROJECT['version']}, is mended." in (ROOT / "SECURITY.md").read_text()


def test_releases_are_in_order() -> None:
    """Every release of the changelog has a number and a date, the newest first."""
    headings = re.findall(r"^## (\d+)\.(\d+)\.(\d+) - (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    releases = [(*map(int, number), date.fromisoformat(day)) for *number, day in headings]

    assert releases
    assert releases == sorted(set(releases), reverse=True)
