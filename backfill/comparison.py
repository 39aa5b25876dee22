"""Objects against documents, in one pass over both: what is there, missing, stale, rejected, left for a reason or gone.

*Conventions.* All three lists are in order of the names' UTF-8 bytes; that they are is checked, because in another
order objects would seem to be missing. Memory does not grow with their length.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from heapq import merge
from itertools import batched, groupby
from typing import TYPE_CHECKING

from analysis.document import make_uid
from analysis.errors import ExpiredError, Skipped
from analysis.upload import check_selected
from backfill.inventory import Kept, UnreadableError, look_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.cloud import firestore

    from analysis.settings import Settings
    from analysis.upload import Upload
    from backfill.inventory import Calls


LOOKED_UP = 300  # documents of one call


class State(StrEnum):
    """How an object and its document stand to each other."""

    SOUND = "sound"
    STALE = "stale"
    REJECTED = "rejected"
    LEFT = "left"
    MISSING = "missing"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Finding:
    """What the comparison says of one object, or of one document without an object.

    Attributes:
        state: how they stand to each other.
        upload: the object; None where it is gone.
        kept: the document; None where there is none.
    """

    state: State
    upload: Upload | None
    kept: Kept | None


def compare(
    uploads: Iterable[Upload], sounds: Iterable[Kept], rejections: Iterable[Kept], settings: Settings
) -> Iterator[Finding]:
    """Yield a finding for every object and for every document whose object is not there.

    Raises UnreadableError when a list is not in order.
    """
    lists: tuple[Iterable[Upload | Kept], ...] = (uploads, sounds, rejections)
    together = merge(*map(_in_order, lists), key=_name)  # of equal names, the object comes first
    for _, entries in groupby(together, key=_name):
        upload: Upload | None = None
        kept: Kept | None = None
        for entry in entries:
            if not isinstance(entry, Kept):
                upload = entry
            elif upload is None or entry.uid != make_uid(upload):
                yield Finding(State.GONE, None, entry)
            elif kept is None:  # a sound comes before a rejection
                kept = entry
        if upload is not None:
            yield Finding(_state_of(upload, kept, settings), upload, kept)


def compare_share(
    uploads: Iterable[Upload], client: firestore.Client, settings: Settings, calls: Calls
) -> Iterator[Finding]:
    """Yield a finding for every object of a share: their documents are looked up, so nobody reads another's."""
    sounds, rejections = map(client.collection, (settings.sounds_collection, settings.rejections_collection))
    for some in batched(uploads, LOOKED_UP):
        found = list(look_up(client, sounds, some, calls))
        with_sound = {kept.uid for kept in found}
        others = [upload for upload in some if make_uid(upload) not in with_sound]
        yield from compare(some, found, look_up(client, rejections, others, calls), settings)


def _in_order(entries: Iterable[Upload | Kept]) -> Iterator[Upload | Kept]:
    before = b""
    for entry in entries:
        name = _name(entry)
        if name < before:
            raise UnreadableError(f"a list is not in order of name: {name!r} came after {before!r}")
        before = name
        yield entry


def _name(entry: Upload | Kept) -> bytes:
    return entry.blob_name.encode()


def _state_of(upload: Upload, kept: Kept | None, settings: Settings) -> State:
    is_answered = kept is not None and kept.reason != ExpiredError.reason  # which nobody looked at in time
    if kept is not None and is_answered and not kept.is_stale:
        return State.REJECTED if kept.reason else State.SOUND
    try:
        check_selected(upload, settings.include_names, settings.exclude_names)
    except Skipped:
        return State.SOUND if is_answered else State.LEFT
    return State.STALE if is_answered else State.MISSING
