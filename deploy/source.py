"""What is uploaded, and a digest of it: the label by which a second run knows that nothing has changed."""

import hashlib
from pathlib import Path

from deploy.gcloud import call

ROOT = Path(__file__).resolve().parent.parent

# A label's value has at most 63 characters.
LABEL = "sounds-source"
_LENGTH = 40


def digest() -> str:
    """Return a digest over the names and contents of the files that .gcloudignore lets through."""
    ours = hashlib.sha256()
    for name in sorted(call(["gcloud", "meta", "list-files-for-upload", str(ROOT)]).splitlines()):
        content = (ROOT / name).read_bytes()
        ours.update(f"{name}\0{len(content)}\0".encode() + content)
    return ours.hexdigest()[:_LENGTH]
