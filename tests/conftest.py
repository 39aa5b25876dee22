"""What all tests share: the versions that decide the numbers, signals, and the real programs around the function."""

import gc
import os
import platform
import shutil
import signal
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import soundfile

from local.program import Program
from local.servers import start_firestore, start_storage
from tests.fakes.cloud import Cloud, start_cloud
from tests.fakes.firestore_proxy import FirestoreProxy
from tests.fakes.storage_proxy import StorageProxy
from tests.fakes.synthetic import encode, tone

pytest_plugins = ["tests.folder_times", "tests.quick_run", "tests.seeds"]

PACKAGES = "librosa numpy scipy soundfile soxr av functions-framework google-cloud-storage google-cloud-firestore"


# Of each option that makes a test longer: its number, its number with --long, and what it counts.
AMOUNTS = {
    "fuzz-seconds": (25, 180, "how long mutated files are decoded"),
    "endurance-calls": (1500, 5000, "calls of one function process"),
    "backfill-objects": (1100, 4000, "objects that are compared and analysed"),
    "burst-uploads": (500, 1000, "uploads at once through the whole stack"),
    "dropped-files": (80, 300, "files that are dropped onto the page at once"),
    "storm-objects": (8, 120, "names that are uploaded, overwritten and deleted"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the tests that are as good as they are long be longer: each by its option, or all by --long."""
    group = parser.getgroup("sounds")
    group.addoption("--long", action="store_true", help="run long what can be: the second number of each")
    for name, (short, long, what) in AMOUNTS.items():
        group.addoption(f"--{name}", type=int, help=f"{what} ({short}, {long})")


def pytest_configure(config: pytest.Config) -> None:
    """Fill in how long tests are, and keep what numba makes here out of the system's temporary directory.

    And where signals are ignored here, as under nohup, let what the tests start hear them: a process that is started
    inherits that a signal is ignored, but not a handler.
    """
    for name, amounts in AMOUNTS.items():
        if config.getoption(f"--{name}") is None:
            setattr(config.option, name.replace("-", "_"), amounts[config.getoption("--long")])
    os.environ["NUMBA_CACHE_DIR"] = str(config.cache.mkdir("numba"))
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect no garbage while tests are collected: a million objects come, and all of them stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_report_header() -> list[str]:
    """Print what the numbers and the clients depend on, and which tools are there."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES.split())
    tools = ", ".join(
        f"{name}: {shutil.which(name) or 'not installed'}" for name in ("gcloud", "gsutil", "ffmpeg", "java")
    )
    return [f"python {platform.python_version()}, {soundfile.__libsndfile_version__}, {packages}", tools]


@pytest.fixture(scope="session")
def firestore(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Google's Firestore emulator."""
    with start_firestore(tmp_path_factory.mktemp("firestore")).wait() as program:
        yield program


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A Cloud Storage server that publishes no events: tests post their own."""
    with start_storage(tmp_path_factory.mktemp("storage")).wait() as program:
        yield program


@pytest.fixture(scope="session")
def storage_proxy(storage: Program) -> Iterator[StorageProxy]:
    """What can fail between the function and the bucket."""
    with StorageProxy(storage).running() as proxy:
        yield proxy


@pytest.fixture(scope="session")
def firestore_proxy(firestore: Program) -> Iterator[FirestoreProxy]:
    """What can fail between the function and its database."""
    with FirestoreProxy(firestore).running() as proxy:
        yield proxy


@pytest.fixture(scope="session")
def proxied_function(
    firestore: Program,
    storage: Program,
    storage_proxy: StorageProxy,
    firestore_proxy: FirestoreProxy,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cloud]:
    """One function behind both proxies; tests upload and look past them."""
    environment = {"STORAGE_EMULATOR_HOST": storage_proxy.url, "FIRESTORE_EMULATOR_HOST": firestore_proxy.address}
    with start_cloud(firestore, storage, tmp_path_factory.mktemp("proxied"), environment=environment) as cloud:
        yield cloud


@pytest.fixture
def proxied(proxied_function: Cloud, storage_proxy: StorageProxy, firestore_proxy: FirestoreProxy) -> Cloud:
    """The same without documents, behind proxies without faults."""
    proxied_function.clear()
    for proxy in (storage_proxy, firestore_proxy):
        proxy.clear()
    return proxied_function


@pytest.fixture(scope="session")
def emulators() -> None:
    """The emulators of bucket and database, which a program of ours starts that the test starts."""


@pytest.fixture(scope="session")
def package_index() -> None:
    """An index of Python packages, which pip asks over the network."""


def find_program(name: str) -> str:
    """Return the path of a program; without it the test is skipped by name."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@pytest.fixture(scope="session")
def apt_get() -> str:
    """What downloads Debian's packages."""
    return find_program("apt-get")


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    """The program ffmpeg, which shares no code with the copy in PyAV."""
    return find_program("ffmpeg")


@pytest.fixture(scope="session")
def gcloud() -> str:
    """The real gcloud."""
    return find_program("gcloud")


@pytest.fixture(scope="session")
def gsutil() -> str:
    """The real gsutil."""
    return find_program("gsutil")


@pytest.fixture(scope="session")
def strace() -> str:
    """What shows the system calls of a process."""
    return find_program("strace")


@pytest.fixture(scope="session")
def sound() -> bytes:
    """A WAV of one second, 22050 samples at the rate of the analysis."""
    return encode(tone(1), 44100)


@pytest.fixture
def write_sound(tmp_path: Path) -> Callable[..., Path]:
    """Write samples [shape=(n,) or (n, channels)] to a new sound file and return its path."""

    def write(
        y: np.ndarray,
        sr: int = 22050,
        *,
        name: str = "sound.wav",
        subtype: str | None = None,
        format: str | None = None,  # noqa: A002
    ) -> Path:
        path = tmp_path / name
        soundfile.write(path, y, sr, subtype=subtype, format=format)
        return path

    return write
