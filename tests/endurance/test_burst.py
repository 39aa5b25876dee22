"""A burst through the whole local stack, every event delivered twice while a twentieth of everything fails."""

import queue
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage as google_storage
from grpc import StatusCode

from local.ports import choose_port
from local.program import Program
from local.servers import PROJECT, start_function, start_storage
from local.trigger import Answer, Trigger
from tests.fakes import firestore_proxy as commits
from tests.fakes import storage_proxy as downloads
from tests.fakes.cloud import Cloud, connect_firestore, left_files, workers
from tests.fakes.firestore_proxy import FirestoreProxy
from tests.fakes.storage_proxy import StorageProxy, answer, cut
from tests.fakes.synthetic import encode, tone

FAILING = 0.05
UNLUCKY = re.compile(r"unlucky-\d+")
KILL_EVERY_S = 6
# The platform's waits are longer and go on for a day: these are as many as the failures of a minute may take.
WAITS_S = (0.2, 0.5, 1, 2, 4, 4, 8, 8)
ANSWERED_S = 150
DOWNLOAD_FAULTS = [
    *(answer(status) for status in (403, 429, 500, 503)),
    *(downloads.reset, downloads.corrupted, cut(0), cut(3000), cut(3000, downloads.corrupt)),
]
COMMIT_FAULTS = [
    fault(code)
    for fault in (commits.refused, commits.lost)
    for code in (StatusCode.UNAVAILABLE, StatusCode.ABORTED, StatusCode.INTERNAL, StatusCode.PERMISSION_DENIED)
]
CONTENTS = [
    encode(tone(0.2)),
    encode(tone(0.2), 44100, "FLAC"),
    encode(tone(0.2, 48000), 48000, "OGG", "OPUS"),
    encode(tone(0.2), 44100, "MP3", "MPEG_LAYER_III"),
    b"This is no sound. " * 300,
]
IS_SOUND = [True, True, True, True, False]


def unreliable(dice: random.Random, faults: list[Any], hard: Any, otherwise: Any, text: Callable[[Any], str]) -> Any:
    """One of the faults as often as FAILING says; the hard one for the first two tries of an unlucky upload.

    So both deliveries of such an event fail, and one that is only thought to be answered is missed.
    """
    tries: Counter[str] = Counter()

    def fault(request: Any) -> Any:
        unlucky = UNLUCKY.search(text(request))
        if unlucky:
            tries[unlucky[0]] += 1
            if tries[unlucky[0]] <= 2:
                return hard(request)
        return (dice.choice(faults) if dice.random() < FAILING else otherwise)(request)

    return fault


@contextmanager
def killing(function: Program, killed: list[int]) -> Iterator[None]:
    """Kill the function's worker every few seconds; the framework's master starts another, as the platform does."""
    over = Event()

    def kill() -> None:
        while not over.wait(KILL_EVERY_S):
            for worker in workers(function):
                worker.kill()
                killed.append(worker.pid)

    thread = Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_burst_with_failures_makes_one_document_each(
    firestore: Program, tmp_path: Path, request: pytest.FixtureRequest, seed: int
) -> None:
    """Of every upload of a burst one document remains, whatever fails; more uploads with --burst-uploads."""
    n_uploads = request.config.getoption("--burst-uploads")
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    collections = {"SOUNDS_COLLECTION": "burst-sounds", "REJECTIONS_COLLECTION": "burst-rejections"}
    killed: list[int] = []
    with ExitStack() as ends:
        port = choose_port()
        trigger = ends.enter_context(Trigger(port, "legacy", answers.put, times=2, pauses_s=WAITS_S))
        storage = ends.enter_context(start_storage(tmp_path, publisher_port=trigger.port).wait())
        downloading = ends.enter_context(StorageProxy(storage).running())
        committing = ends.enter_context(FirestoreProxy(firestore).running())
        dice = random.Random(seed)
        downloading.default = unreliable(dice, DOWNLOAD_FAULTS, answer(403), downloads.pass_on, lambda get: get.path)
        denied = commits.refused(StatusCode.PERMISSION_DENIED)
        committing.default = unreliable(
            dice, COMMIT_FAULTS, denied, commits.Call.forward, lambda call: str(call.request)
        )
        addresses = {"STORAGE_EMULATOR_HOST": downloading.url, "FIRESTORE_EMULATOR_HOST": committing.address}
        function = ends.enter_context(start_function(tmp_path, environment=addresses | collections, port=port).wait())
        database = connect_firestore(firestore)
        ends.callback(database.close)
        uploader = google_storage.Client(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": storage.url})
        ends.callback(uploader.close)
        bucket = uploader.create_bucket("burst")

        def upload(number: int) -> tuple[str, int]:
            blob = bucket.blob(f"{'unlucky' if number % 50 == 7 else 'take'}-{number}")
            blob.upload_from_string(CONTENTS[number % len(CONTENTS)])
            return blob.name, blob.generation

        started = time.monotonic()
        with killing(function, killed), ThreadPoolExecutor(8) as pool:
            uploads = list(pool.map(upload, range(n_uploads)))
            uploaded = time.monotonic() - started
            answered = [answers.get(timeout=ANSWERED_S) for _ in uploads]
        seconds = time.monotonic() - started
        found = {
            collection: Counter(
                (snapshot.get("blob_name"), snapshot.get("generation"))
                for snapshot in database.collection(collection).stream()
            )
            for collection in collections.values()
        }
        cloud = Cloud(function, bucket, None, None, {})  # type: ignore[arg-type]
        lines = Counter(line["message"].partition(":")[0] for line in cloud.log())

    sys.stdout.write(
        f"burst: {n_uploads} uploads in {uploaded:.1f} s, all answered after {seconds:.1f} s; "
        f"{lines['analysing']} calls for {2 * n_uploads} deliveries, {lines['failed, to be retried']} failed, "
        f"{len(killed)} workers killed; {len(downloading.requests)} requests to the bucket, "
        f"{len(committing.calls)} commits\n"
    )
    assert [answer.problem for answer in answered if answer.problem] == []
    expected = {
        "burst-sounds": Counter(upload for number, upload in enumerate(uploads) if IS_SOUND[number % len(IS_SOUND)]),
        "burst-rejections": Counter(
            upload for number, upload in enumerate(uploads) if not IS_SOUND[number % len(IS_SOUND)]
        ),
    }
    assert found == expected
    assert lines["failed, to be retried"] > 0
    assert killed
    assert left_files(function) == []
