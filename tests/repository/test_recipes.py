"""CONTRIBUTING's worked example, carried out in a copy of the checkout exactly as it is printed."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutations.change import ROOT, copy_checkout

RECIPE = re.search(r"<!-- recipe -->\n(.*)<!-- /recipe -->", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)[1]
FIELD = "mean_onset_strength"
SHOWN = {"README.md": f'"{FIELD}": ', "docs/document.md": f"| `{FIELD}` | double, dB | 3 |"}
DERIVED = f"""
from bench.documents import make_document
from page.catalog import export
from page.web import fields

if "{FIELD}" in export.SCHEMA.names:
    print("exported")
if "{FIELD}" in fields.in_short(make_document("kick.wav")):
    print("listed")
if "Mean onset strength" in [row.label for row in fields.make_rows(make_document("kick.wav"))]:
    print("shown")
"""


@pytest.fixture
def checkout_with_feature(tmp_path: Path) -> Iterator[Path]:
    """A copy of the checkout to which the recipe was done."""
    do_recipe(tmp_path)
    yield tmp_path
    shutil.rmtree(tmp_path)


def do_recipe(root: Path) -> list[str]:
    """Do what the recipe prints to a copy of the checkout, and return the names of the files that it changed."""
    copy_checkout(root)
    for name, kind, text in re.findall(r"`([\w/.]+)`:\n\n```(python|diff)\n(.*?)```", RECIPE, re.DOTALL):
        if kind == "python":
            (root / name).write_text(text)
        else:
            apply(text, root / name)
    return run(root, "git", "ls-files", "--modified", "--others", "--exclude-standard").split()


def apply(diff: str, path: Path) -> None:
    """Change a file as the hunks of a diff say, each of which fits at exactly one place."""
    text = path.read_text()
    for hunk in diff.split("@@\n"):
        lines = hunk.splitlines()
        before, after = ("".join(f"{line[1:]}\n" for line in lines if line[0] in signs) for signs in (" -", " +"))
        assert text.count(before) == 1, f"{path.name} has another text than the recipe: {before}"
        text = text.replace(before, after)
    path.write_text(text)


def run(checkout: Path, *command: str) -> str:
    """Run a command there, which has to succeed."""
    done = subprocess.run(
        command, cwd=checkout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=3600
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


def test_recipe_fits_the_code(tmp_path: Path) -> None:
    """What the recipe prints fits the files it names, and is four files."""
    if (ROOT / "analysis/features/onset_strength.py").exists():
        pytest.skip("this is the copy to which the recipe was done")

    assert len(do_recipe(tmp_path)) == 4


def test_a_feature_is_four_files_and_a_command(checkout_with_feature: Path) -> None:
    """With the files and the command of the recipe the document has the feature, and all checks and tests pass."""
    checkout = checkout_with_feature
    (commands,) = re.findall(r"```bash\n(.*?)```", RECIPE, re.DOTALL)
    rewrite, quick = commands.splitlines()

    run(checkout, *rewrite.replace(".venv/3.12/bin/python", sys.executable).split())

    for page, text in SHOWN.items():
        assert text in (checkout / page).read_text(), page
    assert run(checkout, sys.executable, "-c", DERIVED).split() == ["exported", "listed", "shown"]
    for check in (["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"]):
        run(checkout, sys.executable, "-m", *check)
    run(checkout, *quick.split())
