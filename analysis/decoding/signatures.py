"""The signatures of the formats: a file that has one and cannot be read is damaged, any other is not audio.

*Conventions.* A signature includes what the format has behind its first letters, because a text or noise may begin
with the same letters.

*Source.* The specifications of the formats, as ffmpeg and libsndfile apply them.
"""

from __future__ import annotations

import os
import re
from functools import cache
from typing import IO

HEAD_BYTES = 512
# A dot is any byte, as in sizes.
SIGNATURES = (
    rb"(?:RIF[FX]|RF64|BW64).{4}(?:WAVE|AVI )[A-Za-z0-9 ]{4}",
    rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0",
    rb"FORM.{4}AIF[FC][A-Za-z0-9() ]{4}",
    rb"caff\0[\x01\x02]..desc",
    rb"\.snd\0\0.{6}\0{3}[\x01-\x1d]\0.{3}\0{2}.[\x01-\xff]|dns\...\0\0.{4}[\x01-\x1d]\0{3}",
    rb"fLaC[\0\x80]\0\0\x22",
    rb"OggS\0\x02\0{8}.{12}\x01.(?:OpusHead|\x01vorbis|\x7fFLAC|Speex   |\x80theora|fishead\0|\x01video\0|BBCD\0)",
    rb"\x1aE\xdf\xa3..{0,60}(?:matroska|webm)",
    rb"0&\xb2u\x8ef\xcf\x11\xa6\xd9\0\xaa\0b\xcel",
    rb".{4}moov.{4}(?:mvhd|cmov|trak|udta|iods)",
    rb"#!AMR(?:-WB)?\n[\x04\x0c\x14\x1c\x24\x2c\x34\x3c\x44\x7c]",
    rb"wvpk.{4}[\x02-\x11]\x04",
    rb"MAC .\x0f",
    rb"MP\+[\x07\x17]|MPCK(?:SH|RG|EI|SO|ST|AP)",
    rb"TTA1[\x01\x03]\0",
    rb"FLV\x01[\0\x01\x04\x05]\0{3}\x09",
)
# Boxes with which MP4 and QuickTime begin; a box of DATA_BOXES may be as large as the file.
BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"moof", b"styp", b"sidx", b"uuid", b"pnot"})
DATA_BOXES = frozenset({b"mdat", b"moov"})


def begins_like_a_sound(file: IO[bytes], start: int = 0) -> bool:
    """Tell whether one of the formats begins at a place of a file."""
    head = os.pread(file.fileno(), HEAD_BYTES, start)
    return bool(_pattern().match(head)) or _begins_like_mp4(head)


def _begins_like_mp4(head: bytes) -> bool:
    """Tell whether a file begins with a box of MP4, and another box follows at its end."""
    n_bytes, name = int.from_bytes(head[:4]), head[4:8]
    if name not in BOXES or n_bytes in range(2, 8):
        return False
    following = head[n_bytes + 4 : n_bytes + 8]
    return name in DATA_BOXES or n_bytes + 8 > len(head) or following in BOXES


@cache
def _pattern() -> re.Pattern[bytes]:
    return re.compile(b"|".join(b"(?:%b)" % signature for signature in SIGNATURES), re.DOTALL)
