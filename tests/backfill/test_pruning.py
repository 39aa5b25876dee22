"""--prune removes a document only after a second look at its object, and only as it was read."""

from collections.abc import Callable

import pytest
from google.cloud.firestore import DocumentReference, DocumentSnapshot
from grpc import StatusCode

from analysis.document import make_uid
from analysis.settings import Settings
from analysis.upload import Upload
from backfill.listings import StoredDocument
from backfill.pruning import prune
from local.program import Program
from tests.backfill.place import CONTENTS, Place
from tests.fakes.cloud import connect_firestore
from tests.fakes.firestore_proxy import Call, Fault, FirestoreProxy, refused


def settings_of(place: Place, **others: tuple[str, ...]) -> Settings:
    """Return settings with the collections of the place."""
    return Settings(sounds_collection=place.sounds.id, rejections_collection=place.rejections.id, **others)


def write(place: Place, name: str, generation: int) -> StoredDocument:
    """Write what there is to read of a sound."""
    upload = Upload(place.bucket.name, name, generation, 1)
    stored = StoredDocument(place.sounds.id, make_uid(upload), name, generation, is_stale=False, reason=None)
    place.sounds.document(stored.uid).set({"bucket": place.bucket.name, "blob_name": name, "generation": generation})
    return stored


def try_to_prune(place: Place, stored: StoredDocument, **others: tuple[str, ...]) -> str:
    """Prune, and return why the document stays."""
    return prune(stored, place.bucket, place.sounds._client, settings_of(place, **others))


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
        found = prune(stored, place.bucket, client, settings_of(place))
        client.close()

    assert found == why_not
    assert read(place, stored).exists is bool(why_not)
    assert proxy.default == Call.forward


@pytest.mark.parametrize(
    ("fault", "is_there"), [(refused(StatusCode.UNAVAILABLE), False), (refused(StatusCode.NOT_FOUND), True)]
)
def test_a_removal_that_is_refused(place: Place, firestore: Program, fault: Fault, is_there: bool) -> None:  # noqa: FBT001
    """A removal that is refused for a moment is tried again; one that finds no document is looked at again."""
    stored = write(place, "a.wav", 1)
    faults = [fault]

    def interrupt(call: Call) -> list[bytes]:
        return faults.pop()(call) if faults and call.method.endswith("Commit") else call.forward()

    with FirestoreProxy(firestore).running() as proxy:
        proxy.default = interrupt
        client = connect_firestore(proxy)
        found = prune(stored, place.bucket, client, settings_of(place))
        client.close()

    assert faults == []
    assert found == ("it was written a moment ago" if is_there else "")
    assert read(place, stored).exists is is_there
