"""What all tests share: the versions that decide the numbers, signals, and the real programs around the function."""

import platform
import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import soundfile

from local.parts import Part, start_firestore, start_storage

PACKAGES = "librosa numpy scipy soundfile soxr av functions-framework google-cloud-storage google-cloud-firestore"


def pytest_report_header() -> list[str]:
    """Print what the numbers and the clients depend on, and which tools are there."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES.split())
    tools = ", ".join(
        f"{name}: {shutil.which(name) or 'not installed'}" for name in ("gcloud", "gsutil", "ffmpeg", "java")
    )
    return [f"python {platform.python_version()}, {soundfile.__libsndfile_version__}, {packages}", tools]


@pytest.fixture(scope="session")
def firestore(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Part]:
    """Google's Firestore emulator."""
    with start_firestore(tmp_path_factory.mktemp("firestore")) as part:
        yield part


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Part]:
    """A Cloud Storage server that publishes no events: tests post their own."""
    with start_storage(tmp_path_factory.mktemp("storage")) as part:
        yield part


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
