"""The environment becomes one frozen `Settings`, validated once, when the function starts."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from analysis.definition import ACCEPTED_FEATURES, read_features

COLLECTION_ID = re.compile(r"(?!\.\.?$)(?!__.*__$)[^/]{1,1500}")
DATABASE_ID = re.compile(r"\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be set. Each attribute is read from the environment variable of the same name in capitals.

    Attributes:
        sounds_collection: Firestore collection of the sounds.
        rejections_collection: Firestore collection of the rejections.
        firestore_database: Firestore database of both.
        include_names: globs; blobs that match none of them are skipped, unless there are none.
        exclude_names: globs; blobs that match one of them are skipped.
        features: which of OPTIONAL_FEATURES of `definition.py` the documents have, as their means.
        max_bytes: most bytes of an upload, whose temporary file is memory.
        max_duration_s: most seconds of audio, declared or decoded.
        max_channels: most channels.
        min_sample_rate: lowest sample rate that a file may declare, Hz.
        max_sample_rate: highest sample rate that a file may declare, Hz.
        max_event_age_s: seconds after which an event is not analysed any more.
        forget: whether an object is looked for once more when its document is written, and the document removed where
            the object is gone; for a bucket whose delete events `forget` of `main.py` answers.
    """

    sounds_collection: str = "sounds"
    rejections_collection: str = "rejections"
    firestore_database: str = "(default)"
    include_names: tuple[str, ...] = ()
    exclude_names: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    max_bytes: int = 2**30
    max_duration_s: float = 12 * 3600
    max_channels: int = 32
    min_sample_rate: int = 2000
    max_sample_rate: int = 768000
    max_event_age_s: float = 6 * 3600
    forget: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the variables that are set.

        Raises ValueError for the first wrong one; it names the variable, its value and what is accepted.
        """
        given: dict[str, Any] = {}
        for field in fields(cls):
            variable = field.name.upper()
            if variable in environment:
                given[field.name] = _read(variable, environment[variable], _READERS[field.name])
        settings = cls(**given)
        if settings.sounds_collection == settings.rejections_collection:
            raise ValueError(
                f"REJECTIONS_COLLECTION={settings.rejections_collection!r}: accepted is another than SOUNDS_COLLECTION"
            )
        if settings.min_sample_rate > settings.max_sample_rate:
            raise ValueError(
                f"MIN_SAMPLE_RATE={settings.min_sample_rate}: accepted is at most "
                f"MAX_SAMPLE_RATE={settings.max_sample_rate}"
            )
        return settings


type _Reader = tuple[Callable[[str], object], str]


def _read(variable: str, text: str, reader: _Reader) -> object:
    read, accepted = reader
    try:
        return read(text)
    except ValueError:
        raise ValueError(f"{variable}={text!r}: accepted is {accepted}") from None


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError
        return text

    return read


def _globs(text: str) -> tuple[str, ...]:
    return tuple(glob for glob in (part.strip() for part in text.split(",")) if glob)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**63):
        raise ValueError
    return int(text)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise ValueError
    return seconds


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError
    return text == "true"


_COLLECTION: _Reader = (_matching(COLLECTION_ID), "a collection id, without slashes")
_GLOBS: _Reader = (_globs, "globs, separated by commas")
_COUNT: _Reader = (_count, "a whole number above 0, in digits")
_SECONDS: _Reader = (_seconds, "a number of seconds above 0")
_READERS: dict[str, _Reader] = {
    "sounds_collection": _COLLECTION,
    "rejections_collection": _COLLECTION,
    "firestore_database": (_matching(DATABASE_ID), "(default) or 4 to 63 of a-z, 0-9 and -"),
    "include_names": _GLOBS,
    "exclude_names": _GLOBS,
    "features": (read_features, ACCEPTED_FEATURES),
    "max_bytes": _COUNT,
    "max_duration_s": _SECONDS,
    "max_channels": _COUNT,
    "min_sample_rate": _COUNT,
    "max_sample_rate": _COUNT,
    "max_event_age_s": _SECONDS,
    "forget": (_flag, "true or false"),
}
