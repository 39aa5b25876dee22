"""A collection is read page by page, and nothing is left out or told twice where one page ends and the next begins."""

from uuid import uuid4

import pytest

from analysis.document import make_uid
from analysis.upload import Upload
from backfill import inventory
from backfill.inventory import Calls, list_documents
from local.program import Program
from tests.fakes.cloud import connect_firestore

BUCKET = "bucket"


@pytest.mark.parametrize(("n_names", "page"), [(20, 7), (20, 4), (4, 12), (4, 13), (0, 3)])
def test_documents_of_many_pages(firestore: Program, monkeypatch: pytest.MonkeyPatch, n_names: int, page: int) -> None:
    """Names with three generations each, beside another bucket's, come in order, by a call for each page."""
    monkeypatch.setattr(inventory, "DOCUMENTS", page)
    collection = connect_firestore(firestore).collection(f"sounds-{uuid4().hex}")
    uploads = [Upload(BUCKET, f"takes/{n:02}", generation) for n in range(n_names) for generation in (1, 2, 3)]
    others = [Upload("another", f"takes/{n:02}", 1) for n in range(0, n_names, 5)]
    beyond = [Upload(BUCKET, "talk", 1)][:n_names]
    for upload in uploads + others + beyond:
        fields = {"bucket": upload.bucket_name, "blob_name": upload.blob_name, "generation": upload.generation}
        collection.document(make_uid(upload)).set(fields)
    calls = Calls()

    found = list(list_documents(collection, BUCKET, "takes/", calls))

    assert sorted(kept.uid for kept in found) == sorted(make_uid(upload) for upload in uploads)
    assert [kept.blob_name for kept in found] == [upload.blob_name for upload in uploads]
    assert calls.to_database == (len(uploads) + len(others)) // page + 1
