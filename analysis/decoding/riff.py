"""What a WAV file says in its chunks that libsndfile does not look at.

*Source.* Microsoft's Multimedia Data Standards Update (1994) for ``fmt ``, ``fact`` and GSM 6.10; EBU Tech 3285 for
``bext``; ETSI TS 102 114 for the frames of DTS, IEC 61937-1 for those of AC-3 and others within PCM.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import IO

MAX_CHUNKS = 1024
HEADER_BYTES = 8  # of a chunk
FORM_BYTES = 12  # of the whole file's
UNKNOWN = 0xFFFFFFFF  # a size: then ds64 tells it, or the chunk goes on to the end
PCM_TAGS = (1, 0xFFFE)
GSM_BLOCK_BYTES, GSM_BLOCK_SAMPLES = 65, 320
LOOKED_BYTES = 2**17  # of what may be frames within PCM: more than half a second
# Frames of DTS, in 16 or 14 bits of either order, and the preamble of IEC 61937, which takes other codecs too.
FRAME_SYNCS = re.compile(
    rb"\xfe\x7f\x01\x80|\x7f\xfe\x80\x01|\xff\x1f\x00\xe8|\x1f\xff\xe8\x00|\x72\xf8\x1f\x4e|\xf8\x72\x4e\x1f"
)
FRAME_UNIT_BYTES = 1024  # frames stand at the place of as many samples as they hold: 256 or 512 of two channels
N_FRAMES = 3  # in a row


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk of a WAV file.

    Attributes:
        name: its four letters.
        start: where its content begins.
        n_bytes: of its content, as far as the file goes.
    """

    name: bytes
    start: int
    n_bytes: int


def read_chunks(file: IO[bytes]) -> list[Chunk]:
    """Return the chunks of a WAV, RF64 or BW64 file in their order; none of any other."""
    size = os.fstat(file.fileno()).st_size
    head = os.pread(file.fileno(), FORM_BYTES, 0)
    if not re.fullmatch(rb"(?:RIFF|RF64|BW64)....WAVE", head, re.DOTALL):
        return []
    chunks: list[Chunk] = []
    place, long_data = FORM_BYTES, None
    while place + HEADER_BYTES <= size and len(chunks) < MAX_CHUNKS:
        header = os.pread(file.fileno(), HEADER_BYTES, place)
        name, n_bytes = header[:4], int.from_bytes(header[4:], "little")
        start = place + HEADER_BYTES
        if name == b"ds64":
            long_data = int.from_bytes(os.pread(file.fileno(), 8, start + 8), "little")
        if name == b"data" and n_bytes == UNKNOWN and long_data is not None:
            n_bytes = long_data
        chunks.append(Chunk(name, start, min(n_bytes, size - start)))
        place = start + n_bytes + n_bytes % 2
    return chunks


def count_gsm_samples(file: IO[bytes], chunks: list[Chunk]) -> int | None:
    """Return how many samples GSM 6.10 has by its whole blocks, and by ``fact`` where that cuts the last of them."""
    data, fact = _find(chunks, b"data"), _find(chunks, b"fact")
    if data is None:
        return None
    n_samples = data.n_bytes // GSM_BLOCK_BYTES * GSM_BLOCK_SAMPLES
    told = int.from_bytes(os.pread(file.fileno(), 4, fact.start), "little") if fact else n_samples
    return told if n_samples - GSM_BLOCK_SAMPLES < told < n_samples else n_samples


def holds_frames(file: IO[bytes], chunks: list[Chunk]) -> bool:
    """Tell whether a file that says PCM holds the frames of another codec, as those for a digital output do."""
    data, kind = _find(chunks, b"data"), _find(chunks, b"fmt ")
    if not data or not kind:
        return False
    tag, channels = (int.from_bytes(os.pread(file.fileno(), 2, kind.start + at), "little") for at in (0, 2))
    if tag not in PCM_TAGS or channels != 2:  # noqa: PLR2004 - a digital output has two
        return False
    content = os.pread(file.fileno(), min(LOOKED_BYTES, data.n_bytes), data.start)
    places = [match.start() for match in FRAME_SYNCS.finditer(content)]
    if not places:
        return False
    sync = content[places[0] : places[0] + 4]
    distances = [
        distance
        for distance in range(FRAME_UNIT_BYTES, LOOKED_BYTES // N_FRAMES, FRAME_UNIT_BYTES)
        if all(content.startswith(sync, places[0] + k * distance) for k in range(1, N_FRAMES))
    ]
    return bool(distances)


def order(file: IO[bytes], chunks: list[Chunk]) -> list[bytes | tuple[int, int]] | None:
    """Return a file whose ``fmt `` stands behind its ``data`` in the usual order, as spans; None for any other."""
    names = [chunk.name for chunk in chunks]
    if b"fmt " not in names or b"data" not in names or names.index(b"fmt ") < names.index(b"data"):
        return None
    kind, data = chunks[names.index(b"fmt ")], chunks[names.index(b"data")]
    content = os.pread(file.fileno(), kind.n_bytes, kind.start)
    head = b"WAVEfmt " + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)
    head += b"data" + min(data.n_bytes, UNKNOWN - 1).to_bytes(4, "little")
    n_bytes = min(len(head) + data.n_bytes, UNKNOWN - 1)
    return [b"RIFF" + n_bytes.to_bytes(4, "little") + head, (data.start, data.start + data.n_bytes)]


def _find(chunks: list[Chunk], name: bytes) -> Chunk | None:
    return next((chunk for chunk in chunks if chunk.name == name), None)
