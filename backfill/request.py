"""The command line of backfill.sh, and of each task of its Cloud Run job.

Run as ``python -m backfill.request ARGUMENT...`` it only checks the arguments, before anything is installed.
"""

import argparse
import hashlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.errors import AnalysisError
from backfill.cron import read_cron

MAX_TASKS = 10_000  # of a Cloud Run job
MAX_PARALLELISM = 100  # tasks of a job that run at once; one of the bounds of its cost
GRACE_S = 900  # longer than an event whose analysis fails and is tried again: the function may take 540 s
MAX_GRACE_S = 366 * 86400
MAX_NAME_BYTES = 1024  # of an object
TASK_VARIABLES = {"CLOUD_RUN_TASK_INDEX": "0", "CLOUD_RUN_TASK_COUNT": "1"}
REASONS = tuple(sorted(error.reason for error in AnalysisError.__subclasses__()))


@dataclass(frozen=True, slots=True)
class Shard:
    """The blob names of one of several tasks: a hash of the name chooses the task, the same one in every run.

    Attributes:
        index: number of the task, from 0.
        count: how many tasks there are.
    """

    index: int = 0
    count: int = 1

    def __contains__(self, blob_name: str) -> bool:
        return shard_of(blob_name, self.count) == self.index


def shard_of(blob_name: str, count: int) -> int:
    """Return which of so many tasks a blob belongs to."""
    digest = hashlib.blake2b(blob_name.encode(), digest_size=8).digest()
    return int.from_bytes(digest) % count


@dataclass(frozen=True, slots=True)
class Request:
    """What a run was asked for.

    Attributes:
        project: id of the project.
        bucket: name of the bucket.
        prefix: the run is about blobs whose names begin so.
        stale: analyse stale sounds again.
        rejected: analyse again what was rejected for this reason; "" is any reason, None is nothing.
        prune: remove the documents whose object is gone.
        grace_s: an object without a document that is younger than this is pending, not missing, s.
        dry_run: only compare.
        json: print the summary as one JSON object.
        n_processes: how many processes analyse on this machine.
        n_tasks: how many tasks of a Cloud Run job do the work; None is this machine.
        schedule: when such a job is to run from now on, in cron's syntax.
        yes: do not ask.
        name: name of the function.
        defaults: the settings are the environment's, else the defaults, instead of the function's.
        is_task: whether this process is a task of a Cloud Run job.
        shard: which blobs are this process's.
        parallelism: how many tasks run at once, which share the rate of writes.
        unless_running: a task ends where an earlier execution of its job still runs.
    """

    project: str
    bucket: str
    prefix: str
    stale: bool
    rejected: str | None
    prune: bool
    grace_s: int
    dry_run: bool
    json: bool
    n_processes: int
    n_tasks: int | None
    schedule: str | None
    yes: bool
    name: str
    defaults: bool
    is_task: bool
    shard: Shard
    parallelism: int
    unless_running: bool


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Request:
    """Read the command line and what Cloud Run tells a task; a wrong argument is one line on stderr and exit code 2."""
    parser = argparse.ArgumentParser("backfill.sh", usage=argparse.SUPPRESS, add_help=False, allow_abbrev=False)
    parser.add_argument("--project", required=True, type=_name)
    parser.add_argument("--bucket", required=True, type=_bucket)
    parser.add_argument("--prefix", default="", type=_prefix)
    parser.add_argument("--rejected", nargs="?", const="", choices=("", *REASONS))
    for name in ("stale", "prune", "dry-run", "json", "yes"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--grace", type=_seconds, default=GRACE_S, metavar="S")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--here", action="store_true")
    place.add_argument("--tasks", type=count, metavar="N")
    parser.add_argument("--schedule", type=_schedule, metavar="CRON")
    settings = parser.add_mutually_exclusive_group()
    settings.add_argument("--name", default="analyze", type=_name)
    settings.add_argument("--defaults", action="store_true")
    parser.add_argument("--unless-running", action="store_true")  # for tasks of the scheduled job
    parser.add_argument(
        "--parallelism", type=count, default=MAX_PARALLELISM
    )  # for tasks: what the job lets run at once
    given = parser.parse_args(arguments)
    if given.schedule and given.here:
        parser.error("--schedule makes a job in the cloud, so it cannot be combined with --here")
    if given.defaults and (given.tasks or given.schedule):
        parser.error(
            "--defaults: a job in the cloud has the account, limits and settings of a function: give its --name"
        )
    is_task = "CLOUD_RUN_TASK_INDEX" in environment
    numbers = [environment.get(name, otherwise) for name, otherwise in TASK_VARIABLES.items()]
    if not all(number.isascii() and number.isdigit() for number in numbers):
        parser.error(f"{' and '.join(TASK_VARIABLES)} are {' and '.join(map(repr, numbers))}: no task and their number")
    shard = Shard(*map(int, numbers))
    if shard.index >= shard.count and all(name in environment for name in TASK_VARIABLES):
        parser.error(f"{' and '.join(TASK_VARIABLES)} are {' and '.join(map(repr, numbers))}: no task and their number")
    return Request(
        project=given.project,
        bucket=given.bucket,
        prefix=given.prefix,
        stale=given.stale,
        rejected=given.rejected,
        prune=given.prune,
        grace_s=given.grace,
        dry_run=given.dry_run,
        json=given.json,
        # A task has as much memory as the function, which is measured for one analysis at a time.
        n_processes=1 if is_task else _n_cores(),
        n_tasks=given.tasks or (1 if given.schedule else None),
        schedule=given.schedule,
        yes=given.yes,
        name=given.name,
        defaults=given.defaults,
        is_task=is_task,
        shard=shard,
        parallelism=min(shard.count, given.parallelism),
        unless_running=given.unless_running,
    )


def count(text: str) -> int:
    """Read a number of tasks."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= MAX_TASKS):
        raise argparse.ArgumentTypeError(f"{text!r}: accepted are 1 to {MAX_TASKS}")
    return int(text)


def _schedule(text: str) -> str:
    try:
        return read_cron(text).text
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}") from error


def _name(text: str) -> str:
    if not re.fullmatch(r"[\w.:-]+", text, re.ASCII):
        raise argparse.ArgumentTypeError(
            f"{text!r}: accepted are letters, digits, dots, colons, hyphens and underscores"
        )
    return text


def _bucket(text: str) -> str:
    name = text.removeprefix("gs://").rstrip("/")
    if "/" in name:
        raise argparse.ArgumentTypeError(f"{text!r}: accepted is the name of a bucket; --prefix is for a folder of it")
    return _name(name)


def _prefix(text: str) -> str:
    try:
        n_bytes = len(text.encode())
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{text!r}: accepted is UTF-8") from None
    if n_bytes > MAX_NAME_BYTES:
        raise argparse.ArgumentTypeError(f"it has {n_bytes} bytes, and a name of an object at most {MAX_NAME_BYTES}")
    return text


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= MAX_GRACE_S):
        raise argparse.ArgumentTypeError(f"{text!r}: accepted are 0 to {MAX_GRACE_S} seconds")
    return int(text)


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    parse(sys.argv[1:])
