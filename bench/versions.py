"""What the numbers depend on: versions, machine, state of the code."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import soundfile

from bench.runs import ROOT

PACKAGES = ("librosa", "numpy", "scipy", "soundfile", "soxr", "av", "functions-framework")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def describe() -> str:
    """Return versions, machine and signal as lines of markdown."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    threads = ", ".join(f"{name}={os.environ[name]}" for name in THREADS if name in os.environ) or "none is set"
    return "\n".join(
        [
            f"- Python {platform.python_version()}, {packages}, libsndfile {soundfile.__libsndfile_version__}",
            f"- {platform.system()} {platform.machine()}, {_cpu()}, {os.cpu_count()} cores, {_memory_gb():.0f} GB",
            f"- code: {_commit()}",
            f"- variables that set threads: {threads}; ours sets what `analysis` sets, plain is left as it is",
            "- sounds: seeded notes over pink noise, in loud, soft and very quiet passages and digital silence",
        ]
    )


def _cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.processor())


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def _commit() -> str:
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "not a git checkout"
