"""The function under the real functions-framework, between a real bucket and the real Firestore emulator."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
from google.cloud.firestore_v1.base_vector_query import DistanceMeasure

from analysis.definition import ANALYSIS_VERSION
from analysis.features import extract
from local import program
from local.object_event import SHAPES
from local.ports import choose_port
from local.program import Program, ProgramError
from local.servers import PROJECT, ROOT, start_function
from tests.fakes.cloud import Cloud, connect_firestore, start_cloud
from tests.fakes.synthetic import tone

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module", params=[1, 2], ids=["generation 1", "generation 2"])
def cloud(
    request: pytest.FixtureRequest, firestore: Program, storage: Program, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cloud]:
    """The function as each generation is served."""
    with start_cloud(firestore, storage, tmp_path_factory.mktemp("function"), generation=request.param) as cloud:
        yield cloud


@pytest.fixture(autouse=True)
def empty(request: pytest.FixtureRequest) -> None:
    """Begin each test without documents."""
    if "cloud" in request.fixturenames:
        request.getfixturevalue("cloud").clear()


@pytest.fixture
def sound(write_sound: Callable[..., Path]) -> Path:
    """A second of stereo."""
    return write_sound(tone(), 44100)


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_makes_the_one_document(cloud: Cloud, sound: Path, shape: str) -> None:
    """Every event shape, on each generation, makes one document with librosa's numbers and the upload's facts."""
    resource = cloud.upload(sound, "takes/a sound.wav")
    before = datetime.now(UTC)

    assert cloud.deliver(resource, shape, event_id="event-7") == 200

    sounds, rejections = cloud.documents()
    assert rejections == []
    (document,) = sounds
    y, sr = librosa.load(sound)
    assert document.pop("length") == len(y)
    assert document.pop("duration") == pytest.approx(len(y) / sr)
    mean_mfccs = document.pop("mean_mfccs")
    np.testing.assert_allclose(mean_mfccs, librosa.feature.mfcc(y=y, sr=sr, n_mfcc=12).mean(axis=1), atol=1e-3)
    features = extract([y])
    np.testing.assert_allclose(list(document.pop("fingerprint")), features["fingerprint"], atol=1e-3)
    assert document.pop("note") == features["note"]
    assert document.pop("tempo") == features["tempo"]
    assert document.pop("peaks") == features["peaks"]
    levels = [document.pop(name) for name in ("peak_db", "rms_db", "silence")]
    assert levels == pytest.approx([features["peak_db"], features["rms_db"], features["silence"]], abs=1e-3)
    assert before <= document.pop("analyzed_at") <= datetime.now(UTC)
    uid = document.pop("uid")
    assert cloud.sounds.document(uid).get().exists
    # Served as generation 1, the framework hands a structured CloudEvent over with an empty context.
    without_context = shape == "structured" and "event" in cloud.function.process.args
    assert document == {
        "blob_name": "takes/a sound.wav",
        "file_name": "takes/a sound.wav",
        "bucket": resource["bucket"],
        "generation": int(resource["generation"]),
        "size": sound.stat().st_size,
        "content_type": "audio/x-wav",
        "md5_hash": resource["md5Hash"],
        "crc32c": resource["crc32c"],
        "uploaded_at": datetime.fromisoformat(resource["timeCreated"]),
        "sample_rate": 22050,
        "source": {"container": "WAV", "codec": "PCM_16", "sample_rate": 44100, "channels": 2, "complete": True},
        "event_id": "" if without_context else "event-7",
        "analysis_version": ANALYSIS_VERSION,
    }


def test_numbers_in_the_event_may_be_strings_or_integers(cloud: Cloud, sound: Path) -> None:
    """Generation and size are taken as JSON's numbers too."""
    resource = cloud.upload(sound)
    numbers = {"generation": int(resource["generation"]), "size": int(resource["size"])}

    assert cloud.deliver(resource | numbers) == 200

    assert cloud.documents()[0][0]["generation"] == numbers["generation"]


def test_repeats_make_one_document(cloud: Cloud, sound: Path) -> None:
    """An event delivered again, and many times at once, makes one document."""
    resource = cloud.upload(sound)

    statuses = [cloud.deliver(resource), cloud.deliver(resource)]
    with ThreadPoolExecutor(6) as pool:
        statuses += pool.map(cloud.deliver, [resource] * 6)

    assert statuses == [200] * 8
    assert [len(documents) for documents in cloud.documents()] == [1, 0]


def test_each_generation_of_a_name_is_a_sound(cloud: Cloud, sound: Path, write_sound: Callable[..., Path]) -> None:
    """Only the generation of the event is analysed; a successor under the same name is another sound."""
    first = cloud.upload(sound)
    second = cloud.upload(write_sound(tone(0.5), 44100, name="second.wav"))

    assert [cloud.deliver(second), cloud.deliver(first)] == [200, 200]

    (document,) = cloud.documents()[0]
    assert (document["generation"], document["length"]) == (int(second["generation"]), 11025)
    assert f"{first['name']}#{first['generation']} is not there" in cloud.log()[-1]["message"]


def test_log_lines_are_structured(cloud: Cloud, sound: Path) -> None:
    """The line of a sound says which upload it was, its length and how long each step took."""
    resource = cloud.upload(sound)
    cloud.deliver(resource, event_id="e9")

    line = cloud.log()[-1]
    seconds = line.pop("seconds")
    assert line == {
        "severity": "INFO",
        "message": "sound",
        "bucket": resource["bucket"],
        "blob": "sound.wav",
        "generation": int(resource["generation"]),
        "event_id": "e9",
        "uid": cloud.documents()[0][0]["uid"],
        "length": 22050,
    }
    assert list(seconds) == ["download", "load", "analyze", "write"]
    assert all(value >= 0 for value in seconds.values())


def test_name_forges_no_log_line(cloud: Cloud, sound: Path) -> None:
    """A name with line breaks and JSON in it stays one line of the log."""
    name = 'a\n{"severity": "INFO", "message": "forged"}\r\u2028.wav'
    resource = cloud.upload(sound, "sound.wav") | {"name": name}

    assert cloud.deliver(resource, "structured") == 200

    assert [line["blob"] for line in cloud.log()[-2:]] == [name] * 2
    assert all(line["message"] != "forged" for line in cloud.log())


def as_flac(write_sound: Callable[..., Path]) -> Path:
    """Three seconds as FLAC."""
    return write_sound(tone(3), 44100, name="x.flac")


def with_nan(write_sound: Callable[..., Path]) -> Path:
    """A second with one NaN."""
    y = tone()
    y[500] = np.nan
    return write_sound(y, 44100, name="nan.wav", subtype="FLOAT")


BAD_UPLOADS: dict[str, tuple[Callable[..., bytes | Path], str]] = {
    "text": (lambda _: b"no sound " * 500, "not_audio"),
    "an empty file": (lambda _: b"", "empty"),
    "NaN samples": (with_nan, "not_finite"),
    "a FLAC without a whole frame": (lambda write: as_flac(write).read_bytes()[:300], "corrupt"),
    "a truncated header": (lambda write: write(tone(), 44100).read_bytes()[:30], "corrupt"),
    "a WAV without samples": (lambda write: write(tone()[:0], 44100), "empty"),
    "too many channels": (lambda write: write(np.zeros((10, 33)), 44100), "too_many_channels"),
    "a sample rate of 500 Hz": (lambda write: write(tone(), 500), "bad_sample_rate"),
}


@pytest.mark.parametrize("name", BAD_UPLOADS)
def test_bad_uploads_become_rejections(cloud: Cloud, write_sound: Callable[..., Path], name: str) -> None:
    """What no retry can cure becomes a rejection with its reason, and the event is done."""
    make, reason = BAD_UPLOADS[name]
    resource = cloud.upload(make(write_sound), "bad.wav")

    assert [cloud.deliver(resource, event_id="e"), cloud.deliver(resource, event_id="e")] == [200, 200]

    sounds, rejections = cloud.documents()
    assert sounds == []
    (rejection,) = rejections
    message, at = rejection.pop("message"), rejection.pop("rejected_at")
    assert message
    assert datetime.now(UTC) - at < timedelta(minutes=1)
    assert cloud.rejections.document(rejection.pop("uid")).get().exists
    assert rejection == {
        "bucket": resource["bucket"],
        "blob_name": "bad.wav",
        "file_name": "bad.wav",
        "generation": int(resource["generation"]),
        "reason": reason,
        "event_id": "e",
    }
    assert (cloud.log()[-1]["severity"], cloud.log()[-1]["reason"]) == ("WARNING", reason)


def test_truncated_wav_is_what_is_there(cloud: Cloud, sound: Path) -> None:
    """A WAV cut short is read as far as it goes, as librosa does."""
    content = sound.read_bytes()[:50_001]
    resource = cloud.upload(content)

    assert cloud.deliver(resource) == 200

    sound.write_bytes(content)
    assert cloud.documents()[0][0]["length"] == len(librosa.load(sound)[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "folder/", "size": "0"}, "folder placeholder"),
        ({"name": "gsutil/tmp/parallel_composite_uploads/for_details_see/gsutil_help_cp/x_0"}, "composite"),
        ({"generation": "1"}, "is not there"),
        ({"bucket": None}, "event has no bucket"),
        ({"name": ""}, "event has no name"),
        ({"generation": "one"}, "event has no generation"),
    ],
)
def test_what_needs_no_answer_is_logged(cloud: Cloud, sound: Path, change: dict[str, Any], words: str) -> None:
    """What needs neither a sound nor a rejection leaves a line that says why, and is done."""
    resource = cloud.upload(sound) | change
    headers, body = JSON, {"context": {"eventId": "1"}, "data": resource}
    body["context"] |= {
        "eventType": "google.storage.object.finalize",
        "resource": {"service": "storage.googleapis.com", "name": "projects/_/buckets/b/objects/o"},
        "timestamp": datetime.now(UTC).isoformat(),
    }

    assert cloud.post(headers, json.dumps(body).encode()) == 200

    assert words in cloud.log()[-1]["message"]
    assert cloud.documents() == ([], [])


CLOUD_EVENT = {"ce-type": "x.y", "ce-id": "1", "ce-source": "/z", "ce-specversion": "1.0"} | JSON
# What the framework is given, and whether it hands that over to a function of the 2nd generation too.
OTHER_EVENTS = {
    "empty text": (JSON, b'{"a": 1}', False),
    "None": (JSON, b'{"data": null}', False),
    "another type": (
        JSON,
        b'{"context": {"eventType": "google.storage.object.delete", "eventId": "1"}, "data": {}}',
        False,
    ),
    "bytes": (CLOUD_EVENT, b'{"c": 3}', True),
    "another CloudEvent": (
        {"Content-Type": "application/cloudevents+json"},
        b'{"type":"x","source":"/","id":"1","specversion":"1.0"}',
        True,
    ),
}


@pytest.mark.parametrize("name", OTHER_EVENTS)
def test_other_events_are_logged(cloud: Cloud, name: str) -> None:
    """Whatever else the framework hands over leaves a warning; as 2nd gen it answers all but CloudEvents with 400."""
    headers, body, is_cloud_event = OTHER_EVENTS[name]
    is_handed_over = is_cloud_event or "event" in cloud.function.process.args
    n_lines = len(cloud.log())

    assert cloud.post(headers, body) == (200 if is_handed_over else 400)

    lines = cloud.log()[n_lines:]
    assert [line["severity"] for line in lines] == ["WARNING"] * is_handed_over
    assert all("event" in line["message"] for line in lines)
    assert cloud.documents() == ([], [])


def test_old_events_expire(cloud: Cloud, sound: Path) -> None:
    """An event that has failed for too long becomes a rejection, not another try; an earlier sound stays."""
    long_ago = (datetime.now(UTC) - timedelta(hours=6, minutes=1)).isoformat()
    fresh, old = cloud.upload(sound, "fresh.wav"), cloud.upload(sound, "old.wav")

    assert cloud.deliver(fresh) == 200
    assert [cloud.deliver(resource, time=long_ago) for resource in (fresh, old)] == [200, 200]

    sounds, rejections = cloud.documents()
    assert [document["blob_name"] for document in sounds] == ["fresh.wav"]
    assert [(document["blob_name"], document["reason"]) for document in rejections] == [("old.wav", "expired")]


def test_sound_takes_the_place_of_a_rejection(cloud: Cloud, sound: Path) -> None:
    """An upload that was rejected and is analysed after all is a sound, and no rejection any more."""
    resource = cloud.upload(sound)
    cloud.deliver(resource, time="2026-01-01T00:00:00Z")
    assert [len(documents) for documents in cloud.documents()] == [0, 1]

    cloud.deliver(resource)

    assert [len(documents) for documents in cloud.documents()] == [1, 0]


def test_fingerprint_finds_the_nearest(cloud: Cloud, write_sound: Callable[..., Path]) -> None:
    """Sounds can be asked for by nearness of their fingerprints."""
    noise = np.random.default_rng(1).normal(0, 0.1, (9000, 2))
    for name, y in {"loud.wav": tone(), "quiet.wav": tone() * 0.5, "noise.wav": noise}.items():
        cloud.deliver(cloud.upload(write_sound(y, 44100, name=name), name))
    (loud,) = [document for document in cloud.documents()[0] if document["blob_name"] == "loud.wav"]

    nearest = cloud.sounds.find_nearest("fingerprint", loud["fingerprint"], 3, DistanceMeasure.EUCLIDEAN)

    assert [snapshot.get("blob_name") for snapshot in nearest.get()] == ["loud.wav", "quiet.wav", "noise.wav"]


def test_no_temporary_file_remains(cloud: Cloud, sound: Path) -> None:
    """After sounds and rejections the temporary directory is as it was."""
    directory = cloud.function.log.parent
    cloud.deliver(cloud.upload(sound))
    before = sorted(directory.rglob("*"))

    cloud.deliver(cloud.upload(sound))
    cloud.deliver(cloud.upload(b"no sound"))

    assert sorted(directory.rglob("*")) == before


@pytest.mark.parametrize("generation", [1, pytest.param(2, marks=pytest.mark.whole_run("a function starts again"))])
def test_wrong_setting_is_refused_at_start(generation: int, tmp_path: Path) -> None:
    """A function with a wrong setting does not start, and says which."""
    with (
        pytest.raises(ProgramError, match="MAX_BYTES='1 GiB': accepted is a whole number above 0"),
        start_function(tmp_path, generation=generation, environment={"MAX_BYTES": "1 GiB"}).wait(),
    ):
        pass


def test_unprivileged_with_nothing_writable(firestore: Program, storage: Program, tmp_path: Path, sound: Path) -> None:
    """For a user who owns nothing, has no home and can write the temp dir alone, the first event makes a document."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root can become nobody, with setpriv")
    # This one may read everything, as the interpreter may lie in somebody's home, but write only what is nobody's.
    nobody = "--reuid=65534 --regid=65534 --clear-groups --no-new-privs --bounding-set=-all,+dac_read_search"
    capability = "--inh-caps=-all,+dac_read_search --ambient-caps=-all,+dac_read_search"
    writable = tmp_path / "writable"
    writable.mkdir()
    os.chown(writable, 65534, 65534)
    port = choose_port(0)
    framework = [Path(sys.executable).parent / "functions-framework", "--target", "analyze"]
    command = ["setpriv", *nobody.split(), *capability.split(), *framework, "--signature-type", "event"]
    environment = {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(writable),
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "FIRESTORE_EMULATOR_HOST": firestore.address,
        "STORAGE_EMULATOR_HOST": storage.url,
        "SOUNDS_COLLECTION": "sounds-of-nobody",
    }
    with start_cloud(firestore, storage, tmp_path / "uploader") as uploader:
        resource = uploader.upload(sound)
        serve = ["--host", "127.0.0.1", "--port", str(port)]
        with program.start(
            "nobody", [*command, *serve], tmp_path, port=port, environment=environment, cwd=ROOT
        ).wait() as function:
            status = replace(uploader, function=function).deliver(resource)
            log = function.log.read_text()

        assert status == 200, log
        (snapshot,) = connect_firestore(firestore).collection("sounds-of-nobody").stream()
        assert snapshot.get("length") == 22050
