"""A prefix that no object's name begins with: what was perhaps meant by it, found by a few calls."""

from __future__ import annotations

import shlex
import unicodedata
from typing import TYPE_CHECKING

from google.api_core.exceptions import GoogleAPIError

from backfill.listings import OBJECTS_PER_PAGE
from backfill.reading import CALL_S, STORAGE_RETRY

if TYPE_CHECKING:
    from google.cloud import storage  # type: ignore[attr-defined]  # it ships no types

N_NAMES = 5  # that are given as examples


def describe_no_match(bucket: storage.Bucket, prefix: str) -> str:
    """Return a line that says that nothing has the prefix, and which prefix something has."""
    nothing = f"no object of gs://{bucket.name} has a name that begins with {prefix!r}"
    try:
        for meant in _spellings(bucket.name, prefix):
            if _list(bucket, meant, max_results=1)[0]:
                return f"{nothing}, but with --prefix {shlex.quote(meant)} there are some"
        for folder in dict.fromkeys((_parent(prefix), "")):
            names, folders = _list(bucket, folder, delimiter="/", max_results=OBJECTS_PER_PAGE)
            beginnings = sorted({*names, *folders} - {folder})
            alike = [name for name in beginnings if name.casefold().startswith(prefix.casefold())]
            if beginnings:
                return f"{nothing}; there are names that begin with {', '.join((alike or beginnings)[:N_NAMES])}"
    except GoogleAPIError:
        return nothing
    return f"{nothing}; it has no objects"


def _spellings(bucket_name: str, prefix: str) -> list[str]:
    """Return what a prefix may stand for: an address, a path from the root, the text in another Unicode form."""
    name = prefix.removeprefix(f"gs://{bucket_name}").lstrip("/")
    forms = (unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))  # the second is a Mac's
    return [spelling for spelling in dict.fromkeys((name, *forms)) if spelling not in {prefix, ""}]


def _parent(prefix: str) -> str:
    """Return the folder that a prefix is in."""
    before, slash, _ = prefix.rstrip("/").rpartition("/")
    return before + slash


def _list(
    bucket: storage.Bucket, prefix: str, *, max_results: int, delimiter: str | None = None
) -> tuple[list[str], set[str]]:
    """Return the names that begin with the prefix and the folders that do, of one page."""
    blobs = bucket.list_blobs(
        prefix=prefix, delimiter=delimiter, max_results=max_results, timeout=CALL_S, retry=STORAGE_RETRY
    )
    return [blob.name for blob in blobs], set(blobs.prefixes)
