"""Whether two documents are of the same file or of the same sound, so that one of them may be deleted. Pure."""

from collections.abc import Mapping, Sequence
from math import dist
from typing import Any, Literal

from analysis.definition import SAME_LENGTH, SAME_SOUND_DISTANCE


def tell_same(a: Mapping[str, Any], b: Mapping[str, Any]) -> Literal["file", "sound"] | None:
    """Return "file" for documents of the same file, "sound" for the same sound in two files, else None.

    Files are the same where their MD5 is equal or, where one of them has none, their CRC32C and size. Sounds are the
    same where their fingerprints are nearer than SAME_SOUND_DISTANCE and their lengths differ by at most SAME_LENGTH
    samples, as codecs add or remove some. docs/similarity.md says how often that is wrong.
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
    """Return the numbers of a fingerprint, which may be one of Firestore's vectors."""
    return [] if fingerprint is None else list(fingerprint)
