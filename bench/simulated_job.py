"""The backfill's job without a cloud: each task really runs, but bucket, database, workers and clock are played.

*Conventions.* What a call and an analysis take is what `backfill/estimate.py` says; how many there are, what waits for
what, and which rate of writes a task keeps, is the backfill's own. So a plan that differs from it leaves something out.
"""

from __future__ import annotations

import heapq
import os
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from math import ceil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from analysis.document import make_uid
from analysis.pipeline import Answer
from backfill import comparison, estimate, reconciliation, second_look, work_queue, workers
from backfill.cloud.job import task_arguments
from backfill.listings import DOCUMENTS_PER_PAGE, OBJECTS_PER_PAGE
from backfill.request import Request, parse, shard_of
from backfill.stored_document import StoredDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from analysis.upload import Upload
    from backfill.work_queue import Result, WorkItem


@dataclass
class Clock:
    """Time that passes when something takes it.

    Attributes:
        now: seconds.
    """

    now: float = 0.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.now += seconds


@dataclass
class Counted:
    """What an execution did.

    Attributes:
        seconds: from its start to its end.
        billed_s: seconds of all its tasks.
        n_pages: pages of listings.
        n_reads: documents that were read, or looked for in vain.
        n_writes: documents that were written.
        writes_at: when.
    """

    seconds: float = 0.0
    billed_s: float = 0.0
    n_pages: int = 0
    n_reads: int = 0
    n_writes: int = 0
    writes_at: list[float] = field(default_factory=list, repr=False)

    @property
    def most_writes_per_s(self) -> float:
        """The most that all tasks together wrote in ten seconds, for one of them."""
        of_ten: dict[int, int] = {}
        for at in self.writes_at:
            of_ten[int(at / 10)] = of_ten.get(int(at / 10), 0) + 1
        return max(of_ten.values(), default=0) / 10

    def dollars(self, tasks: estimate.Tasks) -> float:
        """Return what that costs."""
        return (
            self.billed_s * tasks.second
            + self.n_pages * estimate.LISTING
            + self.n_reads * estimate.READING
            + self.n_writes * (estimate.WRITING + estimate.DOWNLOAD)
        )


def execute(request: Request, tasks: estimate.Tasks, uploads: Sequence[Upload], analysed: Iterable[Upload]) -> Counted:
    """Run every task of the job to its end, and return what they took; `analysed` are the uploads that have a sound."""
    counted, documents = Counted(), {make_uid(upload): _document(upload) for upload in analysed}
    shards: list[list[Upload]] = [[] for _ in range(tasks.count)]
    for upload in uploads:
        shards[shard_of(upload.blob_name, tasks.count)].append(upload)
    free = [0.0] * tasks.parallelism  # when a place becomes free
    for index, shard in enumerate(shards):
        clock = Clock(heapq.heappop(free))
        started = clock.now
        clock.sleep(estimate.START_S)
        environment = {"CLOUD_RUN_TASK_INDEX": str(index), "CLOUD_RUN_TASK_COUNT": str(tasks.count)}
        with _played(clock, counted, shard, len(uploads), documents):
            status = reconciliation.reconcile(parse(task_arguments(request, tasks), environment), {})
        assert status == 0
        counted.billed_s += max(clock.now - started, estimate.BILLED_AT_LEAST_S)
        counted.seconds = max(counted.seconds, clock.now)
        heapq.heappush(free, clock.now)
    return counted


@contextmanager
def _played(
    clock: Clock, counted: Counted, shard: Sequence[Upload], n_objects: int, documents: dict[str, StoredDocument]
) -> Iterator[None]:
    """Let a task meet a bucket and a database whose calls take time of this clock."""

    def list_uploads(*_: Any, **__: Any) -> Iterator[Upload]:
        counted.n_pages += ceil(n_objects / OBJECTS_PER_PAGE)
        clock.sleep(ceil(n_objects / OBJECTS_PER_PAGE) * estimate.PAGE_S)
        yield from shard

    def list_documents(collection: Any, *_: Any, **__: Any) -> Iterator[StoredDocument]:
        if collection == "sounds":
            counted.n_reads += len(documents)
            clock.sleep(len(documents) / DOCUMENTS_PER_PAGE * estimate.QUERY_S)
            yield from sorted(documents.values(), key=lambda document: document.blob_name)

    def get_documents(_: Any, __: Any, uploads: Iterable[Upload], *___: Any) -> tuple[list[StoredDocument], list[Any]]:
        uids = [make_uid(upload) for upload in uploads]
        counted.n_reads += 2 * len(uids)
        clock.sleep(estimate.LOOK_UP_S)
        return [documents[uid] for uid in uids if uid in documents], []

    def make_workers(*_: Any, **__: Any) -> _PlayedWorker:
        return _PlayedWorker(clock, counted)

    client = SimpleNamespace(collection=lambda name: name)
    bucket = SimpleNamespace(name="bucket")
    replaced: tuple[tuple[Any, str, Callable[..., Any] | Any], ...] = (
        (reconciliation, "storage", SimpleNamespace(Client=lambda **_: SimpleNamespace(bucket=lambda _: bucket))),
        (reconciliation, "firestore", SimpleNamespace(Client=lambda **_: client)),
        (reconciliation, "list_uploads", list_uploads),
        (reconciliation, "list_documents", list_documents),
        (reconciliation, "list_nameless", lambda *_, **__: iter(())),  # a count of documents, thousand of them a read
        (comparison, "get_documents", get_documents),
        (second_look, "get_documents", get_documents),
        (second_look, "N_LOOKS", 0),
        (workers, "_Workers", make_workers),
        (workers, "time", clock),
        (work_queue, "time", clock),
    )
    with ExitStack() as stack:
        for module, name, played in replaced:
            stack.enter_context(patch.object(module, name, played))
        nowhere = stack.enter_context(open(os.devnull, "w"))  # noqa: PTH123 - of no directory
        stack.enter_context(redirect_stdout(nowhere))
        stack.enter_context(redirect_stderr(nowhere))
        yield


class _PlayedWorker:
    """The worker of a task: an analysis is the time that it takes."""

    def __init__(self, clock: Clock, counted: Counted) -> None:
        self._clock, self._counted = clock, counted
        self._item: WorkItem | None = None

    def idle(self) -> list[str]:
        return [] if self._item else ["worker"]

    def busy(self) -> list[str]:
        return ["worker"] if self._item else []

    def assign(self, _: str, item: WorkItem) -> None:
        self._item = item
        self._counted.n_writes += 1
        self._counted.writes_at.append(self._clock.now)

    def results(self) -> Iterator[tuple[WorkItem, Result]]:
        item, self._item = self._item, None
        if item is None or item.comparison.upload is None:
            return
        upload = item.comparison.upload
        self._clock.sleep(estimate.analysis_seconds(upload.blob_name, upload.size or 0))
        yield item, Answer("sound", make_uid(upload))

    def stop(self) -> None:
        """There is nothing to stop."""


def _document(upload: Upload) -> StoredDocument:
    return StoredDocument("sounds", make_uid(upload), upload.blob_name, upload.generation, is_stale=False, reason=None)
