"""The command line of deploy.sh as one frozen value, checked before anything is asked of the cloud."""

import argparse
import re
from dataclasses import dataclass
from typing import NoReturn

from deploy.memory import MEMORIES_MIB

# A function is also a Cloud Run service and, with -run or -build behind its name, an account of 6 to 30 characters.
PATTERNS = {
    "project": r"[a-z][a-z0-9-]{4,28}[a-z0-9]",
    "bucket": r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]",
    "region": r"[a-z]+-[a-z]+[0-9]+",
    "name": r"[a-z][a-z0-9-]{0,22}[a-z0-9]",
}


@dataclass(frozen=True)
class Options:
    """What was asked for.

    Attributes:
        project: the project's id.
        bucket: name of the bucket whose sounds are analyzed.
        region: where the function runs; None leaves it to the bucket.
        generation: of Cloud Functions, 1 or 2.
        name: of the function.
        memory: one of MEMORIES_MIB.
        dry_run: print the commands instead of running them.
        delete: remove instead of set up.
        yes: do not ask before removing.

    """

    project: str
    bucket: str
    region: str | None = None
    generation: int = 2
    name: str = "analyze"
    memory: str = "2GiB"
    dry_run: bool = False
    delete: bool = False
    yes: bool = False

    @property
    def run_account(self) -> str:
        """E-mail of the account that the function runs as and its trigger calls it with."""
        return f"{self.name}-run@{self.project}.iam.gserviceaccount.com"

    @property
    def build_account(self) -> str:
        """E-mail of the account that builds the function."""
        return f"{self.name}-build@{self.project}.iam.gserviceaccount.com"


def parse(arguments: list[str]) -> Options:
    """Return the options; what is wrong with them is one line on stderr and exit 2."""
    parser = _Parser(prog="deploy.sh", add_help=False, allow_abbrev=False)
    for name in ("project", "bucket"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--region")
    parser.add_argument("--generation", type=int, choices=(1, 2), default=Options.generation)
    parser.add_argument("--name", default=Options.name)
    parser.add_argument("--memory", choices=MEMORIES_MIB, default=Options.memory)
    for name in ("dry-run", "delete", "yes"):
        parser.add_argument(f"--{name}", action="store_true")
    options = Options(**vars(parser.parse_args(arguments)))
    for name, pattern in PATTERNS.items():
        value = getattr(options, name)
        if value is not None and not re.fullmatch(pattern, value):
            parser.error(f"--{name} {value!r} is not a valid {name}: it has to match {pattern}")
    return options


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"deploy.sh: {message} (see ./deploy.sh --help)\n")
