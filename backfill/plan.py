"""What a run will do, before it does anything: how many objects and bytes, how long it takes, and what it costs.

*Conventions.* The objects and documents are written to temporary files, so memory does not grow with their number.
"""

from __future__ import annotations

import pickle
from contextlib import ExitStack
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from backfill.canaries import Canaries
from backfill.comparison import Comparison, State
from backfill.estimate import Work
from backfill.request import shard_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from analysis.upload import Upload
    from backfill.request import Request


@dataclass(slots=True)
class Counts:
    """How many objects and documents are in which state.

    Attributes:
        objects: live objects; each is one of sounds, rejections, skipped, pending and missing.
        sounds: objects with a sound, of any version.
        rejections: objects with a rejection.
        skipped: objects that need no document, for a reason.
        pending: objects without a document that are so young that the trigger may be at them.
        missing: objects without a document, and without a reason for that.
        stale: sounds of an older analysis version.
        gone: documents whose object is no longer there.
        failed: objects whose last attempt failed, and documents that could not be removed.
        unreadable: documents that are not ours or not whole, which are passed over.
        bytes: size of the objects to analyse; after the run, of those that were analysed.
    """

    objects: int = 0
    sounds: int = 0
    rejections: int = 0
    skipped: int = 0
    pending: int = 0
    missing: int = 0
    stale: int = 0
    gone: int = 0
    failed: int = 0
    unreadable: int = 0
    bytes: int = 0

    def add(self, state: State, n: int = 1) -> None:
        """Count a comparison of this state; with n=-1 take it back."""
        self.objects += n * (state not in (State.GONE, State.UNREADABLE))
        self.sounds += n * (state in (State.SOUND, State.NEWER, State.STALE))
        self.rejections += n * (state is State.REJECTED)
        self.skipped += n * (state is State.SKIPPED)
        self.pending += n * (state is State.PENDING)
        self.missing += n * (state is State.MISSING)
        self.stale += n * (state is State.STALE)
        self.gone += n * (state is State.GONE)
        self.unreadable += n * (state is State.UNREADABLE)

    @property
    def agree(self) -> bool:
        """Whether every object has an up-to-date document or a reason to need none, and every document its object."""
        return not (self.missing or self.stale or self.gone or self.failed)


class Plan:
    """The objects to analyse and the documents to remove, in order of name.

    Attributes:
        counts: of all comparisons.
        n_objects: objects to analyse.
        n_documents: documents to remove.
        work: what there is to do, by shard, of which the estimate is made.
        canaries: the objects that may tell an outage.
        close: removes its temporary files.
    """

    def __init__(self, comparisons: Iterable[Comparison], request: Request) -> None:
        self._request = request
        self.counts = Counts()
        self.n_objects = self.n_documents = 0
        self.work = Work(request.n_tasks or 1, prunes=request.prune)
        self.canaries = Canaries()
        with ExitStack() as on_error:
            self._objects = on_error.enter_context(TemporaryFile(prefix="plan-"))
            self._documents = on_error.enter_context(TemporaryFile(prefix="plan-"))
            for comparison in comparisons:
                self.counts.add(comparison.state)
                self._count_work(comparison)
                if comparison.state is State.SOUND:
                    self.canaries.add_sound(comparison)
                if _is_requested(comparison, request):
                    self._add(comparison)
            for file in (self._objects, self._documents):
                file.flush()  # where the disk is full, that is said before anything is done
            self.close = on_error.pop_all().close

    @property
    def has_work(self) -> bool:
        """Whether there is anything to do; a schedule is made even where nothing is missing now."""
        return bool(self.n_objects or self.n_documents or self._request.schedule)

    def objects(self) -> Iterator[Comparison]:
        """Yield the objects to analyse."""
        return _read(self._objects)

    def documents(self) -> Iterator[Comparison]:
        """Yield the documents to remove."""
        return _read(self._documents)

    def _count_work(self, comparison: Comparison) -> None:
        self.work.n_stored += comparison.document is not None
        if comparison.upload is not None and comparison.state is not State.UNREADABLE:
            is_missing = comparison.state is State.MISSING
            self.work.add_compared(self._shard(comparison.upload), is_missing=is_missing)

    def _add(self, comparison: Comparison) -> None:
        if comparison.upload is None:
            self.n_documents += 1
            self.work.n_to_remove += 1
            pickle.dump(comparison, self._documents)
            return
        self.n_objects += 1
        self.counts.bytes += comparison.size
        self.work.add_object(self._shard(comparison.upload), comparison.upload.blob_name, comparison.size)
        self.canaries.add_object(comparison)
        pickle.dump(comparison, self._objects)

    def _shard(self, upload: Upload) -> int:
        return shard_of(upload.blob_name, self._request.n_tasks or 1)


def _is_requested(comparison: Comparison, request: Request) -> bool:
    """Return whether the request covers an object, to analyse it, or a document, to remove it."""
    match comparison.state:
        case State.MISSING:
            return True
        case State.STALE:
            return request.stale
        case State.REJECTED:
            document = comparison.document
            if document is None or document.is_newer or request.rejected is None:
                return False
            return request.rejected in ("", document.reason)
        case State.GONE:
            return request.prune
    return False


def _read(file: IO[bytes]) -> Iterator[Comparison]:
    end = file.seek(0, 2)
    file.seek(0)
    while file.tell() < end:
        yield pickle.load(file)  # noqa: S301 - it is what this process wrote
