"""Outages that outlast a call, and what the function makes of them.

An outage is mostly waiting: conftest.py begins them with this folder's first test, and test_outages.py asks what came.
"""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.ports import choose_port
from local.program import Program
from local.servers import start_firestore
from tests.fakes import storage_proxy as downloads
from tests.fakes.cloud import Cloud, start_cloud
from tests.fakes.storage_proxy import StorageProxy

TRIES = 4  # of an event when all is well again; the platform's go on for a day and more


@dataclass(frozen=True)
class Outage:
    """What came of one event during an outage and after it.

    Attributes:
        status: the function's answer during it.
        seconds: how long that took.
        log: what the function logged last.
        statuses: its answers afterwards, until the first good one.
        documents: number of sounds and rejections in the end.
    """

    status: int
    seconds: float
    log: dict[str, Any]
    statuses: list[int]
    documents: tuple[int, int]


def of_storage(firestore: Program, storage: Program, directory: Path, sound: bytes) -> dict[str, Outage]:
    """Let the bucket be gone."""
    port = choose_port()
    proxy = StorageProxy(storage, port)
    with start_cloud(
        firestore, storage, directory, environment={"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}"}
    ) as cloud:
        uploads = [cloud.upload(sound)]
        during = _deliver(cloud, uploads)
        with proxy.running():
            gone = _recover(cloud, uploads, during)
    return {"storage gone": gone[0]}


def of_downloads(firestore: Program, storage: Program, directory: Path, sound: bytes) -> dict[str, Outage]:
    """Let downloads fall silent, then drip."""
    faults = {"storage silent": downloads.stall(10_000), "storage dripping": downloads.drip(1000, 4)}
    outages = {}
    with (
        StorageProxy(storage).running() as proxy,
        start_cloud(firestore, storage, directory, environment={"STORAGE_EMULATOR_HOST": proxy.url}) as cloud,
    ):
        uploads = [cloud.upload(sound)]
        for name, fault in faults.items():
            cloud.clear()
            proxy.default = fault
            during = _deliver(cloud, uploads)
            proxy.default = downloads.pass_on
            outages[name] = _recover(cloud, uploads, during)[0]
    return outages


def of_firestore(storage: Program, directory: Path, sound: bytes) -> dict[str, Outage]:
    """Let the database be frozen, then gone; of a sound and of a rejection."""
    firestore = start_firestore(directory).wait()
    try:
        with start_cloud(firestore, storage, directory) as cloud:
            uploads = [cloud.upload(sound, "a.wav"), cloud.upload(b"no sound", "b.wav")]
            _signal(firestore, signal.SIGSTOP)
            during = _deliver(cloud, uploads)
            _signal(firestore, signal.SIGCONT)
            frozen = _recover(cloud, uploads, during)
            firestore.end()
            during = _deliver(cloud, uploads)
            firestore = start_firestore(directory, firestore.port).wait()
            gone = _recover(cloud, uploads, during)
    finally:
        firestore.end()
    return {
        "Firestore frozen, a sound": frozen[0],
        "Firestore frozen, a rejection": frozen[1],
        "Firestore gone, a sound": gone[0],
        "Firestore gone, a rejection": gone[1],
    }


type _During = list[tuple[int, float, dict[str, Any]]]


def _deliver(cloud: Cloud, uploads: list[dict[str, Any]]) -> _During:
    """Deliver the events at once, while the outage lasts."""

    def deliver(upload: dict[str, Any]) -> tuple[int, float, dict[str, Any]]:
        started = time.monotonic()
        status = cloud.deliver(upload)
        lines = [line for line in cloud.log() if line.get("blob") == upload["name"]]
        return status, time.monotonic() - started, lines[-1]

    with ThreadPoolExecutor() as pool:
        return list(pool.map(deliver, uploads))


def _recover(cloud: Cloud, uploads: list[dict[str, Any]], during: _During) -> list[Outage]:
    """Deliver them again, as the platform does."""
    statuses = [_until_good(lambda upload=upload: cloud.deliver(upload)) for upload in uploads]
    sounds, rejections = cloud.documents()
    n_documents = len(sounds), len(rejections)
    return [Outage(*said, answers, n_documents) for said, answers in zip(during, statuses, strict=True)]


def _until_good(deliver: Callable[[], int]) -> list[int]:
    statuses: list[int] = []
    while len(statuses) < TRIES and 200 not in statuses:
        statuses.append(deliver())
    return statuses


def _signal(program: Program, number: signal.Signals) -> None:
    os.killpg(program.process.pid, number)
