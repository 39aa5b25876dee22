"""Mutated real files of every format: no crash, no hang, no leak, only sounds and rejections."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.servers import ROOT

GROWN_BYTES = 60 * 2**20  # what allocators keep after files of every kind; a leak of 10 kB per input would be more
REASONS = {"sound", "not_audio", "corrupt", "empty", "not_finite", "too_long", "too_many_channels", "bad_sample_rate"}


@pytest.fixture
def fuzz_seconds(request: pytest.FixtureRequest) -> int:
    """How long mutated files are decoded."""
    return request.config.getoption("--fuzz-seconds")


def test_mutated_files_become_sounds_or_rejections(tmp_path: Path, fuzz_seconds: int, seed: int) -> None:
    """Two processes decode mutated files for a while; longer with --fuzz-seconds, others with --seed.

    What ends one of them otherwise is kept as ``finding-SEED`` in the working directory.
    """
    runs = {}
    for number in (seed, seed + 1):
        directory = tmp_path / str(number)
        directory.mkdir()
        command = [sys.executable, "-m", "tests.endurance.fuzz", directory, str(fuzz_seconds), str(number)]
        with (directory / "log").open("w") as log:
            runs[number] = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT)

    for number, process in runs.items():
        status = process.wait(fuzz_seconds + 120)
        text = (tmp_path / str(number) / "log").read_text(errors="replace")
        if status:
            shutil.copy(tmp_path / str(number) / "input", f"finding-{number}")
        assert status == 0, f"see finding-{number}; seed {number} ended with {status}: {text[-3000:]}"
        assert "Traceback" not in text
        report = json.loads(text.splitlines()[-1])
        sys.stdout.write(f"fuzz, seed {number}, {fuzz_seconds:g} s: {report}\n")
        assert set(report["ends"]) <= REASONS
        assert report["ends"]["sound"] > 100
        assert report["ends"]["corrupt"] > 100
        assert report["grown_bytes"] < GROWN_BYTES
        assert report["opened"] == 0
