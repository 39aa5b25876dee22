"""What a run says: how far it is, what it is going to do, what it did, and what could not be done."""

from __future__ import annotations

import json
import sys
import time
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from backfill.comparison import Finding
    from backfill.inventory import Calls
    from backfill.planning import Counts, Plan
    from backfill.request import Request

TERMINAL_S, LOG_S = 0.2, 10  # between two lines of progress, where they replace each other and where they do not


def counted[T](items: Iterable[T], verb: str, total: int | None = None) -> Iterator[T]:
    """Pass items on, and tell on stderr how many have passed."""
    is_terminal = sys.stderr.isatty()
    started = told = time.monotonic()
    n = 0

    def tell() -> None:
        rate = n / max(time.monotonic() - started, 1e-3)
        text = f"{verb}: {n:,}" + (f" of {total:,}" if total is not None else "") + f", {rate:,.1f} a second"
        if total and n:
            text += f", {duration((total - n) / rate)} left"
        print(f"\r\x1b[K{text}" if is_terminal else text, end="" if is_terminal else "\n", file=sys.stderr, flush=True)

    for item in items:
        yield item
        n += 1
        if time.monotonic() - told > (TERMINAL_S if is_terminal else LOG_S):
            told = time.monotonic()
            tell()
    if is_terminal:
        tell()
        print(file=sys.stderr)


def duration(seconds: float) -> str:
    """Return a time in the unit that reads best."""
    for unit, n_seconds in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * n_seconds:
            return f"{seconds / n_seconds:.0f} {unit}"
    return f"{seconds:.0f} s"


def describe(counts: Counts) -> str:
    """Return what the comparison found, a line for each count."""
    lines = (
        (counts.objects, "objects in the bucket"),
        (counts.sounds, "have a sound"),
        (counts.rejections, "have a rejection"),
        (counts.left, "need neither, for a reason"),
        (counts.missing, "missing: neither, and no reason"),
        (counts.stale, "stale: the sound is of an older analysis version"),
        (counts.gone, "gone: documents whose object is no longer there"),
    )
    return "\n".join(f"{n:>12,}  {words}" for n, words in lines)


def describe_calls(calls: Calls) -> str:
    """Return what the comparison took."""
    return f"Compared in {calls.to_bucket:,} calls to the bucket and {calls.to_database:,} to the database."


def describe_plan(plan: Plan, request: Request) -> str:
    """Return what is going to be done, how long it takes and what it costs."""
    counts = plan.counts
    parts = []
    if plan.n_objects:
        n_processes = request.n_tasks or request.processes
        where = f"{n_processes} tasks" if request.n_tasks else f"{n_processes} processes here"
        parts.append(
            f"To analyse: {plan.n_objects:,} objects, {counts.bytes / 1e6:,.1f} MB;"
            f" about {plan.vcpu_seconds / 3600:.2f} vCPU-hours, so"
            f" {duration(plan.vcpu_seconds / n_processes)} by {where}; about ${plan.dollars:.2f} in the cloud"
        )
    if request.schedule:
        parts.append(f"From now on by the schedule {request.schedule!r}, not at once")
    if plan.n_documents:
        parts.append(f"To remove: {plan.n_documents:,} documents of objects that are gone")
    if counts.stale and not request.stale:
        parts.append(f"--stale would analyse {counts.stale:,} again")
    if counts.gone and not request.prune:
        parts.append(f"--prune would remove {counts.gone:,} documents")
    return "\n".join(parts or ["Nothing to do: every object has its document, and every document its object."])


def print_summary(counts: Counts, *, as_json: bool) -> None:
    """Print the counts, as the last line of stdout where they are for a program."""
    print(json.dumps(counts.summary()) if as_json else describe(counts), flush=True)


class FailureList:
    """Lists what failed: in a file, which there is only then, or for a task, whose files nobody sees, in its log.

    Attributes:
        place: where that is.
    """

    def __init__(self, directory: Path | None) -> None:
        self._path = directory and directory / f"backfill-failed-{time.strftime('%Y%m%d-%H%M%S')}.jsonl"
        self._file: IO[str] | None = None
        self.place = str(self._path or "this log")

    def add(self, finding: Finding, message: str) -> None:
        """List an object, or the document of one that is gone, with the reason."""
        if self._file is None:
            self._file = self._path.open("w") if self._path else sys.stderr
        entry: dict[str, object] = {"state": finding.state, "message": message}
        if finding.upload:
            entry |= {"blob_name": finding.upload.blob_name, "generation": finding.upload.generation}
        elif finding.kept:
            entry |= {"blob_name": finding.kept.blob_name, "generation": finding.kept.generation}
        if self._path is None:
            entry["severity"] = "ERROR"  # by which Cloud Logging finds it
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file and self._path:
            self._file.close()
