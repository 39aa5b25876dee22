"""What is gone, silent or full for longer than a call: an error well before the platform's timeout, then a good end."""

import os
import re
import resource as limits
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.endurance.outages import Outage
from tests.fakes.cloud import Cloud, left_files, workers

ERROR_S = 90  # a client's RETRY_S, its last attempt, and a busy machine; the platform gives a call 540
OUTAGES = {  # what the function says in the end
    "storage gone": r"RetryError: Timeout of 45\.0s exceeded.*Connection",
    "storage silent": r"RetryError: Timeout of 45\.0s exceeded.*Read timed out",
    "storage dripping": r"TimeoutError: gs://\S+ comes too slowly: \d+ bytes in 4\d s",
    "Firestore frozen, a sound": r"RetryError: Timeout of 30\.0s exceeded.*last exception: 50",
    "Firestore frozen, a rejection": r"RetryError: Timeout of 30\.0s exceeded.*last exception: 50",
    "Firestore gone, a sound": r"RetryError: Timeout of 30\.0s exceeded.*last exception: 50",
    "Firestore gone, a rejection": r"RetryError: Timeout of 30\.0s exceeded.*last exception: 50",
}


@pytest.mark.parametrize("name", OUTAGES)
def test_outage_is_an_error_in_time(outages: list[Future[dict[str, Outage]]], name: str) -> None:
    """An outage surfaces as an error well before the platform's timeout, and when it is over all is as it should be."""
    outage = {name: outage for future in outages for name, outage in future.result().items()}[name]

    sys.stdout.write(f"outage: {name}: an error after {outage.seconds:.0f} s, then {outage.statuses}\n")
    assert outage.status == 500
    assert 10 < outage.seconds < ERROR_S
    assert outage.log["severity"] == "ERROR"
    assert re.match(f"failed, to be retried: {OUTAGES[name]}", outage.log["message"])
    assert outage.statuses[-1] == 200
    assert outage.documents == ((1, 0) if name.startswith("storage") else (1, 1))


@contextmanager
def full_directory(path: Path) -> Iterator[Path]:
    """A directory on a disk of 64 KiB."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path]
    if sys.platform != "linux" or os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only Linux's root can mount a small disk")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def test_full_temporary_directory(proxied: Cloud, sound: bytes, tmp_path: Path) -> None:
    """Where the temporary directory is full, the call fails and leaves nothing there, and other calls go on."""
    with full_directory(tmp_path / "small") as small, proxied.another(tmp_path / "f", TMPDIR=str(small)) as cloud:
        large, little = cloud.upload(sound, "large.wav"), cloud.upload(sound[:30_000], "little.wav")

        assert [cloud.deliver(large), cloud.deliver(little)] == [500, 200]

        assert [document["blob_name"] for document in cloud.documents()[0]] == ["little.wav"]
        message = next(line["message"] for line in cloud.log() if line["severity"] == "ERROR")
        assert message.startswith("failed, to be retried: OSError: [Errno 28] No space left on device")
        assert os.statvfs(small).f_bfree == os.statvfs(small).f_blocks
    assert proxied.deliver(large) == 200


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can limit another process")
def test_limited_temporary_file(proxied: Cloud, sound: bytes, tmp_path: Path) -> None:
    """The same where the limit is that of a file."""
    with proxied.another(tmp_path) as cloud:
        for worker in workers(cloud.function):
            limits.prlimit(worker.pid, limits.RLIMIT_FSIZE, (64 * 1024, 64 * 1024))
        large, little = cloud.upload(sound, "large.wav"), cloud.upload(sound[:30_000], "little.wav")

        assert [cloud.deliver(large), cloud.deliver(little)] == [500, 200]

        message = next(line["message"] for line in cloud.log() if line["severity"] == "ERROR")
        assert message.startswith("failed, to be retried: OSError: [Errno 27] File too large")
        assert left_files(cloud.function) == []
