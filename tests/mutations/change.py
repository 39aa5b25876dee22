"""A change to one file of the checkout, as the TOML files of this folder hold it, and a copy of the checkout."""

import os
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]


class DoesNotApplyError(Exception):
    """The text that a change replaces does not occur exactly once in its file."""


@dataclass(frozen=True)
class Change:
    """A change that would hurt somebody.

    Attributes:
        name: its name, which no other change has.
        file: the file that it changes, below the root of the checkout.
        old: the text that it replaces; it occurs exactly once in the file.
        new: the text that stands there instead.
        breaks: what is broken by it.
        tests: where it is noticed, as arguments for pytest.
        folder: the name of its TOML file, without `.toml`.
    """

    name: str
    file: str
    old: str
    new: str
    breaks: str
    tests: tuple[str, ...]
    folder: str

    def changed(self, root: Path) -> str:
        """Return the file's text with the change; raise DoesNotApplyError where the old text is not there once."""
        path = root / self.file
        if not path.is_file():
            raise DoesNotApplyError(f"{self.file} does not exist")
        text = path.read_text()
        if text.count(self.old) != 1:
            raise DoesNotApplyError(f"{self.file} holds the old text {text.count(self.old)} times")
        return text.replace(self.old, self.new)


def read_changes() -> list[Change]:
    """Return the changes of all TOML files, by file and in their order there."""
    return [
        Change(**{**entry, "tests": tuple(entry["tests"])}, folder=path.stem)
        for path in sorted(FOLDER.glob("*.toml"))
        for entry in tomllib.loads(path.read_text()).get("change", [])
    ]


def copy_checkout(target: Path) -> None:
    """Copy what git tracks here, and what is new and not ignored, into a new repository with the same environment."""
    listed = _git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and Path(name).parts[0] != ".venv":
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    _git(target, "init", "--quiet")
    _git(target, "add", "--all")
    if (ROOT / ".venv").exists():
        (target / ".venv").symlink_to((ROOT / ".venv").resolve())
        with (target / ".git/info/exclude").open("a") as exclude:
            exclude.write("/.venv\n")  # .gitignore names the folder, not a link


def _git(root: Path, *arguments: str) -> str:
    # a hook of a commit that runs this has variables that lead to another repository
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(
        ["git", *arguments], cwd=root, env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
