"""Whether two documents are of the same sound: what somebody may delete one of them by. Pure."""

from collections.abc import Mapping, Sequence
from math import dist
from typing import Any, Literal

from analysis.definition import SAME_LENGTH, SAME_SOUND_DISTANCE


def tell_same(a: Mapping[str, Any], b: Mapping[str, Any]) -> Literal["file", "sound"] | None:
    """Return whether two sounds' documents are of the same file, of the same sound in another file, or of neither.

    The same file has equal bytes: the same MD5 or, where one of the two has none, the same CRC32C and size. The same
    sound has fingerprints nearer than SAME_SOUND_DISTANCE and lengths that differ by SAME_LENGTH samples at most, as
    codecs add or take some: docs/similarity.md says how often that is wrong. Everything else is a distance.
    """
    if _are_same_bytes(a, b):
        return "file"
    fingerprints = [_numbers(document.get("fingerprint")) for document in (a, b)]
    lengths = [document.get("length") for document in (a, b)]
    if not all(fingerprints) or len(fingerprints[0]) != len(fingerprints[1]):
        return None
    if not all(isinstance(length, int) for length in lengths) or abs(lengths[0] - lengths[1]) > SAME_LENGTH:  # type: ignore[operator]
        return None
    return "sound" if dist(*fingerprints) < SAME_SOUND_DISTANCE else None


def _are_same_bytes(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    if a.get("md5_hash") and b.get("md5_hash"):
        return bool(a["md5_hash"] == b["md5_hash"])
    return all(a.get(name) and a[name] == b.get(name) for name in ("crc32c", "size"))


def _numbers(fingerprint: Sequence[float] | None) -> list[float]:
    """Return a fingerprint as numbers; Firestore's vectors are sequences without a length of their own."""
    return [] if fingerprint is None else list(fingerprint)
