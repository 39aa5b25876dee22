"""Files go in, outcomes come out, in the order in which the function answers."""

import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from google.api_core.exceptions import GoogleAPIError
from google.cloud import firestore, storage

from local.outcome import DATABASE, Outcome, find_outcome
from local.parts import PROJECT
from local.stack import BUCKET, Stack

EVENT_S = 60  # after the last upload, until an event that did not come is lost; it takes milliseconds
UPLOAD_S = 60  # of silence
CHECK_S = 0.2


def analyze_files(stack: Stack, files: dict[str, Path]) -> Iterator[Outcome]:
    """Upload the files and yield the outcome of each; raise PartError if a part of the stack ends first."""
    uploaded = set()
    for name, file in files.items():
        try:
            uploaded.add((BUCKET, name, _upload(stack, name, file)))
        except (OSError, GoogleAPIError) as error:
            yield Outcome(name, "failed", message=f"not uploaded: {error}")
    deadline = time.monotonic() + EVENT_S
    while uploaded:
        for upload, outcome in _answered(stack):
            uploaded.discard(upload)
            yield outcome
        if time.monotonic() > deadline:
            for upload in uploaded - stack.trigger.received:
                uploaded.discard(upload)
                yield Outcome(upload[1], "failed", message="storage published no event of it")


def watch(stack: Stack) -> Iterator[Outcome]:
    """Yield every outcome there will ever be; raise PartError when a part of the stack ends."""
    while True:
        for _, outcome in _answered(stack):
            yield outcome


@cache
def _storage() -> storage.Client:
    return storage.Client(project=PROJECT)


@cache
def _firestore() -> firestore.Client:
    return firestore.Client(project=PROJECT, database=DATABASE)


def _upload(stack: Stack, name: str, file: Path) -> int:
    with _blaming(stack):
        blob = _storage().bucket(BUCKET).blob(name)
        blob.upload_from_filename(file, timeout=UPLOAD_S, retry=None)
        return int(blob.generation)


def _answered(stack: Stack) -> Iterator[tuple[tuple[str, str, int], Outcome]]:
    """Wait for an answer a while, and yield its upload and outcome if it came."""
    stack.check()
    try:
        answer = stack.answers.get(timeout=CHECK_S)
    except queue.Empty:
        return
    with _blaming(stack):
        outcome = find_outcome(_firestore(), answer, stack.function.log)
    yield answer.event.upload, outcome


@contextmanager
def _blaming(stack: Stack) -> Iterator[None]:
    """Raise PartError in place of an error that comes of the end of a part."""
    try:
        yield
    except (OSError, GoogleAPIError):
        time.sleep(CHECK_S)
        stack.check()
        raise
