"""Thousands of calls of one process, good and bad: memory, open files, threads and the temporary directory stay."""

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from grpc import StatusCode

from tests.fakes import firestore_proxy as commits
from tests.fakes import storage_proxy as downloads
from tests.fakes.cloud import Cloud, left_files, workers
from tests.fakes.firestore_proxy import FirestoreProxy
from tests.fakes.storage_proxy import StorageProxy, answer
from tests.fakes.synthetic import encode, encode_with_ffmpeg, tone

WARM_UP_CALLS = 400
AT_ONCE = 4
QUARTERS = 4
GROWN_BYTES = 15 * 2**20  # what allocators of four threads may keep; a leak of 20 kB per call would be more

# Of each kind of upload: its content, what is wrong with its event, and the answer.
KINDS: dict[str, tuple[Callable[[], bytes], dict[str, Any], int]] = {
    "wav": (lambda: encode(tone(0.3)), {}, 200),
    "flac": (lambda: encode(tone(0.3), 44100, "FLAC"), {}, 200),
    "mp3": (lambda: encode(tone(0.3), 44100, "MP3", "MPEG_LAYER_III"), {}, 200),
    "opus": (lambda: encode(tone(0.3, 48000), 48000, "OGG", "OPUS"), {}, 200),
    "m4a": (lambda: encode_with_ffmpeg(tone(0.3, 48000), 48000, "ipod", "aac"), {}, 200),
    "text": (lambda: b"no sound" * 1000, {}, 200),
    "half-flac": (lambda: encode(tone(0.3), 44100, "FLAC")[:9000] + bytes(9000), {}, 200),
    "half-m4a": (lambda: encode_with_ffmpeg(tone(0.3, 48000), 48000, "ipod", "aac")[:3000], {}, 200),
    "gone": (lambda: b"x", {"generation": "1"}, 200),
    "large": (lambda: b"x", {"size": str(2**40)}, 200),
    "refused": (lambda: encode(tone(0.3)), {}, 500),
    "corrupted": (lambda: encode(tone(0.3)), {}, 500),
    "denied": (lambda: encode(tone(0.3)), {}, 500),
}


def fail_download(download: downloads.Download) -> None:
    """Refuse or corrupt the downloads whose names say so."""
    fault = downloads.pass_on
    if "refused" in download.path:
        fault = answer(403)
    elif "corrupted" in download.path:
        fault = downloads.corrupted
    fault(download)


def fail_commit(call: commits.Call) -> bytes:
    """Deny the commits whose names say so."""
    fault = commits.refused(StatusCode.PERMISSION_DENIED) if b"denied" in call.request else commits.Call.forward
    return fault(call)


def test_nothing_grows(
    proxied: Cloud,
    storage_proxy: StorageProxy,
    firestore_proxy: FirestoreProxy,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """Memory, open files and the temporary directory are after many calls as after few; more with --endurance-calls."""
    storage_proxy.default, firestore_proxy.default = fail_download, fail_commit
    resources = {name: proxied.upload(make(), name) | change for name, (make, change, _) in KINDS.items()}
    names = list(KINDS)
    wrong: list[tuple[str, int]] = []

    def call(cloud: Cloud, number: int) -> None:
        name = names[number % len(names)]
        status = cloud.deliver(resources[name], event_id=str(number))
        if status != KINDS[name][2]:
            wrong.append((name, status))

    with proxied.another(tmp_path) as cloud, ThreadPoolExecutor(AT_ONCE) as pool:
        (worker,) = workers(cloud.function)

        def calls(first: int, last: int) -> tuple[int, int, list[Path]]:
            list(pool.map(lambda number: call(cloud, number), range(first, last)))
            return worker.memory_info().rss, worker.num_fds(), left_files(cloud.function)

        n_calls = request.config.getoption("--endurance-calls")
        n_bytes, n_open, _ = calls(0, WARM_UP_CALLS)
        n_threads = worker.num_threads()
        started = time.monotonic()
        samples = [calls(start, start + n_calls // QUARTERS) for start in range(0, n_calls, n_calls // QUARTERS)]
        seconds = time.monotonic() - started

        megabytes = ", ".join(f"{n / 1e6:.0f}" for n in (n_bytes, *(sample[0] for sample in samples)))
        sys.stdout.write(f"endurance: {n_calls} calls in {seconds:.1f} s; MB after each quarter: {megabytes}\n")
        assert wrong == []
        assert samples[-1][0] - samples[0][0] < GROWN_BYTES
        assert samples[-1][1] <= n_open + AT_ONCE
        assert worker.num_threads() <= n_threads + AT_ONCE
        assert [sample[2] for sample in samples] == [[]] * len(samples)
