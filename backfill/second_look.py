"""A second look at what seems missing or gone, because objects and documents were not listed at one moment.

*Conventions.* While a bucket is listed, uploads arrive and are analysed, and objects are deleted and their documents
removed. So the documents of objects that seem missing are looked up by their ids, which also finds those that do not
say what they are of. And where there are no more than N_LOOKS objects and documents that are still without the other,
both are asked for anew: beside traffic there are no more, and where there are, an upload more or less does not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.api_core.exceptions import GoogleAPICallError, RetryError

from analysis.document import make_uid
from backfill.comparison import BATCH_SIZE, Comparison, State, compare
from backfill.listings import UnreadableError, get_documents, get_upload, read_documents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from google.cloud import firestore, storage  # type: ignore[attr-defined]  # it ships no types

    from analysis.settings import Settings
    from backfill.listings import Calls

N_LOOKS = 100
WINDOW = 10 * BATCH_SIZE  # comparisons that are held back at most


def look_again(
    comparisons: Iterable[Comparison],
    bucket: storage.Bucket,
    client: firestore.Client,
    settings: Settings,
    calls: Calls,
    pending_since: datetime | None,
) -> Iterator[Comparison]:
    """Yield the comparisons, and instead of what seems missing or gone what the second look says of it.

    Raises UnreadableError when bucket or collections cannot be read.
    """
    look = _Look(bucket, client, settings, calls, pending_since)
    window: list[Comparison] = []
    n_missing = 0
    for comparison in comparisons:
        window.append(comparison)
        n_missing += comparison.state is State.MISSING
        if n_missing == BATCH_SIZE or len(window) == WINDOW:
            yield from look.again(window)
            window, n_missing = [], 0
    yield from look.again(window)


class _Look:
    """What was looked at so far."""

    def __init__(
        self,
        bucket: storage.Bucket,
        client: firestore.Client,
        settings: Settings,
        calls: Calls,
        pending_since: datetime | None,
    ) -> None:
        self._bucket, self._client, self._settings = bucket, client, settings
        self._calls, self._pending_since = calls, pending_since
        self._n_looks = 0
        self._are_few = True
        self._unreadable: set[tuple[str, str]] = set()

    def again(self, window: list[Comparison]) -> Iterator[Comparison]:
        self._are_few = sum(one.state in (State.MISSING, State.GONE) for one in window) <= N_LOOKS
        found = self._documents(window)
        for comparison in window:
            upload = comparison.upload
            if comparison.state is State.MISSING and upload is not None:
                for one in found[make_uid(upload)]:
                    if one.state is not State.MISSING or self._is_missing(one):
                        yield from self._once(one, may_come_again=True)
            elif comparison.state is not State.GONE or self._is_gone(comparison):
                # What a newer version wrote and is listed with its object is not looked up, and may be all there is.
                is_met = comparison.upload is not None and comparison.document and comparison.document.is_newer
                yield from self._once(comparison, may_come_again=not is_met)

    def _documents(self, window: list[Comparison]) -> dict[str, list[Comparison]]:
        """Return the comparisons of the objects that seem missing, by their uid, with the documents of their ids."""
        missing = [one.upload for one in window if one.state is State.MISSING and one.upload]
        found: dict[str, list[Comparison]] = {make_uid(upload): [] for upload in missing}
        if missing:
            documents = get_documents(self._client, self._settings, missing, self._calls)
            for one in compare(missing, *documents, self._settings, self._pending_since):
                uid = make_uid(one.upload) if one.upload else one.document.uid if one.document else ""
                found[uid].append(one)
        return found

    def _once(self, comparison: Comparison, *, may_come_again: bool) -> Iterator[Comparison]:
        document = comparison.document
        if comparison.state is State.UNREADABLE and document and may_come_again:
            key = document.collection, document.uid
            if key in self._unreadable:
                return
            self._unreadable.add(key)
        yield comparison

    def _is_missing(self, comparison: Comparison) -> bool:
        upload = comparison.upload
        if upload is None or not self._may_look():
            return True
        return self._has_generation(upload.blob_name, upload.generation) is not False

    def _is_gone(self, comparison: Comparison) -> bool:
        document = comparison.document
        is_young = (
            document is not None
            and self._pending_since is not None
            and document.created_at is not None
            and document.created_at > self._pending_since
        )
        if document is None or not (is_young or self._may_look()):
            return True
        if self._has_generation(document.blob_name, document.generation):
            return False
        reference = self._client.collection(document.collection).document(document.uid)
        return bool(read_documents(self._client, [reference], [], self._calls))

    def _may_look(self) -> bool:
        self._n_looks += 1
        return self._are_few and self._n_looks <= N_LOOKS

    def _has_generation(self, blob_name: str, generation: int) -> bool | None:
        """Return whether this is the live generation of a name; None where the bucket does not tell of the object."""
        try:
            now = get_upload(self._bucket, blob_name, self._calls)
        except RetryError as error:
            raise UnreadableError(f"the objects of gs://{self._bucket.name} cannot be read: {error}") from error
        except GoogleAPICallError:  # such as of an object that may be listed and not read
            return None
        return now is not None and now.generation == generation
