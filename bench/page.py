"""How long the page takes to answer, over few sounds and over very many, and how fast its catalog is filled.

The catalog's file is written from synthetic documents, the app is called in this process, and each request is timed
until its last byte, compressed, is there. No database is asked meanwhile, as none is when somebody looks.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import batched
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from google.cloud import firestore

from analysis.settings import Settings
from bench import page_media
from bench.documents import make_document, write_documents
from bench.options import Options
from bench.page_zip import measure_archives
from bench.runs import progress
from bench.table import Table, megabytes, seconds
from local.program import Program
from local.servers import PROJECT, client_variables, ensure_bucket, start_firestore, start_storage
from page.catalog.catalog import Catalog, path_of
from page.catalog.records import KINDS, make_row
from page.catalog.storage import Storage
from page.config import Config
from page.web.app import make_app

COUNTS, QUICK_COUNTS = (1000, 100_000, 1_000_000), (1000, 5000)
FILLED, QUICK_FILLED = 100_000, 1000
BUCKET = "bench"
DISTINCT = (
    2000  # documents that are made; others are these under other names, as making one takes longer than writing it
)
WORDS = ("kick", "snare", "hihat", "Glocke", "Café", "rain", "voice", "take", "loop", "pad")
FIRSTS = {"by name", "search: a tenth", "duplicates"}  # which prepare what the next time finds
ADDRESSES = {
    "list, newest": "/",
    "by name": "/?sort=name",
    "longest": "/?sort=longest",
    "loudest": "/?sort=loudest",
    "page in the middle": "/?after={uid}",
    "search: a tenth": "/?q=snare",
    "search: all": "/?q=wav",
    "search: none": "/?q=zzyzx",
    "search: two words, not a third": "/?q=snare+kit+-7",
    "folder": "/?folder=kit%2F7%2F",
    "length and level": "/?min_s=2&max_s=5&min_db=-30",
    "note": "/?note=A%23",
    "tempo, longest": "/?bpm=60&sort=longest",
    "JSON, 1000 sounds": "/sounds.json?n=1000",
    "one sound": "/sounds/{uid}",
    "ten neighbours": "/sounds/{uid}/neighbours.json",
    "ten neighbours in a folder": "/sounds/{uid}/neighbours.json?folder=kit%2F7%2F",
    "duplicates": "/duplicates",
    "map": "/map.json",
}


def measure(options: Options) -> list[Table]:
    """Time the page over few sounds, many and very many, and the filling of its catalog."""
    columns = [_measure_count(count, 3 * options.runs) for count in (QUICK_COUNTS if options.quick else COUNTS)]
    names = list(columns[0])
    rows = [[name, *(column[name] for column in columns)] for name in names]
    header = ("", *(f"{count} sounds" for count in (QUICK_COUNTS if options.quick else COUNTS)))
    notes = (f"Medians of {3 * options.runs} requests, each for another sound where its address has one: ms / CPU ms.",)
    filled = QUICK_FILLED if options.quick else FILLED
    return [
        Table("The page", notes, header, rows),
        Table("Filling", ("From Google's emulator on the same machine.",), ("", "value"), measure_filling(filled)),
        *page_media.measure_pictures(options),
        measure_archives(options),
    ]


def measure_filling(count: int) -> list[list[str]]:
    """Fill a catalog from the emulator and return how fast that was."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        directory = Path(name)
        with start_firestore(directory).wait() as database, start_storage(directory).wait() as storage:
            ensure_bucket(storage, BUCKET)
            with _environment(client_variables(storage, database)):
                progress(f"writing {count} documents")
                write_documents(_connect(database).collection("sounds"), make_documents(count))
                progress("filling")
                began_s, began_cpu_s = time.perf_counter(), time.process_time()
                catalog = Catalog(Config(PROJECT, BUCKET, Settings()))
                try:
                    while not (state := catalog.progress(0.1)).is_filled:
                        if state.problem:
                            raise state.problem
                    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
                finally:
                    catalog.close()
    return [
        ["documents", str(count)],
        ["documents a second", f"{count / took_s:.0f}"],
        ["documents a CPU second of the page", f"{count / cpu_s:.0f}"],
        ["reads", str(state.reads)],
    ]


def make_documents(count: int) -> Iterator[dict[str, Any]]:
    """Yield documents of sounds that have files in another bucket, so that none is gone."""
    made = [make_document("x", seed=seed) for seed in range(min(count, DISTINCT))]
    for number in range(count):
        name = f"kit/{number % 997}/{WORDS[number % 10]} {WORDS[number // 10 % 10]} {number:07}.wav"
        identity = make_uid_of(number)
        yield made[number % len(made)] | {"uid": identity, "blob_name": name, "file_name": name, "generation": number}


def make_uid_of(number: int) -> str:
    """Return the uid of a document: the hash of its number."""
    return f"{number * 2654435761 % 2**32:08x}-0000-5000-8000-{number:012x}"


def _measure_count(count: int, n_runs: int) -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        variables = {"XDG_CACHE_HOME": directory, "NO_GCE_CHECK": "true", "GOOGLE_APPLICATION_CREDENTIALS": "/dev/null"}
        with _environment(variables):
            config = Config("bench", BUCKET, Settings())
            _write_catalog(path_of(config), count)
            before = psutil.Process().memory_info().rss
            progress(f"opening {count}")
            unfinished, catalog, _ = _open(config)
            catalog.close()
            opened, catalog, app = _open(config)
            result = {
                "opening again and the first list": opened,
                "the same after a crash": unfinished,
            }
            try:
                for name, address in ADDRESSES.items():
                    progress(f"{name}, {count} sounds")
                    times: list[tuple[float, float]] = []
                    for run in range(n_runs + 1):
                        uid = make_uid_of((run * 7919 + count // 2) % count)
                        times.append(_time(partial(_ask, app, address.format(uid=uid))))
                    walls, cpus = zip(*times, strict=True)
                    result[name] = _cell(statistics.median(walls[1:]), statistics.median(cpus[1:]))
                    if name in FIRSTS:
                        result[f"{name}, the first time"] = _cell(*times[0])
                result["memory above an empty page, MB"] = megabytes(
                    (psutil.Process().memory_info().rss - before) / 1e6
                )
                result["file, MB"] = megabytes(path_of(config).stat().st_size / 1e6)
            finally:
                catalog.close()
    return result


def _write_catalog(path: Path, count: int) -> None:
    progress(f"writing a catalog of {count}")
    path.parent.mkdir(parents=True, exist_ok=True)
    storage = Storage(path)
    for some in batched(make_documents(count), 5000):
        storage.put([make_row("sounds", document["uid"], document) for document in some])
    storage.write_state(**{f"filled {kind}": "all" for kind in KINDS})
    storage.close()


def _open(config: Config) -> tuple[str, Catalog, Any]:
    """Open a catalog and answer the first look."""
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    catalog = Catalog(config)
    app = make_app(config, catalog)
    _ask(app, "/")
    return _cell(time.perf_counter() - began_s, time.process_time() - began_cpu_s), catalog, app


def _ask(app: Any, address: str) -> None:
    """Ask the app as a browser does; raise OSError unless it answers with 200."""
    path, _, query = address.partition("?")
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [(b"host", b"localhost:8080"), (b"accept-encoding", b"gzip"), (b"accept", b"text/html")]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "root_path": ""}
    asyncio.run(app(scope | {"headers": headers}, receive, send))
    if statuses != [200]:
        raise OSError(f"{address}: {statuses}")


def _time(action: Callable[[], None]) -> tuple[float, float]:
    """Return how long something takes, and how much of the processor, s."""
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - began_s, time.process_time() - began_cpu_s


def _cell(wall_s: float, cpu_s: float) -> str:
    return f"{seconds(wall_s * 1000)} / {seconds(cpu_s * 1000)}"


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _connect(database: Program) -> Any:
    os.environ["FIRESTORE_EMULATOR_HOST"] = database.address  # read when the client is made
    return firestore.Client(PROJECT)
