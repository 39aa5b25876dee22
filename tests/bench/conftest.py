"""The benchmark as a program, on short sounds."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

type Benchmark = Callable[..., tuple[str, list[dict[str, Any]]]]


@pytest.fixture(scope="session")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    """Run sections of the benchmark; return what it printed, and its tables."""
    directory = tmp_path_factory.mktemp("benchmark")

    def run(*names: str) -> tuple[str, list[dict[str, Any]]]:
        report = directory / "report.json"
        options = ["--quick", "--runs", "1", "--cache", directory / "sounds", "--json", report]
        command = [sys.executable, "-m", "bench", "--only", *names, *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        return done.stdout, json.loads(report.read_text())

    return run
