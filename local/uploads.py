"""The outcomes of uploads: of the given files, or of all clients' uploads and deletions while the stack is up."""

import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from google.api_core.exceptions import GoogleAPIError
from google.cloud import firestore, storage  # type: ignore[attr-defined]  # storage ships no types

from local.object_event import Event
from local.outcome import DATABASE, Outcome, find_outcome
from local.servers import PROJECT
from local.stack import BUCKET, Stack

EVENT_S = 60  # from the last upload until missing events are given up; events take milliseconds
UPLOAD_S = 60  # timeout
CHECK_S = 0.2


def upload_files(stack: Stack, files: dict[str, Path]) -> Iterator[Outcome]:
    """Upload the files, and yield the outcome of each as soon as the function has answered.

    Raises ProgramError if a program of the stack ends first.
    """
    uploaded = set()
    for name, file in files.items():
        try:
            uploaded.add((BUCKET, name, _upload(stack, name, file)))
        except (OSError, GoogleAPIError) as error:
            yield Outcome(name, "failed", message=f"not uploaded: {error}")
    deadline = time.monotonic() + EVENT_S
    while uploaded:
        for event, outcome in _next_outcome(stack):
            if event.kind == "finalize":  # a kept bucket tells also that a file of an earlier run is overwritten
                uploaded.discard(event.upload)
                yield outcome
        if time.monotonic() > deadline:
            for upload in uploaded - stack.trigger.received:
                uploaded.discard(upload)
                yield Outcome(upload[1], "failed", message="storage published no event of it")


def watch_uploads(stack: Stack) -> Iterator[Outcome]:
    """Yield the outcome of each upload and deletion by any client; raise ProgramError when a program ends."""
    while True:
        for _, outcome in _next_outcome(stack):
            yield outcome


@cache
def _storage() -> storage.Client:
    return storage.Client(project=PROJECT)


@cache
def _firestore() -> firestore.Client:
    return firestore.Client(project=PROJECT, database=DATABASE)


def _upload(stack: Stack, name: str, file: Path) -> int:
    """Upload a file and return its generation."""
    with _checking_programs(stack):
        blob = _storage().bucket(BUCKET).blob(name)
        blob.upload_from_filename(file, timeout=UPLOAD_S, retry=None)
        return int(blob.generation)


def _next_outcome(stack: Stack) -> Iterator[tuple[Event, Outcome]]:
    """Wait up to CHECK_S for an answer of a function, and yield its event and the outcome."""
    stack.check()
    try:
        answer = stack.answers.get(timeout=CHECK_S)
    except queue.Empty:
        return
    with _checking_programs(stack):
        function = stack.forgetting if answer.event.kind == "delete" else stack.function
        outcome = find_outcome(_firestore(), answer, (function or stack.function).log)
    yield answer.event, outcome


@contextmanager
def _checking_programs(stack: Stack) -> Iterator[None]:
    """Raise ProgramError instead of a client's error if a program has ended, which is then the cause."""
    try:
        yield
    except (OSError, GoogleAPIError):
        time.sleep(CHECK_S)  # a connection may break before its process has ended
        stack.check()
        raise
