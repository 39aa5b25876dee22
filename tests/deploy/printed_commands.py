"""The commands within what is printed for a person: in backticks, or from their name to the end of the line."""

import re
import shlex
from collections.abc import Iterable

from backfill import request
from deploy import deployment

COMMAND = re.compile(r"(gcloud (?!is )[a-z]|\./(?:deploy|backfill)\.sh )")


def commands_in(texts: Iterable[str]) -> list[str]:
    """Return the commands of some texts, each once; prose behind a command belongs to it, so that it is found out."""
    found: dict[str, None] = {}
    for line in "\n".join(texts).splitlines():
        for part in COMMAND.finditer(line):
            rest = line[part.start() :]
            in_backticks = line[: part.start()].endswith("`")
            command = rest.partition("`")[0] if in_backticks else rest
            found[re.sub(r"\$\((gcloud [^)]*)\)", "NUMBER", command.strip())] = None
    return [command for command in found if not command.startswith("gcloud projects describe")]


def read_own(command: str) -> None:
    """Read a command of this repository as its script does; a wrong one is SystemExit."""
    program, *words = shlex.split(command)
    if program == "./deploy.sh":
        deployment.parse(words)
    else:
        request.parse(words, {})
