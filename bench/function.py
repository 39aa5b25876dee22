"""A function under the functions-framework against real emulators: started, sent an event, timed and ended."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.runs import ROOT
from local import servers
from local.ports import choose_port
from local.program import HOST

BUCKET = "bench"
SOURCES = {"plain": ROOT / "bench/plain_function", "ours": ROOT}
POLL_S = 0.002  # finer than local.program's: the waiting is what is measured
ANSWER_S = 60
STEPS = re.compile(r'"seconds": (\{.*?\})')


@dataclass(frozen=True, slots=True)
class Cloud:
    """The emulators, with one sound in a bucket.

    Attributes:
        environment: what a function needs to find them.
        event: the finalize event of the sound.
    """

    environment: dict[str, str]
    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Start:
    """One process, from its start to its second document.

    Attributes:
        listening_s: seconds until it listens.
        first_s: seconds from then to the answer to its first event.
        second_s: seconds that a second event takes.
        steps_s: seconds of each step of the first event, from its log.
        log: what it wrote.
    """

    listening_s: float
    first_s: float
    second_s: float
    steps_s: dict[str, float]
    log: str


@contextmanager
def start_cloud(sound: Path) -> Iterator[Cloud]:
    """Start the emulators and upload a sound; they are gone when the context is left."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        servers.start_firestore(Path(directory)).wait() as firestore,
        servers.start_storage(Path(directory)).wait() as storage,
    ):
        _post(f"{storage.url}/storage/v1/b?project={servers.PROJECT}", json.dumps({"name": BUCKET}).encode())
        upload = f"{storage.url}/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={sound.name}"
        resource = json.loads(_post(upload, sound.read_bytes(), "audio/wav"))
        moment = resource["timeCreated"]
        context = {"eventId": "1", "timestamp": moment, "eventType": "google.storage.object.finalize", "resource": {}}
        environment = {
            "STORAGE_EMULATOR_HOST": storage.url,
            "FIRESTORE_EMULATOR_HOST": firestore.address,
            "GOOGLE_CLOUD_PROJECT": servers.PROJECT,
            "TMPDIR": directory,
        }
        yield Cloud(environment, {"context": context, "data": resource})


def start(way: str, cloud: Cloud, more_environment: dict[str, str] | None = None) -> Start:
    """Start a function, send it the event twice, end it."""
    port = choose_port()
    framework = Path(sys.executable).parent / "functions-framework"
    command = [framework, "--target", "analyze", "--signature-type", "event", "--host", HOST, "--port", str(port)]
    event = json.dumps(cloud.event).encode()
    with tempfile.TemporaryFile() as log:
        started = perf_counter()
        process = subprocess.Popen(
            command,
            cwd=SOURCES[way],
            env=os.environ | cloud.environment | (more_environment or {}),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_until_listening(port, process)
            listening = perf_counter()
            _post(f"http://{HOST}:{port}", event)
            first = perf_counter()
            _post(f"http://{HOST}:{port}", event)
            second = perf_counter()
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.seek(0)
        text = log.read().decode(errors="replace")
    steps = json.loads(next(STEPS.finditer(text))[1])
    return Start(listening - started, first - listening, second - first, steps, text)


def _wait_until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + ANSWER_S
    while True:
        with socket.socket() as probe:
            if not probe.connect_ex((HOST, port)):
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise TimeoutError("the function does not start")
        time.sleep(POLL_S)


def _post(url: str, body: bytes, content_type: str = "application/json") -> bytes:
    request = urllib.request.Request(url, body, {"Content-Type": content_type})
    with urllib.request.urlopen(request, timeout=ANSWER_S) as response:
        return response.read()
