"""A bucket and collections that only the backfill writes to, and backfill.sh run on them."""

import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.cloud import firestore as google_firestore
from google.cloud import storage as google_storage

from local.servers import PROJECT
from tests.fakes.synthetic import encode, tone

BACKFILL_SH = Path(__file__).resolve().parents[2] / "backfill.sh"
KEYS = [
    *("objects", "sounds", "rejections", "skipped", "pending", "missing"),
    *("stale", "gone", "failed", "unreadable", "bytes"),
]
CONTENTS = [
    encode(tone(0.2)),
    encode(tone(0.1, 22050, 1), 22050, "FLAC"),
    encode(tone(0.1), 44100, "MP3", "MPEG_LAYER_III"),
    b"This is no sound. " * 20,
    encode(tone(0.2))[:60],
]
ODD_NAMES = [
    "a b",
    "é",
    "\U0001f600",
    "\uffee",
    "#1",
    "a//b",
    "a\\b",
    "%41",
    "..",
    ".",
    "__x__",
    "x" * 900,
    "tab\tname",
]
VARYING = {"event_id", "analyzed_at", "rejected_at"}  # which run wrote it


@dataclass(frozen=True)
class Place:
    """A bucket, and collections that only the backfill writes to."""

    bucket: google_storage.Bucket
    sounds: google_firestore.CollectionReference
    rejections: google_firestore.CollectionReference
    environment: dict[str, str]
    directory: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Begin a run."""
        process = subprocess.Popen(
            [BACKFILL_SH, "--project", PROJECT, "--bucket", self.bucket.name, "--json", "--grace=0", *arguments],
            env=os.environ | self.environment | environment,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def end(self) -> None:
        """End what still runs, as where a test was interrupted."""
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def run(self, *arguments: str, expected: int = 0, **environment: str) -> dict[str, int]:
        """Run to the end and return the summary."""
        process = self.start(*arguments, **environment)
        output, errors = process.communicate(timeout=400)
        assert process.returncode == expected, errors
        summary: dict[str, int] = json.loads(output.splitlines()[-1])
        assert list(summary) == KEYS
        return summary

    def documents(self) -> dict[str, dict[str, Any]]:
        """Return all documents by collection and id, without what tells which run wrote them."""
        return read(self.sounds, "sounds") | read(self.rejections, "rejections")


def read(collection: google_firestore.CollectionReference, name: str) -> dict[str, dict[str, Any]]:
    """Return the documents of a collection, without what tells which run wrote them."""
    return {
        f"{name}/{snapshot.id}": {key: value for key, value in snapshot.to_dict().items() if key not in VARYING}
        for snapshot in collection.stream()
    }


def fill(bucket: google_storage.Bucket, n_objects: int) -> None:
    """Upload mixed objects: good, bad, oddly named, overwritten, excluded, placeholders and composite parts."""
    contents = {f"takes/{number}.wav": CONTENTS[number % len(CONTENTS)] for number in range(n_objects)}
    contents |= {f"odd/{name}": CONTENTS[0] for name in ODD_NAMES}
    contents |= {"takes/": b"", "empty_$folder$": b"", "empty.wav": b"", "notes.txt": b"words"}
    contents |= {f"gsutil/tmp/parallel_composite_uploads/x/part_{number}": b"part" for number in range(5)}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: bucket.blob(name).upload_from_string(contents[name]), contents))
        again = [name for name in contents if name.endswith("7.wav")]
        list(pool.map(lambda name: bucket.blob(name).upload_from_string(CONTENTS[1]), again))
