"""Runs of each method in fresh processes, in turn, and the medians of what they took."""

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEASURES = ("wall_s", "cpu_s", "memory_mb", "imports_mb", "blas_threads")
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Measured:
    """Medians over the runs of one method.

    Attributes:
        wall_s: seconds from the first analysis to the end of the last.
        cpu_s: seconds of processor, user and system.
        memory_mb: peak above the imports.
        imports_mb: resident after the imports.
        blas_threads: threads that numpy's matrix products may use.
        lengths: samples at 22 050 Hz per file, None where the method does not tell.
        means: coefficients per file.
    """

    wall_s: float
    cpu_s: float
    memory_mb: float
    imports_mb: float
    blas_threads: float
    lengths: tuple[int | None, ...]
    means: tuple[tuple[float, ...], ...]


class UnsupportedError(Exception):
    """A method cannot analyse a file; the message is the last line it wrote."""


def interleave(methods: Sequence[str], paths: Sequence[Path], runs: int) -> dict[str, Measured | UnsupportedError]:
    """Run each method over the files in turn, ``runs`` times each; one that cannot is not asked again."""
    results: dict[str, list[dict[str, Any]]] = {method: [] for method in methods}
    unable: dict[str, UnsupportedError] = {}
    for run in range(runs):
        for method in methods:
            if method not in unable:
                progress(f"run {run + 1}/{runs}: {method}, {paths[0].name}")
                try:
                    results[method].append(run_once(method, paths))
                except UnsupportedError as error:
                    unable[method] = error
    return {method: unable.get(method) or _medians(results[method]) for method in methods}


def run_once(method: str, paths: Sequence[Path]) -> dict[str, Any]:
    """Run one method over the files in a process of its own; raise UnsupportedError when it fails."""
    command = [sys.executable, "-m", "bench.once", method, *map(str, paths)]
    process = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if process.returncode:
        raise UnsupportedError((process.stderr.strip().splitlines() or [f"exit code {process.returncode}"])[-1])
    measured: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return measured


def progress(text: str) -> None:
    """Tell on stderr what is being done: a line that the next one replaces, where that is a terminal."""
    is_terminal = sys.stderr.isatty()
    print(f"\r\x1b[K{text}" if is_terminal else text, end="" if is_terminal else "\n", file=sys.stderr, flush=True)


def _medians(results: list[dict[str, Any]]) -> Measured:
    medians = {measure: statistics.median(result[measure] for result in results) for measure in MEASURES}
    first = results[0]
    return Measured(**medians, lengths=tuple(first["lengths"]), means=tuple(map(tuple, first["means"])))
