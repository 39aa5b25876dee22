"""How long the page takes to answer, over few sounds and over very many.

The page is a process of its own, the database Google's emulator, in memory on the same machine. Each request is timed
by a client that waits for the last byte; what the page remembers is asked for under another address each time.
"""

import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from google.cloud import firestore

from bench.documents import make_document, plant
from bench.options import Options
from bench.runs import ROOT, progress
from bench.table import Table, seconds
from local import parts
from local.ports import choose_port

FEW, MANY, QUICK = 5, 100_000, 1000
BUCKET = "bench"
START_S = 60
HEADER = ("request", "sounds", "median, s", "slowest, s", "kB")


def measure_page(options: Options) -> list[Table]:
    """Time the pages over five sounds and over a hundred thousand."""
    rows, notes = [], []
    for count in (FEW, QUICK if options.quick else MANY):
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as directory,
            parts.start_firestore(Path(directory)) as database,
            parts.start_storage(Path(directory)) as storage,
        ):
            environment = {"FIRESTORE_EMULATOR_HOST": database.address, "STORAGE_EMULATOR_HOST": storage.url}
            uids, took_s = _fill(environment, count)
            notes.append(f"{count} documents were written in {took_s:.0f} s.")
            with _serve(environment) as ask:
                rows += _measure(ask, uids, count, 3 * options.runs)
    return [Table("The page", [*notes, f"Medians of {3 * options.runs} requests."], HEADER, rows)]


def _measure(ask: Callable[[str], bytes], uids: list[str], count: int, n_runs: int) -> list[list[str]]:
    """Time each kind of request; the first of the page's life is not counted."""
    ask("/")
    older = ask("/").decode().partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    kinds: dict[str, Callable[[int], str]] = {
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
            n_bytes = len(ask(address(run)))
            times.append(time.perf_counter() - started)
        row = [name, str(count), seconds(statistics.median(times)), seconds(max(times)), f"{n_bytes / 1000:.0f}"]
        rows.append(row)
    return rows


def _fill(environment: dict[str, str], count: int) -> tuple[list[str], float]:
    """Write documents and return the uids of the first, and the seconds that it took."""
    progress(f"writing {count} documents")
    os.environ["FIRESTORE_EMULATOR_HOST"] = environment["FIRESTORE_EMULATOR_HOST"]
    try:
        client = firestore.Client(parts.PROJECT)
    finally:
        del os.environ["FIRESTORE_EMULATOR_HOST"]
    started = time.perf_counter()
    plant(client, "sounds", (make_document(f"kit/{n}.wav", seed=n, bucket=BUCKET) for n in range(count)))
    took_s = time.perf_counter() - started
    client.close()
    first = range(min(count, 100))
    return [make_document(f"kit/{n}.wav", seed=n, bucket=BUCKET)["uid"] for n in first], took_s


@contextmanager
def _serve(environment: dict[str, str]) -> Iterator[Callable[[str], bytes]]:
    """Start the page and yield what asks it; it is gone when the context is left."""
    port = choose_port()
    command = [sys.executable, "-m", "page", "--project", parts.PROJECT, "--bucket", BUCKET, "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.DEVNULL)

    def ask(path: str) -> bytes:
        connection = http.client.HTTPConnection(parts.part.HOST, port, timeout=300)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != http.client.OK:
            raise http.client.HTTPException(f"{path}: {answer.status} {body[:500]!r}")
        return body

    try:
        _wait(ask, process)
        yield ask
    finally:
        process.terminate()
        process.wait()


def _wait(ask: Callable[[str], bytes], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            raise TimeoutError("the page does not start")
        try:
            ask("/static/icon.svg")
        except ConnectionError:
            time.sleep(0.05)
        else:
            return
