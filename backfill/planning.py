"""What a run will do, counted before it does anything: how many objects, how many bytes, how long, for how much.

*Conventions.* What is to be done is kept in a temporary file, so that its length does not matter.
"""

from __future__ import annotations

import pickle
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from backfill.comparison import Finding, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backfill.request import Request

# vCPU seconds, by `python -m bench --only event backfill`: of any object, of a megabyte stored as it sounds, and of a
# megabyte of a compressed sound, which is minutes long.
OBJECT_S = 0.05
MEGABYTE_S = 0.004
COMPRESSED_MEGABYTE_S = 0.1
UNCOMPRESSED = (".wav", ".wave", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64", ".rf64")
# List prices of us-central1 in dollars: of a second of a Cloud Run job's vCPU and of a GiB of its memory, of a document
# read and of one written.
VCPU_SECOND, GIB_SECOND = 0.000018, 0.000002
DOCUMENT_READ, DOCUMENT_WRITE = 0.03 / 100_000, 0.09 / 100_000


@dataclass(slots=True)
class Counts:
    """How bucket and collection stand to each other.

    Attributes:
        objects: live objects: sounds, rejections, left and missing together.
        sounds: objects with a sound, the stale ones among them.
        rejections: objects with a rejection.
        left: objects that need neither, for a reason.
        missing: objects with neither and without a reason.
        stale: sounds of an older definition.
        gone: documents whose object is no longer there.
        failed: objects that were tried in vain, and documents that could not be removed.
        bytes: of the objects that are to be analysed; at the end, of those that were.
    """

    objects: int = 0
    sounds: int = 0
    rejections: int = 0
    left: int = 0
    missing: int = 0
    stale: int = 0
    gone: int = 0
    failed: int = 0
    bytes: int = 0

    def add(self, state: State, n: int = 1) -> None:
        """Count a finding; with -1, one that is another now."""
        self.objects += n * (state is not State.GONE)
        self.sounds += n * (state in (State.SOUND, State.STALE))
        self.rejections += n * (state is State.REJECTED)
        self.left += n * (state is State.LEFT)
        self.missing += n * (state is State.MISSING)
        self.stale += n * (state is State.STALE)
        self.gone += n * (state is State.GONE)

    @property
    def agree(self) -> bool:
        """Whether every object has its document of today's definition, and every document its object."""
        return not (self.missing or self.stale or self.gone or self.failed)

    def summary(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


class Plan:
    """What is to be done, in the order in which it was found.

    Attributes:
        counts: of all findings.
        n_objects: objects to analyse.
        n_documents: documents to remove.
        vcpu_seconds: estimate of what the analysis takes.
        close: gives up its files.
    """

    def __init__(self, findings: Iterable[Finding], request: Request) -> None:
        self.counts = Counts()
        self.n_objects = self.n_documents = 0
        self.vcpu_seconds = 0.0
        self._smallest: Finding | None = None  # of those that have a sound
        self._last: Finding | None = None  # of those to analyse
        with ExitStack() as on_error:
            self._objects = on_error.enter_context(TemporaryFile(prefix="plan-"))
            self._documents = on_error.enter_context(TemporaryFile(prefix="plan-"))
            for finding in findings:
                self.counts.add(finding.state)
                if finding.state is State.SOUND and (self._smallest is None or _size(finding) < _size(self._smallest)):
                    self._smallest = finding
                if _is_to_do(finding, request):
                    self._take(finding)
            self.close = on_error.pop_all().close

    @property
    def dollars(self) -> float:
        """Estimate of what the analysis costs in the cloud, with 1 vCPU and 2 GiB."""
        written = self.n_objects + self.n_documents
        return self.vcpu_seconds * (VCPU_SECOND + 2 * GIB_SECOND) + written * DOCUMENT_WRITE

    @property
    def witness(self) -> Finding | None:
        """What can be analysed if anything can: the smallest that has a sound, else the last to analyse."""
        return self._smallest or self._last

    def objects(self) -> Iterator[Finding]:
        """Yield the objects to analyse."""
        return _read(self._objects)

    def documents(self) -> Iterator[Finding]:
        """Yield the documents to remove."""
        return _read(self._documents)

    def _take(self, finding: Finding) -> None:
        if finding.upload is None:
            self.n_documents += 1
            pickle.dump(finding, self._documents)
            return
        size = _size(finding)
        is_uncompressed = finding.upload.blob_name.lower().endswith(UNCOMPRESSED)
        self.n_objects += 1
        self.counts.bytes += size
        self.vcpu_seconds += OBJECT_S + size / 1e6 * (MEGABYTE_S if is_uncompressed else COMPRESSED_MEGABYTE_S)
        self._last = finding
        pickle.dump(finding, self._objects)


def _size(finding: Finding) -> int:
    return (finding.upload and finding.upload.size) or 0


def _is_to_do(finding: Finding, request: Request) -> bool:
    """Return whether the run was asked to do something about a finding."""
    match finding.state:
        case State.MISSING:
            return True
        case State.STALE:
            return request.stale
        case State.REJECTED:
            return request.rejected is not None and request.rejected in ("", finding.kept and finding.kept.reason)
        case State.GONE:
            return request.prune
    return False


def _read(file: IO[bytes]) -> Iterator[Finding]:
    end = file.seek(0, 2)
    file.seek(0)
    while file.tell() < end:
        yield pickle.load(file)  # noqa: S301 - it is what this process wrote
