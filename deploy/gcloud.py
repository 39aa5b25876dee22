"""The one place that calls gcloud: `read` asks, `run` changes; a dry run prints what `run` would do."""

import json
import re
import shlex
import subprocess
from typing import Any

from deploy.patience import patiently
from deploy.refused import RefusedError

# A build takes two to five minutes and is given up by Google after ten.
TIMEOUT_S = 1200

# How the APIs say, through gcloud, that there is no such thing; a 403 that says "or it may not exist" is none of it.
_ABSENT = re.compile(r"\b404\b|\bNOT_FOUND\b|Cannot find service")
_DISABLED = re.compile(
    r"SERVICE_DISABLED|has not been used in project|API \[?[\w.]+\]? (is )?not enabled", re.IGNORECASE
)


class Gcloud:
    """gcloud for one project.

    Attributes:
        project: the project's id.
        dry_run: print the commands that change something instead of running them.
        offline: ask nothing: everything is taken not to exist.
        settled: no API was enabled just now, so where one is disabled, nothing of its kind exists.
        heading: what the next commands are for, printed once before them.
        changes: how many commands were run or printed.

    """

    def __init__(self, project: str, *, dry_run: bool = False, offline: bool = False) -> None:
        self.project = project
        self.dry_run = dry_run
        self.offline = offline
        self.settled = True
        self.heading = ""
        self.changes = 0

    def read(self, *arguments: str) -> Any:
        """Return gcloud's answer as JSON, or None where there is no such thing.

        Raises RefusedError if there is another answer than that.
        """
        if self.offline:
            return None
        command = self._command(*arguments, "--format=json")
        try:
            answer = call(command) if self.settled else patiently(call, command)
        except RefusedError as refused:
            if _ABSENT.search(refused.answer) or (self.settled and _DISABLED.search(refused.answer)):
                return None
            raise
        return json.loads(answer or "null")

    def run(self, *arguments: str) -> None:
        """Change something, or print the command that would.

        Raises RefusedError if it is not done.
        """
        command = self._command(*arguments)
        self.changes += 1
        self._print(pasteable(command) if self.dry_run else f"  {pasteable(command)}")
        if not self.dry_run:
            patiently(call, command)

    def say(self, text: str) -> None:
        """Print a remark: in a dry run as a comment, so that the whole can still be pasted."""
        self._print(f"# {text}" if self.dry_run else f"  {text}")

    def _print(self, line: str) -> None:
        if self.heading:
            print(self.heading)
            self.heading = ""
        print(line, flush=True)

    def _command(self, *arguments: str) -> list[str]:
        return ["gcloud", *arguments, f"--project={self.project}", "--quiet"]


def pasteable(command: list[str]) -> str:
    """Return the command as one line for a shell; a substitution in it stays one."""
    return " ".join(f'"{argument}"' if "$(" in argument else shlex.quote(argument) for argument in command)


def call(command: list[str]) -> str:
    """Return what the command prints.

    Raises RefusedError with what it says on stderr if it fails or takes too long.
    """
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        raise RefusedError(command, f"no answer within {TIMEOUT_S} s") from None
    if done.returncode:
        raise RefusedError(command, done.stderr.strip())
    return done.stdout
