"""Packages of sounds, by name: fetched by apt-get or npm when first asked for, unpacked and never installed."""

import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

from bench.runs import progress


def unpack(package: str, cache: Path) -> Path | None:
    """Return the directory of a package of Debian; None where there is no apt-get, or it does not have the package."""
    return _unpack(package, cache, _download)


def unpack_npm(package: str, cache: Path) -> Path | None:
    """Return the directory of a package of npm; None where there is no npm, or it does not have the package."""
    return _unpack(package, cache, _download_npm)


def _unpack(package: str, cache: Path, download: Callable[[str, Path], bool]) -> Path | None:
    directory = cache / "packages" / package
    if not directory.exists():
        progress(f"fetching {package}")
        with_parts = directory.with_name(f"{package}.part")
        shutil.rmtree(with_parts, ignore_errors=True)
        with_parts.mkdir(parents=True)
        if not download(package, with_parts):
            shutil.rmtree(with_parts)
            return None
        with_parts.rename(directory)
    return directory


def find_sounds(directory: Path) -> list[Path]:
    """Return a package's sound files, in the order of their paths."""
    ending = re.compile(r"\.(wav|aiff?|flac|ogg|oga|opus|wv|mp3)$", re.IGNORECASE)
    return sorted(path for path in directory.rglob("*") if ending.search(path.name) and path.is_file())


def _download(package: str, directory: Path) -> bool:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return False
    # apt's own sandbox user could not write here; without it, apt says so and goes on
    command = ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", package]
    if subprocess.run(command, cwd=directory, capture_output=True, check=False).returncode:
        return False
    (archive,) = directory.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", archive, directory], check=True)
    archive.unlink()
    return True


def _download_npm(package: str, directory: Path) -> bool:
    if not shutil.which("npm"):
        return False
    if subprocess.run(["npm", "pack", package], cwd=directory, capture_output=True, check=False).returncode:
        return False
    (archive,) = directory.glob("*.tgz")
    with tarfile.open(archive) as files:
        files.extractall(directory, filter="data")
    archive.unlink()
    return True
