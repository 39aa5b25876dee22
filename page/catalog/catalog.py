"""The catalog of one bucket's sounds and rejections: opened, asked, and brought up to date."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sqlite3
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from page.catalog import source, storage
from page.catalog.background_value import BackgroundValue
from page.catalog.columns import Columns
from page.catalog.duplicates import Groups, are_there, find_groups, read_candidates, regroup
from page.catalog.following import Follower
from page.catalog.points import choose_points
from page.catalog.records import KINDS, make_row, vector_of
from page.catalog.selection import UID, BadParameterError, Selection
from page.catalog.snapshot import Snapshot
from page.catalog.storage import DELETED, GONE, LIVE, Storage
from page.catalog.view import Counts, View
from page.config import is_emulated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from page.catalog.columns import Mask
    from page.catalog.following import Progress
    from page.catalog.points import Points
    from page.catalog.records import Kind
    from page.config import Config

FIRST_S = 10  # that the first look waits for the catalog to be filled; a larger one is shown while it is
NEW_S = 2  # that a look after a while waits for what is new
BATCH = 500
SEEN = re.compile("[0-9a-f]{8}-[0-9]{1,15}")  # the catalog, and the last of its ids: later ones are higher
UNSAVED = 50_000  # rows that a page reads in a fifth of a second when it is opened again


class UnknownSoundError(LookupError):
    """No sound has this uid."""


class UnfinishedError(Exception):
    """All documents are asked for while they are still being read; the message says how many there are already."""


@dataclass(frozen=True, slots=True)
class Results:
    """A page of a list.

    Attributes:
        documents: those of this page.
        next: the uid after which the next page begins; None after the last.
        count: how many there are on all pages.
        counts: how many of them are in each folder and of each format or reason.
        n_gone: how many have an object that is no longer live, whatever else is selected.
        seen: what a later look gives as ``seen``, so that it is told what is new.
        n_new: how many on all pages have come since the look that gave ``seen``; None where that is not known.
    """

    documents: list[dict[str, Any]]
    next: str | None
    count: int
    counts: Counts
    n_gone: int
    seen: str
    n_new: int | None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A sound beside another.

    Attributes:
        document: the sound.
        distance: Euclidean, between the two fingerprints.
    """

    document: dict[str, Any]
    distance: float


class Place(NamedTuple):
    """Where the file of a sound is.

    Attributes:
        uid: the sound's.
        bucket: the bucket of the blob, None where the document names none.
        name: name of the blob.
        generation: the generation of the blob, None where the document names none.
    """

    uid: str
    bucket: str | None
    name: str
    generation: int | None


class Catalog:
    """What is known of all sounds and rejections; it is filled and kept up to date while it is asked."""

    def __init__(self, config: Config, *, may_read_all: bool = False) -> None:
        self._config = config
        self._ends = ExitStack()
        path = path_of(config)
        if is_emulated():  # whose documents are as temporary
            path = Path(self._ends.enter_context(tempfile.TemporaryDirectory(prefix="catalog-"))) / "catalog.sqlite"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._storage = Storage(path)
        self._ends.callback(self._storage.close)
        self._snapshot = Snapshot(path, self._storage)
        self._n_unsaved, self._is_preparing = 0, False  # sounds that the snapshot lacks, or whose groups it lacks
        self._ends.callback(self._save)
        self._follower = Follower(config, self._storage, path, may_read_all=may_read_all)
        self._ends.callback(self._follower.close)
        self._view = View(Columns(), self._storage.ids_by_text)
        self._token = self._storage.read_state("token") or self._make_token()
        self._changed = -1  # nothing is read yet
        self._lock = Lock()
        self._groups: BackgroundValue[Groups] = BackgroundValue(self._find_groups)
        self._follower.start()

    def close(self) -> None:
        """End what keeps it up to date, and close its file."""
        self._ends.close()

    def call_at_end(self, action: Callable[[], None]) -> None:
        """Let something be done before the file is closed, for whoever works with it in the background."""
        self._ends.callback(action)

    def call_at_change(self, action: Callable[[], None]) -> None:
        """Let something be done whenever the catalog has found a change by itself: it was given by no ``put``."""
        self._follower.call_at_change(action)

    def look_on(self) -> None:
        """Say that somebody looks, without asking for anything."""
        self._follower.look(is_asking=False)

    def progress(self, wait_s: float = 0) -> Progress:
        """Say that somebody looks, and return how far it is."""
        self._follower.look()
        return self._follower.wait(wait_s)

    def catch_up(self, wait_s: float) -> bool:
        """Say that somebody looks again, and wait for what is due; return whether anything was."""
        return self._follower.catch_up(wait_s)

    def count_unread(self) -> int:
        """Return how many documents the first filling has still to read: each is billed."""
        return self._follower.count_unread()

    def put(self, kind: Kind, document: dict[str, Any]) -> None:
        """Take over a document that a listener was told of."""
        self._follower.put(kind, document["uid"], document)

    def delete(self, kind: Kind, uid: str) -> None:
        """Forget a document of whose removal a listener was told."""
        self._storage.delete(kind, [uid])

    def read_sound(self, uid: str) -> dict[str, Any]:
        """Return a sound, from the database where the catalog lacks it; raises UnknownSoundError."""
        sound = self._read("sounds", uid)
        if sound is None:
            raise UnknownSoundError(uid)
        return sound

    def read_rejection(self, uid: str) -> dict[str, Any] | None:
        """Return a rejection, None where there is none."""
        return self._read("rejections", uid)

    def select(self, kind: Kind, selection: Selection, after: str = "", n: int = 50, seen: str = "") -> Results:
        """Return a page of a selection; raises BadParameterError for an ``after`` that is no uid of the catalog."""
        self._look()
        after_id = self._find_cursor(kind, after) if after else None
        with self._lock:
            view = self._update()
            mask = view.select(kind, selection)
            ids = view.page(mask, selection.sort, after_id, n + 1).tolist()
            count, counts = int(np.count_nonzero(mask)), view.count(mask, selection.folder)
            last = len(mask) - 1 - int(np.argmax(mask[::-1])) if count else 0
            n_new = self._count_new(mask, seen)
            states = view.columns.column("state")[view.columns.column("kind") == KINDS.index(kind)]
            n_gone = int(np.count_nonzero(states == GONE))
        documents = self._storage.read_documents(ids[:n])
        following = documents[-1]["uid"] if len(ids) > n else None
        return Results(documents, following, count, counts, n_gone, f"{self._token}-{last}", n_new)

    def read_all(self, kind: Kind, selection: Selection | None) -> Iterator[list[dict[str, Any]]]:
        """Yield the documents of a selection in its order, or all there are in the order of their uids, in batches.

        Raises UnfinishedError while the catalog is being filled, as a part would be taken for the whole.
        """
        self.check_filled()
        if selection is None:
            ids = self._storage.ids_by_uid(kind)
        else:
            with self._lock:
                view = self._update()
                ids = view.page(view.select(kind, selection), selection.sort, None, view.columns.n).tolist()
        for first in range(0, len(ids), BATCH):
            yield self._storage.read_documents(ids[first : first + BATCH])

    def read_sample(self, n: int) -> tuple[list[dict[str, Any]], int]:
        """Return n sounds, or all where there are fewer, and how many there are: the same random sample every time."""
        self._look()
        with self._lock:
            view = self._update()
            ids = np.flatnonzero(view.select("sounds", Selection()))
        # The filling was in the order of uids, which are hashes; those that came later have the highest ids.
        step = max(len(ids) / n, 1.0)
        chosen = ids[(np.arange(min(n, len(ids))) * step).astype(np.int64)].tolist()
        documents = [
            document
            for first in range(0, len(chosen), BATCH)
            for document in self._storage.read_documents(chosen[first : first + BATCH])
        ]
        return documents, len(ids)

    def find_neighbours(self, sound: Mapping[str, Any], n: int, selection: Selection | None = None) -> list[Neighbour]:
        """Return the n nearest sounds of a selection, nearest first; never the sound itself, nor what is gone.

        The sound need not be one of the catalog's.
        """
        self._look()
        query = np.frombuffer(vector_of(sound.get("fingerprint")), "<f4")
        with self._lock:
            view = self._update()
            mask = view.select("sounds", selection or Selection())
            one = self._storage.find("sounds", sound["uid"])
            if one is not None and one < view.columns.n:
                mask[one] = False
            nearest = view.columns.find_nearest(query, n, mask)
            distances = view.columns.distances(query, nearest)
        order = np.argsort(distances, kind="stable")[:n]
        documents = self._storage.read_documents(nearest[order].tolist())
        return [Neighbour(*pair) for pair in zip(documents, distances[order].tolist(), strict=True)]

    def check_filled(self) -> None:
        """Raise UnfinishedError while the catalog is being filled."""
        self._look()
        if not (progress := self.progress(FIRST_S)).is_filled:
            raise UnfinishedError(f"{progress.count} of {progress.total} documents are there.")

    def find_duplicates(self, selection: Selection) -> Groups:
        """Return the groups of copies of which a selection has one or more; what is gone is in none."""
        self._look()
        with self._lock:
            version = self._update().columns.version
        groups = self._groups.get(version)
        with self._lock:
            view = self._update()
            groups = groups.keep(view.columns.column("state") == LIVE)
            return groups.select(view.select("sounds", selection)) if selection.is_filtered else groups

    def read_places(self, groups: Groups) -> list[list[Place]]:
        """Return where the members of each group are."""
        ids = groups.ids.tolist()
        places = {
            number: Place(uid, bucket, name, generation)
            for first in range(0, len(ids), BATCH)
            for number, uid, bucket, name, generation in self._storage.read_places(ids[first : first + BATCH])
        }
        return [[places[number] for number in ids[begin:end]] for begin, end in pairwise(groups.starts.tolist())]

    def read_members(self, groups: Groups, group: int, n: int) -> list[dict[str, Any]]:
        """Return the documents of the first n members of a group."""
        first, end = groups.starts[group : group + 2].tolist()
        return self._storage.read_documents(groups.ids[first : min(end, first + n)].tolist())

    def _find_groups(self, known: tuple[int, Groups] | None) -> tuple[int, Groups]:
        with self._lock:
            columns = self._update().columns
            version, groups = columns.version, _regroup(columns, known)
            if groups is not None:
                return version, groups
            candidates = read_candidates(columns, are_there(columns))
            self._n_unsaved += len(candidates.ids)
        return version, find_groups(candidates)

    def read_points(self, n: int) -> Points:
        """Return n sounds that can be compared, or all where they are fewer: a random sample that changes little."""
        self._look()
        with self._lock:
            return choose_points(self._update(), self._changed, n)

    def read_names(self, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
        """Return uid and blob name of each sound that is still there."""
        return self._storage.read_names(ids)

    def read_state(self, name: str) -> str | None:
        """Return what was written beside the sounds under a name."""
        return self._storage.read_state(name)

    def write_state(self, name: str, value: str) -> None:
        """Keep something beside the sounds under a name."""
        self._storage.write_state(**{name: value})

    def _make_token(self) -> str:
        """Name the file, as the ids in it mean nothing in another."""
        token = secrets.token_hex(4)
        self._storage.write_state(token=token)
        return token

    def _count_new(self, mask: Mask, seen: str) -> int | None:
        """Return how many of a mask have come since the look that gave ``seen``; None where it was at another file."""
        if seen and not SEEN.fullmatch(seen):
            raise BadParameterError("seen is what a look before gave")
        token, _, last = seen.partition("-")
        return int(np.count_nonzero(mask[int(last) + 1 :])) if token == self._token else None

    def _look(self) -> None:
        """Say that somebody looks; wait a little for what is new, and raise what kept everything from being read."""
        progress = self.progress(NEW_S if self._changed > 0 else FIRST_S)
        if progress.problem and not progress.is_filled and not progress.count:
            raise progress.problem

    def _read(self, kind: Kind, uid: str) -> dict[str, Any] | None:
        if not UID.fullmatch(uid):
            return None
        self._follower.look()
        held = self._storage.read_document(kind, uid)
        if held is None and (held := source.read_document(self._config, kind, uid)) is not None:
            held = {**held, "uid": uid}
            self._storage.put([make_row(kind, uid, held)])
        return held

    def _find_cursor(self, kind: Kind, after: str) -> int:
        number = self._storage.find(kind, after) if UID.fullmatch(after) else None
        if number is None:
            raise BadParameterError("after is what the page before gave as next")
        return number

    def _update(self) -> View:
        """Bring the columns up to date with the file, which another page may have written too."""
        if self._changed < 0:
            self._load()
        changed = self._storage.changed()
        if changed > self._changed or not self._view.labels:
            rows = self._storage.read_rows(self._changed)
            self._view.columns.apply(rows)
            self._view.labels |= dict(self._storage.read_labels(max(self._view.labels, default=0)))
            self._changed, self._n_unsaved = changed, self._n_unsaved + len(rows)
            if any(row[2] == DELETED for row in rows):
                self._snapshot.remove()  # in which its name is still to be found
            if self._n_unsaved >= UNSAVED and not self._is_preparing and self._follower.progress().is_filled:
                self._is_preparing = True
                Thread(target=self._prepare, args=(self._view.columns.version,), name="catalog", daemon=True).start()
        return self._view

    def _load(self) -> None:
        self._changed, self._view.columns, computed = self._snapshot.load()
        if "by_name" in computed:
            self._view.put_order("name", computed["by_name"])
        with suppress(KeyError, ValueError):  # they were not known, or an earlier version of the page wrote the file
            self._groups.put(self._view.columns.version, Groups.from_arrays(computed))

    def _prepare(self, version: int) -> None:
        """Compute what takes long of many rows before somebody asks for it, and keep it."""
        try:
            self._groups.get(version)
            with self._lock:
                self._update().order("name")
        except sqlite3.Error:
            return  # the catalog was closed meanwhile
        finally:
            self._is_preparing = False
        self._save()

    def _save(self) -> None:
        """Keep the columns, and what was computed of them, for who opens the catalog again.

        Nobody opens one of an emulator.
        """
        with self._lock:
            n_unsaved, self._n_unsaved = self._n_unsaved, 0
            if not n_unsaved or is_emulated():
                return
            computed: dict[str, NDArray[Any]] = {}
            if (by_name := self._view.known_order("name")) is not None:
                computed["by_name"] = by_name
            if (groups := _regroup(self._view.columns, self._groups.known)) is not None:
                computed |= groups.to_arrays()
            with suppress(OSError, sqlite3.Error):  # such as a full disk: then all rows are read the next time
                self._snapshot.save(self._view.columns, self._changed, computed)


def _regroup(columns: Columns, known: tuple[int, Groups] | None) -> Groups | None:
    """Bring groups up to date; None where they are not known, or where so much has changed that all are found anew."""
    if known is None:
        return None
    version, groups = known
    changed = columns.changed_since(version)
    return regroup(columns, groups, changed) if len(changed) else groups


def path_of(config: Config, environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the catalog of a real project is: one for each project, database, bucket and pair of collections."""
    settings = config.settings
    names = (
        *(config.project, settings.firestore_database, config.bucket_name),
        *(settings.sounds_collection, settings.rejections_collection),
    )
    digest = hashlib.sha256("\0".join(names).encode()).hexdigest()[:12]
    told = re.sub(r"[^A-Za-z0-9_.-]", "_", config.bucket_name)
    cache = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "sounds-page" / f"{told}-{digest}.sqlite"


def forget(config: Config) -> Path | None:
    """Remove the catalog of a real project; return where it was, None where there was none."""
    path = path_of(config)
    return path if storage.remove(path) else None
