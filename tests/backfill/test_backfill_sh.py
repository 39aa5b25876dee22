"""backfill.sh on real emulators: what it writes is what the trigger writes, whatever ends it or fails."""

import itertools
import json
import os
import random
import re
import signal
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import psutil
import pytest
from google.cloud import storage as google_storage
from grpc import StatusCode

from backfill.work_queue import FAILURES_BEFORE_CANARY
from local.program import Program
from tests.backfill.place import BACKFILL_SH, CONTENTS, KEYS, Place, fill, read
from tests.fakes import firestore_proxy as answers
from tests.fakes import storage_proxy as downloads
from tests.fakes.cloud import Cloud, start_cloud
from tests.fakes.firestore_proxy import Call, FirestoreProxy
from tests.fakes.storage_proxy import StorageProxy


def resources(bucket: google_storage.Bucket) -> list[dict[str, Any]]:
    """Return the objects as their finalize events hold them."""
    return [dict(blob._properties) | {"kind": "storage#object"} for blob in bucket.list_blobs()]


def test_writes_what_the_trigger_writes(
    place: Place, firestore: Program, storage: Program, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Document by document, what it makes of a bucket is what the function makes of its events."""
    fill(place.bucket, request.config.getoption("--backfill-objects"))
    settings = {"EXCLUDE_NAMES": "*.txt"}
    objects = resources(place.bucket)

    before = place.run("--dry-run", expected=3, **settings)
    summary = place.run("--yes", **settings)
    again = place.run("--yes", **settings)
    after = place.run("--dry-run", **settings)

    with start_cloud(firestore, storage, tmp_path, environment=settings) as cloud, ThreadPoolExecutor(4) as pool:
        assert set(pool.map(cloud.deliver, objects)) == {200}
        expected = read(cloud.sounds, "sounds") | read(cloud.rejections, "rejections")
    assert place.documents() == expected
    kinds = Counter(name.partition("/")[0] for name in expected)
    counts = {"objects": len(objects), **kinds, "skipped": 8, **dict.fromkeys(KEYS[4:-1], 0)}
    assert before == counts | {"sounds": 0, "rejections": 0, "missing": len(expected), "bytes": before["bytes"]}
    assert summary == counts | {"bytes": before["bytes"]}
    assert again == after == counts | {"bytes": 0}


def test_killed_at_random_and_run_again_loses_nothing(place: Place, storage: Program, seed: int) -> None:
    """A run that is ended in the middle leaves no process and no half document, and the next one goes on."""
    fill(place.bucket, 100)
    dice = random.Random(seed)
    n_before = 0
    with StorageProxy(storage).running() as proxy:
        for number, status in ((signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)):
            end_at(proxy, dice.randint(10, 25), reached := Event())
            process = place.start("--yes", STORAGE_EMULATOR_HOST=proxy.url)
            assert reached.wait(100)
            workers = psutil.Process(process.pid).children(recursive=True)
            os.killpg(process.pid, number) if number is signal.SIGINT else process.send_signal(number)
            _, errors = process.communicate(timeout=60)
            _, alive = psutil.wait_procs(workers, timeout=20)
            n_documents = len(place.documents())

            assert len(workers) >= 1
            assert alive == [], number
            assert process.returncode == status, errors
            assert number is signal.SIGKILL or "Traceback" not in errors
            assert n_before < n_documents < 100
            n_before = n_documents

    place.run("--yes")

    assert place.run("--dry-run")["missing"] == 0


def end_at(proxy: StorageProxy, n_downloads: int, reached: Event) -> None:
    """Hold the download of this number, and all after it, and say that it has come."""
    count = itertools.count(1)

    def fault(request: downloads.Download) -> None:
        if "alt=media" in request.path and next(count) >= n_downloads:
            reached.set()
            time.sleep(1)
        downloads.pass_on(request)

    proxy.default = fault


def test_beside_uploads_and_deletions(place: Place, firestore: Program, storage: Program, tmp_path: Path) -> None:
    """While uploads arrive, are analysed and deleted, it neither disturbs nor is disturbed."""
    fill(place.bucket, 150)
    with start_cloud(firestore, storage, tmp_path, environment=place.environment) as cloud:
        live = Cloud(cloud.function, place.bucket, place.sounds, place.rejections, cloud.environment)
        process = place.start("--yes", "--prune")
        for number in range(60):
            resource = live.upload(CONTENTS[number % 3], f"live/{number}.wav")
            if number % 3 == 0:
                place.bucket.blob(resource["name"]).delete()
            assert live.deliver(resource) == 200
        for number in range(0, 40, 4):
            place.bucket.blob(f"takes/{number}.wav").delete()
        _, errors = process.communicate(timeout=300)

    assert process.returncode == 0, errors
    summary = place.run("--prune", "--yes")
    assert {key: summary[key] for key in ("missing", "gone", "failed")} == {"missing": 0, "gone": 0, "failed": 0}
    there = {
        (blob.name, blob.generation) for blob in place.bucket.list_blobs() if not re.search(r"/$|\$$|/tmp/", blob.name)
    }
    assert {(d["blob_name"], d["generation"]) for d in place.documents().values()} == there


def sometimes(faults: list[Any], otherwise: Any, seed: int) -> Any:
    """One of the faults for a twentieth of all requests."""
    dice = random.Random(seed)

    def fault(request: Any) -> Any:
        return (dice.choice(faults) if dice.random() < 0.05 else otherwise)(request)

    return fault


def test_a_twentieth_of_all_answers_failing(place: Place, firestore: Program, storage: Program, seed: int) -> None:
    """Where a twentieth of all answers of bucket and database fails, all is done all the same."""
    fill(place.bucket, 200)
    bad_downloads = [
        downloads.answer(503),
        downloads.answer(500),
        downloads.reset,
        downloads.cut(30),
        downloads.corrupted,
    ]
    bad_answers = [
        fault(code)
        for fault in (answers.refused, answers.lost)
        for code in (StatusCode.UNAVAILABLE, StatusCode.ABORTED)
    ]
    with StorageProxy(storage).running() as bucket_proxy, FirestoreProxy(firestore).running() as database_proxy:
        bucket_proxy.default = sometimes(bad_downloads, downloads.pass_on, seed)
        database_proxy.default = sometimes(bad_answers, Call.forward, seed)
        hosts = {"STORAGE_EMULATOR_HOST": bucket_proxy.url, "FIRESTORE_EMULATOR_HOST": database_proxy.address}

        summary = place.run("--yes", **hosts)

    assert summary["failed"] == summary["missing"] == 0
    assert place.run("--dry-run")["missing"] == 0


def test_documents_of_an_older_version_are_brought_up(place: Place) -> None:
    """--stale analyses again what has an older analysis version, and nothing else."""
    fill(place.bucket, 20)
    place.run("--yes")
    expected = place.documents()
    stale = [snapshot.reference for snapshot in place.sounds.stream()][:7]
    for reference in stale:
        reference.update({"analysis_version": 0, "mean_mfccs": [0.0] * 12})
    untouched = [snapshot.reference for snapshot in place.sounds.stream()][7:]
    written = {reference.id: reference.get().update_time for reference in untouched}

    summary = place.run("--stale", "--yes")

    assert summary["stale"] == 0
    assert place.documents() == expected
    assert {reference.id: reference.get().update_time for reference in untouched} == written


def test_rejections_are_tried_again(place: Place) -> None:
    """--rejected REASON analyses again what was rejected for it; what is a sound now loses its rejection."""
    place.bucket.blob("good.wav").upload_from_string(CONTENTS[0])
    place.bucket.blob("bad.wav").upload_from_string(CONTENTS[3])
    place.run("--yes")
    expected = place.documents()
    (sound,) = place.sounds.stream()
    rejection = {key: sound.get(key) for key in ("uid", "bucket", "blob_name", "generation")}
    place.rejections.document(sound.id).set(rejection | {"reason": "too_long", "message": "it was then"})
    sound.reference.delete()

    place.run("--rejected", "not_audio", "--yes")
    still = place.documents()
    summary = place.run("--rejected", "too_long", "--yes")

    assert f"rejections/{sound.id}" in still
    assert place.documents() == expected
    assert (summary["sounds"], summary["rejections"]) == (1, 1)


def test_the_tutorials_documents_are_passed_over(place: Place) -> None:
    """Documents that know no bucket and no generation, as the tutorial's function writes them, disturb nothing."""
    fill(place.bucket, 5)
    old = place.sounds.document("of-the-tutorial")
    old.set({"uid": old.id, "blob_name": "takes/0.wav", "file_name": "0.wav", "length": 1, "mean_mfccs": [0.0] * 12})

    place.run("--yes", "--prune")

    summary = place.run("--dry-run")
    assert (summary["missing"], summary["unreadable"]) == (0, 1)
    assert old.get().exists


def test_a_stale_sound_whose_object_is_deleted_meanwhile_is_gone(place: Place, storage: Program) -> None:
    """An object that is deleted before it is analysed has not failed."""
    place.bucket.blob("a.wav").upload_from_string(CONTENTS[0])
    place.run("--yes")
    (sound,) = place.sounds.stream()
    sound.reference.update({"analysis_version": 0})
    with StorageProxy(storage).running() as proxy:
        proxy.default = lambda get: (downloads.answer(404) if "alt=media" in get.path else downloads.pass_on)(get)

        summary = place.run("--stale", "--yes", STORAGE_EMULATOR_HOST=proxy.url)

    assert {key: summary[key] for key in ("sounds", "stale", "gone", "failed")} == {
        "sounds": 0,
        "stale": 0,
        "gone": 1,
        "failed": 0,
    }


def test_prune_removes_exactly_what_is_gone(place: Place) -> None:
    """--prune removes the documents of deleted and of overwritten objects, and of no other bucket's."""
    fill(place.bucket, 20)
    place.run("--yes")
    foreign = place.sounds.document("foreign")
    foreign.set({"bucket": "another", "blob_name": "takes/0.wav", "generation": 1, "analysis_version": 9})
    place.bucket.blob("takes/0.wav").delete()
    place.bucket.blob("takes/3.wav").delete()
    place.bucket.blob("takes/5.wav").upload_from_string(CONTENTS[1])
    gone = {("takes/0.wav", "kept"), ("takes/3.wav", "refused"), ("takes/5.wav", "kept")}
    before = place.documents()

    found = place.run("--dry-run", expected=3)
    kept = place.run("--yes")
    summary = place.run("--prune", "--yes")

    after = place.documents()
    assert (found["gone"], kept["gone"], summary["gone"]) == (len(gone), len(gone), 0)
    assert {(before[key]["blob_name"]) for key in before.keys() - after.keys()} == {name for name, _ in gone}
    assert len(before.keys() - after.keys()) == 3
    assert foreign.get().exists


def test_neighbours_that_fail_do_not_stop_the_rest(place: Place, storage: Program) -> None:
    """A folder that may not be read is rejected object by object with the reason, and everything after it is done."""
    for number in range(FAILURES_BEFORE_CANARY + 5):
        place.bucket.blob(f"forbidden/{number}.wav").upload_from_string(CONTENTS[0])
    fill(place.bucket, 10)
    with StorageProxy(storage).running() as proxy:
        forbidden = downloads.answer(403)
        proxy.default = lambda get: (forbidden if "/forbidden%2F" in get.path else downloads.pass_on)(get)

        summary = place.run("--yes", expected=1, STORAGE_EMULATOR_HOST=proxy.url)
        next_night = place.run("--yes", STORAGE_EMULATOR_HOST=proxy.url)
    mended = place.run("--yes", "--rejected", "failed")

    (path,) = place.directory.glob("backfill-failed-*.jsonl")
    failures = [json.loads(line) for line in path.read_text().splitlines()]
    assert (summary["failed"], summary["missing"]) == (FAILURES_BEFORE_CANARY + 5, 0)
    assert {failure["blob_name"] for failure in failures} == {f"forbidden/{number}.wav" for number in range(35)}
    assert all(failure["message"].startswith("Forbidden: 403") for failure in failures)
    assert (next_night["failed"], next_night["rejections"]) == (0, summary["rejections"])
    assert mended["rejections"] == summary["rejections"] - (FAILURES_BEFORE_CANARY + 5)


def test_an_outage_ends_the_run(place: Place, storage: Program) -> None:
    """Where every object fails, it ends early, counts what failed, and rejects nothing."""

    def refuse(get: downloads.Download) -> None:
        time.sleep(
            0.05
        )  # as long as a network takes: the one object that needs no download is not the last to be tried
        (downloads.answer(403) if "alt=media" in get.path else downloads.pass_on)(get)

    fill(place.bucket, 60)
    with StorageProxy(storage).running() as proxy:
        proxy.default = refuse
        process = place.start("--yes", STORAGE_EMULATOR_HOST=proxy.url)
        output, errors = process.communicate(timeout=200)

    summary = json.loads(output.splitlines()[-1])
    assert process.returncode == 1
    assert re.search(r"\d+ objects failed and none succeeded since, and so did \d+ others", errors)
    assert "rather the cause than the objects" in errors
    assert FAILURES_BEFORE_CANARY <= summary["failed"] < 60
    assert summary["rejections"] <= 1  # of the object without bytes


def test_wrong_usage() -> None:
    """Wrong usage is one line and exit code 2, before anything is read."""
    ended = subprocess.run(
        [BACKFILL_SH, "--bucket", "b"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )

    assert ended.returncode == 2
    assert "--project" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_bucket_that_is_not_there(place: Place) -> None:
    """A bucket that cannot be listed is an error with the next step, not an empty bucket."""
    place.bucket.delete()
    process = place.start("--dry-run")
    output, errors = process.communicate(timeout=100)

    assert process.returncode == 1
    assert "cannot be listed" in errors
    assert "--bucket" in errors
    assert output == ""


def test_shards_of_all_tasks_are_everything(place: Place) -> None:
    """Run as the tasks of a Cloud Run job, each does its own shard, and together they have done everything."""
    fill(place.bucket, 60)
    task = {"CLOUD_RUN_TASK_COUNT": "3"}

    summaries = [place.run("--yes", CLOUD_RUN_TASK_INDEX=str(index), **task) for index in range(3)]
    after = place.run("--dry-run")

    assert all(summary["sounds"] for summary in summaries)
    assert sum(summary["sounds"] for summary in summaries) == after["sounds"]
    assert sum(summary["objects"] for summary in summaries) == after["objects"]
    assert after["missing"] == 0
