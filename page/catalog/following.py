"""The catalog is filled and kept up to date, in a thread of its own, while somebody looks.

*Conventions.* The first filling reads every document once, in the order of uids, and goes on where it was broken
off. After that a *round* makes three comparisons, each when it is due: documents that were written since the last
round are read (with an overlap, as a document is written later than it says); the bucket is listed; the numbers of
documents are compared, for parts of the uids. A part that differs is split, until what differs is among few enough to
read. The next few are read again too, as an edit by hand changes no number. Nothing is asked while nobody looks.

Of several pages that share a catalog's file one reads for all of them: the one that holds the lock beside the file.
"""

from __future__ import annotations

import fcntl
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched, pairwise
from random import Random
from threading import Condition, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

from page.catalog import source
from page.catalog.records import KINDS, make_row, microseconds
from page.config import is_emulated
from page.display import number

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from page.catalog.records import Kind
    from page.catalog.storage import Storage
    from page.config import Config

USD_PER_READ = 0.06 / 100_000
BATCH = 500  # documents that are written at a time
OVERLAP = timedelta(minutes=5)  # a document is written so long after its own time at most, clocks included
UNASKED_READS = 50_000  # a first filling that costs more has to be asked for
ROUND_S, COMPARE_S, LIST_S = 60, 900, 900  # between two of each, in the cloud
SHARE = 5  # with emulators, which cost nothing but time: a pause lasts so many times what came before it
MIN_PAUSE_S, IDLE_S = 0.05, 5  # the second while a window is open in which nobody does anything
LOOKED_S = 30  # somebody looks for so long after the last request
FEW = 300  # documents that are read rather than counted, and those of more that are read each time
RETRY_S = 10  # after a failure
CLOSE_S = 1
PARTS = 4  # whose numbers are compared
SPLIT = 16  # a part that differs becomes so many
UIDS = 16**8  # a uid begins with eight hexadecimal digits
LAST = "\U0010ffff"  # sorts after all uids
SHUFFLED = Random()  # noqa: S311  nothing is secret


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the catalog is.

    Attributes:
        is_filled: whether everything was read once.
        is_asking: whether the first filling costs so much that it waits to be asked for.
        count: documents that it has ever held.
        total: documents that there were when it began to fill; 0 where that is not known yet.
        reads: documents that this process has read, and counted thousands.
        as_of: when the last round began that found everything in agreement; None before.
        problem: why the last try failed; None where it did not.
    """

    is_filled: bool
    is_asking: bool
    count: int
    total: int
    reads: int
    as_of: datetime | None
    problem: Exception | None


class Follower:
    """The thread that fills a catalog's storage and keeps it up to date."""

    def __init__(self, config: Config, storage: Storage, path: Path, *, may_read_all: bool) -> None:
        self._config = config
        self._storage = storage
        self._may_read_all = may_read_all or is_emulated()
        self._lock = path.with_name(path.name + "-lock").open("a")
        self._condition = Condition()
        self._looked_at = self._asked_at = self._read_new_at = -float("inf")
        self._is_closed = False
        self._due = dict.fromkeys(("round", "compare", "list"), -float("inf"))
        self._reread_from = {kind: SHUFFLED.randrange(UIDS) for kind in KINDS}
        self._reads, self._total, self._n_done = 0, 0, 0
        self._n_changed = 0  # rows that a round has changed
        self._at_change: list[Callable[[], None]] = []
        self._as_of: datetime | None = None
        self._problem: Exception | None = None
        self._is_asking, self._was_filled = False, False
        self._thread = Thread(target=self._run, name="catalog", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End the thread; what it is writing is finished first, what it waits for is left."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()
        if self._thread.ident:
            self._thread.join(CLOSE_S)
        self._lock.close()

    def look(self, *, is_asking: bool = True) -> None:
        """Say that somebody looks, so that what is due is done; who only looks on asks for nothing."""
        with self._condition:
            self._looked_at = monotonic()
            self._asked_at = self._looked_at if is_asking else self._asked_at
            self._condition.notify_all()

    def wait(self, seconds: float) -> Progress:
        """Wait until what is new was read lately, or reading failed or has to be asked for, no longer than that."""
        with self._condition:
            self._condition.wait_for(lambda: self._is_current() or self._problem or self._is_asking, seconds)
        return self.progress()

    def catch_up(self, seconds: float) -> bool:
        """Wait until what is due has been done, or has failed, no longer than that; return whether anything was due."""
        with self._condition:
            if self._due["round"] > monotonic():
                return False
            self._looked_at = monotonic()
            self._condition.notify_all()
            n_done = self._n_done
            return self._condition.wait_for(lambda: self._n_done > n_done, seconds)

    def count_unread(self) -> int:
        """Return how many documents the first filling has still to read, which is asked of the database."""
        if self._is_filled():
            return 0
        return sum(source.count_documents(self._config, kind) - self._storage.count(kind) for kind in KINDS)

    def progress(self) -> Progress:
        """Return how far the catalog is."""
        return Progress(
            *(self._is_filled(), self._is_asking, self._storage.last_id(), self._total, self._reads),
            *(self._as_of, self._problem),
        )

    def call_at_change(self, action: Callable[[], None]) -> None:
        """Let something be done whenever a round has found a change that nobody told of."""
        self._at_change.append(action)

    def put(self, kind: Kind, uid: str, document: dict[str, Any]) -> None:
        """Write a document that was read elsewhere."""
        self._storage.put([make_row(kind, uid, document)])

    def _run(self) -> None:
        while self._wait_until_due():
            try:
                self._step()
            except Exception as error:  # noqa: BLE001  whatever it is, the page tells of it, and it is tried again
                self._tell(error)
                self._due["round"] = monotonic() + RETRY_S
            else:
                self._tell(None)

    def _wait_until_due(self) -> bool:
        """Wait until somebody looks and something is to be done; return whether to go on."""
        with self._condition:
            while not self._is_closed:
                now = monotonic()
                pause = self._due["round"] - now
                if pause <= 0 and now - self._looked_at < LOOKED_S:
                    return True
                self._condition.wait(pause if pause > 0 else None)
        return False

    def _step(self) -> None:
        """Do what is due, if no other page does."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._due["round"] = monotonic() + 1
            self._note_reading()
            return
        if not self._is_filled():
            self._fill()
        if not self._is_closed and self._is_filled():
            self._round()

    def _fill(self) -> None:
        """Read every document once."""
        counts = {kind: source.count_documents(self._config, kind) for kind in KINDS}
        self._total = sum(counts.values())
        left = self._total - sum(map(self._storage.count, KINDS))
        self._is_asking = left > UNASKED_READS and not self._may_read_all
        if self._is_asking:
            self._due["round"] = monotonic() + COMPARE_S
            return
        if self._storage.read_state("read_since") is None:
            self._storage.write_state(read_since=datetime.now(UTC).isoformat())
        for kind in KINDS:
            after = self._storage.read_state(f"filled {kind}") or ""
            if after != "all" and self._fill_kind(kind, after):
                self._storage.write_state(**{f"filled {kind}": "all"})

    def _fill_kind(self, kind: Kind, after: str) -> bool:
        """Read the documents after a uid, while those before are being written; return whether all are there."""
        with ThreadPoolExecutor(1) as writer:
            writing: Future[int] | None = None
            for batch in batched(source.read_range(self._config, kind, after), BATCH):
                rows = [make_row(kind, uid, document) for uid, document in batch]
                if writing:
                    writing.result()
                writing = writer.submit(self._storage.put, rows, **{f"filled {kind}": batch[-1][0]})
                self._reads += len(batch)
                if self._is_closed:
                    return False
            if writing:
                writing.result()
        return True

    def _is_current(self) -> bool:
        return self._is_filled() and monotonic() - self._read_new_at < 2 * ROUND_S

    def _note_reading(self) -> None:
        with self._condition:
            self._read_new_at = monotonic()
            self._condition.notify_all()

    def _is_filled(self) -> bool:
        if not self._was_filled:
            self._was_filled = all(self._storage.read_state(f"filled {kind}") == "all" for kind in KINDS)
        return self._was_filled

    def _round(self) -> None:
        began, began_at, n_before = monotonic(), datetime.now(UTC), self._n_changed
        self._read_new()
        if is_emulated() or began >= self._due["list"]:
            before = microseconds(began_at - OVERLAP)
            objects = source.list_objects(self._config)
            self._n_changed += self._storage.join_listing(self._config.bucket_name, objects, before)
            self._due["list"] = monotonic() + LIST_S
        if is_emulated() or began >= self._due["compare"]:
            for kind in KINDS:
                self._compare(kind)
            self._due["compare"] = monotonic() + COMPARE_S
            self._as_of = began_at
        if self._n_changed > n_before:
            for action in self._at_change:
                action()
        now = monotonic()
        pause_s = max(SHARE * (now - began), MIN_PAUSE_S) if now - self._asked_at < LOOKED_S else IDLE_S
        self._due["round"] = now + (pause_s if is_emulated() else ROUND_S)

    def _read_new(self) -> None:
        """Read what was written since the last time."""
        now = datetime.now(UTC)
        since = datetime.fromisoformat(self._storage.read_state("read_since") or now.isoformat()) - OVERLAP
        for kind in KINDS:
            for batch in batched(source.read_since(self._config, kind, since), BATCH):
                self._n_changed += self._storage.put([make_row(kind, uid, document) for uid, document in batch])
                self._reads += len(batch)
        self._storage.write_state(read_since=now.isoformat())
        self._note_reading()

    def _compare(self, kind: Kind) -> None:
        """Find where the catalog and the collection differ, and repair it.

        A small collection is read. Of a larger one the numbers in PARTS parts of the uids are compared, which are
        others each time: what makes up for another in one part is found the next time. Of its documents FEW or so are
        read again, which are the next ones each time.
        """
        cuts = sorted(SHUFFLED.randrange(1, UIDS) for _ in range(PARTS - 1))
        if (count := source.count_documents(self._config, kind)) <= FEW:
            self._repair(kind, "", "")
            return
        for low, high in pairwise((0, *cuts, UIDS)):
            self._compare_part(kind, low, high)
        low = self._reread_from[kind]
        high = min(low + max(UIDS * FEW // count, 1), UIDS)
        self._repair(kind, _bound(low), _bound(high))
        self._reread_from[kind] = high % UIDS

    def _compare_part(self, kind: Kind, low: int, high: int) -> None:
        first, end = _bound(low), _bound(high)
        there = source.count_documents(self._config, kind, first, end)
        self._reads += 1 + there // 1000
        if there == self._storage.count(kind, first, end or LAST):
            return
        if there <= FEW or high - low < SPLIT:
            self._repair(kind, first, end)
            return
        for below, above in pairwise(low + (high - low) * part // SPLIT for part in range(SPLIT + 1)):
            self._compare_part(kind, below, above)

    def _repair(self, kind: Kind, first: str, end: str) -> None:
        """Read a range of uids, and forget what is no longer in it."""
        found = dict(source.read_range(self._config, kind, first=first, end=end))
        self._reads += len(found)
        missing = self._storage.uids(kind, first, end or LAST) - found.keys()
        self._n_changed += self._storage.put([make_row(kind, uid, document) for uid, document in found.items()])
        self._storage.delete(kind, missing)
        self._n_changed += len(missing)

    def _tell(self, problem: Exception | None) -> None:
        with self._condition:
            self._problem = problem
            self._n_done += 1
            self._condition.notify_all()


def price(reads: int) -> str:
    """Return what so many reads cost, about."""
    return f"{number(reads)} reads, about ${reads * USD_PER_READ:.2f}"


def _bound(place: int) -> str:
    """Return the uid at which a part begins or ends, nothing for the first and the last."""
    return "" if place in {0, UIDS} else f"{place:08x}"
