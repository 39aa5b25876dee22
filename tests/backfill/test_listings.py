"""Both lists are read page by page, as what the function's events hold, and an error is never an end of the list."""

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
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
from analysis.settings import Settings
from analysis.upload import Upload
from backfill import listings, reading
from backfill.listings import (
    Calls,
    UnreadableError,
    get_documents,
    get_upload,
    list_documents,
    list_nameless,
    list_uploads,
)
from backfill.stored_document import StoredDocument
from local.program import Program
from tests.fakes.cloud import connect_firestore
from tests.fakes.firestore_proxy import Call, FirestoreProxy, broken, refused
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
        statuses: what the next requests are answered with instead: a status, "cut", "no JSON" or "reset".
        asked: the parameters of each request.
    """

    def __init__(self, *names: str) -> None:
        self.names = sorted(names, key=str.encode)
        self.statuses: deque[int | str] = deque()
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
                status = listing.statuses.popleft() if listing.statuses else 200
                if status == "reset":
                    return
                if status == "no JSON":
                    body = body[: len(body) // 2]
                self.send_response(status if isinstance(status, int) else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if status == "cut" else body)

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


@pytest.mark.parametrize("fault", [429, 500, 503, "cut", "no JSON", "reset"])
def test_a_listing_outlasts_what_passes(fault: int | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is refused, cut off or garbled for a moment is asked for again, and nothing is told twice."""
    monkeypatch.setattr(listings, "STORAGE_RETRY", reading.STORAGE_RETRY.with_delay(initial=0.01))
    listing = Listing(*(f"{n:04}" for n in range(2001)))
    listing.statuses.extend([200, fault, fault, 200, fault])

    with listing.bucket() as bucket:
        names = [upload.blob_name for upload in list_uploads(bucket, "", Calls())]

    assert names == listing.names
    assert not listing.statuses


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
    """A sound of an older version is stale, one of a newer is not, and its reason is somebody's own field."""
    versions = {
        "0 none": 0,
        "1 older": ANALYSIS_VERSION - 1,
        "2 same": ANALYSIS_VERSION,
        "3 newer": ANALYSIS_VERSION + 1,
    }
    for name, version in versions.items():
        write(collection, Upload(BUCKET, name, 7), analysis_version=version)
    write(collection, Upload(BUCKET, "4 with a reason", 7), analysis_version=ANALYSIS_VERSION, reason="I like it")

    found = list(list_documents(collection, BUCKET, "", Calls()))

    assert [(document.blob_name, document.is_stale, document.is_newer, document.reason) for document in found] == [
        ("0 none", True, False, None),
        ("1 older", True, False, None),
        ("2 same", False, False, None),
        ("3 newer", False, True, None),
        ("4 with a reason", False, False, None),
    ]
    assert {(document.collection, document.generation) for document in found} == {(collection.id, 7)}


def test_what_a_rejection_says(collection: google_firestore.CollectionReference) -> None:
    """Its reason is read; of a reason that is not known here a newer version knows."""
    for name in ("corrupt", "too_quiet"):
        write(collection, Upload(BUCKET, name, 7), reason=name)

    found = list(list_documents(collection, BUCKET, "", Calls(), are_rejections=True))

    assert [(document.reason, document.is_stale, document.is_newer) for document in found] == [
        ("corrupt", False, False),
        ("too_quiet", False, True),
    ]


ABSENT = object()
VALUES = (None, True, -1, 1.5, nan, b"7", "", ["7"], {"a": 7}, datetime(2026, 1, 1, tzinfo=UTC))
ODD = [
    *((field, value) for field in ("bucket", "blob_name", "generation", "analysis_version") for value in VALUES),
    *((field, ABSENT) for field in ("bucket", "generation", "analysis_version")),
    ("bucket", 7),
    ("blob_name", 7),
    ("blob_name", "n" * 1025),
    ("generation", "7"),
    ("analysis_version", "3"),
]
ODD_REASONS = [("reason", value) for value in (*VALUES, ABSENT)]


@pytest.mark.parametrize(("kind", "odd"), [("sound", ODD), ("rejection", ODD_REASONS)])
def test_what_is_wrong_with_a_document(
    collection: google_firestore.CollectionReference, kind: str, odd: list[tuple[str, Any]]
) -> None:
    """Whatever a field of a document holds, the list goes on to its end, and says of each what is wrong with it."""
    uploads = [Upload(BUCKET, f"{number:03}.wav", 7) for number in range(len(odd))]
    whole = {"analysis_version": ANALYSIS_VERSION} | ({"reason": "corrupt"} if kind == "rejection" else {})
    for upload, (field, value) in zip(uploads, odd, strict=True):
        own = {"bucket": BUCKET, "blob_name": upload.blob_name, "generation": 7} | whole | {field: value}
        collection.document(make_uid(upload)).set({key: each for key, each in own.items() if each is not ABSENT})
    write(collection, Upload(BUCKET, "zz.wav", 7), **whole)
    write(collection, Upload("another", "zz.wav", 7), **whole)

    found = list(list_documents(collection, BUCKET, "", Calls(), are_rejections=kind == "rejection"))
    problems = {document.uid: document.problem for document in found}

    assert problems.pop(make_uid(Upload(BUCKET, "zz.wav", 7))) == ""
    assert problems.keys() == {make_uid(upload) for upload in uploads}
    for upload, (field, value) in zip(uploads, odd, strict=True):
        begins = f"it has no {field}" if value is ABSENT else f"its {field} is "
        assert problems[make_uid(upload)].startswith(begins), (field, value)
        assert len(problems[make_uid(upload)]) < 200


def test_a_document_under_an_id_that_is_not_its_own(collection: google_firestore.CollectionReference) -> None:
    """A document whose id is not made of what it says is somebody else's, whatever it says."""
    write(collection, Upload(BUCKET, "a.wav", 7), blob_name="b.wav", analysis_version=ANALYSIS_VERSION)
    collection.document("mine").set({"bucket": BUCKET, "blob_name": "a.wav", "generation": 7, "analysis_version": 3})

    found = list(list_documents(collection, BUCKET, "", Calls()))

    assert {document.problem for document in found} == {"its id is not that of its bucket, blob_name and generation"}
    assert len(found) == 2


def test_documents_without_a_name_are_found(
    collection: google_firestore.CollectionReference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where each document has a name a count tells so; else all are read, and those without one are unreadable."""
    monkeypatch.setattr(listings, "DOCUMENTS_PER_PAGE", 2)
    for number in range(5):
        write(collection, Upload(BUCKET, f"{number}", 7), analysis_version=ANALYSIS_VERSION)
    listing, before, after = Calls(), Calls(), Calls()
    list(list_documents(collection, BUCKET, "", listing))
    n_pages = listing.to_database
    none_listed = list(list_nameless(collection, BUCKET, listing))
    none = list(list_nameless(collection, BUCKET, before))
    collection.document("ours").set({"bucket": BUCKET, "generation": 7})
    collection.document("nobody's").set({"mine": 1})
    collection.document("theirs").set({"bucket": "another"})

    found = list(list_nameless(collection, BUCKET, after))

    assert (none_listed, listing.to_database - n_pages) == ([], 1)
    assert (none, before.to_database) == ([], 3)  # as where documents were written since the listing
    assert {document.uid: document.problem for document in found} == {
        "ours": "it has no blob_name",
        "nobody's": "it has no bucket",
    }
    assert after.to_database == 1 + 2 * listings.N_COUNTS + 8 // 2 + 1


def test_what_a_newer_version_wrote_is_named(collection: google_firestore.CollectionReference) -> None:
    """A version or a reason from the future is said to be one, and that it stays."""
    write(collection, Upload(BUCKET, "a.wav", 7), analysis_version=ANALYSIS_VERSION + 1)
    (sound,) = list_documents(collection, BUCKET, "", Calls())
    write(collection, Upload(BUCKET, "a.wav", 7), reason="too_quiet")
    (rejection,) = list_documents(collection, BUCKET, "", Calls(), are_rejections=True)

    assert sound.problem == f"its analysis_version {ANALYSIS_VERSION + 1} is newer than {ANALYSIS_VERSION}, so it stays"
    assert rejection.problem == "its reason 'too_quiet' is one of a newer version, so it stays"


@pytest.fixture
def both(collection: google_firestore.CollectionReference) -> Settings:
    """Settings with a collection of sounds and one of rejections."""
    return Settings(sounds_collection=collection.id, rejections_collection=f"{collection.id}-rejections")


@pytest.mark.parametrize("is_looked_up", [False, True])
def test_a_sound_that_lacks_a_feature_is_stale(
    collection: google_firestore.CollectionReference,
    both: Settings,
    is_looked_up: bool,  # noqa: FBT001
) -> None:
    """A sound of today's version is stale where it lacks what FEATURES asks for, a newer one never."""
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
    }
    uploads = [Upload(BUCKET, name, 7) for name in documents]
    for upload in uploads:
        write(collection, upload, **documents[upload.blob_name])

    def find(asked: tuple[str, ...]) -> list[StoredDocument]:
        if is_looked_up:
            return get_documents(collection._client, replace(both, features=asked), uploads, Calls())[0]
        return list(list_documents(collection, BUCKET, "", Calls(), asked))

    assert [document.blob_name for document in find(asked) if document.is_stale] == sorted(documents)[2:6]
    assert [document.blob_name for document in find(()) if document.is_stale] == []


def test_documents_are_looked_up_by_what_they_are_of(
    collection: google_firestore.CollectionReference, both: Settings
) -> None:
    """Of some uploads sounds and rejections come in order of name, by one call; of none, without any."""
    uploads = [Upload(BUCKET, name, 1) for name in ("a", "b", "not there", "\uffee", "\U0001f600")]
    rejections = collection._client.collection(both.rejections_collection)
    for upload in uploads[:2] + uploads[3:]:
        write(collection, upload)
    for upload in uploads[1:2]:
        write(rejections, upload, reason="corrupt")
    calls = Calls()

    found = get_documents(collection._client, both, uploads, calls)
    nothing = get_documents(collection._client, both, [], calls)

    assert [[document.blob_name for document in each] for each in found] == [["a", "b", "\uffee", "\U0001f600"], ["b"]]
    assert [document.reason for document in found[1]] == ["corrupt"]
    assert (nothing, calls.to_database) == (([], []), 1)


def test_a_document_that_is_looked_up_is_that_of_its_id(
    collection: google_firestore.CollectionReference, both: Settings
) -> None:
    """A document that does not say what it is of is found by its id, and placed where its object is."""
    collection.document(make_uid(UPLOAD)).set({"analysis_version": 3})

    ((found,), _) = get_documents(collection._client, both, [UPLOAD], Calls())

    assert (found.blob_name, found.problem) == (UPLOAD.blob_name, "it has no bucket")


@pytest.fixture
def proxy(firestore: Program) -> Iterator[FirestoreProxy]:
    """A proxy whose faults the clients of a test meet."""
    with FirestoreProxy(firestore).running() as proxy:
        yield proxy


PASSING = [
    *((code, "so it is") for code in (StatusCode.UNAVAILABLE, StatusCode.ABORTED, StatusCode.RESOURCE_EXHAUSTED)),
    *((code, "so it is") for code in (StatusCode.INTERNAL, StatusCode.DEADLINE_EXCEEDED)),
    (StatusCode.UNKNOWN, "Stream removed"),
]


@pytest.mark.parametrize(("code", "details"), PASSING)
@pytest.mark.parametrize("after", [0, 1, 3, 8])
def test_reading_goes_on_after_an_error_at_any_message(
    collection: google_firestore.CollectionReference,
    both: Settings,
    proxy: FirestoreProxy,
    monkeypatch: pytest.MonkeyPatch,
    code: StatusCode,
    details: str,
    after: int,
) -> None:
    """A query or a look-up in which an error that passes comes is read on from there, each document once."""
    monkeypatch.setattr(reading, "RETRY", reading.RETRY.with_delay(initial=0.01, maximum=0.02))
    monkeypatch.setattr(listings, "DOCUMENTS_PER_PAGE", 5)
    uploads = [Upload(BUCKET, f"{number}", 1) for number in range(8)]
    for upload in uploads:
        write(collection, upload)
    client = connect_firestore(proxy)
    there = client.collection(collection.id)

    proxy.queue.extend([broken(after, code, details)] * 3)
    listed = list(list_documents(there, BUCKET, "", Calls()))
    assert not proxy.queue
    proxy.queue.extend([broken(after, code, details)] * 2)
    found, _ = get_documents(client, both, uploads, Calls())
    client.close()

    assert [document.uid for document in listed] == [document.uid for document in found] == [*map(make_uid, uploads)]


def test_an_error_at_every_message_ends_no_reading(
    collection: google_firestore.CollectionReference, proxy: FirestoreProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where each call gives one document more and then fails, no retry is used up, and all come."""
    monkeypatch.setattr(reading, "RETRY", reading.RETRY.with_timeout(5))
    uploads = [Upload(BUCKET, f"{number}", 1) for number in range(8)]
    for upload in uploads:
        write(collection, upload)
    client = connect_firestore(proxy)
    proxy.default = broken(2, StatusCode.UNAVAILABLE)

    listed = []
    with suppress(UnreadableError):
        for document in list_documents(client.collection(collection.id), BUCKET, "", Calls()):
            listed.append(document.uid)
            if len(listed) == len(uploads):
                proxy.default = Call.forward
    client.close()

    assert listed == [make_uid(upload) for upload in uploads]


def test_a_look_up_that_breaks_off_every_time_comes_to_its_end(
    collection: google_firestore.CollectionReference,
    both: Settings,
    proxy: FirestoreProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where each call answers for one document more and then fails, no retry is used up, and all are found."""
    monkeypatch.setattr(reading, "RETRY", reading.RETRY.with_timeout(5))
    uploads = [Upload(BUCKET, f"{number}", 1) for number in range(8)]
    for upload in uploads:
        write(collection, upload)
    client, calls = connect_firestore(proxy), Calls()
    proxy.default = broken(1, StatusCode.UNAVAILABLE)

    found, _ = get_documents(client, both, uploads, calls)
    client.close()

    assert [document.uid for document in found] == [make_uid(upload) for upload in uploads]
    assert calls.to_database == 16


@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize("code", [StatusCode.PERMISSION_DENIED, StatusCode.UNAVAILABLE, StatusCode.UNKNOWN])
def test_documents_that_cannot_be_read_are_no_end_of_the_list(
    collection: google_firestore.CollectionReference,
    both: Settings,
    proxy: FirestoreProxy,
    code: StatusCode,
    monkeypatch: pytest.MonkeyPatch,
    after: int,
) -> None:
    """A right that is missing, and an outage that lasts, are an error: all objects would seem missing."""
    monkeypatch.setattr(reading, "RETRY", reading.RETRY.with_delay(initial=0.01).with_timeout(0.2))
    uploads = [Upload(BUCKET, f"{number}", 1) for number in range(8)]
    for upload in uploads:
        write(collection, upload)

    def fail(call: Call) -> Iterable[bytes]:
        proxy.default = refused(code)
        return broken(after, code)(call)

    client = connect_firestore(proxy)
    proxy.default = fail
    with pytest.raises(UnreadableError, match="cannot be read"):
        list(list_documents(client.collection(collection.id), BUCKET, "", Calls()))
    proxy.default = fail
    with pytest.raises(UnreadableError, match="cannot be read"):
        get_documents(client, both, uploads, Calls())
    client.close()


def test_a_name_that_is_the_prefix_begins_so(collection: google_firestore.CollectionReference) -> None:
    """--prefix with a whole name is about the blob of that name too."""
    for name in ("takes/1.wa", "takes/1.wav", "takes/1.wav.bak"):
        write(collection, Upload(BUCKET, name, 1))

    found = list_documents(collection, BUCKET, "takes/1.wav", Calls())

    assert [document.blob_name for document in found] == ["takes/1.wav", "takes/1.wav.bak"]


def test_a_page_has_a_minute_and_its_retries_five() -> None:
    """A slow page is waited for, as nobody else waits for it, and an outage is given up."""
    assert reading.CALL_S == 60
    assert reading.RETRY._timeout == reading.STORAGE_RETRY._timeout == 300
