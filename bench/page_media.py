"""How long the picture of a short sound takes on the page, alone and while one of two hours is drawn.

The page is a process of its own over emulators on the same machine. Each picture is asked for in another width, so that
none comes from its cache.
"""

import http.client
import io
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import soundfile
from google.cloud import firestore, storage  # type: ignore[attr-defined]

from analysis.definition import SR
from bench.documents import make_document, write_documents
from bench.options import Options
from bench.runs import progress
from bench.table import Table, seconds
from local.program import Program
from local.servers import PROJECT, client_variables, ensure_bucket, start_firestore, start_page, start_storage

BUCKET = "bench-media"
SHORT_S, LONG_S, QUICK_LONG_S = 3, 7200, 900
PAUSE_S = 0.3  # between two pictures, so that they meet the long one at its start, its middle and its end
MOST_TIMES = 2  # as long as alone: what is promised


def measure_pictures(options: Options) -> list[Table]:
    """Time the pictures of a short sound."""
    long_s = QUICK_LONG_S if options.quick else LONG_S
    n_runs = 3 * options.runs
    with _serve(long_s) as (page, short, long):
        widths = iter(range(1000, 1, -1))
        progress("the picture of a short sound")
        _ask(page, short, next(widths))  # which imports what draws
        alone_s = [_ask_after_a_while(page, short, next(widths)) for _ in range(n_runs)]
        progress("the same while a long one is drawn")
        with _drawing(page, long):
            beside_s = [_ask_after_a_while(page, short, next(widths)) for _ in range(n_runs)]
        progress("the long one")
        long_took_s = _ask(page, long, 7)
    alone, beside = statistics.median(alone_s), statistics.median(beside_s)
    rows = [
        ["alone, ms", seconds(1000 * alone)],
        [f"while one of {long_s // 60} minutes is drawn, ms", seconds(1000 * beside)],
        ["times as long", f"{beside / alone:.2f}"],
        [f"the one of {long_s // 60} minutes itself, s", seconds(long_took_s)],
    ]
    wrong = [f"a short sound's picture takes {beside / alone:.2f} times as long"] if beside > MOST_TIMES * alone else []
    notes = (f"The spectrogram of {SHORT_S} seconds, medians of {n_runs} requests.",)
    return [Table("Pictures of the page", notes, ("", "value"), rows, wrong)]


@contextmanager
def _serve(long_s: int) -> Iterator[tuple[Program, str, str]]:
    """Serve a page over a short sound and a long one; yield it and their uids."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        directory = Path(name)
        with start_firestore(directory).wait() as database, start_storage(directory).wait() as files:
            ensure_bucket(files, BUCKET)
            progress("uploading a short and a long sound")
            before = dict(os.environ)
            os.environ.update(client_variables(files, database))  # read when the clients are made
            try:
                bucket = storage.Client(PROJECT).bucket(BUCKET)
                documents = [_upload(bucket, f"{duration_s} s.wav", duration_s) for duration_s in (SHORT_S, long_s)]
                write_documents(firestore.Client(PROJECT).collection("sounds"), documents)
            finally:
                os.environ.clear()
                os.environ.update(before)
            with start_page(directory, BUCKET, client_variables(files, database), uploads=False).wait() as page:
                yield page, documents[0]["uid"], documents[1]["uid"]


def _upload(bucket: Any, name: str, duration_s: int) -> dict[str, Any]:
    noise = (np.random.default_rng(0).normal(0, 2000, SR)).astype(np.int16)
    file = io.BytesIO()
    soundfile.write(file, np.tile(noise, duration_s), SR, "PCM_U8", format="WAV")
    blob = bucket.blob(name)
    blob.upload_from_string(file.getvalue(), "audio/wav")
    return make_document(
        name, length=duration_s * SR, bucket=BUCKET, generation=int(blob.generation), size=file.getbuffer().nbytes
    )


@contextmanager
def _drawing(page: Program, uid: str) -> Iterator[None]:
    """Have the long sound drawn again and again, from when its first drawing has begun."""
    is_over = Event()

    def draw() -> None:
        width = 1000
        while not is_over.is_set():
            width -= 1
            with closing(_request(page, uid, width)) as connection:
                while not is_over.is_set() and not _has_answered(connection):
                    pass

    drawing = Thread(target=draw)
    drawing.start()
    time.sleep(2)  # its process has been started
    try:
        yield
    finally:
        is_over.set()
        drawing.join()


def _has_answered(connection: http.client.HTTPConnection) -> bool:
    """Wait a little for the answer."""
    connection.sock.settimeout(0.2)
    try:
        return bool(connection.sock.recv(2**16))
    except TimeoutError:
        return False


def _request(page: Program, uid: str, width: int) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(page.host, page.port, timeout=600)
    connection.request("GET", f"/sounds/{uid}/spectrogram.png?width={width}")
    return connection


def _ask_after_a_while(page: Program, uid: str, width: int) -> float:
    time.sleep(PAUSE_S)
    return _ask(page, uid, width)


def _ask(page: Program, uid: str, width: int) -> float:
    """Return how long a picture takes, s; raise OSError unless it comes."""
    began_s = time.perf_counter()
    with closing(_request(page, uid, width)) as connection:
        answer = connection.getresponse()
        body = answer.read()
    if answer.status != http.client.OK:
        raise OSError(f"{uid}: {answer.status} {body[:200]!r}")
    return time.perf_counter() - began_s
