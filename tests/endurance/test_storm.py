"""A storm of uploads, overwrites and deletions through the local stack: what is there at its end has a document.

Events come late and in no order, while a twentieth of everything fails and both functions are killed.
"""

import queue
import random
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage as google_storage

from local.ports import choose_port
from local.program import Program
from local.servers import PROJECT, start_function, start_storage
from local.trigger import Answer, Trigger
from tests.endurance.test_burst import (
    ANSWERED_S,
    COMMIT_FAULTS,
    CONTENTS,
    DOWNLOAD_FAULTS,
    FAILING,
    WAITS_S,
    killing,
)
from tests.fakes import firestore_proxy as commits
from tests.fakes import storage_proxy as downloads
from tests.fakes.cloud import connect_firestore
from tests.fakes.firestore_proxy import FirestoreProxy
from tests.fakes.storage_proxy import StorageProxy

AT_ONCE = 4  # names that are changed side by side
MOST_CHANGES = 6  # of one name
DELETED = 0.35  # how often a change is a deletion
MOST_PAUSE_S = 0.8  # between two changes of one name, so that they meet every step of an analysis
SLOW, SLOW_S = 0.3, 1.0  # of the commits, so many wait for up to so long: a deletion overtakes the sound's own


def test_storm_ends_with_exactly_the_live_objects(
    firestore: Program, tmp_path: Path, request: pytest.FixtureRequest, seed: int
) -> None:
    """Each object that is there has its one document, and nothing that is gone has one; more with --storm-objects."""
    n_names = request.config.getoption("--storm-objects")
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    collections = {"SOUNDS_COLLECTION": "storm-sounds", "REJECTIONS_COLLECTION": "storm-rejections"}
    killed: list[int] = []
    dice = random.Random(seed)
    with ExitStack() as ends:
        port, forget_port = choose_port(), choose_port()
        trigger = Trigger(port, "legacy", answers.put, forget_port=forget_port, pauses_s=WAITS_S)
        ends.enter_context(trigger)
        storage = ends.enter_context(start_storage(tmp_path, publisher_port=trigger.port, deletions=True).wait())
        asking = ends.enter_context(StorageProxy(storage).running())
        committing = ends.enter_context(FirestoreProxy(firestore).running())
        asking.default = unreliable(dice, DOWNLOAD_FAULTS, downloads.pass_on)
        committing.default = unreliable(dice, COMMIT_FAULTS, commits.Call.forward, SLOW_S)
        environment = collections | {
            "STORAGE_EMULATOR_HOST": asking.url,
            "FIRESTORE_EMULATOR_HOST": committing.address,
            "FORGET": "true",
        }
        analysing = ends.enter_context(start_function(tmp_path, environment=environment, port=port).wait())
        forgetting = ends.enter_context(
            start_function(tmp_path, environment=environment, port=forget_port, entry_point="forget").wait()
        )
        database = connect_firestore(firestore)
        ends.callback(database.close)
        client = google_storage.Client(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": storage.url})
        ends.callback(client.close)
        bucket = client.create_bucket("storm")

        def change(number: int) -> int:
            """Upload, overwrite and delete one name, and return how many events that fires."""
            own, name, is_there, n_events = random.Random(seed * 10_000 + number), f"take-{number}", False, 0
            for _ in range(own.randint(1, MOST_CHANGES)):
                if is_there and own.random() < DELETED:
                    bucket.delete_blob(name)
                    is_there, n_events = False, n_events + 1
                else:
                    bucket.blob(name).upload_from_string(own.choice(CONTENTS))
                    is_there, n_events = True, n_events + 1 + is_there
                time.sleep(own.uniform(0, MOST_PAUSE_S))
            return n_events

        bucket.blob("first").upload_from_string(CONTENTS[0])
        answers.get(timeout=ANSWERED_S)  # from now on an analysis is as fast as the changes of a name
        started = time.monotonic()
        with killing(analysing, killed), killing(forgetting, killed), ThreadPoolExecutor(AT_ONCE) as pool:
            n_events = sum(pool.map(change, range(n_names)))
            answered = [answers.get(timeout=ANSWERED_S) for _ in range(n_events)]
        seconds = time.monotonic() - started
        found = Counter(
            (snapshot.get("blob_name"), snapshot.get("generation"))
            for collection in collections.values()
            for snapshot in database.collection(collection).stream()
        )
        live = Counter((blob.name, blob.generation) for blob in bucket.list_blobs())
        n_gone = analysing.log.read_text().count("is not there")

    sys.stdout.write(
        f"storm: {n_events} events of {n_names} names, all answered after {seconds:.1f} s; "
        f"{len(live)} objects are there; {n_gone} uploads were gone, {len(killed)} workers were killed\n"
    )
    assert [answer.problem for answer in answered if answer.problem] == []
    assert {answer.event.kind for answer in answered} == {"finalize", "delete"}
    assert found == live
    assert 1 < len(live) <= n_names


def unreliable(dice: random.Random, faults: list[Any], otherwise: Any, slow_s: float = 0) -> Any:
    """One of the faults as often as FAILING says, and as often as SLOW says a wait before what is to be done."""

    def fault(call: Any) -> Any:
        if dice.random() < SLOW:
            time.sleep(dice.uniform(0, slow_s))
            if slow_s and not call.is_waited_for:  # what a killed process has not sent yet never arrives
                call.abort(grpc.StatusCode.CANCELLED)
        return (dice.choice(faults) if dice.random() < FAILING else otherwise)(call)

    return fault
