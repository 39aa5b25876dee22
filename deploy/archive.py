"""The source archive that gcloud uploads, and a digest of its files, by which a second run sees whether one changed."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from deploy.gcloud import call

ROOT = Path(__file__).resolve().parent.parent

# The label of a function that holds the digest of what it was built from; its value may have 63 characters.
LABEL = "sounds-source"
_DIGEST_LENGTH = 40


def digest() -> str:
    """Return a digest over the names and contents of the files that .gcloudignore lets through."""
    return digest_of(call(["gcloud", "meta", "list-files-for-upload", str(ROOT)]).splitlines())


def digest_of(names: Iterable[str]) -> str:
    """Return a digest over the names and contents of files of this repository."""
    files = hashlib.sha256()
    for name in sorted(names):
        content = (ROOT / name).read_bytes()
        files.update(f"{name}\0{len(content)}\0".encode() + content)
    return files.hexdigest()[:_DIGEST_LENGTH]
