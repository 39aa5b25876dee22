"""Uploads that mean harm are rejected, and take little: no time, no memory, no crash."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.program import Program
from tests.fakes.cloud import Cloud, start_cloud, workers
from tests.fakes.hostile import BAD_UPLOADS, adpcm, decode

MAX_BYTES = 2**26  # the function's for these tests: as deploy.sh fits it to a small function's memory
PEAK_BYTES = 200 * 10**6  # of the function's process, with what it imports but not what it maps of files
ANSWER_S = 5


@pytest.fixture(scope="module")
def small(
    firestore: Program, storage: Program, sound: bytes, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cloud]:
    """A function that has answered one sound, so that its imports are done."""
    environment = {"MAX_BYTES": str(MAX_BYTES)}
    with start_cloud(firestore, storage, tmp_path_factory.mktemp("small"), environment=environment) as cloud:
        cloud.deliver(cloud.upload(sound))
        yield cloud


def peak_bytes(cloud: Cloud) -> int:
    """The most memory that the function's process ever had, where the system tells; else what it has.

    Without what it maps of files: how much of its libraries is resident depends on the system's cache, not on it.
    """
    (worker,) = workers(cloud.function)
    status = Path(f"/proc/{worker.pid}/status")
    if not status.exists():
        return worker.memory_info().rss
    ever, of_files = (re.findall(rf"{name}:\s+(\d+) kB", status.read_text())[0] for name in ("VmHWM", "RssFile"))
    return (int(ever) - int(of_files)) * 1024


@pytest.mark.parametrize("name", BAD_UPLOADS)
def test_bad_upload_takes_little(small: Cloud, name: str) -> None:
    """Whatever an upload asks for, it is rejected with its reason, within 5 seconds and 200 MB of its own."""
    make, reason = BAD_UPLOADS[name]
    resource = small.upload(make(), f"{name}.m4a")
    small.clear()

    started = time.monotonic()
    status = small.deliver(resource)
    seconds = time.monotonic() - started

    assert status == 200
    sounds, rejections = small.documents()
    assert sounds == []
    assert [document["reason"] for document in rejections] == [reason], rejections
    assert seconds < ANSWER_S
    assert peak_bytes(small) < PEAK_BYTES


def test_more_samples_than_an_int_counts(tmp_path: Path) -> None:
    """CVE-2026-37555: IMA ADPCM of more than 2**31 samples, which libsndfile counts as less than none, is corrupt."""
    path = tmp_path / "huge.wav"
    path.write_bytes(adpcm(256, 505))
    with path.open("r+b") as file:
        file.truncate(2**30 + 2**26)
        file.seek(4)
        file.write((2**30 + 2**26 - 8).to_bytes(4, "little"))
        file.seek(44)
        file.write((2**30 + 2**26 - 48).to_bytes(4, "little"))

    assert decode(path) == "CorruptError"


@pytest.mark.parametrize("tag", [0x11, 2])
def test_blocks_of_adpcm_of_any_size(tmp_path: Path, tag: int) -> None:
    """Whatever size ADPCM says its blocks have, no decoder crashes."""
    paths = []
    for block_bytes in (0, 1, 3, 4, 5, 7, 8, 36, 256, 1024, 32771, 65535):
        for channels in (1, 2, 3):
            right = 2 * (block_bytes - 4 * channels) // channels + 1
            for samples in {1, 2, 505, 65535, max(0, min(65535, right)), max(0, min(65535, right + 7))}:
                paths.append(tmp_path / f"{block_bytes}-{channels}-{samples}.wav")
                paths[-1].write_bytes(adpcm(block_bytes, samples, tag=tag, channels=channels))

    assert set(decode(*paths).split()) <= {"Sound", "CorruptError", "EmptyError", "NotAudioError"}
