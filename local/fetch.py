"""Downloads of published files, checked against their checksums, and the directory that keeps them between runs."""

import hashlib
import http.client
import os
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SILENCE_S = 30  # without a byte, until the download is given up
BLOCK_BYTES = 2**20


class DownloadError(Exception):
    """The file cannot be downloaded, or is not the published one."""


@dataclass(frozen=True, slots=True)
class Download:
    """A published file.

    Attributes:
        url: its address.
        size: bytes.
        sha256: checksum, hexadecimal.
    """

    url: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.url.rpartition("/")[2]


def fetch(download: Download, directory: Path) -> Path:
    """Download the file into the directory and return its path; raise DownloadError if it is not the published one."""
    directory.mkdir(parents=True, exist_ok=True)
    checksum = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=directory, prefix=".download-", delete_on_close=False) as unfinished:
        for block in _blocks(download):
            unfinished.write(block)
            checksum.update(block)
        unfinished.close()
        if checksum.hexdigest() != download.sha256:
            raise DownloadError(f"{download.url} has SHA-256 {checksum.hexdigest()} instead of {download.sha256}")
        return Path(unfinished.name).replace(directory / download.name)


def cache_directory() -> Path:
    """Return our directory in the user's cache directory; for a user without a home, one in the temp dir."""
    if caches := os.environ.get("XDG_CACHE_HOME"):
        return Path(caches) / "local-sounds"
    if home().is_dir():
        return home() / ".cache/local-sounds"
    return Path(tempfile.gettempdir()) / f"local-sounds-cache-{os.getuid()}"


def home() -> Path:
    """Return the user's home directory; for a user without one, a path that does not exist."""
    return Path(os.path.expanduser("~"))  # noqa: PTH111  Path.home() raises where there is none


def _blocks(download: Download) -> Iterator[bytes]:
    """Yield the file block by block and print the progress; raise DownloadError if its size is another."""
    received = 0
    try:
        with urllib.request.urlopen(download.url, timeout=SILENCE_S) as response:  # noqa: S310  the address is ours
            while block := response.read(BLOCK_BYTES):
                received += len(block)
                if received > download.size:
                    break
                _print_progress(download, received)
                yield block
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(f"{download.url} cannot be read: {error}") from error
    if received != download.size:
        raise DownloadError(f"{download.url} has not the {download.size} bytes it should have")


def _print_progress(download: Download, received: int) -> None:
    """Print the progress: in a terminal one line that is replaced, in a log a line per quarter."""
    text = f"downloading {download.name}: {100 * received // download.size} % of {download.size // 10**6} MB"
    done = received == download.size
    if sys.stderr.isatty():
        print(f"\r{text}", end="\n" if done else "", file=sys.stderr, flush=True)
    elif done or (4 * received // download.size) > (4 * (received - BLOCK_BYTES) // download.size):
        print(text, file=sys.stderr)
