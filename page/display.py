"""Numbers, times and names as people read them; a dash stands for what is missing or of another type."""

from __future__ import annotations

import math
import unicodedata
from datetime import UTC, datetime
from typing import Any

DASH = "\u2013"
MINUS = "\u2212"
NARROW_SPACE = "\u202f"
REPLACEMENT = "\ufffd"
SHORT_S, MINUTE_S, HOUR_S = 0.01, 60, 3600  # of what is shorter than the first, hundredths of a second tell nothing
BIDI_CONTROLS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
MIXED_CONTAINERS = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "flv", "mpegts", "mpeg", "caf"}
MP4_CODECS = {"aac": "mp4a.40.2", "alac": "alac", "ac3": "ac-3", "eac3": "ec-3"}
# Of what some browsers play and others not, by the name that the analysis gives a container.
MEDIA_TYPES = {
    "aiff": "audio/aiff",
    "au": "audio/basic",
    "caf": "audio/x-caf",
    "w64": "audio/x-w64",
    "asf": "audio/x-ms-wma",
    "amr": "audio/amr",
    "wv": "audio/x-wavpack",
    "ape": "audio/x-ape",
    "tta": "audio/x-tta",
    "mpc": "audio/x-musepack",
    "mpc8": "audio/x-musepack",
    "ac3": "audio/ac3",
    "eac3": "audio/eac3",
    "dts": "audio/vnd.dts",
    "avi": "video/x-msvideo",
    "flv": "video/x-flv",
    "mpeg": "video/mpeg",
    "mpegts": "video/mp2t",
}
# What people call a container, by the names that libsndfile and ffmpeg give it; another one is called what it is.
CONTAINERS = {
    **dict.fromkeys(("wav", "wavex"), "WAV"),
    **{name: name.upper() for name in ("aac", "aiff", "amr", "ape", "au", "avi", "caf", "dts", "flac", "flv", "ogg")},
    **{name: name.upper() for name in ("mp3", "tta", "w64")},
    **dict.fromkeys(("mpc", "mpc8"), "Musepack"),
    "ac3": "AC-3",
    "asf": "WMA",
    "eac3": "E-AC-3",
    "loas": "AAC",
    "matroska,webm": "MKV/WebM",
    "mov,mp4,m4a,3gp,3g2,mj2": "MP4/M4A",
    "mpeg": "MPEG-PS",
    "mpegts": "MPEG-TS",
    "wv": "WavPack",
}
CHANNELS = {"1": "mono", "2": "stereo"}


def is_number(value: Any) -> bool:
    """Whether a value is a finite number; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def number(value: Any) -> str:
    """Return a number with at most four significant digits, a whole one with all of its digits."""
    if not is_number(value):
        return DASH
    digits = f"{value:,}".replace(",", NARROW_SPACE) if isinstance(value, int) else f"{value:.4g}"
    return digits.replace("-", MINUS)


def duration(seconds: Any) -> str:
    """Return seconds as 4.5 ms, 0.31 s, 12.4 s, 3:07 or 1:02:03."""
    if not is_number(seconds):
        return DASH
    if 0 < seconds < SHORT_S:
        return f"{seconds * 1000:.2g} ms"
    if seconds < MINUTE_S:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    whole = round(seconds)
    minutes = f"{whole % HOUR_S // MINUTE_S}:{whole % MINUTE_S:02}"
    return f"{whole // HOUR_S}:{minutes:0>5}" if whole >= HOUR_S else minutes


def clock(seconds: Any) -> str:
    """Return a time in a sound as 0:07, 12:34 or 1:02:03."""
    if not is_number(seconds):
        return DASH
    minutes = f"{int(seconds) % HOUR_S // MINUTE_S}:{int(seconds) % MINUTE_S:02}"
    return f"{int(seconds) // HOUR_S}:{minutes:0>5}" if seconds >= HOUR_S else minutes


def level(db: Any) -> str:
    """Return a level in dB with a minus sign."""
    return f"{db:.1f} dB".replace("-", MINUS) if is_number(db) else DASH


def share(value: Any) -> str:
    """Return a share from 0 to 1 in per cent."""
    return f"{value * 100:.0f} %" if is_number(value) else DASH


def size(n_bytes: Any) -> str:
    """Return bytes as kB, MB or GB, in steps of a thousand."""
    if not is_number(n_bytes):
        return DASH
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.3g} {unit}"
    return f"{n_bytes} bytes"


def rate(hertz: Any) -> str:
    """Return a sample rate in kHz."""
    return f"{hertz / 1000:g} kHz" if is_number(hertz) else DASH


def container(name: str) -> str:
    """Return what people call a container, such as WAV, of the name in a document."""
    return CONTAINERS.get(name.casefold(), name)


def source(value: Any) -> str:
    """Return what the file says of itself, such as WAV PCM_16, 44.1 kHz, stereo."""
    if not isinstance(value, dict):
        return DASH
    channels = value.get("channels")
    held, codec = (str(value.get(key) or "") for key in ("container", "codec"))
    is_told = codec.casefold() in {held.casefold(), container(held).casefold()}
    formats = [part for part in (container(held), "" if is_told else codec) if part]
    parts = [" ".join(formats), rate(value.get("sample_rate")), CHANNELS.get(str(channels), f"{channels} channels")]
    return ", ".join(part for part in parts if part and part != DASH)


def source_in_short(value: Any) -> str:
    """Return what the file says of itself without its codec, such as WAV, 44.1 kHz, mono."""
    return source({name: part for name, part in value.items() if name != "codec"} if isinstance(value, dict) else None)


def file_format(value: Any) -> str:
    """Return what a file is called by its ending, such as AIFF, ALAC or WMA, of what it says of itself."""
    if not isinstance(value, dict):
        return ""
    container, codec = str(value.get("container") or ""), str(value.get("codec") or "")
    name = codec if container in MIXED_CONTAINERS and codec else container.partition(",")[0]
    return {"asf": "WMA", "wv": "WavPack", "mpc8": "MPC"}.get(name, name.upper())


def media_type(value: Any) -> str:
    """Return the media type by which a browser says whether it plays a file; nothing where it has to try."""
    if not isinstance(value, dict):
        return ""
    container, codec = str(value.get("container") or "").lower(), str(value.get("codec") or "")
    if container.startswith("mov,") and codec in MP4_CODECS:
        return f'audio/mp4; codecs="{MP4_CODECS[codec]}"'
    return MEDIA_TYPES.get(container, "")


def note(value: Any) -> str:
    """Return the note of a sound and its pitch, such as A#3, 57.98."""
    if not isinstance(value, dict):
        return DASH
    midi = value.get("midi")
    return f"{value.get('name', DASH)}, {midi:.2f}" if is_number(midi) else str(value.get("name", DASH))


def tempo(value: Any) -> str:
    """Return the tempo of a sound, such as 120.5 BPM."""
    bpm = value.get("bpm") if isinstance(value, dict) else None
    return f"{bpm:.5g} BPM" if is_number(bpm) else DASH


def when(time: Any) -> str:
    """Return a time as 23 Nov 2026, 17:20 UTC."""
    return f"{time.astimezone(UTC):%-d %b %Y, %H:%M} UTC" if isinstance(time, datetime) else DASH


def folder(name: Any) -> str:
    """Return a name up to its last slash."""
    head, slash, _ = visible(name).rpartition("/")
    return head + slash


def base_name(name: Any) -> str:
    """Return a name after its last slash."""
    return visible(name).rpartition("/")[2]


def is_file_known(document: dict[str, Any]) -> bool:
    """Whether a document says which file it is of."""
    name, generation = document.get("blob_name"), document.get("generation")
    return isinstance(name, str) and name != "" and isinstance(generation, int) and not isinstance(generation, bool)


def visible(text: Any) -> str:
    """Return a text in which a sign stands for each control character, also for those that turn the direction."""
    shown = str(text or "")
    if shown.isascii() and shown.isprintable():
        return shown
    return "".join(REPLACEMENT if _is_control(character) else character for character in shown)


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs"} or unicodedata.bidirectional(character) in BIDI_CONTROLS
