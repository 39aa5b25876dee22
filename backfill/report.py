"""What a run prints: its progress, its plan, its summary, and the list of what failed."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from backfill.comparison import Comparison
    from backfill.listings import Calls
    from backfill.plan import Counts

# Between two lines of progress: in a terminal each replaces the last, in a log they add up.
TERMINAL_S, LOG_S = 0.2, 10
MAX_NAMED = 1000  # unreadable documents


def say(text: str) -> None:
    """Print a line for the person who reads the terminal or the log; in a terminal it replaces that of the progress."""
    is_terminal = sys.stderr.isatty()
    print(f"{'\r\x1b[K' if is_terminal else ''}backfill.sh: {text}", file=sys.stderr, flush=True)


def with_progress[T](items: Iterable[T], verb: str, total: int | None = None) -> Iterator[T]:
    """Yield the items, and print on stderr how many there were so far."""
    is_terminal = sys.stderr.isatty()
    started = printed = time.monotonic()
    n = 0

    def print_progress() -> None:
        rate = n / max(time.monotonic() - started, 1e-3)
        text = f"{verb}: {n:,}" + (f" of {total:,}" if total is not None else "") + f", {rate:,.1f} a second"
        if total and n:
            text += f", {duration((total - n) / rate)} left"
        print(f"\r\x1b[K{text}" if is_terminal else text, end="" if is_terminal else "\n", file=sys.stderr, flush=True)

    for item in items:
        yield item
        n += 1
        if time.monotonic() - printed > (TERMINAL_S if is_terminal else LOG_S):
            printed = time.monotonic()
            print_progress()
    if is_terminal:
        print_progress()
        print(file=sys.stderr)


def name_unreadable(comparisons: Iterable[Comparison]) -> Iterator[Comparison]:
    """Yield the comparisons, and name each document among them that is unreadable, with what is wrong with it."""
    n = 0
    for comparison in comparisons:
        if (document := comparison.document) and comparison.state == "unreadable":
            n += 1
            if n <= MAX_NAMED:
                # An id may hold line breaks: as JSON it forges no line of the log.
                say(f"unreadable: {json.dumps(f'{document.collection}/{document.uid}')}: {document.problem}")
        yield comparison
    if n > MAX_NAMED:
        say(f"unreadable: {n - MAX_NAMED:,} more")


def duration(seconds: float) -> str:
    """Return a duration in days, hours, minutes or seconds, rounded."""
    for unit, n_seconds in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * n_seconds:
            return f"{seconds / n_seconds:.0f} {unit}"
    return f"{seconds:.0f} s"


def describe_counts(counts: Counts) -> str:
    """Return a line for each count."""
    lines = (
        (counts.objects, "objects in the bucket"),
        (counts.sounds, "have a sound"),
        (counts.rejections, "have a rejection"),
        (counts.skipped, "skipped: need no document, for a reason"),
        (counts.pending, "pending: have no document yet, and are younger than --grace"),
        (counts.missing, "missing: have no document, and should"),
        (counts.stale, "stale: the sound is of an older analysis version"),
        (counts.gone, "gone: documents whose object is no longer there"),
        (counts.unreadable, "unreadable: documents that are not ours or not whole, passed over"),
    )
    return "\n".join(f"{n:>12,}  {words}" for n, words in lines)


def describe_calls(calls: Calls) -> str:
    """Return how many calls the comparison made."""
    return f"Compared in {calls.to_bucket:,} calls to the bucket and {calls.to_database:,} to the database."


def print_summary(counts: Counts, *, as_json: bool) -> None:
    """Print the counts: as one line of JSON for a program, as a table for a person."""
    print(json.dumps(asdict(counts)) if as_json else describe_counts(counts), flush=True)


class FailureList:
    """A list of what failed, with the reasons: a file that is made by the first failure, or for a task its log.

    Attributes:
        place: the file, or "this log".
        n_rejected: how many became the rejection `failed`, so that the next run passes over them.
    """

    def __init__(self, directory: Path | None) -> None:
        self._path = directory and directory / f"backfill-failed-{time.strftime('%Y%m%d-%H%M%S')}.jsonl"
        self._is_task = directory is None
        self._file: IO[str] | None = None
        self.n_rejected = 0
        self.place = str(self._path or "this log")

    def add(self, comparison: Comparison, message: str) -> None:
        """Add an object, or a document without an object, with the reason of its failure."""
        entry: dict[str, object] = {"state": comparison.state, "message": message}
        if subject := comparison.upload or comparison.document:
            entry |= {"blob_name": subject.blob_name, "generation": subject.generation}
        if self._is_task:
            entry["severity"] = "ERROR"  # Cloud Logging reads it from the line
        line = json.dumps(entry) + "\n"
        try:
            if self._path:
                if self._file is None:
                    self._file = self._path.open("a")  # where another run began in the same second, both are listed
                self._file.write(line)
                self._file.flush()
                return
        except OSError as error:
            say(f"{self._path} cannot be written ({error}), so what failed is listed here:")
            self._path, self.place = None, "these lines"
        print(line, end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file:
            with suppress(OSError):  # of a full disk, which was said
                self._file.close()
