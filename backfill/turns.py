"""Whose turn it is: objects that were not tried yet, then those that failed, a bounded number of times.

*Outages.* Where SUSPICIOUS objects in a row fail at their first attempt, the witness has a turn between them: an object
that can be analysed if anything can. Where that succeeds those objects are to blame, and the rest goes on; where it
fails too, bucket, database or rights are.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backfill.comparison import Finding
    from backfill.mended import Mended

ATTEMPTS = 3
PAUSE_S = 5  # before an object is tried again, times the attempts it had
SUSPICIOUS = 30  # objects that fail in a row


class OutageError(Exception):
    """Even the witness fails, so the bucket, the database or the rights do."""


@dataclass(slots=True)
class Job:
    """An object on its way.

    Attributes:
        finding: which.
        attempts: how often it was tried.
        not_before: moment of the clock before which it is not tried again.
    """

    finding: Finding
    attempts: int = 0
    not_before: float = 0.0


class Turns:
    """The jobs that are left."""

    def __init__(self, findings: Iterable[Finding], witness: Finding) -> None:
        self._new = (Job(finding) for finding in findings)
        self._again: deque[Job] = deque()
        self._witness = witness
        self._probe: Job | None = None
        self._failures = 0  # first attempts in a row

    @property
    def are_left(self) -> bool:
        """Whether something that failed is to be tried again."""
        return bool(self._again)

    def next(self) -> Job | None:
        """Return the next job, with this attempt counted; None while there is none."""
        job = self._next()
        if job:
            job.attempts += 1
        return job

    def is_over(self, job: Job, mended: Mended) -> bool:
        """Take down what became of a job, and return whether that is what becomes of an object of the plan.

        Raises OutageError when it was the witness that failed.
        """
        has_failed = mended.kind == "failed"
        if not has_failed:
            self._failures = 0
        elif job.attempts == 1:
            self._failures += 1
        if job is self._probe:
            if has_failed:
                raise OutageError(f"nothing can be analysed, not even what was before: {mended.message}")
            self._probe = None
            return False
        if has_failed and job.attempts < ATTEMPTS:
            job.not_before = time.monotonic() + PAUSE_S * job.attempts
            self._again.append(job)
            return False
        return True

    def _next(self) -> Job | None:
        if self._failures >= SUSPICIOUS and self._probe is None:
            self._probe = Job(self._witness)
            return self._probe
        if (job := next(self._new, None)) is not None:
            return job
        return self._again.popleft() if self._again and self._again[0].not_before <= time.monotonic() else None
