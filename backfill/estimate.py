"""How long a run takes and what it costs, computed from what it does: starts, listings, look-ups, analyses, writes.

*Conventions.* Times are seconds, amounts dollars. A run is on this machine, which has compared already, or by the tasks
of a Cloud Run job: each task starts, lists the whole bucket, looks up the documents of its shard, and analyses that.

*Source.* The seconds of an analysis are measured by `python -m bench --only event backfill`. The seconds of a start and
of a call are assumed: nobody has measured them with Google's servers. The amounts are list prices of us-central1.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from heapq import heapify, heapreplace
from math import ceil

from backfill.comparison import BATCH_SIZE
from backfill.listings import DOCUMENTS_PER_PAGE, OBJECTS_PER_PAGE
from backfill.workers import WRITES_PER_S

# vCPU seconds for an object, for a megabyte of an uncompressed sound, and for a megabyte of a compressed sound, which
# is minutes long.
OBJECT_S = 0.05
MEGABYTE_S = 0.004
COMPRESSED_MEGABYTE_S = 0.1
UNCOMPRESSED = (".wav", ".wave", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64", ".rf64")

START_S = 15  # of a task, until it lists
PAGE_S = 0.3  # of OBJECTS_PER_PAGE objects
QUERY_S = 1.5  # of DOCUMENTS_PER_PAGE documents
LOOK_UP_S = 0.2  # of the documents of BATCH_SIZE objects
REMOVAL_S = 0.004  # of a document, of whose batch objects are listed and documents looked up; besides the pause

ATTEMPT_S = 24 * 3600  # how long a task may take; it is then tried again
BILLED_AT_LEAST_S = 60  # of a task, however short it is

VCPU_SECOND, GIB_SECOND = 0.000018, 0.000002
LISTING = 0.005 / 1000  # a page
DOWNLOAD = 0.0004 / 1000  # an object
READING, WRITING, DELETING = 0.03 / 100_000, 0.09 / 100_000, 0.01 / 100_000  # a document
EGRESS_GB = 0.12  # out of Google's network

AS_GOOD = 1.1  # a number of tasks by which a run takes at most so many times as long is as good


@dataclass(frozen=True, slots=True)
class Tasks:
    """The tasks of a job.

    Attributes:
        count: how many there are.
        parallelism: how many run at once.
        vcpus: cores of a task, of which the analysis uses one.
        memory_mib: memory of a task.
    """

    count: int
    parallelism: int
    vcpus: int = 1
    memory_mib: int = 2048

    @property
    def second(self) -> float:
        """Price of a second of a task."""
        return self.vcpus * VCPU_SECOND + self.memory_mib / 1024 * GIB_SECOND


@dataclass(frozen=True, slots=True)
class Dollars:
    """What a run costs, by what is paid.

    Attributes:
        tasks: of Cloud Run.
        listing: of Cloud Storage.
        reading: of Firestore.
        downloads: of Cloud Storage, and of the network for a machine outside the cloud.
        writing: of Firestore.
    """

    tasks: float
    listing: float
    reading: float
    downloads: float
    writing: float

    @property
    def total(self) -> float:
        """The sum."""
        return self.tasks + self.listing + self.reading + self.downloads + self.writing


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a run takes and what it costs.

    Attributes:
        seconds: from its start to its end.
        longest_task_s: seconds of the task that takes longest; 0 on this machine.
        dollars: what it costs.
    """

    seconds: float
    longest_task_s: float
    dollars: Dollars


class Work:
    """What there is to do, by the shard of each task; a run on this machine has one shard.

    Attributes:
        compared: number of objects.
        missing: number of objects without a document.
        to_analyse: number of objects to analyse.
        vcpu_seconds: what their analysis takes.
        largest_s: vCPU seconds of the object that takes longest.
        n_compared: number of objects of all shards.
        n_bytes: size of the objects to analyse.
        n_stored: number of documents.
        n_to_remove: number of documents to remove.
        prunes: whether documents of objects that are gone are looked for.
    """

    def __init__(self, n_shards: int, *, prunes: bool) -> None:
        self.compared, self.missing, self.to_analyse = (array("Q", bytes(8 * n_shards)) for _ in range(3))
        self.vcpu_seconds = array("d", bytes(8 * n_shards))
        self.largest_s = 0.0
        self.n_compared = self.n_bytes = self.n_stored = self.n_to_remove = 0
        self.prunes = prunes

    def add_compared(self, shard: int, *, is_missing: bool) -> None:
        """Count an object of the bucket."""
        self.compared[shard] += 1
        self.n_compared += 1
        self.missing[shard] += is_missing

    def add_object(self, shard: int, blob_name: str, n_bytes: int) -> None:
        """Count an object to analyse."""
        seconds = analysis_seconds(blob_name, n_bytes)
        self.to_analyse[shard] += 1
        self.vcpu_seconds[shard] += seconds
        self.largest_s = max(self.largest_s, seconds)
        self.n_bytes += n_bytes

    def idle(self) -> Work:
        """Return what there is to do once all this is done, by a run that finds nothing else."""
        idle = Work(len(self.compared), prunes=self.prunes)
        idle.compared, idle.n_compared = self.compared, self.n_compared
        idle.n_stored = self.n_stored + sum(self.missing) - self.n_to_remove
        return idle


def analysis_seconds(blob_name: str, n_bytes: int) -> float:
    """Return the vCPU seconds that an object takes, its download and its document included."""
    is_uncompressed = blob_name.lower().endswith(UNCOMPRESSED)
    return OBJECT_S + n_bytes / 1e6 * (MEGABYTE_S if is_uncompressed else COMPRESSED_MEGABYTE_S)


def estimate_here(work: Work, n_processes: int) -> Estimate:
    """Return what a run on this machine takes, apart from the comparison, which was made, and a slow network."""
    n_objects, vcpu_s = sum(work.to_analyse), sum(work.vcpu_seconds)
    seconds = max(vcpu_s / n_processes, work.largest_s, n_objects / WRITES_PER_S) + _removal_seconds(work, 1)
    dollars = Dollars(
        tasks=0,
        listing=0,
        reading=work.n_to_remove * READING,
        downloads=n_objects * DOWNLOAD + work.n_bytes / 1e9 * EGRESS_GB,
        writing=n_objects * WRITING + work.n_to_remove * DELETING,
    )
    return Estimate(seconds, 0, dollars)


def estimate_job(work: Work, tasks: Tasks) -> Estimate:
    """Return what an execution of the job takes, if no task is tried again.

    The tasks begin in their order, and one that ends makes room for the next.
    """
    ends = [0.0] * min(tasks.count, tasks.parallelism)
    heapify(ends)
    durations = [_task_seconds(work, tasks, shard) for shard in range(tasks.count)]
    for duration in durations:
        heapreplace(ends, ends[0] + duration)
    billed_s = sum(max(duration, BILLED_AT_LEAST_S) for duration in durations)
    return Estimate(max(ends), max(durations), _dollars(work, tasks.count, billed_s * tasks.second))


def sensible_count(work: Work, tasks: Tasks) -> int:
    """Return the least number of tasks, up to as many as were asked for, that is about as good as any of these.

    More than run at once are not: those that wait for others have to start and to list too. Shards are taken to be of
    one size.
    """
    counts = range(1, min(tasks.count, tasks.parallelism) + 1)
    seconds = {count: _even_seconds(work, count) for count in counts}
    best = min(seconds.values())
    return next(count for count, taken in seconds.items() if taken <= AS_GOOD * best)


def _even_seconds(work: Work, count: int) -> float:
    """Return what a job of so many tasks takes, which all run at once."""
    paced_s = sum(work.to_analyse) / WRITES_PER_S
    analysis_s = max(sum(work.vcpu_seconds) / count, work.largest_s, paced_s)
    return START_S + _comparison_seconds(work, count) + analysis_s


def _task_seconds(work: Work, tasks: Tasks, shard: int) -> float:
    seconds = START_S + _comparison_seconds(work, tasks.count, shard)
    if tasks.count > 1 and work.prunes and shard == 0:
        seconds += _pages(work) * PAGE_S + work.n_stored / DOCUMENTS_PER_PAGE * QUERY_S
    parallelism = min(tasks.count, tasks.parallelism)
    if work.prunes and shard == 0:
        seconds += _removal_seconds(work, parallelism)
    return seconds + max(work.vcpu_seconds[shard], work.to_analyse[shard] * parallelism / WRITES_PER_S)


def _removal_seconds(work: Work, parallelism: int) -> float:
    """Return what the removal takes, all of it by the first task, at its part of the rate of writes."""
    return work.n_to_remove * (REMOVAL_S + parallelism / WRITES_PER_S)


def _comparison_seconds(work: Work, count: int, shard: int | None = None) -> float:
    """Return what a task's comparison takes: of its shard, or without one of as many objects as any other's.

    Each task lists the bucket. One of several looks up the documents of its shard; a single one reads the collections,
    and looks up what seems missing.
    """
    listing_s = _pages(work) * PAGE_S
    if count == 1:
        return (
            listing_s + work.n_stored / DOCUMENTS_PER_PAGE * QUERY_S + ceil(sum(work.missing) / BATCH_SIZE) * LOOK_UP_S
        )
    n_objects = work.n_compared / count if shard is None else work.compared[shard]
    return listing_s + ceil(n_objects / BATCH_SIZE) * LOOK_UP_S


def _pages(work: Work) -> int:
    return ceil(work.n_compared / OBJECTS_PER_PAGE)


def _dollars(work: Work, count: int, of_tasks: float) -> Dollars:
    n_objects, n_compared = sum(work.to_analyse), work.n_compared
    looked_up = sum(work.missing) if count == 1 else n_compared  # the sound and the rejection of each
    read = work.n_stored if count == 1 or work.prunes else 0
    return Dollars(
        tasks=of_tasks,
        listing=(count + (work.prunes and count > 1)) * _pages(work) * LISTING,
        reading=(read + 2 * looked_up + work.n_to_remove) * READING,
        downloads=n_objects * DOWNLOAD,
        writing=n_objects * WRITING + work.n_to_remove * DELETING,
    )
