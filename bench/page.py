"""How long the page takes to answer, over few sounds and over very many, and how fast its catalog is filled.

The catalog's file is written from synthetic documents, the app is called in this process, and each request is timed
until its last byte, compressed, is there. No database is asked meanwhile, as none is when somebody looks.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import batched
from pathlib import Path
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped]
from google.cloud import firestore
from google.cloud.firestore_v1.vector import Vector

from analysis.definition import N_FINGERPRINT
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
SPREAD = np.geomspace(2.5, 0.25, N_FINGERPRINT)  # few directions hold most of what tells sounds apart
WORDS = ("kick", "snare", "hihat", "Glocke", "Café", "rain", "voice", "take", "loop", "pad")
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
    counts = QUICK_COUNTS if options.quick else COUNTS
    columns = [_measure_count(count, 3 * options.runs) for count in counts]
    header = ("", *(f"{count} sounds" for count in counts))
    notes = (f"Medians of {3 * options.runs} requests, each for another sound where its address has one: ms / CPU ms.",)
    after_change = ("The same right after a sound was written.",)
    filled = QUICK_FILLED if options.quick else FILLED
    return [
        Table("The page", notes, header, _rows([column for column, _ in columns])),
        Table("The page after a change", after_change, header, _rows([column for _, column in columns])),
        Table("Filling", ("From Google's emulator on the same machine.",), ("", "value"), measure_filling(filled)),
        *page_media.measure_pictures(options),
        measure_archives(options),
    ]


def _rows(columns: list[dict[str, str]]) -> list[list[str]]:
    return [[name, *(column[name] for column in columns)] for name in columns[0]]


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
    """Yield documents of sounds that have files in another bucket, so that none is gone.

    A hundredth are copies of some files; no two others are the same sound.
    """
    made = [make_document("x", seed=seed) for seed in range(min(count, DISTINCT))]
    vectors = [np.array(document["fingerprint"]) for document in made]
    for number in range(count):
        turn, one = divmod(number, len(made))
        name = f"kit/{number % 997}/{WORDS[number % 10]} {WORDS[number // 10 % 10]} {number:07}.wav"
        document = {"uid": make_uid_of(number), "blob_name": name, "file_name": name, "generation": number}
        if number % 100:
            vector = SPREAD * np.roll(vectors[one], turn) + 0.1 * (turn // N_FINGERPRINT)
            document |= {"fingerprint": Vector(vector.tolist()), "md5_hash": f"{number}", "crc32c": f"{number}"}
        yield made[one] | document


def make_later_documents(count: int) -> Iterator[dict[str, Any]]:
    """Yield documents of sounds that are uploaded after so many others, every second a copy of the one before."""
    for number in range(count, 2**32):
        yield make_document(f"kit/later {number}.wav", seed=number // 2, bucket="other", uid=make_uid_of(number))


def make_uid_of(number: int) -> str:
    """Return the uid of a document: the hash of its number."""
    return f"{number * 2654435761 % 2**32:08x}-0000-5000-8000-{number:012x}"


def _measure_count(count: int, n_runs: int) -> tuple[dict[str, str], dict[str, str]]:
    """Return what each address takes, and what it takes after a change."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        variables = {"XDG_CACHE_HOME": directory, "NO_GCE_CHECK": "true", "GOOGLE_APPLICATION_CREDENTIALS": "/dev/null"}
        with _environment(variables):
            config = Config("bench", BUCKET, Settings())
            _write_catalog(path_of(config), count)
            before = psutil.Process().memory_info().rss
            progress(f"opening {count}")
            unfinished, catalog, app = _open(config)
            for address in ("/duplicates", "/?sort=name"):  # which it computes by itself, and keeps
                _ask(app, address)
            catalog.close()
            opened, catalog, app = _open(config)
            result = {
                "opening again and the first list": opened,
                "the same after a crash": unfinished,
            }
            changed: dict[str, str] = {}
            later = make_later_documents(count)
            try:
                for name, address in ADDRESSES.items():
                    progress(f"{name}, {count} sounds")
                    addresses = [
                        address.format(uid=make_uid_of((run * 7919 + count // 2) % count)) for run in range(n_runs + 1)
                    ]
                    _ask(app, addresses[0])
                    result[name] = _median(_time(partial(_ask, app, address)) for address in addresses[1:])
                    times = []
                    for asked in addresses[1:]:
                        catalog.put("sounds", next(later))
                        times.append(_time(partial(_ask, app, asked)))
                    changed[name] = _median(times)
                result["memory above an empty page, MB"] = megabytes(
                    (psutil.Process().memory_info().rss - before) / 1e6
                )
                result["file, MB"] = megabytes(path_of(config).stat().st_size / 1e6)
            finally:
                catalog.close()
    return result, changed


def _median(times: Iterable[tuple[float, float]]) -> str:
    walls, cpus = zip(*times, strict=True)
    return _cell(statistics.median(walls), statistics.median(cpus))


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
