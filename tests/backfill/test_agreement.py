"""backfill.sh on real emulators: what it writes is what the trigger writes, whatever ends it or fails."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import psutil
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore as google_firestore
from google.cloud import storage as google_storage
from grpc import StatusCode

from analysis.settings import Settings
from backfill.inventory import Kept
from backfill.pruning import prune
from local.program import Program
from local.servers import PROJECT
from tests.fakes import firestore_proxy as answers
from tests.fakes import storage_proxy as downloads
from tests.fakes.cloud import Cloud, connect_firestore, start_cloud
from tests.fakes.firestore_proxy import Call, FirestoreProxy
from tests.fakes.storage_proxy import StorageProxy
from tests.fakes.synthetic import encode, tone

DOOR = Path(__file__).resolve().parents[2] / "backfill.sh"
KEYS = ["objects", "sounds", "rejections", "left", "missing", "stale", "gone", "failed", "bytes"]
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
            [DOOR, "--project", PROJECT, "--bucket", self.bucket.name, "--json", *arguments],
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


@pytest.fixture
def place(firestore: Program, storage: Program, tmp_path: Path) -> Iterator[Place]:
    """A new bucket, and collections of its own."""
    unique = uuid4().hex[:12]
    environment = {
        "FIRESTORE_EMULATOR_HOST": firestore.address,
        "STORAGE_EMULATOR_HOST": storage.url,
        "SOUNDS_COLLECTION": f"kept-{unique}",
        "REJECTIONS_COLLECTION": f"refused-{unique}",
    }
    client = google_storage.Client(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": storage.url})
    database = connect_firestore(firestore)
    sounds, rejections = (database.collection(environment[f"{kind}_COLLECTION"]) for kind in ("SOUNDS", "REJECTIONS"))
    place = Place(client.create_bucket(f"bucket-{unique}"), sounds, rejections, environment, tmp_path)
    yield place
    place.end()
    client.close()
    database.close()


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
    counts = {"objects": len(objects), **kinds, "left": 8, "missing": 0, "stale": 0, "gone": 0, "failed": 0}
    assert before == counts | {"sounds": 0, "rejections": 0, "missing": len(expected), "bytes": before["bytes"]}
    assert summary == counts | {"bytes": before["bytes"]}
    assert again == after == counts | {"bytes": 0}


def test_killed_at_random_and_run_again_loses_nothing(place: Place) -> None:
    """A run that is killed leaves no half document, and the next one goes on."""
    fill(place.bucket, 150)
    dice = random.Random(1)
    for kill in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        process = place.start("--yes")
        time.sleep(dice.uniform(4, 8))
        members = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, kill) if kill is signal.SIGINT else process.send_signal(kill)
        process.communicate(timeout=60)
        _, alive = psutil.wait_procs(members, timeout=20)
        assert alive == [], kill

    place.run("--yes")

    assert place.run("--dry-run")["missing"] == 0


def test_a_process_that_dies_takes_nothing_along(place: Place) -> None:
    """What was with a killed process is done by another; only killed again and again it fails, by itself."""
    fill(place.bucket, 300)
    process = place.start("--yes")
    over = Event()

    def kill() -> None:
        while not over.wait(3):
            with contextlib.suppress(psutil.Error):
                children = psutil.Process(process.pid).children()
                crew = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
                for member in crew[:1]:
                    member.kill()

    thread = Thread(target=kill)
    thread.start()
    output, errors = process.communicate(timeout=300)
    over.set()
    thread.join()

    assert output, errors
    summary = json.loads(output.splitlines()[-1])
    assert summary["missing"] == summary["failed"], errors
    assert place.run("--yes")["missing"] == 0


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


def sometimes(faults: list[Any], otherwise: Any) -> Any:
    """One of the faults for a twentieth of all requests."""
    dice = random.Random(2)

    def fault(request: Any) -> Any:
        return (dice.choice(faults) if dice.random() < 0.05 else otherwise)(request)

    return fault


def test_a_twentieth_of_all_answers_failing(place: Place, firestore: Program, storage: Program) -> None:
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
        bucket_proxy.default = sometimes(bad_downloads, downloads.pass_on)
        database_proxy.default = sometimes(bad_answers, Call.forward)
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

    found = place.run("--dry-run", expected=3)
    summary = place.run("--stale", "--yes")

    assert found["stale"] == 7
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


def test_what_expired_is_missing(place: Place) -> None:
    """A rejection that says only that nobody analysed the object in time is mended without being asked for."""
    place.bucket.blob("good.wav").upload_from_string(CONTENTS[0])
    place.run("--yes")
    expected = place.documents()
    (sound,) = place.sounds.stream()
    rejection = {key: sound.get(key) for key in ("uid", "bucket", "blob_name", "generation")}
    place.rejections.document(sound.id).set(rejection | {"reason": "expired", "message": "it failed for a day"})
    sound.reference.delete()

    found = place.run("--dry-run", expected=3)
    summary = place.run("--yes")

    assert (found["missing"], found["rejections"]) == (1, 0)
    assert (summary["missing"], summary["sounds"], summary["rejections"]) == (0, 1, 0)
    assert place.documents() == expected


def test_the_tutorials_documents_are_passed_over(place: Place) -> None:
    """Documents that know no bucket and no generation, as the tutorial's function writes them, disturb nothing."""
    fill(place.bucket, 5)
    old = place.sounds.document("of-the-tutorial")
    old.set({"uid": old.id, "blob_name": "takes/0.wav", "file_name": "0.wav", "length": 1, "mean_mfccs": [0.0] * 12})

    place.run("--yes", "--prune")

    assert place.run("--dry-run")["missing"] == 0
    assert old.get().exists


def test_a_stale_sound_whose_object_is_deleted_meanwhile_is_gone(place: Place, storage: Program) -> None:
    """What is no longer there when its turn comes has not failed."""
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


def test_prune_waits_for_an_upload_under_way(place: Place) -> None:
    """The document of an overwritten object stays while the new one has none yet; a second look saves what is there."""
    settings = Settings(sounds_collection=place.sounds.id, rejections_collection=place.rejections.id)
    client = place.sounds._client
    place.bucket.blob("a.wav").upload_from_string(CONTENTS[0])
    place.run("--yes")
    (document,) = place.sounds.stream()
    kept = Kept(place.sounds.id, document.id, "a.wav", document.get("generation"), is_stale=False, reason=None)

    there = prune(kept, place.bucket, client, settings)
    place.bucket.blob("a.wav").upload_from_string(CONTENTS[1])
    under_way = prune(kept, place.bucket, client, settings)
    still = document.reference.get().exists
    place.run("--yes")
    pruned = prune(kept, place.bucket, client, settings)

    assert there == "its object is there"
    assert "has no document yet" in under_way
    assert still
    assert pruned == ""
    assert not document.reference.get().exists


def test_failures_are_listed(place: Place, storage: Program) -> None:
    """What fails again and again is listed with the reason, and the rest is done."""
    fill(place.bucket, 10)
    place.bucket.blob("zz-forbidden.wav").upload_from_string(CONTENTS[0])
    with StorageProxy(storage).running() as proxy:
        forbidden = downloads.answer(403)
        proxy.default = lambda get: (forbidden if "/zz-forbidden.wav?" in get.path else downloads.pass_on)(get)

        summary = place.run("--yes", expected=1, STORAGE_EMULATOR_HOST=proxy.url)

    (path,) = place.directory.glob("backfill-failed-*.jsonl")
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["blob_name"] == "zz-forbidden.wav"
    assert "403" in json.loads(line)["message"]
    assert (summary["failed"], summary["missing"]) == (1, 1)


def test_neighbours_that_fail_do_not_stop_the_rest(place: Place, storage: Program) -> None:
    """A folder that may not be read is listed object by object, and everything after it is done, again and again."""
    for number in range(40):
        place.bucket.blob(f"forbidden/{number}.wav").upload_from_string(CONTENTS[0])
    fill(place.bucket, 10)
    with StorageProxy(storage).running() as proxy:
        forbidden = downloads.answer(403)
        proxy.default = lambda get: (forbidden if "/forbidden%2F" in get.path else downloads.pass_on)(get)

        first = place.run("--yes", expected=1, STORAGE_EMULATOR_HOST=proxy.url)
        second = place.run("--yes", expected=1, STORAGE_EMULATOR_HOST=proxy.url)

    assert first["failed"] == first["missing"] == 40
    assert second["failed"] == second["missing"] == 40
    assert {len(path.read_text().splitlines()) for path in place.directory.glob("backfill-failed-*.jsonl")} == {40}


def test_an_outage_ends_the_run(place: Place, storage: Program) -> None:
    """Where every object fails, it ends early and says that the objects are not to blame."""
    fill(place.bucket, 60)
    with StorageProxy(storage).running() as proxy:
        proxy.default = lambda get: (downloads.answer(403) if "alt=media" in get.path else downloads.pass_on)(get)
        process = place.start("--yes", STORAGE_EMULATOR_HOST=proxy.url)
        _, errors = process.communicate(timeout=200)

    assert process.returncode == 1
    assert "nothing can be analysed" in errors
    assert "goes on from here" in errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--bucket", "b"], "--project"),
        (["--project", "p", "--bucket", "b", "--tasks", "0"], "accepted are 1 to 10000"),
        (["--project", "p", "--bucket", "b", "--tasks", "2", "--here"], "not allowed with"),
        (["--project", "p", "--bucket", "b", "--rejected", "ugly"], "not_audio"),
        (["--project", "p", "--bucket", "b", "--schedule", " "], "--schedule is empty"),
        (["--project", "p", "--bucket", "b", "--nonsense"], "--nonsense"),
    ],
)
def test_wrong_usage(arguments: list[str], words: str) -> None:
    """Wrong usage is one line and exit code 2, before anything is read."""
    ended = subprocess.run([DOOR, *arguments], capture_output=True, text=True, check=False, timeout=60)

    assert ended.returncode == 2
    assert words in ended.stderr
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


def test_shares_of_all_tasks_are_everything(place: Place) -> None:
    """Run as the tasks of a Cloud Run job, each does its own share, and together they have done everything."""
    fill(place.bucket, 60)
    task = {"CLOUD_RUN_TASK_COUNT": "3"}

    summaries = [place.run("--yes", CLOUD_RUN_TASK_INDEX=str(index), **task) for index in range(3)]
    again = [place.run("--yes", CLOUD_RUN_TASK_INDEX=str(index), **task) for index in range(3)]
    after = place.run("--dry-run")

    assert all(summary["sounds"] for summary in summaries)
    assert sum(summary["sounds"] for summary in summaries) == after["sounds"]
    assert sum(summary["objects"] for summary in summaries) == after["objects"]
    assert [summary["bytes"] for summary in again] == [0, 0, 0]
    assert after["missing"] == 0
