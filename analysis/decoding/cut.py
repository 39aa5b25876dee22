"""A file that was cut off is recognised by the size that it declares.

*Source.* The specifications of the formats: RIFF, IFF, CAF, ISO/IEC 14496-12 (MP4), RFC 8794 (Matroska), ASF.
"""

from __future__ import annotations

import os
from typing import IO

UNKNOWN_BYTES = 0x7FFF0000  # a recorder that does not know the size yet declares at least this in its 32 bits, or 0
MAX_BOXES = 2**10
EBML, SEGMENT = b"\x1aE\xdf\xa3", b"\x18S\x80g"
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
ASF_HEAD_BYTES, ASF_SIZE_AT = 2**16, 40
LONG = 1  # size of a box whose size follows in 64 bits


def find_cut(file: IO[bytes]) -> str | None:
    """Return how long a file is that is shorter than it declares, and what it declares; None for any other."""
    there = os.fstat(file.fileno()).st_size
    head = os.pread(file.fileno(), 64, 0)
    if head.startswith((b"RIFF", b"FORM")):
        said = 8 + int.from_bytes(head[4:8], "little" if head.startswith(b"RIFF") else "big")
        said = said if said < UNKNOWN_BYTES else 0
    elif head.startswith(b"caff"):
        said = _end_of_caf(file, there)
    elif head.startswith(EBML):
        said = _end_of_matroska(head)
    elif head.startswith(ASF):
        said = _size_of_asf(os.pread(file.fileno(), ASF_HEAD_BYTES, 0))
    elif head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"moof"):
        said = _end_of_boxes(file, there)
    else:
        return None
    return f"ends after {there} of {said} bytes" if said > there else None


def end_of_boxes(file: IO[bytes]) -> int:
    """Return where the last whole box of an MP4 that was cut off ends; 0 for any other file."""
    there = os.fstat(file.fileno()).st_size
    place, end = 0, _end_of_boxes(file, there)
    if os.pread(file.fileno(), 8, 0)[4:] != b"ftyp" or end <= there:
        return 0
    while True:
        head = os.pread(file.fileno(), 16, place)
        n_bytes = int.from_bytes(head[8:]) if int.from_bytes(head[:4]) == LONG else int.from_bytes(head[:4])
        if place + n_bytes >= end:
            return place
        place += n_bytes


def _end_of_caf(file: IO[bytes], size: int) -> int:
    place = 8
    for _ in range(MAX_BOXES):
        if place + 12 > size:
            break
        n_bytes = int.from_bytes(os.pread(file.fileno(), 12, place)[4:], signed=True)
        if n_bytes < 0:  # it means: to the end of the file
            break
        place += 12 + n_bytes
    return place


def _end_of_boxes(file: IO[bytes], size: int) -> int:
    place = 0
    for _ in range(MAX_BOXES):
        if place + 8 > size:
            break
        head = os.pread(file.fileno(), 16, place)
        n_bytes = int.from_bytes(head[:4])
        n_bytes = int.from_bytes(head[8:]) if n_bytes == LONG else n_bytes
        if n_bytes < 8 or not head[4:8].isalnum():  # noqa: PLR2004 - size 0 means: to the end of the file
            break
        place += n_bytes
    return place


def _end_of_matroska(head: bytes) -> int:
    _, place = _number(head, len(EBML))
    place += _number(head, len(EBML))[0] or 0
    if not head.startswith(SEGMENT, place):
        return 0
    n_bytes, place = _number(head, place + len(SEGMENT))
    return place + n_bytes if n_bytes is not None else 0


def _number(content: bytes, place: int) -> tuple[int | None, int]:
    """Return a number of EBML, None where it means an unknown size, and the place behind it."""
    if place >= len(content) or not content[place]:
        return None, place
    n_bytes = 9 - content[place].bit_length()
    bits = 7 * n_bytes
    value = int.from_bytes(content[place : place + n_bytes]) & ((1 << bits) - 1)
    return (None if value == (1 << bits) - 1 else value), place + n_bytes


def _size_of_asf(head: bytes) -> int:
    at = head.find(ASF_PROPERTIES)
    return 0 if at < 0 else int.from_bytes(head[at + ASF_SIZE_AT : at + ASF_SIZE_AT + 8], "little")
