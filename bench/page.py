"""How long the page takes to answer, over few sounds and over very many.

The page is a process of its own, the database Google's emulator, in memory on the same machine. Each request is timed
by a client that waits for the last byte; what the page remembers is asked for under another address each time.
"""

import http.client
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from google.cloud import firestore
from google.cloud.firestore_v1.base_vector_query import DistanceMeasure

from bench.documents import make_document, write_documents
from bench.options import Options
from bench.runs import progress
from bench.table import Table, seconds
from local.program import Program
from local.servers import PROJECT, client_variables, start_firestore, start_page, start_storage

COUNTS, QUICK_COUNTS = (5, 10_000, 100_000), (5, 1000)
BUCKET = "bench"
ANSWER_S = 60
HEADER = ("request", "sounds", "median, s", "slowest, s", "the query alone, s", "kB")
NOTES = (
    "The query alone is what a client waits for that asks the emulator the same and does nothing with the answer.",
    "The emulator has no index: it reads the whole collection for every query, which Firestore does not.",
    "Means and map are remembered: their slowest is the first, which reads a sample of the collection.",
)


def measure(options: Options) -> list[Table]:
    """Time the pages over few sounds, many and very many."""
    rows, notes = [], []
    for count in QUICK_COUNTS if options.quick else COUNTS:
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as directory,
            start_firestore(Path(directory)).wait() as database,
            start_storage(Path(directory)).wait() as storage,
        ):
            sounds = _connect(database).collection("sounds")
            uids, took_s = _fill(sounds, count)
            notes.append(f"{count} documents were written in {took_s:.0f} s.")
            with start_page(Path(directory), BUCKET, client_variables(storage, database), uploads=False).wait() as page:
                rows += _measure(page, sounds, uids, count, 3 * options.runs)
    return [Table("The page", [*NOTES, *notes, f"Medians of {3 * options.runs} requests."], HEADER, rows)]


def _measure(page: Program, sounds: Any, uids: list[str], count: int, n_runs: int) -> list[list[str]]:
    """Time each kind of request, and the query that it makes."""
    older = _ask(page, "/").decode().partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    newest = sounds.order_by("uploaded_at", direction="DESCENDING").limit(51)
    named = sounds.order_by("blob_name").start_at({"blob_name": "kit/4"}).end_at({"blob_name": "kit/4\uf8ff"}).limit(51)
    fingerprint = _document(0)["fingerprint"]
    nearest = sounds.find_nearest("fingerprint", fingerprint, 11, DistanceMeasure.EUCLIDEAN)
    kinds: dict[str, tuple[Callable[[int], str], Any]] = {
        "list, newest": (lambda _: "/", newest),
        "list, after a mark": (lambda _: older or "/", newest),
        "search": (lambda _: "/?q=kit/4", named),
        "one sound": (lambda run: f"/sounds/{uids[run % len(uids)]}", None),
        "its means": (lambda run: f"/sounds/{uids[run % len(uids)]}/means", sounds.order_by("__name__").limit(300)),
        "ten neighbours": (
            lambda run: f"/sounds/{uids[run % len(uids)]}/neighbours.json?n={10 + run // len(uids)}",
            nearest,
        ),
        "map": (lambda _: "/map.json", sounds.order_by("__name__").limit(2000)),
    }
    rows = []
    for name, (address, query) in kinds.items():
        progress(f"{name}, {count} sounds")
        answers = [_timed(partial(_ask, page, address(run))) for run in range(n_runs)]
        times = [took_s for took_s, _ in answers]
        alone = [_timed(partial(query.get, timeout=ANSWER_S))[0] for _ in range(n_runs)] if query else []
        alone_s = seconds(statistics.median(alone)) if alone else ""
        n_kb = f"{len(answers[-1][1]) / 1000:.0f}"
        rows.append([name, str(count), seconds(statistics.median(times)), seconds(max(times)), alone_s, n_kb])
    return rows


def _timed(action: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    answer = action()
    return time.perf_counter() - started, answer


def _connect(database: Program) -> Any:
    os.environ["FIRESTORE_EMULATOR_HOST"] = database.address  # read when the client is made
    client = firestore.Client(PROJECT)
    del os.environ["FIRESTORE_EMULATOR_HOST"]
    return client


def _fill(sounds: Any, count: int) -> tuple[list[str], float]:
    """Write documents and return the uids of the first, and the seconds that it took."""
    progress(f"writing {count} documents")
    took_s, _ = _timed(lambda: write_documents(sounds, (_document(n) for n in range(count))))
    return [_document(n)["uid"] for n in range(min(count, 100))], took_s


def _document(n: int) -> dict[str, Any]:
    return make_document(f"kit/{n}.wav", seed=n, bucket=BUCKET)


def _ask(page: Program, path: str) -> bytes:
    connection = http.client.HTTPConnection(page.host, page.port, timeout=ANSWER_S)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != http.client.OK:
        raise http.client.HTTPException(f"{path}: {answer.status} {body[:500]!r}")
    return body
