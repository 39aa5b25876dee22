"""Both lists are read page by page, as what the function's events hold, and an error is never an end of the list."""

import json
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from math import nan
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore as google_firestore
from google.cloud import storage as google_storage
from grpc import StatusCode

from analysis.definition import ANALYSIS_VERSION
from analysis.document import make_uid
from analysis.upload import Upload
from backfill import listings
from backfill.listings import (
    Calls,
    StoredDocument,
    UnreadableError,
    get_documents,
    get_upload,
    list_documents,
    list_uploads,
)
from local.program import Program
from tests.fakes.cloud import connect_firestore
from tests.fakes.firestore_proxy import FirestoreProxy, refused
from tests.fakes.serving import Quiet, serving

BUCKET = "bucket"
ITEM = {
    "kind": "storage#object",
    "bucket": BUCKET,
    "name": "takes/ä 1.wav",
    "generation": "17",
    "size": "5",
    "contentType": "audio/wav",
    "md5Hash": "md5",
    "crc32c": "crc",
    "timeCreated": "2026-11-23T15:47:37.797583Z",
    "customerEncryption": {"encryptionAlgorithm": "AES256", "keySha256": "k"},
    "metadata": {"of": "no interest"},
}
UPLOAD = Upload(
    bucket_name=BUCKET,
    blob_name="takes/ä 1.wav",
    generation=17,
    size=5,
    content_type="audio/wav",
    md5_hash="md5",
    uploaded_at=datetime(2026, 11, 23, 15, 47, 37, 797583, UTC),
    customer_encrypted=True,
    crc32c="crc",
)


class Listing:
    """A bucket as Cloud Storage lists it: pages, a prefix, and of each object only the fields that are asked for.

    Attributes:
        names: of its objects.
        statuses: what the next requests are answered with instead.
        asked: the parameters of each request.
    """

    def __init__(self, *names: str) -> None:
        self.names = sorted(names, key=str.encode)
        self.statuses: deque[int] = deque()
        self.asked: list[dict[str, str]] = []

    def page(self, path: str) -> dict[str, Any]:
        """Return what is answered."""
        query = {name: value for name, (value,) in parse_qs(urlsplit(path).query).items()}
        self.asked.append(query)
        if "/o/" in urlsplit(path).path:
            return ITEM
        wanted = re.fullmatch(r"items\((.*)\),nextPageToken", query["fields"])[1].split(",")
        found = [name for name in self.names if name.startswith(query.get("prefix", ""))]
        start, size = int(query.get("pageToken", 0)), int(query["maxResults"])
        items = [{key: (ITEM | {"name": name})[key] for key in wanted} for name in found[start : start + size]]
        return {"items": items} | ({"nextPageToken": str(start + size)} if start + size < len(found) else {})

    @contextmanager
    def bucket(self) -> Iterator[google_storage.Bucket]:
        """Serve it, and give a client's view of it."""
        listing = self

        class Handler(Quiet, BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = listing.page(self.path)
                body = json.dumps(page).encode()
                self.send_response(listing.statuses.popleft() if listing.statuses else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        with serving(Handler) as port:
            client = google_storage.Client(
                "project", AnonymousCredentials(), client_options={"api_endpoint": f"http://127.0.0.1:{port}"}
            )
            yield client.bucket(BUCKET)
            client.close()


def test_an_object_is_what_its_event_would_say() -> None:
    """Every field of an upload is asked for and read, the customer's encryption among them."""
    with Listing(ITEM["name"]).bucket() as bucket:
        (listed,) = list_uploads(bucket, "", Calls())
        looked_at = get_upload(bucket, ITEM["name"])

    assert listed == looked_at == UPLOAD


def test_objects_of_many_pages() -> None:
    """All objects come in order, by a call for each page of the largest size there is."""
    listing, calls = Listing(*(f"takes/{n:04}" for n in range(2500)), "other"), Calls()

    with listing.bucket() as bucket:
        names = [upload.blob_name for upload in list_uploads(bucket, "takes/", calls)]

    assert names == [f"takes/{n:04}" for n in range(2500)]
    assert calls.to_bucket == 3
    assert {query["maxResults"] for query in listing.asked} == {"1000"}


@pytest.mark.parametrize("status", [429, 503])
def test_a_listing_outlasts_what_passes(status: int) -> None:
    """A page that is refused for a moment is asked for again, and nothing is left out or told twice."""
    listing = Listing(*(f"{n:04}" for n in range(1001)))
    listing.statuses.extend([200, status])

    with listing.bucket() as bucket:
        names = [upload.blob_name for upload in list_uploads(bucket, "", Calls())]

    assert names == listing.names


def test_a_listing_that_fails_is_no_end_of_it() -> None:
    """A right that is missing in the middle is an error, or all that follows would seem gone."""
    listing = Listing(*(f"{n:04}" for n in range(1001)))
    listing.statuses.extend([200, 403])

    with listing.bucket() as bucket, pytest.raises(UnreadableError, match="gs://bucket cannot be listed"):
        list(list_uploads(bucket, "", Calls()))


@pytest.fixture
def collection(firestore: Program) -> Iterator[google_firestore.CollectionReference]:
    """A new collection."""
    client = connect_firestore(firestore)
    yield client.collection(f"sounds-{uuid4().hex}")
    client.close()


def write(collection: google_firestore.CollectionReference, upload: Upload, **fields: Any) -> None:
    """Write what is read of a document."""
    own = {"bucket": upload.bucket_name, "blob_name": upload.blob_name, "generation": upload.generation}
    collection.document(make_uid(upload)).set(own | fields)


@pytest.mark.parametrize(("n_names", "page"), [(20, 7), (20, 4), (4, 12), (4, 13), (0, 3)])
def test_documents_of_many_pages(
    collection: google_firestore.CollectionReference, monkeypatch: pytest.MonkeyPatch, n_names: int, page: int
) -> None:
    """Names with three generations each, beside another bucket's, come in order, by a call for each page."""
    monkeypatch.setattr(listings, "DOCUMENTS_PER_PAGE", page)
    uploads = [Upload(BUCKET, f"takes/{n:02}", generation) for n in range(n_names) for generation in (1, 2, 3)]
    others = [Upload("another", f"takes/{n:02}", 1) for n in range(0, n_names, 5)]
    beyond = [Upload(BUCKET, "talk", 1)][:n_names]
    for upload in uploads + others + beyond:
        write(collection, upload)
    calls = Calls()

    found = list(list_documents(collection, BUCKET, "takes/", calls))

    assert sorted(document.uid for document in found) == sorted(make_uid(upload) for upload in uploads)
    assert [document.blob_name for document in found] == [upload.blob_name for upload in uploads]
    assert calls.to_database == (len(uploads) + len(others)) // page + 1


def test_what_a_document_says(collection: google_firestore.CollectionReference) -> None:
    """A sound of an older version is stale, one of a newer is not, and a rejection is never; its reason is read."""
    versions = {"1 older": ANALYSIS_VERSION - 1, "2 same": ANALYSIS_VERSION, "3 newer": ANALYSIS_VERSION + 1}
    for name, version in versions.items():
        write(collection, Upload(BUCKET, name, 7), analysis_version=version)
    write(collection, Upload(BUCKET, "4 without", 7))
    write(collection, Upload(BUCKET, "5 rejected", 7), reason="corrupt")

    found = list(list_documents(collection, BUCKET, "", Calls()))

    assert [(document.blob_name, document.is_stale, document.reason) for document in found] == [
        ("1 older", True, None),
        ("2 same", False, None),
        ("3 newer", False, None),
        ("4 without", True, None),
        ("5 rejected", False, "corrupt"),
    ]
    assert {(document.collection, document.generation) for document in found} == {(collection.id, 7)}


@pytest.mark.parametrize("version", [4.5, "three", [3], nan, None, True])
def test_a_version_of_another_type_is_an_older_one(
    collection: google_firestore.CollectionReference, version: Any
) -> None:
    """What somebody made of a version does not end the comparison: only a number above ours is newer."""
    write(collection, UPLOAD, analysis_version=version)

    (found,) = list_documents(collection, UPLOAD.bucket_name, "", Calls())

    assert found.is_stale is (version != 4.5)


@pytest.mark.parametrize("is_looked_up", [False, True])
def test_a_sound_that_lacks_a_feature_is_stale(
    collection: google_firestore.CollectionReference,
    is_looked_up: bool,  # noqa: FBT001
) -> None:
    """A sound of today's version is stale where it lacks what FEATURES asks for, a newer one or a rejection never."""
    asked = ("mfcc:20", "rms")
    whole = {"analysis_version": ANALYSIS_VERSION, "features": {"mfcc": [0.5] * 20, "rms": 0.5}}
    documents: dict[str, dict[str, Any]] = {
        "1 whole": whole,
        "2 more": whole | {"features": whole["features"] | {"spectral_flatness": 0.5}},
        "3 none": {"analysis_version": ANALYSIS_VERSION},
        "4 one": whole | {"features": {"rms": 0.5}},
        "5 of 40": whole | {"features": {"rms": 0.5, "mfcc": [0.5] * 40}},
        "6 no map": whole | {"features": "rms"},
        "7 newer": {"analysis_version": ANALYSIS_VERSION + 1},
        "8 rejected": {"reason": "corrupt"},
    }
    uploads = [Upload(BUCKET, name, 7) for name in documents]
    for upload in uploads:
        write(collection, upload, **documents[upload.blob_name])

    def find(asked: tuple[str, ...]) -> list[StoredDocument]:
        if is_looked_up:
            return list(get_documents(collection._client, collection, uploads, Calls(), asked))
        return list(list_documents(collection, BUCKET, "", Calls(), asked))

    assert [document.blob_name for document in find(asked) if document.is_stale] == sorted(documents)[2:6]
    assert [document.blob_name for document in find(()) if document.is_stale] == []


def test_documents_are_looked_up_by_what_they_are_of(collection: google_firestore.CollectionReference) -> None:
    """Of some uploads their documents come in order of name, by one call; of none, without any."""
    uploads = [Upload(BUCKET, name, 1) for name in ("b", "a", "\U0001f600", "\uffee", "not there")]
    for upload in uploads[:4]:
        write(collection, upload)
    calls = Calls()

    found = list(get_documents(collection._client, collection, uploads, calls))
    nothing = list(get_documents(collection._client, collection, [], calls))

    assert [document.blob_name for document in found] == ["a", "b", "\uffee", "\U0001f600"]
    assert (nothing, calls.to_database) == ([], 1)


@pytest.mark.parametrize("code", [StatusCode.UNAVAILABLE, StatusCode.ABORTED, StatusCode.RESOURCE_EXHAUSTED])
def test_reading_documents_outlasts_what_passes(
    collection: google_firestore.CollectionReference, firestore: Program, code: StatusCode
) -> None:
    """A query or a look-up that is refused for a moment is made again."""
    upload = Upload(BUCKET, "a", 1)
    write(collection, upload)
    with FirestoreProxy(firestore).running() as proxy:
        client = connect_firestore(proxy)
        there = client.collection(collection.id)
        proxy.queue.append(refused(code))
        listed = list(list_documents(there, BUCKET, "", Calls()))
        proxy.queue.append(refused(code))
        found = list(get_documents(client, there, [upload], Calls()))
        client.close()

    assert [document.uid for document in listed] == [document.uid for document in found] == [make_uid(upload)]


@pytest.mark.parametrize("code", [StatusCode.PERMISSION_DENIED, StatusCode.UNAVAILABLE])
def test_documents_that_cannot_be_read_are_no_end_of_the_list(
    collection: google_firestore.CollectionReference,
    firestore: Program,
    code: StatusCode,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A right that is missing, and an outage that lasts, are an error: all objects would seem missing."""
    monkeypatch.setattr(listings, "RETRY", listings.RETRY.with_timeout(0.2))
    with FirestoreProxy(firestore).running() as proxy:
        proxy.default = refused(code)
        client = connect_firestore(proxy)
        with pytest.raises(UnreadableError, match="cannot be read"):
            list(list_documents(client.collection(collection.id), BUCKET, "", Calls()))
        with pytest.raises(UnreadableError, match="cannot be read"):
            list(get_documents(client, client.collection(collection.id), [UPLOAD], Calls()))
        client.close()


def test_a_name_that_is_the_prefix_begins_so(collection: google_firestore.CollectionReference) -> None:
    """--prefix with a whole name is about the blob of that name too."""
    for name in ("takes/1.wa", "takes/1.wav", "takes/1.wav.bak"):
        write(collection, Upload(BUCKET, name, 1))

    found = list_documents(collection, BUCKET, "takes/1.wav", Calls())

    assert [document.blob_name for document in found] == ["takes/1.wav", "takes/1.wav.bak"]


def test_a_document_without_a_generation_is_read(collection: google_firestore.CollectionReference) -> None:
    """What somebody else wrote may lack everything but bucket and name; it is of no generation that there is."""
    collection.document("own").set({"bucket": BUCKET, "blob_name": "a.wav"})

    (found,) = list_documents(collection, BUCKET, "", Calls())

    assert (found.uid, found.generation, found.is_stale) == ("own", 0, True)


def test_a_page_has_a_minute_and_its_retries_five() -> None:
    """A slow page is waited for, as nobody else waits for it, and an outage is given up."""
    assert listings.CALL_S == 60
    assert listings.RETRY._timeout == listings.STORAGE_RETRY._timeout == 300
