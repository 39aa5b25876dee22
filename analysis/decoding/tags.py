"""What somebody wrote into a file beside its sound: title, artist, album, date, comment, and when it was recorded.

*Conventions.* Of a file little is read, whatever it declares: the sizes of what is passed over, and some bytes of each
text. A tag that cannot be read is left out.

*Source.* Microsoft's Multimedia Programming Interface 1.0 for ``INFO``; EBU Tech 3285 for ``bext``; Apple's AIFF 1.3
and Core Audio Format Specification 1.0. What only ffmpeg reads has the tags that ffmpeg tells.
"""

from __future__ import annotations

import os
import re
from typing import IO, TYPE_CHECKING

from analysis.decoding import riff
from analysis.decoding.chunks import CAF_CHUNK, CAF_START, FORM_BYTES, IFF_CHUNK, RIFF_CHUNK, iterate_chunks
from analysis.decoding.id3 import end_of_tags, read_id3, read_id3v1
from analysis.decoding.tag_text import MAX_ITEMS, NAMES, TEXT_BYTES, Tag, clean, decode
from analysis.decoding.vorbis_comments import read_flac_comments, read_ogg_comments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

INFO = {b"INAM": "title", b"IART": "artist", b"IPRD": "album", b"ICRD": "date", b"ICMT": "comment"}
AIFF = {b"NAME": "title", b"AUTH": "artist", b"ANNO": "comment"}
CAF = {"recorded date": "date", "comments": "comment"}
FFMPEG = {"product": "album", "year": "date", "description": "comment"}
ID3_CHUNKS = (b"id3 ", b"ID3 ")
# Where the texts of bext begin and end.
BEXT_DESCRIPTION, BEXT_DATE, BEXT_TIME, BEXT_BYTES = (0, 256), (320, 330), (330, 338), 338
# EBU Tech 3285 leaves the separators open.
ORIGINATION = r"(\d{4})\D(\d\d)\D(\d\d) (\d\d)\D(\d\d)\D(\d\d)"
CAF_INFO_BYTES = 2**16


def read_tags(file: IO[bytes], told: Mapping[str, str], *, is_mpeg: bool) -> dict[str, str]:
    """Return the tags of a file by their NAMES; where it has several kinds of tags, the first that has a name counts.

    ``told`` are those that the decoder knows; ``is_mpeg`` tells that the file is MP3, which may have a tag at its end.
    """
    tags: dict[str, str] = {}
    for name, text in _all_tags(file, is_mpeg=is_mpeg):
        if name not in tags and (cleaned := clean(text)):
            tags[name] = cleaned
    tags = {**told, **tags}
    return {name: tags[name] for name in NAMES if name in tags}


def choose_tags(*metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the tags among what ffmpeg tells, in which bytes that are not UTF-8 are surrogates."""
    tags: dict[str, str] = {}
    for key, value in ((key.lower(), value) for told in metadata for key, value in told.items()):
        name = FFMPEG.get(key, key)
        if name in NAMES[:-1] and (name == key or name not in tags):
            text = clean(decode(value[:TEXT_BYTES].encode("utf-8", "surrogateescape")[:TEXT_BYTES]))
            tags |= {name: text} if text else {}
    return tags


def _all_tags(file: IO[bytes], *, is_mpeg: bool) -> Iterator[Tag]:
    start = end_of_tags(file)
    head = os.pread(file.fileno(), 4, start)
    if head == b"fLaC":
        yield from read_flac_comments(file, start)
    elif head == b"OggS":
        yield from read_ogg_comments(file, start)
    elif head == b"FORM":
        yield from _read_aiff(file)
    elif head == b"caff":
        yield from _read_caf(file)
    else:
        yield from _read_wav(file)
    yield from read_id3(file, 0)
    if is_mpeg:
        yield from read_id3v1(file)


def _read_wav(file: IO[bytes]) -> Iterator[Tag]:
    chunks = riff.read_chunks(file)
    for chunk in chunks:
        if chunk.name in ID3_CHUNKS:
            yield from read_id3(file, chunk.start)
            break
    for chunk in chunks:
        if chunk.name == b"LIST" and os.pread(file.fileno(), 4, chunk.start) == b"INFO":
            inner = iterate_chunks(file, chunk.start + 4, RIFF_CHUNK, MAX_ITEMS, chunk.start + chunk.n_bytes)
            yield from ((INFO[name], _text(file, start, n_bytes)) for name, start, n_bytes in inner if name in INFO)
            break
    for chunk in chunks:
        if chunk.name == b"bext" and chunk.n_bytes >= BEXT_BYTES:
            content = os.pread(file.fileno(), BEXT_BYTES, chunk.start)
            description, *moment = (
                decode(content[slice(*part)].partition(b"\0")[0]) for part in (BEXT_DESCRIPTION, BEXT_DATE, BEXT_TIME)
            )
            yield "comment", description
            text = " ".join(moment)
            match = re.fullmatch(ORIGINATION, text)
            yield "origination_time", "{}-{}-{} {}:{}:{}".format(*match.groups()) if match else text
            break


def _read_aiff(file: IO[bytes]) -> Iterator[Tag]:
    for name, start, n_bytes in iterate_chunks(file, FORM_BYTES, IFF_CHUNK, MAX_ITEMS):
        if name in AIFF:
            yield AIFF[name], _text(file, start, n_bytes)
        elif name in ID3_CHUNKS:
            yield from read_id3(file, start)


def _read_caf(file: IO[bytes]) -> Iterator[Tag]:
    for name, start, n_bytes in iterate_chunks(file, CAF_START, CAF_CHUNK, MAX_ITEMS, is_padded=False):
        if name == b"info":
            content = os.pread(file.fileno(), min(n_bytes, CAF_INFO_BYTES), start + 4)  # behind their number
            texts = content.split(b"\0")
            for key, text in zip(texts[::2], texts[1::2], strict=False):
                told = key.decode("utf-8", "replace").lower()
                if (name_of_it := CAF.get(told, told)) in NAMES[:-1]:
                    yield name_of_it, decode(text[:TEXT_BYTES])
            return


def _text(file: IO[bytes], start: int, n_bytes: int) -> str:
    return decode(os.pread(file.fileno(), min(n_bytes, TEXT_BYTES), start).partition(b"\0")[0])
