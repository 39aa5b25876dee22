"""The README says what is true: its document is the sample's, its links and names lead somewhere."""

import json
import re
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from analysis.errors import AnalysisError
from analysis.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
VARYING = {"analyzed_at", "uploaded_at", "event_id", "generation", "uid"}


def shown_document() -> dict[str, Any]:
    """The document that the README shows."""
    (text,) = re.findall(r"<!-- document -->\n```json\n(.*?)```", README, re.DOTALL)
    return json.loads(text)


def test_document_is_what_the_first_command_prints() -> None:
    """The README's first command prints the README's document."""
    command = [ROOT / "local.sh", "local/sample.wav", "--json"]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=300)

    document = json.loads(ended.stdout)

    shown = shown_document()
    assert document.pop("fingerprint") == pytest.approx(shown["mean_mfccs"], abs=1e-3)
    assert document.keys() == shown.keys()
    assert document.pop("mean_mfccs") == pytest.approx(shown["mean_mfccs"], abs=1e-3)
    assert {k: document[k] for k in document if k not in VARYING} == {
        k: shown[k] for k in shown if k not in VARYING | {"mean_mfccs"}
    }


def test_every_setting_is_in_the_table() -> None:
    """The README names every setting and its default."""
    table = README.split("| variable | default | |")[1].split("\n\n")[0]
    rows = [row.replace("`", "").split(" | ") for row in table.splitlines()[2:]]
    shown = {}
    for names, defaults, _ in rows:
        shown |= zip(names.removeprefix("| ").split(", "), defaults.split(", "), strict=True)

    words = {"include_names": "all", "exclude_names": "none"}
    expected = {field.name: words.get(field.name, field.default) for field in fields(Settings)}
    assert shown == {name.upper(): str(default) for name, default in expected.items()}


def test_every_reason_is_in_the_table() -> None:
    """The README names every reason of a rejection, and no other."""
    table = README.split("| reason | what was found |")[1].split("\n\n")[0]
    named = re.findall(r"`([a-z_]+)`", " ".join(row.split("|")[1] for row in table.splitlines() if row))

    assert sorted(named) == sorted(error.reason for error in AnalysisError.__subclasses__())


def test_named_files_exist() -> None:
    """Every file and folder of the repository that the README names or links to is there."""
    folders = r"(?:analysis|local|tests|bench|deploy|examples)/[\w./-]*"
    named = set(re.findall(rf"`({folders}|[\w-]+\.(?:sh|py|md|in|txt))`", README))
    linked = {link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link}
    rooms = {path.name for path in (ROOT / "analysis").iterdir()}

    assert {name for name in named | linked if not (ROOT / name).exists() and name not in rooms} == set()


@pytest.mark.parametrize("door", ["local.sh", "test.sh", "deploy.sh"])
def test_options_of_the_commands_exist(door: str) -> None:
    """Every option that the README gives to a door is in its --help."""
    help_text = subprocess.run([ROOT / door, "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
    commands = re.findall(rf"^\s*(?:\w+='[^']*' )?\./{re.escape(door)} (.*?)(?:\s#.*)?$", README, re.MULTILINE)

    options = {option for command in commands for option in re.findall(r"(?<!\S)--[a-z-]+", command)}
    assert commands
    assert {option for option in options if option not in help_text} == set()
