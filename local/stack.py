"""The whole stack: the three programs, the trigger between them, and the way they all end together."""

import http.client
import json
import queue
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from local import reaper
from local.options import Options
from local.part import HOST, Part
from local.parts import PROJECT, start_firestore, start_function, start_storage
from local.ports import choose_port
from local.signals import ignore_signals
from local.trigger import Answer, Trigger

BUCKET = "sounds"
REAPER_S = reaper.TERM_S + reaper.KILL_S + 2


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack.

    Attributes:
        directory: its temp dir.
        firestore: part.
        storage: part.
        function: part.
        trigger: what calls the function.
        answers: what came of the events, as they are answered.
    """

    directory: Path
    firestore: Part
    storage: Part
    function: Part
    trigger: Trigger
    answers: "queue.SimpleQueue[Answer]"

    def check(self) -> None:
        """Raise PartError if a part has ended."""
        for part in (self.firestore, self.storage, self.function):
            part.check()

    def variables(self) -> dict[str, str]:
        """Return the environment in which any client finds the stack instead of the cloud."""
        return client_variables(self.storage.port, self.firestore.port) | {"BOTO_CONFIG": str(self.directory / "boto")}


@contextmanager
def running(options: Options) -> Iterator[Stack]:
    """Start the stack, and leave nothing of it at the end: no process, no port, no temp dir."""
    directory = Path(tempfile.gettempdir()).resolve() / f"local-sounds-{secrets.token_hex(4)}"
    with ExitStack() as ends:
        pipe = ends.enter_context(_reaper(directory))
        directory.mkdir(mode=0o700)
        try:
            yield _start(options, directory, pipe, ends)
        finally:
            ignore_signals()  # an impatient second Ctrl-C would only leave more to the reaper


def _start(options: Options, directory: Path, pipe: IO[bytes], ends: ExitStack) -> Stack:
    """Start the parts side by side, and have them stopped before the trigger that calls one of them."""
    firestore_port, storage_port = choose_port(options.firestore_port), choose_port(options.storage_port)
    function_port = choose_port(options.function_port)
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    trigger = Trigger(function_port, options.shape, answers.put, times=2 if options.twice else 1)
    ends.enter_context(trigger)
    parts: list[Part] = []
    ends.callback(_stop, parts)
    firestore = start_firestore(directory, firestore_port, reaper=pipe, wait=False)
    parts.append(firestore)
    function = start_function(
        directory,
        generation=options.generation,
        environment=client_variables(storage_port, firestore_port),
        port=function_port,
        reaper=pipe,
        wait=False,
    )
    parts.append(function)
    storage = start_storage(
        directory,
        http_port=storage_port,
        https_port=options.storage_https_port,
        keep=options.keep,
        publisher_port=trigger.port,
        reaper=pipe,
        wait=False,
    )
    parts.append(storage)
    for part in (storage, function, firestore):
        part.wait()
    _ensure_bucket(storage)
    return Stack(directory, firestore, storage, function, trigger, answers)


def client_variables(storage_port: int, firestore_port: int) -> dict[str, str]:
    """Return the environment in which Google's client libraries find the stack."""
    return {
        "STORAGE_EMULATOR_HOST": f"http://{HOST}:{storage_port}",
        "FIRESTORE_EMULATOR_HOST": f"{HOST}:{firestore_port}",
        "GOOGLE_CLOUD_PROJECT": PROJECT,
    }


@contextmanager
def _reaper(directory: Path) -> Iterator[IO[bytes]]:
    """Start the reaper of a directory, yield the pipe that tells it whom to end, and let it do so at the end."""
    command = [sys.executable, "-I", "-S", reaper.__file__, str(directory)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, cwd="/", start_new_session=True)
    assert process.stdin is not None  # noqa: S101  by PIPE
    try:
        yield process.stdin
    finally:
        process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(REAPER_S)
        shutil.rmtree(directory, ignore_errors=True)  # if somebody ended the reaper


def _stop(parts: list[Part]) -> None:
    for part in parts:
        part.ask_to_end()
    for part in parts:
        part.stop()


def _ensure_bucket(storage: Part) -> None:
    """Make the bucket; one that was kept is there already."""
    connection = http.client.HTTPConnection(storage.host, storage.port, timeout=10)
    body = json.dumps({"name": BUCKET})
    connection.request("POST", f"/storage/v1/b?project={PROJECT}", body, {"Content-Type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    if status not in (http.client.OK, http.client.CONFLICT):
        raise http.client.HTTPException(f"storage answered {status} when asked for the bucket {BUCKET}")
