"""How long the page takes to answer, over few sounds and over very many.

The page is a process of its own, the database Google's emulator, in memory on the same machine. Each request is timed
by a client that waits for the last byte; what the page remembers is asked for under another address each time.
"""

import http.client
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from google.cloud import firestore

from bench.documents import make_document, plant
from bench.options import Options
from bench.runs import progress
from bench.table import Table, seconds
from local.program import Program
from local.servers import PROJECT, client_variables, start_firestore, start_page, start_storage

FEW, MANY, QUICK = 5, 100_000, 1000
BUCKET = "bench"
ANSWER_S = 60
HEADER = ("request", "sounds", "median, s", "slowest, s", "kB")


def measure(options: Options) -> list[Table]:
    """Time the pages over five sounds and over a hundred thousand."""
    rows, notes = [], []
    for count in (FEW, QUICK if options.quick else MANY):
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as directory,
            start_firestore(Path(directory)).wait() as database,
            start_storage(Path(directory)).wait() as storage,
        ):
            uids, took_s = _fill(database, count)
            notes.append(f"{count} documents were written in {took_s:.0f} s.")
            with start_page(Path(directory), BUCKET, client_variables(storage, database)).wait() as page:
                rows += _measure(page, uids, count, 3 * options.runs)
    return [Table("The page", [*notes, f"Medians of {3 * options.runs} requests."], HEADER, rows)]


def _measure(page: Program, uids: list[str], count: int, n_runs: int) -> list[list[str]]:
    """Time each kind of request; the first of the page's life is not counted."""
    older = _ask(page, "/").decode().partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    kinds = {
        "list, newest": lambda _: "/",
        "list, after a mark": lambda _: older or "/",
        "search": lambda run: f"/?q=kit/{run % count}",
        "one sound": lambda run: f"/sounds/{uids[run % count]}",
        "its means": lambda run: f"/sounds/{uids[run % count]}/means",
        "ten neighbours": lambda run: f"/sounds/{uids[run % count]}/neighbours.json?n={10 + run // count}",
        "map": lambda _: "/map.json",
    }
    rows = []
    for name, address in kinds.items():
        progress(f"{name}, {count} sounds")
        times, n_bytes = [], 0
        for run in range(n_runs):
            started = time.perf_counter()
            n_bytes = len(_ask(page, address(run)))
            times.append(time.perf_counter() - started)
        row = [name, str(count), seconds(statistics.median(times)), seconds(max(times)), f"{n_bytes / 1000:.0f}"]
        rows.append(row)
    return rows


def _fill(database: Program, count: int) -> tuple[list[str], float]:
    """Write documents and return the uids of the first, and the seconds that it took."""
    progress(f"writing {count} documents")
    os.environ["FIRESTORE_EMULATOR_HOST"] = database.address  # read when the client is made
    client = firestore.Client(PROJECT)
    del os.environ["FIRESTORE_EMULATOR_HOST"]
    started = time.perf_counter()
    plant(client, "sounds", (_document(n) for n in range(count)))
    took_s = time.perf_counter() - started
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
