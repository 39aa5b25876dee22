"""--prune removes a document only after a second look at its object, and only as it was read."""

from collections.abc import Callable, Iterable

import pytest
from google.cloud.firestore import Client, DocumentReference, DocumentSnapshot
from grpc import StatusCode

from analysis.document import make_uid
from analysis.settings import Settings
from analysis.upload import Upload
from backfill import listings, reading
from backfill import pruning as pruning_of
from backfill.listings import Calls
from backfill.pruning import Pruning
from backfill.stored_document import StoredDocument
from backfill.work_queue import Failure, OutageError
from local.program import Program
from tests.backfill.place import CONTENTS, Place
from tests.fakes.cloud import connect_firestore
from tests.fakes.firestore_proxy import Call, Fault, FirestoreProxy, lost, refused


def settings_of(place: Place, **others: tuple[str, ...]) -> Settings:
    """Return settings with the collections of the place."""
    return Settings(sounds_collection=place.sounds.id, rejections_collection=place.rejections.id, **others)


def write(place: Place, name: str, generation: int) -> StoredDocument:
    """Write what there is to read of a sound."""
    upload = Upload(place.bucket.name, name, generation, 1)
    stored = StoredDocument(place.sounds.id, make_uid(upload), name, generation, is_stale=False, reason=None)
    place.sounds.document(stored.uid).set({"bucket": place.bucket.name, "blob_name": name, "generation": generation})
    return stored


def pruning(place: Place, client: Client | None = None, **others: tuple[str, ...]) -> Pruning:
    """Return what removes documents of the place, at any rate."""
    return Pruning(place.bucket, client or place.sounds._client, settings_of(place, **others), Calls(), 1e9)


def try_to_prune(place: Place, stored: StoredDocument, **others: tuple[str, ...]) -> str | Failure:
    """Prune, and return why the document stays."""
    ((_, outcome),) = pruning(place, **others).prune([stored])
    return outcome


def upload(place: Place, name: str) -> int:
    """Upload a sound, and return its generation."""
    blob = place.bucket.blob(name)
    blob.upload_from_string(CONTENTS[0])
    return int(blob.generation)


def read(place: Place, stored: StoredDocument) -> DocumentSnapshot:
    """Return what there is of a document."""
    return place.sounds.document(stored.uid).get()


def test_what_is_gone_is_removed(place: Place) -> None:
    """The document of an object that is not there is removed, and once more is no error."""
    stored = write(place, "a.wav", 1)

    assert try_to_prune(place, stored) == ""
    assert not read(place, stored).exists
    assert try_to_prune(place, stored) == ""


def test_an_object_that_is_there_after_all_keeps_its_document(place: Place) -> None:
    """The object is looked for once more, because it may have been uploaded since the bucket was listed."""
    stored = write(place, "a.wav", upload(place, "a.wav"))

    assert try_to_prune(place, stored) == "its object is there"
    assert read(place, stored).exists


def test_an_overwritten_object_keeps_its_document_until_the_new_one_has_one(place: Place) -> None:
    """While the newer upload has no document its event is under way, and readers would find nothing of that name."""
    stored = write(place, "a.wav", 1)
    generation = upload(place, "a.wav")

    assert try_to_prune(place, stored) == f"generation {generation} of 'a.wav' has no document yet"
    assert read(place, stored).exists
    write(place, "a.wav", generation)
    assert try_to_prune(place, stored) == ""
    assert not read(place, stored).exists


def test_a_rejection_of_the_new_upload_is_a_document_too(place: Place) -> None:
    """Where the newer upload was rejected, the older one's document is of no use."""
    stored = write(place, "a.wav", 1)
    newer = Upload(place.bucket.name, "a.wav", upload(place, "a.wav"), 1)
    place.rejections.document(make_uid(newer)).set({"reason": "corrupt"})

    assert try_to_prune(place, stored) == ""


def test_a_new_upload_that_never_gets_a_document_is_not_waited_for(place: Place) -> None:
    """Where the settings leave out the newer upload, nothing is under way."""
    stored = write(place, "a.wav", 1)
    upload(place, "a.wav")

    assert try_to_prune(place, stored, exclude_names=("*.wav",)) == ""
    assert not read(place, stored).exists


@pytest.mark.parametrize(
    ("meanwhile", "why_not"),
    [
        (lambda reference: reference.update({"mine": "a note"}), "it was written a moment ago"),
        (lambda reference: reference.delete(), ""),
    ],
)
def test_a_document_that_is_written_meanwhile_stays(
    place: Place, firestore: Program, meanwhile: Callable[[DocumentReference], object], why_not: str
) -> None:
    """What is written between the look at a document and its removal is not lost; what is removed then is gone."""
    stored = write(place, "a.wav", 1)
    reference = place.sounds.document(stored.uid)

    def interrupt(call: Call) -> list[bytes]:
        if call.method.endswith("Commit"):
            proxy.default = Call.forward
            meanwhile(reference)
        return call.forward()

    with FirestoreProxy(firestore).running() as proxy:
        proxy.default = interrupt
        client = connect_firestore(proxy)
        ((_, found),) = pruning(place, client).prune([stored])
        client.close()

    assert found == why_not
    assert read(place, stored).exists is bool(why_not)
    assert proxy.default == Call.forward


@pytest.mark.parametrize(
    "fault",
    [
        refused(StatusCode.UNAVAILABLE),
        lost(StatusCode.UNAVAILABLE),
        lost(StatusCode.DEADLINE_EXCEEDED),
        refused(StatusCode.NOT_FOUND),
        refused(StatusCode.FAILED_PRECONDITION),
    ],
)
def test_a_removal_whose_answer_is_lost_or_refused_is_made_again(
    place: Place, firestore: Program, fault: Fault
) -> None:
    """A commit that is refused or whose answer is lost is followed by another, and what is gone is gone."""
    stored = [write(place, f"{n}.wav", 1) for n in range(3)]
    faults = [fault]

    def interrupt(call: Call) -> Iterable[bytes]:
        return faults.pop()(call) if faults and call.method.endswith("Commit") else call.forward()

    with FirestoreProxy(firestore).running() as proxy:
        proxy.default = interrupt
        client = connect_firestore(proxy)
        found = [outcome for _, outcome in pruning(place, client).prune(stored)]
        client.close()

    assert faults == []
    assert found == [""] * 3
    assert [read(place, one).exists for one in stored] == [False] * 3


def test_bucket_and_database_are_asked_for_many_at_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of documents takes one look-up, one commit, and a listing that leaps over what nobody asks for."""
    monkeypatch.setattr(listings, "OBJECTS_PER_PAGE", 5)
    there = [f"b{n:02}.wav" for n in range(12)]
    for name in there:
        upload(place, name)
    gone = [f"{letter}{n:02}x.wav" for letter in "ab" for n in range(11)]
    stored = [write(place, name, 1) for name in sorted([*gone, there[3]], key=str.encode)]
    prunes = pruning(place)

    outcomes = {document.blob_name: outcome for document, outcome in prunes.prune(stored)}

    assert {name for name, outcome in outcomes.items() if outcome} == {there[3]}
    assert "has no document yet" in outcomes[there[3]]
    assert outcomes.keys() == {*gone, there[3]}
    assert [read(place, one).exists for one in stored] == [one.blob_name == there[3] for one in stored]
    assert prunes._calls == Calls(to_bucket=3, to_database=2)


@pytest.mark.parametrize("method", ["BatchGetDocuments", "Commit"])
def test_bucket_and_database_outlast_what_passes(place: Place, firestore: Program, method: str) -> None:
    """A look-up or a removal that is refused for a moment is made again, and no document is asked for alone."""
    stored = [write(place, f"{n}.wav", 1) for n in range(3)]
    faults = [refused(StatusCode.UNAVAILABLE)]

    def interrupt(call: Call) -> Iterable[bytes]:
        return faults.pop()(call) if faults and call.method.endswith(method) else call.forward()

    with FirestoreProxy(firestore).running() as proxy:
        proxy.default = interrupt
        client = connect_firestore(proxy)
        found = [outcome for _, outcome in pruning(place, client).prune(stored)]
        client.close()

    assert found == [""] * 3
    assert [call.rpartition("/")[2] for call in proxy.calls].count("Commit") == 1 + (method == "Commit")


def test_batches_are_no_faster_than_the_rate(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit of n documents waits as long as n writes take."""
    slept = []
    monkeypatch.setattr(pruning_of, "BATCH_SIZE", 4)
    monkeypatch.setattr("backfill.pruning.time.sleep", slept.append)
    stored = [write(place, f"{n}.wav", 1) for n in range(6)]
    prunes = Pruning(place.bucket, place.sounds._client, settings_of(place), Calls(), 8)

    assert [outcome for _, outcome in prunes.prune(stored)] == [""] * 6
    assert slept == [0.5, 0.25]


@pytest.mark.parametrize("method", ["BatchGetDocuments", "Commit"])
def test_an_outage_ends_it(place: Place, firestore: Program, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Where the database does not answer any more, that is the end; what was under way has failed."""
    monkeypatch.setattr(pruning_of, "BATCH_SIZE", 3)
    monkeypatch.setattr(reading, "RETRY", reading.RETRY.with_delay(initial=0.01).with_timeout(0.1))
    stored = [write(place, f"{n}.wav", 1) for n in range(9)]

    def fail(call: Call) -> Iterable[bytes]:
        return refused(StatusCode.UNAVAILABLE)(call) if call.method.endswith(method) else call.forward()

    with FirestoreProxy(firestore).running() as proxy:
        client = connect_firestore(proxy)
        prunes = pruning(place, client)
        results = prunes.prune(stored)
        outcomes = [next(results) for _ in range(3)]
        proxy.default = fail
        with pytest.raises(OutageError):
            next(results)
        client.close()

    assert [document for document, _ in outcomes] == stored[:3]
    assert prunes.failed == stored[3:6]
    assert all(read(place, one).exists for one in stored[3:])


def test_many_removals_in_a_row_that_fail_end_it(place: Place, firestore: Program) -> None:
    """A document that may not be removed is a failure of its own; thirty in a row are a right that is missing."""
    stored = [write(place, f"{n:02}.wav", 1) for n in range(40)]
    allowed = stored[5].uid.encode()

    def forbid(call: Call) -> Iterable[bytes]:
        is_alone = call.request.count(b"/documents/") == 1
        if call.method.endswith("Commit") and not (is_alone and allowed in call.request):
            return refused(StatusCode.PERMISSION_DENIED)(call)
        return call.forward()

    with FirestoreProxy(firestore).running() as proxy:
        proxy.default = forbid
        client = connect_firestore(proxy)
        outcomes = []
        with pytest.raises(OutageError, match="30 documents in a row could not be removed"):
            outcomes.extend(pruning(place, client).prune(stored))
        client.close()

    assert not read(place, stored[5]).exists
    assert all(read(place, one).exists for one in stored if one != stored[5])
