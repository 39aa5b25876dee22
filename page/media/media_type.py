"""The media type of a sound, by its first bytes: never the type that its uploader declared.

*Source.* https://mimesniff.spec.whatwg.org/#matching-an-audio-or-video-type-pattern, and the signatures of the other
formats that the function reads.
"""

from __future__ import annotations

HEAD_BYTES = 64  # so many first bytes are enough
UNKNOWN = "application/octet-stream"
GZIP = b"\x1f\x8b"
SIGNATURES = (
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "audio/webm"),
    (b"caff", "audio/x-caf"),
    (b".snd", "audio/basic"),
    (b"wvpk", "audio/x-wavpack"),
    (b"MAC ", "audio/x-ape"),
    (b"#!AMR", "audio/amr"),
    (b"0&\xb2u\x8ef\xcf\x11", "audio/x-ms-wma"),
)
CONTAINERS = (
    (b"RIFF", b"WAVE", "audio/wav"),
    (b"RF64", b"WAVE", "audio/wav"),
    (b"FORM", b"AIFF", "audio/aiff"),
    (b"FORM", b"AIFC", "audio/aiff"),
)
SYNC = 0xFF  # the first byte of a frame of MPEG audio


def sniff(start: bytes) -> str:
    """Return the media type of a sound by its first bytes."""
    for signature, media_type in SIGNATURES:
        if start.startswith(signature):
            return media_type
    for container, form, media_type in CONTAINERS:
        if start[:4] == container and start[8:12] == form:
            return media_type
    if start[4:8] == b"ftyp":
        return "audio/mp4"
    if len(start) > 1 and start[0] == SYNC and start[1] & 0xF6 == 0xF0:  # noqa: PLR2004  ADTS: sync, and layer 0
        return "audio/aac"
    if len(start) > 1 and start[0] == SYNC and start[1] & 0xE0 == 0xE0:  # noqa: PLR2004  11 bits of sync
        return "audio/mpeg"
    return UNKNOWN
