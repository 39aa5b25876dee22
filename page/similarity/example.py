"""A file that is not stored is analysed by the function's own code, to find the sounds that are like it.

*Conventions.* ``analyse`` returns a document as the function would write it, of a bucket without a name. ``python -m
page.similarity.example NAME`` does so with the file that is its standard input, and prints the document, or why there
is none, in one line: in a process of its own, which can be ended whatever a decoder does, and has limits of memory and
processor time.
"""

from __future__ import annotations

import base64
import hashlib
import os
import sys
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from google_crc32c import extend

from analysis.decoding.recording import open_recording
from analysis.document import make_sound
from analysis.download import open_stored
from analysis.errors import AnalysisError, EmptyError, TooLargeError
from analysis.features import extract
from analysis.settings import Settings
from analysis.upload import Upload

if TYPE_CHECKING:
    from collections.abc import Sequence

PIECE_BYTES = 2**20
MEMORY_BYTES, CPU_S = 2**32, 90  # of the process


def analyse(file: IO[bytes], name: str, settings: Settings) -> dict[str, Any]:
    """Return the document of the sound in a file, which is closed; raises AnalysisError."""
    md5, crc32c = hashlib.md5(usedforsecurity=False), 0
    with file:
        size = os.fstat(file.fileno()).st_size
        if size > settings.max_bytes:
            raise TooLargeError(f"{name} has {size} bytes: at most MAX_BYTES={settings.max_bytes} are taken")
        if not size:
            raise EmptyError(f"{name} has no bytes: a sound file is needed")
        while piece := file.read(PIECE_BYTES):
            md5.update(piece)
            crc32c = extend(crc32c, piece)
        with open_stored(file, name, settings.max_bytes) as content:
            recording = open_recording(content, settings)
            features = extract(recording)
    upload = Upload("", name, 0, size, md5_hash=_base64(md5.digest()), crc32c=_base64(crc32c.to_bytes(4)))
    return make_sound(upload, recording.source, features, datetime.now(UTC))


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _main(arguments: Sequence[str]) -> int:
    from page.catalog.encoding import encode  # noqa: PLC0415  only the process needs it

    _limit()
    settings = Settings.from_environment(os.environ)
    try:
        answer = analyse(os.fdopen(os.dup(sys.stdin.fileno()), "rb"), arguments[0], settings)
    except AnalysisError as error:
        answer = {"reason": error.reason, "message": str(error)}
    print(encode(answer).decode())
    return 0


def _limit() -> None:
    import resource  # noqa: PLC0415  only the process needs it

    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    if sys.platform == "linux":  # macOS refuses it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
