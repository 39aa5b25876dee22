"""Sounds become one ZIP file that is made while it is sent, in memory that grows with their number, not their size.

*Conventions.* Files are stored, not deflated, as sounds hardly become smaller. A member has the name of its object,
made safe for every system that unpacks it: no absolute path, no ``..``, none of the characters that Windows reserves,
and no two names that differ in case or Unicode form alone. What cannot be read is named, with the reason, in a text at
the end.

*Source.* APPNOTE 6.3.10 as ``zipfile`` writes it: CRC and size behind each file, and ZIP64 where 4 GiB are passed.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, count, islice
from typing import TYPE_CHECKING, Any
from zipfile import ZIP64_LIMIT, ZipFile, ZipInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from page.media.audio import Content

MISSING = "NOT IN THIS ARCHIVE.txt"
AHEAD = 4  # files that are opened before they are written, as each opening waits for the bucket
MAX_PART_BYTES = 200  # of a part of a name: file systems take 255, and a number may be added
RESERVED = re.compile(r'[<>:"|?*\\]')
DEVICES = {"con", "prn", "aux", "nul", *(f"{device}{number}" for device in ("com", "lpt") for number in range(1, 10))}
FIRST_YEAR, LAST_YEAR = 1980, 2107  # that a ZIP file can say


@dataclass(frozen=True, slots=True)
class Opened:
    """A file whose beginning has been read.

    Attributes:
        size: bytes; None where that is not known before.
        pieces: all of its bytes.
    """

    size: int | None
    pieces: Iterator[bytes]


class Names:
    """The names of the members of one archive."""

    def __init__(self) -> None:
        self._taken = {_key(MISSING)}

    def add(self, blob_name: str) -> str:
        """Return the name of one more member, which none of the others has."""
        name = safe_name(blob_name)
        stem, dot, ending = name.rpartition(".")
        if not dot or "/" in ending:
            stem, ending = name, ""
        tries = chain((name,), (f"{stem} ({number}){dot and ending and '.'}{ending}" for number in count(2)))
        free = next(name for name in tries if _key(name) not in self._taken)
        self._taken.add(_key(free))
        return free


def safe_name(blob_name: str) -> str:
    """Return a name that is safe to unpack.

    >>> safe_name("../a//b?/con.wav"), safe_name("/etc/passwd"), safe_name("kit/snare 1.wav")
    ('_/a/_/b_/_con.wav', '_/etc/passwd', 'kit/snare 1.wav')
    """
    return "/".join(map(_safe_part, blob_name.split("/")))


def write_zip(
    sounds: Iterable[dict[str, Any]],
    open_sound: Callable[[dict[str, Any]], Content],
    describe: Callable[[Exception], str],
) -> Iterator[bytes]:
    """Yield the archive of some sounds; ``describe`` says why one is missing, or raises what is no such reason."""
    sink, names, missing = _Sink(), Names(), []
    executor = ThreadPoolExecutor(AHEAD)
    try:
        with ZipFile(sink, "w") as archive:  # type: ignore[call-overload]  # it needs no more than write and flush
            for sound, opening in _open_ahead(sounds, open_sound, executor):
                written = 0
                try:
                    opened = opening.result()
                    info = _make_info(names.add(sound["blob_name"]), opened.size, sound.get("uploaded_at"))
                    is_large = opened.size is None or opened.size >= ZIP64_LIMIT // 2
                    with archive.open(info, "w", force_zip64=is_large) as member:
                        for piece in opened.pieces:
                            member.write(piece)
                            written += len(piece)
                            yield from sink.take()
                except Exception as error:  # noqa: BLE001  describe raises what is no reason of a file
                    missing.append(f"{sound['blob_name']}: {describe(error)}{_tell_part(written)}\n")
                yield from sink.take()
            if missing:
                archive.writestr(_make_info(MISSING, None, datetime.now(UTC)), "".join(missing))
        yield from sink.take()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


class _Sink:
    """What ZipFile writes to: a list of what has not been sent."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        pass

    def take(self) -> list[bytes]:
        pieces, self._pieces = self._pieces, []
        return pieces


def _open_ahead(
    sounds: Iterable[dict[str, Any]], open_sound: Callable[[dict[str, Any]], Content], executor: ThreadPoolExecutor
) -> Iterator[tuple[dict[str, Any], Future[Opened]]]:
    def open_one(sound: dict[str, Any]) -> Opened:
        content = open_sound(sound)
        return Opened(content.size, chain((next(content.pieces, b""),), content.pieces))

    rest = iter(sounds)
    waiting = deque((sound, executor.submit(open_one, sound)) for sound in islice(rest, AHEAD))
    while waiting:
        yield waiting.popleft()
        waiting.extend((sound, executor.submit(open_one, sound)) for sound in islice(rest, 1))


def _make_info(name: str, size: int | None, moment: Any) -> ZipInfo:
    time = moment.astimezone(UTC) if isinstance(moment, datetime) else datetime.now(UTC)
    year = min(max(time.year, FIRST_YEAR), LAST_YEAR)
    info = ZipInfo(name, (year, time.month, time.day, time.hour, time.minute, time.second))
    info.external_attr = 0o644 << 16
    info.file_size = size or 0
    return info


def _safe_part(part: str) -> str:
    safe = "".join("_" if unicodedata.category(character) in {"Cc", "Cf", "Cs"} else character for character in part)
    safe = RESERVED.sub("_", safe).rstrip(". ").lstrip(" ") or "_"
    if safe.partition(".")[0].casefold() in DEVICES:
        safe = f"_{safe}"
    encoded = safe.encode()
    if len(encoded) <= MAX_PART_BYTES:
        return safe
    stem, dot, ending = safe.rpartition(".")
    ending = f"{dot}{ending}" if stem and len(ending) < 10 else ""  # noqa: PLR2004  longer is no ending
    return encoded[: MAX_PART_BYTES - len(ending.encode())].decode(errors="ignore") + ending


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _tell_part(written: int) -> str:
    return f" Only its first {written} bytes are here." if written else ""
