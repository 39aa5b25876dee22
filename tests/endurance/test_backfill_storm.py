"""A storm: uploads, overwrites and deletions through the function, beside three backfills, with a twentieth failing."""

import random
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from grpc import StatusCode

from local.program import Program
from tests.backfill.place import CONTENTS, Place, fill
from tests.fakes import firestore_proxy as answers
from tests.fakes import storage_proxy as downloads
from tests.fakes.cloud import Cloud, start_cloud
from tests.fakes.firestore_proxy import STREAMS, Call, FirestoreProxy
from tests.fakes.storage_proxy import StorageProxy

FAILING = 0.05
N_BEFORE = 80  # objects whose events were lost; half of them were overwritten, and their earlier documents are there
N_LIVE = 150
LOST = 0.1  # of the live events
DELIVERIES = 12  # of an event at most; the platform's go on for a day
BACKFILL_S = 80
DOWNLOAD_FAULTS = [
    *(downloads.answer(status) for status in (429, 500, 503)),
    *(downloads.reset, downloads.cut(30), downloads.corrupted),
]
PASSING = [StatusCode.UNAVAILABLE, StatusCode.ABORTED, StatusCode.INTERNAL]
COMMIT_FAULTS = [fault(code) for fault in (answers.refused, answers.lost) for code in PASSING]
STREAM_FAULTS = [
    *(answers.broken(after, code) for after in (0, 1, 2, 7, 40) for code in PASSING),
    *(answers.broken(after, StatusCode.UNKNOWN, "Stream removed") for after in (1, 10)),
]


def test_storm_beside_three_backfills_ends_in_agreement(
    firestore: Program, storage: Program, tmp_path: Path, request: pytest.FixtureRequest, seed: int
) -> None:
    """Whatever meets whatever, at the end each live object has its one document, and nothing else has one."""
    if not request.config.getoption("--long"):
        pytest.skip("it takes a minute: --long")
    dice, failed = random.Random(seed), Counter[str]()

    def download(get: downloads.Download) -> None:
        is_failing = dice.random() < FAILING
        failed["downloads"] += is_failing
        (dice.choice(DOWNLOAD_FAULTS) if is_failing else downloads.pass_on)(get)

    def call(asked: Call) -> Iterable[bytes]:
        if dice.random() >= FAILING:
            return asked.forward()
        kind, faults = ("streams", STREAM_FAULTS) if asked.method.endswith(STREAMS) else ("commits", COMMIT_FAULTS)
        failed[kind] += 1
        return dice.choice(faults)(asked)

    with StorageProxy(storage).running() as bucket_proxy, FirestoreProxy(firestore).running() as database_proxy:
        hosts = {"STORAGE_EMULATOR_HOST": bucket_proxy.url, "FIRESTORE_EMULATOR_HOST": database_proxy.address}
        with start_cloud(firestore, storage, tmp_path, environment=hosts) as cloud:
            place = Place(cloud.bucket, cloud.sounds, cloud.rejections, dict(cloud.environment), tmp_path)
            fill(place.bucket, N_BEFORE // 2)
            place.run("--yes")
            fill(place.bucket, N_BEFORE)  # which overwrites the half whose documents are there
            n_gone = place.run("--dry-run", expected=3)["gone"]
            bucket_proxy.default, database_proxy.default = download, call
            try:
                statuses, n_deleted = storm(place, cloud, dice)
            finally:
                place.end()
            bucket_proxy.default, database_proxy.default = downloads.pass_on, Call.forward

            summary = place.run("--yes", "--prune", "--rejected", "failed")
            agreed = place.run("--dry-run")

    there = {(blob.name, blob.generation) for blob in place.bucket.list_blobs() if needs_document(blob.name)}
    documents = [(document["blob_name"], document["generation"]) for document in place.documents().values()]
    sys.stdout.write(f"storm: {dict(failed)} failed, {dict(statuses)} answers, {n_deleted} deleted, then {summary}\n")
    assert sorted(documents) == sorted(there)
    assert {
        name: agreed[name] for name in ("missing", "stale", "gone", "failed", "unreadable", "pending")
    } == dict.fromkeys(("missing", "stale", "gone", "failed", "unreadable", "pending"), 0)
    assert agreed["sounds"] + agreed["rejections"] == len(there)
    assert not [one for one in place.documents().values() if one.get("reason") in ("failed", "expired")]
    assert all(failed[kind] for kind in ("downloads", "streams", "commits"))
    assert n_deleted > 0
    assert n_gone > N_BEFORE // 4


def storm(place: Place, cloud: Cloud, dice: random.Random) -> tuple[Counter[int], int]:
    """Run three backfills beside live traffic; return the function's answers and how many objects were deleted."""
    backfills = [place.start("--yes", *options) for options in ((), ("--prune",), ("--stale", "--rejected=expired"))]
    live = list(range(N_LIVE))
    dice.shuffle(live)
    statuses: Counter[int] = Counter()
    deleted: list[str] = []
    plans = [(number, dice.random(), dice.random()) for number in live]

    def upload(plan: tuple[int, float, float]) -> None:
        number, chance, other = plan
        name = f"live/{number}.wav"
        resources = [cloud.upload(CONTENTS[number % len(CONTENTS)], name)]
        if chance < 0.3:
            resources.append(cloud.upload(CONTENTS[(number + 1) % len(CONTENTS)], name))
        if other < 0.2:
            place.bucket.blob(name).delete()
            deleted.append(name)
        for resource in reversed(resources):
            if (chance * 10) % 1 >= LOST:
                deliver(cloud, resource, statuses)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(upload, plans))
    for number in range(0, N_BEFORE, 5):
        place.bucket.blob(f"takes/{number}.wav").delete()
        deleted.append(f"takes/{number}.wav")
    end = time.monotonic() + BACKFILL_S
    for backfill in backfills:
        _, errors = backfill.communicate(timeout=max(1.0, end - time.monotonic()))
        assert backfill.returncode in (0, 1), errors
        assert "Traceback" not in errors
    return statuses, len(deleted)


def deliver(cloud: Cloud, resource: dict[str, Any], statuses: Counter[int]) -> None:
    """Deliver an event until it is answered."""
    for _ in range(DELIVERIES):
        status = cloud.deliver(resource)
        statuses[status] += 1
        if status == 200:
            return
    raise AssertionError(f"{resource['name']} was never answered")


def needs_document(name: str) -> bool:
    """Return whether an object of this name is one that the function answers with a document."""
    return not (name.endswith(("/", "_$folder$")) or "/tmp/parallel_composite_uploads/" in name)
