"""The one place that calls gcloud: `read` asks, `run` changes; a dry run prints what `run` would do.

A command that meets a refusal that passes by itself is run again (`deploy.retry`).
"""

import json
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterable
from typing import Any

from deploy.failures import RefusedError
from deploy.retry import GRANT_AFTER_S, Passing, passing, waits_s

# A build takes two to five minutes; gcloud itself waits 1820 s for one.
TIMEOUT_S = 1900

# How the APIs say, through gcloud, that there is no such thing; a 403 that says "or it may not exist" does not say so.
_ABSENT = re.compile(r"\b404\b|\bNOT_FOUND\b|Cannot find (service|job)")
_DISABLED = re.compile(
    r"SERVICE_DISABLED|has not been used in project|API \[?[\w.]+\]? (is )?not enabled", re.IGNORECASE
)


class Gcloud:
    """gcloud for one project, and what deploy.sh prints while it uses it.

    Attributes:
        project: the project's id.
        dry_run: print the commands that change something instead of running them.
        offline: ask nothing: everything is taken not to exist.
        sleep: waits so many seconds.

    """

    def __init__(
        self,
        project: str,
        *,
        dry_run: bool = False,
        offline: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.project = project
        self.dry_run = dry_run
        self.offline = offline
        self.sleep = sleep
        self._heading = ""
        self._changes = 0
        self._enabled_apis = False

    @property
    def changes(self) -> int:
        """How many commands that change something were run or printed since the last `begin`."""
        return self._changes

    def begin(self, title: str) -> None:
        """Print what the next commands are for; in a dry run as a comment, and only if there are any."""
        self._changes = 0
        if self.dry_run:
            self._heading = f"# {title}"
        else:
            print(title, flush=True)

    def read(self, *arguments: str) -> Any:
        """Return gcloud's answer as JSON, or None where there is no such thing.

        Where an API is disabled there is nothing of its kind, unless APIs were enabled just now: then the answer is
        waited for. Raises RefusedError if there is another answer than that.
        """
        if self.offline:
            return None
        command = self._command(*arguments, "--format=json")
        try:
            answer = self._patiently(command, reading=True) if self._enabled_apis else call(command)
        except RefusedError as refused:
            if _ABSENT.search(refused.answer) or (not self._enabled_apis and _DISABLED.search(refused.answer)):
                return None
            raise
        return json.loads(answer or "null")

    def run(self, *arguments: str) -> str:
        """Change something and return what gcloud prints, or print the command that would.

        Raises RefusedError if it is not done.
        """
        command = self._command(*arguments)
        self._changes += 1
        self._print(pasteable(command) if self.dry_run else f"  {pasteable(command)}")
        return "" if self.dry_run else self._patiently(command)

    def enable(self, apis: list[str]) -> None:
        """Enable these APIs of the project, of which Google's servers will not all know for a while."""
        self.run("services", "enable", *apis)
        self._enabled_apis = not self.dry_run

    def say(self, text: str) -> None:
        """Print a remark: in a dry run as a comment, so that the whole can still be pasted."""
        self._print(f"# {text}" if self.dry_run else f"  {text}")

    def _patiently(self, command: list[str], *, reading: bool = False) -> str:
        """Return what the command prints, running it again while it meets refusals that pass by themselves.

        Where one stays for long, the grant that helps is made. Raises RefusedError if the command is refused for
        another reason, or still is after all waits.
        """
        waited_s, granted = 0.0, set[str]()
        for wait_s in (*waits_s(command), None):
            try:
                return call(command)
            except RefusedError as refused:
                known = passing(refused.answer)
                if wait_s is None or known is None or (reading and _ABSENT.search(refused.answer)):
                    raise
                if waited_s >= GRANT_AFTER_S and known.role and known.role not in granted:
                    granted.add(known.role)
                    self._grant(known, refused.answer)
                print(f"  waiting: {known.reason}; asking again in {wait_s:.0f} s", flush=True)
                self.sleep(wait_s)
                waited_s += wait_s
        raise AssertionError  # the last turn of the loop returns or raises

    def _grant(self, known: Passing, answer: str) -> None:
        """Make the grant that helps against a refusal that stays; where it is not to be had, the advice names it."""
        try:
            number = json.loads(call(self._command("projects", "describe", self.project, "--format=json")))
            account = known.account(answer, number["projectNumber"])
            if account is None:
                return
            binding = f"--member=serviceAccount:{account}", f"--role={known.role}", "--condition=None"
            command = self._command("projects", "add-iam-policy-binding", self.project, *binding)
            print(f"  {pasteable(command)}", flush=True)
            call(command)
        except RefusedError as refused:
            print(f"  not granted: {refused.answer.splitlines()[0] if refused.answer else 'no answer'}", flush=True)

    def _print(self, line: str) -> None:
        if self._heading:
            print(self._heading)
            self._heading = ""
        print(line, flush=True)

    def _command(self, *arguments: str) -> list[str]:
        return ["gcloud", *arguments, f"--project={self.project}", "--quiet"]


def joined(parts: Iterable[str]) -> str:
    """Return a list as gcloud takes one, separated by what is in none of its parts (`gcloud topic escaping`)."""
    parts = list(parts)
    separator = next(one for one in ",|;@!~%\x1f" if not any(one in part for part in parts))
    text = separator.join(parts)
    return text if separator == "," and not text.startswith("^") else f"^{separator}^{text}"


def pasteable(command: list[str]) -> str:
    """Return the command as one line for a shell, in which an argument with `$(...)` is still substituted."""
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
