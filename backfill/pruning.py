"""Removal of the documents of objects that are gone, after the bucket was asked for the objects once more.

*Conventions.* Documents come in order of name, and bucket and database are asked for a batch of them at a time.
"""

from __future__ import annotations

import time
from itertools import batched
from typing import TYPE_CHECKING

from google.api_core.exceptions import FailedPrecondition, GoogleAPICallError, NotFound, RetryError

from analysis.document import make_uid
from analysis.errors import Skipped
from analysis.upload import check_selected
from backfill.listings import UnreadableError, get_documents, list_page, read_documents
from backfill.reading import CALL_S, patiently
from backfill.work_queue import FAILURES_BEFORE_CANARY, Failure, OutageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from google.cloud import firestore, storage  # type: ignore[attr-defined]  # it ships no types

    from analysis.settings import Settings
    from analysis.upload import Upload
    from backfill.listings import Calls
    from backfill.stored_document import StoredDocument

BATCH_SIZE = 300  # documents that one commit removes; Firestore takes 500


class Pruning:
    """One run's removal of documents.

    Attributes:
        failed: the documents that were under way when an outage ended it.
    """

    def __init__(
        self,
        bucket: storage.Bucket,
        client: firestore.Client,
        settings: Settings,
        calls: Calls,
        writes_per_s: float,
    ) -> None:
        self._bucket, self._client, self._settings, self._calls = bucket, client, settings, calls
        self._writes_per_s = writes_per_s
        self._failures_in_a_row = 0
        self.failed: list[StoredDocument] = []

    def prune(self, documents: Iterable[StoredDocument]) -> Iterator[tuple[StoredDocument, str | Failure]]:
        """Remove documents, and yield each with the reason if it has to stay, "" if it is gone, or with its failure.

        It stays if its object is there after all, if a newer upload of the name has no document yet (its event is on
        the way), and if it is written between the last reading and the removal. Raises OutageError where bucket or
        database do not answer, and where no document of many in a row can be removed.
        """
        for batch in batched(documents, BATCH_SIZE):
            self.failed = list(batch)
            try:
                for document, outcome in self._prune(batch):
                    self.failed.remove(document)
                    yield document, outcome
                    self._judge(outcome)
            except (UnreadableError, RetryError) as error:
                raise OutageError(str(error)) from error

    def _prune(self, batch: Sequence[StoredDocument]) -> Iterator[tuple[StoredDocument, str | Failure]]:
        reasons = self._reasons_to_keep(batch)
        yield from ((document, reasons[document.uid]) for document in batch if document.uid in reasons)
        others = [document for document in batch if document.uid not in reasons]
        references = {(one.collection, one.uid): self._reference(one) for one in others}
        snapshots = read_documents(self._client, references.values(), [], self._calls)
        there = [one for one in others if (one.collection, one.uid) in snapshots]
        yield from ((one, "") for one in others if (one.collection, one.uid) not in snapshots)
        if there and self._remove(snapshots[one.collection, one.uid] for one in there):
            yield from ((one, "") for one in there)
        else:
            yield from ((one, self._remove_one(one, snapshots[one.collection, one.uid])) for one in there)

    def _reasons_to_keep(self, batch: Sequence[StoredDocument]) -> dict[str, str]:
        """Return why documents have to stay, by their ids."""
        uploads = self._find_uploads([document.blob_name for document in batch])
        newer = [upload for upload in uploads.values() if self._is_selected(upload)]
        answered = {
            one.uid for found in get_documents(self._client, self._settings, newer, self._calls) for one in found
        }
        waiting = {upload.blob_name for upload in newer if make_uid(upload) not in answered}
        reasons = {}
        for document in batch:
            upload = uploads.get(document.blob_name)
            if upload and upload.generation == document.generation:
                reasons[document.uid] = "its object is there"
            elif upload and upload.blob_name in waiting:
                missing = f"generation {upload.generation} of {document.blob_name!r}"
                reasons[document.uid] = f"{missing} has no document yet"
        return reasons

    def _find_uploads(self, names: Sequence[str]) -> dict[str, Upload]:
        """Return the live objects of some names: each page of the listing begins at the next name that is unknown."""
        waiting = sorted(set(names), key=str.encode, reverse=True)
        found: dict[str, Upload] = {}
        while waiting:
            page, token = list_page(self._bucket, self._calls, start=waiting[-1])
            while token and not page:  # which Cloud Storage may give
                page, token = list_page(self._bucket, self._calls, start=waiting[-1], token=token)
            there = {upload.blob_name: upload for upload in page}
            while waiting and (not token or waiting[-1].encode() <= page[-1].blob_name.encode()):
                if upload := there.get(waiting.pop()):
                    found[upload.blob_name] = upload
        return found

    def _is_selected(self, upload: Upload) -> bool:
        try:
            check_selected(upload, self._settings)
        except Skipped:
            return False
        return True

    def _remove(self, snapshots: Iterable[firestore.DocumentSnapshot]) -> bool:  # type: ignore[type-arg]
        """Remove documents as they were read by one commit; return whether that was done."""
        batch = self._client.batch()
        n = 0
        for snapshot in snapshots:
            batch.delete(snapshot.reference, self._client.write_option(last_update_time=snapshot.update_time))
            n += 1
        time.sleep(n / self._writes_per_s)
        try:
            patiently(lambda: batch.commit(retry=None, timeout=CALL_S), "the removal of documents")
        except GoogleAPICallError:  # of one of them, or its answer was lost: each alone tells
            return False
        return True

    def _remove_one(
        self,
        document: StoredDocument,
        snapshot: firestore.DocumentSnapshot,  # type: ignore[type-arg]
    ) -> str | Failure:
        reference = self._reference(document)
        option = self._client.write_option(last_update_time=snapshot.update_time)
        try:
            patiently(lambda: reference.delete(option=option, retry=None, timeout=CALL_S), "the removal of a document")
        except (NotFound, FailedPrecondition):  # it was written or removed in between
            return "it was written a moment ago" if read_documents(self._client, [reference], [], self._calls) else ""
        except GoogleAPICallError as error:
            return Failure(f"{type(error).__name__}: {error}")
        return ""

    def _judge(self, outcome: str | Failure) -> None:
        self._failures_in_a_row = self._failures_in_a_row + 1 if isinstance(outcome, Failure) else 0
        if isinstance(outcome, Failure) and self._failures_in_a_row == FAILURES_BEFORE_CANARY:
            self.failed = []
            raise OutageError(
                f"{FAILURES_BEFORE_CANARY} documents in a row could not be removed; the last error: {outcome.message}"
            )

    def _reference(self, document: StoredDocument) -> firestore.DocumentReference:
        return self._client.collection(document.collection).document(document.uid)
