"""What seems missing or gone is looked at once more, as the two lists are not of one moment."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage as google_storage

from analysis.definition import ANALYSIS_VERSION
from analysis.document import make_uid
from analysis.settings import Settings
from analysis.upload import Upload
from backfill import second_look
from backfill.comparison import Comparison, State, compare
from backfill.listings import Calls, list_documents, list_uploads
from backfill.second_look import look_again
from local.program import Program
from local.servers import PROJECT
from tests.backfill.place import CONTENTS, Place
from tests.fakes import storage_proxy as downloads
from tests.fakes.storage_proxy import StorageProxy


def upload(place: Place, name: str) -> Upload:
    """Upload a sound."""
    blob = place.bucket.blob(name)
    blob.upload_from_string(CONTENTS[0])
    return Upload(place.bucket.name, name, int(blob.generation))


def write(place: Place, upload: Upload, **fields: Any) -> None:
    """Write what there is to compare of a sound."""
    own = {"bucket": upload.bucket_name, "blob_name": upload.blob_name, "generation": upload.generation}
    place.sounds.document(make_uid(upload)).set(own | {"analysis_version": ANALYSIS_VERSION} | fields)


def settings_of(place: Place) -> Settings:
    """Return settings with the collections of the place."""
    return Settings(sounds_collection=place.sounds.id, rejections_collection=place.rejections.id)


def compared(place: Place) -> list[Comparison]:
    """Compare once."""
    sounds, rejections = (
        list_documents(collection, place.bucket.name, "", Calls(), are_rejections=collection is place.rejections)
        for collection in (place.sounds, place.rejections)
    )
    return list(compare(list_uploads(place.bucket, "", Calls()), sounds, rejections, settings_of(place)))


def again(place: Place, comparisons: Iterable[Comparison], since: datetime | None = None) -> dict[str, list[State]]:
    """Look again, and return the states by the name of the blob."""
    found: dict[str, list[State]] = {}
    looked = look_again(comparisons, place.bucket, place.sounds._client, settings_of(place), Calls(), since)
    for comparison in looked:
        subject = comparison.upload or comparison.document
        found.setdefault(subject.blob_name, []).append(comparison.state)
    return found


def test_what_happens_while_it_is_listed_is_no_difference(place: Place) -> None:
    """What was analysed, deleted or overwritten since, and what was uploaded since the bucket was listed, agrees."""
    analysed, deleted, overwritten, missing = (upload(place, f"{n}.wav") for n in range(4))
    forgotten, gone = (Upload(place.bucket.name, f"{n}.wav", 1) for n in (4, 5))
    late = Upload(place.bucket.name, "6.wav", 1)
    for each in (forgotten, gone, late):
        write(place, each)
    before = compared(place)
    write(place, analysed)
    for each in (deleted, overwritten):
        place.bucket.blob(each.blob_name).delete()
    upload(place, overwritten.blob_name)
    place.sounds.document(make_uid(forgotten)).delete()

    assert again(place, before) == {
        analysed.blob_name: [State.SOUND],
        missing.blob_name: [State.MISSING],
        gone.blob_name: [State.GONE],
        late.blob_name: [State.GONE],
    }


def test_an_object_that_may_not_be_read_is_as_it_was_listed(place: Place, storage: Program) -> None:
    """Where the bucket lists an object and refuses to tell of it, the comparison goes on with what was listed."""
    missing = upload(place, "a.wav")
    gone = Upload(place.bucket.name, "b.wav", 1)
    write(place, gone)
    before = compared(place)
    with StorageProxy(storage).running() as proxy:
        proxy.default = downloads.answer(403)
        client = google_storage.Client(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": proxy.url})
        bucket = client.bucket(place.bucket.name)
        looked = list(look_again(before, bucket, place.sounds._client, settings_of(place), Calls(), None))
        client.close()

    assert [one.state for one in looked] == [State.MISSING, State.GONE]
    assert looked[0].upload.generation == missing.generation


def test_an_upload_after_its_listing_is_not_gone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document that is young is always asked for, however many there are; older ones only where they are few."""
    uploads = [upload(place, f"{n}.wav") for n in range(4)]
    for each in uploads:
        write(place, each)
    seen = [Comparison(State.GONE, None, comparison.document) for comparison in compared(place) if comparison.document]
    monkeypatch.setattr(second_look, "N_LOOKS", 2)

    assert again(place, seen, datetime.now(UTC) - timedelta(hours=1)) == {}
    much_later = datetime.now(UTC) + timedelta(hours=1)
    assert again(place, seen[:2], much_later) == {}
    assert again(place, seen, much_later) == {each.blob_name: [State.GONE] for each in uploads}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"bucket": None}, [State.UNREADABLE, State.MISSING]),
        ({"blob_name": 7}, [State.UNREADABLE, State.MISSING]),
        ({"generation": "1"}, [State.UNREADABLE, State.MISSING]),
        ({"bucket": "another"}, [State.UNREADABLE, State.MISSING]),
        ({"blob_name": "another"}, [State.UNREADABLE, State.MISSING]),
        ({"bucket": "another", "analysis_version": ANALYSIS_VERSION + 1}, [State.UNREADABLE, State.NEWER]),
    ],
)
def test_a_document_that_says_something_else_is_found_by_its_id(
    place: Place, fields: dict[str, Any], expected: list[State]
) -> None:
    """The document of an object that does not say so is named once, and is no reason to call the object analysed."""
    there = upload(place, "a.wav")
    write(place, there, **fields)

    looked = list(look_again(compared(place), place.bucket, place.sounds._client, settings_of(place), Calls(), None))

    assert [each.state for each in looked] == expected


def test_many_missing_objects_are_looked_up_in_few_calls(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents are looked up by the batch, all comparisons come in their order, and few are held back."""
    monkeypatch.setattr(second_look, "BATCH_SIZE", 5)
    monkeypatch.setattr(second_look, "WINDOW", 8)
    monkeypatch.setattr(second_look, "N_LOOKS", 0)
    uploads = [Upload(place.bucket.name, f"{n:02}.wav", 1) for n in range(40)]
    states = [State.MISSING if n < 13 else State.SKIPPED for n in range(40)]
    taken, calls = 0, Calls()

    def comparisons() -> Iterable[Comparison]:
        nonlocal taken
        for state, each in zip(states, uploads, strict=True):
            taken += 1
            yield Comparison(state, each, None)

    looked = []
    for one in look_again(comparisons(), place.bucket, place.sounds._client, settings_of(place), calls, None):
        looked.append(one)
        assert taken <= len(looked) + 8

    assert [(one.state, one.upload) for one in looked] == [*zip(states, uploads, strict=True)]
    assert calls.to_database == 3
