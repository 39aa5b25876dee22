"""The command line of backfill.sh; run by itself, it only says what is wrong with it, before anything is installed."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from analysis.errors import AnalysisError

MAX_TASKS = 10_000  # of a Cloud Run job
REASONS = tuple(sorted(error.reason for error in AnalysisError.__subclasses__()))


@dataclass(frozen=True, slots=True)
class Request:
    """What a run was asked for.

    Attributes:
        project: id of the project.
        bucket: name of the bucket.
        prefix: beginning of the names that are looked at.
        stale: whether what has a sound of an older definition is analysed again.
        rejected: for which reason what was rejected is analysed again: "" for any, None for none.
        prune: whether the documents of objects that are gone are removed.
        dry_run: only compare.
        json: print one JSON object.
        processes: how many analyse side by side on this machine.
        n_tasks: how many tasks of a Cloud Run job do the work; None for this machine.
        schedule: when such a job is to run from now on, as cron has it.
        yes: do not ask.
        name: the function's name.
    """

    project: str
    bucket: str
    prefix: str
    stale: bool
    rejected: str | None
    prune: bool
    dry_run: bool
    json: bool
    processes: int
    n_tasks: int | None
    schedule: str | None
    yes: bool
    name: str


def parse(arguments: Sequence[str]) -> Request:
    """Read the command line; what is wrong with it is one line on stderr and exit code 2."""
    parser = _Parser(prog="backfill.sh", add_help=False, allow_abbrev=False)
    parser.add_argument("--project", required=True)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--prefix", default="")
    parser.add_argument("--rejected", nargs="?", const="", choices=("", *REASONS))
    for name in ("stale", "prune", "dry-run", "json", "yes"):
        parser.add_argument(f"--{name}", action="store_true")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--here", action="store_true")
    place.add_argument("--tasks", type=count, metavar="N")
    parser.add_argument("--schedule")
    parser.add_argument("--name", default="analyze")
    given = parser.parse_args(arguments)
    if given.schedule is not None and not given.schedule.strip():
        parser.error("--schedule is empty: give a time as cron has it, such as '0 3 * * *'")
    if given.schedule and given.here:
        parser.error("--schedule is for a job in the cloud, not --here: this machine is not there every night")
    return Request(
        project=given.project,
        bucket=given.bucket.removeprefix("gs://").rstrip("/"),
        prefix=given.prefix,
        stale=given.stale,
        rejected=given.rejected,
        prune=given.prune,
        dry_run=given.dry_run,
        json=given.json,
        processes=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        n_tasks=given.tasks or (1 if given.schedule else None),
        schedule=given.schedule,
        yes=given.yes,
        name=given.name,
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (./backfill.sh --help tells more)\n")


def count(text: str) -> int:
    """Read a number of tasks."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= MAX_TASKS):
        raise argparse.ArgumentTypeError(f"{text!r}: accepted are 1 to {MAX_TASKS}")
    return int(text)


if __name__ == "__main__":
    parse(sys.argv[1:])
