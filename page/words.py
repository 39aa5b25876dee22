"""Numbers, times and names as they are read by people; what is missing or no number is a dash."""

from __future__ import annotations

import math
import unicodedata
from datetime import UTC, datetime
from typing import Any

DASH = "\u2013"
MINUTE, HOUR = 60, 3600
TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}  # the direction of writing
CHANNELS = {"1": "mono", "2": "stereo"}


def is_number(value: Any) -> bool:
    """Whether a value is a finite number, and not a truth."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def duration(seconds: Any) -> str:
    """Return seconds as 0.31 s, 12.4 s, 3:07 or 1:02:03."""
    if not is_number(seconds):
        return DASH
    if seconds < MINUTE:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    whole = round(seconds)
    minutes = f"{whole % HOUR // MINUTE}:{whole % MINUTE:02}"
    return f"{whole // HOUR}:{minutes:0>5}" if whole >= HOUR else minutes


def level(db: Any) -> str:
    """Return a level with the true minus sign."""
    return f"{db:.1f} dB".replace("-", "\u2212") if is_number(db) else DASH


def size(n_bytes: Any) -> str:
    """Return bytes as kB, MB or GB, of a thousand each."""
    if not is_number(n_bytes):
        return DASH
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.3g} {unit}"
    return f"{n_bytes} bytes"


def rate(hertz: Any) -> str:
    """Return a sample rate in kHz."""
    return f"{hertz / 1000:g} kHz" if is_number(hertz) else DASH


def source(value: Any) -> str:
    """Return what the file says of itself: WAV PCM_16, 44.1 kHz, stereo."""
    if not isinstance(value, dict):
        return DASH
    channels = value.get("channels")
    kinds = dict.fromkeys(str(value[key]) for key in ("container", "codec") if value.get(key))
    parts = [" ".join(kinds), rate(value.get("sample_rate")), CHANNELS.get(str(channels), f"{channels} channels")]
    return ", ".join(part for part in parts if part and part != DASH)


def briefly(value: Any) -> str:
    """Return what the file says of itself, without its codec: WAV, 44.1 kHz, mono."""
    return source({name: part for name, part in value.items() if name != "codec"} if isinstance(value, dict) else None)


def note(value: Any) -> str:
    """Return the pitch of a sound: A#3, 57.98."""
    if not isinstance(value, dict):
        return DASH
    midi = value.get("midi")
    return f"{value.get('name', DASH)}, {midi:.2f}" if is_number(midi) else str(value.get("name", DASH))


def tempo(value: Any) -> str:
    """Return the tempo of a sound: 120 BPM."""
    bpm = value.get("bpm") if isinstance(value, dict) else None
    return f"{bpm:.5g} BPM" if is_number(bpm) else DASH


def when(moment: Any) -> str:
    """Return a time as 23 Nov 2026, 17:20 UTC."""
    return f"{moment.astimezone(UTC):%-d %b %Y, %H:%M} UTC" if isinstance(moment, datetime) else DASH


def folder(name: Any) -> str:
    """Return the part of a name up to its last slash."""
    head, slash, _ = shown(name).rpartition("/")
    return head + slash


def base(name: Any) -> str:
    """Return the part of a name after its last slash."""
    return shown(name).rpartition("/")[2]


def shown(name: Any) -> str:
    """Return a name with what cannot be seen, or turns the direction of writing, as the sign for it."""
    return "".join("\ufffd" if _is_hidden(sign) else sign for sign in str(name or ""))


def _is_hidden(sign: str) -> bool:
    return unicodedata.category(sign) in {"Cc", "Cs"} or unicodedata.bidirectional(sign) in TURNING
