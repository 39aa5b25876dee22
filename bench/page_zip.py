"""How much memory a ZIP file of many sounds takes the page, and how long, from the emulator on the same machine."""

import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage  # type: ignore[attr-defined]

from analysis.settings import Settings
from bench.documents import make_document
from bench.options import Options
from bench.process import begin_peak, peak
from bench.runs import progress
from bench.table import Table, megabytes, seconds
from local.servers import ensure_bucket, start_storage
from page.config import Config
from page.media.audio import Content, open_content
from page.media.zip_file import write_zip

COUNTS, QUICK_COUNTS = (10, 100, 1000), (2, 20)
FILE_BYTES = 1_000_000
PROJECT, BUCKET = "bench-archive", "bench"


def measure_archives(options: Options) -> Table:
    """Send ZIP files of few sounds, many and very many, and return the most memory that each took."""
    counts = QUICK_COUNTS if options.quick else COUNTS
    with tempfile.TemporaryDirectory(prefix="bench-") as name, start_storage(Path(name)).wait() as server:
        ensure_bucket(server, BUCKET)
        progress(f"uploading {counts[-1]} files")
        client = storage.Client(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": server.url})
        bucket = client.bucket(BUCKET)
        sounds = []
        for number in range(counts[-1]):
            blob = bucket.blob(f"kit/{number}.wav")
            blob.upload_from_string(b"RIFF" + os.urandom(FILE_BYTES - 4))  # which could begin as gzip does
            sounds.append(make_document(blob.name, seed=number, bucket=BUCKET, generation=int(blob.generation)))
        with patch.dict(os.environ, STORAGE_EMULATOR_HOST=server.url):
            config = Config(PROJECT, BUCKET, Settings())
            open_sound = partial(open_content, config, range_header=None)
            _send(sounds[:1], open_sound)
            rows = [[str(count), *_send(sounds[:count], open_sound)] for count in counts]
    notes = (f"Files of {FILE_BYTES // 10**6} MB; memory is the most that was taken above that before.",)
    return Table("ZIP", notes, ("sounds", "memory, MB", "s", "MB a second"), rows)


def _send(sounds: list[dict[str, Any]], open_sound: Callable[[dict[str, Any]], Content]) -> list[str]:
    progress(f"a ZIP file of {len(sounds)}")
    before_mb, began_s = begin_peak(), time.perf_counter()
    n_bytes = sum(map(len, write_zip(sounds, open_sound, _fail)))
    took_s = time.perf_counter() - began_s
    return [megabytes(peak() - before_mb), seconds(took_s), f"{n_bytes / 1e6 / took_s:.0f}"]


def _fail(error: Exception) -> str:
    raise error
