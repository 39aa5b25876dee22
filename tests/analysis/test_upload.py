"""Any finalize event becomes one Upload; anything else says why not."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cloudevents.http import from_json

from analysis.errors import Skipped
from analysis.settings import Settings
from analysis.upload import Upload, check_selected, read_deletion, read_upload

EVENTS = Path(__file__).parent / "events"
OBJECT = json.loads((EVENTS / "legacy.json").read_text())["data"]
EXPECTED = Upload(
    bucket_name="sounds-of-mine",
    blob_name="field/blackbird.wav",
    generation=1763900000000001,
    size=220544,
    content_type="audio/x-wav",
    md5_hash="1B2M2Y8AsgTpgAmY7PhCfg==",
    crc32c="AAAAAA==",
    uploaded_at=datetime(2026, 11, 23, 12, 13, 20, 1000, tzinfo=UTC),
    event_id="1136957400000000",
    event_time=datetime(2026, 11, 23, 12, 13, 20, 30000, tzinfo=UTC),
)


DELETED = replace(
    EXPECTED, event_id="1136957400000001", event_time=datetime(2026, 11, 23, 12, 20, 0, 30000, tzinfo=UTC)
)


def context(**fields: str) -> SimpleNamespace:
    """A context as the framework fills it."""
    return SimpleNamespace(
        **{
            "event_id": "1136957400000000",
            "event_type": "google.storage.object.finalize",
            "timestamp": "2026-11-23T12:13:20.030Z",
        }
        | fields
    )


def test_background_event_becomes_an_upload() -> None:
    """A 1st-gen event and its context give every attribute."""
    assert read_upload(OBJECT, context()) == EXPECTED


def test_cloud_event_becomes_the_same_upload() -> None:
    """A 2nd-gen CloudEvent without context gives the same."""
    cloud_event = from_json((EVENTS / "structured.json").read_text())

    assert read_upload(cloud_event) == EXPECTED


def test_empty_context_leaves_what_the_data_holds() -> None:
    """A structured CloudEvent arrives with a context of empty strings: the object's own facts remain."""
    upload = read_upload(OBJECT, context(event_id="", event_type="", timestamp=""))

    assert (upload.blob_name, upload.generation, upload.event_id) == (EXPECTED.blob_name, EXPECTED.generation, "")
    assert upload.happened_at == EXPECTED.uploaded_at


@pytest.mark.parametrize("generation", [1763900000000001, "1763900000000001"])
@pytest.mark.parametrize("size", [220544, "220544"])
def test_numbers_may_be_strings(generation: int | str, size: int | str) -> None:
    """Generation and size are integers, written as JSON's number or as a string."""
    assert read_upload(OBJECT | {"generation": generation, "size": size}, context()) == EXPECTED


@pytest.mark.parametrize("generation", [1, 2**63 - 1])
def test_every_generation_is_taken(generation: int) -> None:
    """The smallest and the largest number that Cloud Storage can give to a generation are generations."""
    for number in (generation, str(generation)):
        assert read_upload(OBJECT | {"generation": number}, context()).generation == generation


@pytest.mark.parametrize("event", ["", None, b"{}", [], 7, {}, {"a": 1}])
def test_what_is_no_object_is_left(event: Any) -> None:
    """Events that hold no object need no answer, and raise nothing else."""
    with pytest.raises(Skipped, match="event"):
        read_upload(event, context())


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("bucket", [None, "", 7, {}, "\ud800"]),
        ("name", [None, "", 7, ["a"], "half \udc00 a pair"]),
        ("generation", [None, "", "0", 0, -1, 1.5, True, "1e3", "٣", "9" * 30, 2**63, {}]),
    ],
)
def test_event_without_identity_is_left(key: str, values: list[Any]) -> None:
    """Without a bucket, a name or a generation there is nothing to download; the reason names which."""
    for value in values:
        with pytest.raises(Skipped, match=f"event has no {key}"):
            read_upload(OBJECT | {key: value}, context())
    with pytest.raises(Skipped, match=f"event has no {key}"):
        read_upload({k: v for k, v in OBJECT.items() if k != key}, context())


@pytest.mark.parametrize(
    "event_type",
    ["google.storage.object.delete", "google.storage.object.metadataUpdate", "google.pubsub.topic.publish", "x\ny"],
)
def test_other_event_types_are_left(event_type: str) -> None:
    """Only finalize is acted on; the reason names the type."""
    with pytest.raises(Skipped, match="event of type") as left:
        read_upload(OBJECT, context(event_type=event_type))

    assert repr(event_type) in str(left.value)


@pytest.mark.parametrize("event_type", ["", "providers/cloud.storage/eventTypes/object.change"])
@pytest.mark.parametrize("deleted", [{"timeDeleted": "2026-11-23T12:13:20Z"}, {"resourceState": "not_exists"}])
def test_deletions_without_a_type_of_their_own_are_left(event_type: str, deleted: dict[str, str]) -> None:
    """A deletion whose type is missing, or the oldest one, which finalized objects share, is known by its resource."""
    with pytest.raises(Skipped, match="deletion"):
        read_upload(OBJECT | deleted, context(event_type=event_type))
    assert read_upload(OBJECT | {"resourceState": "exists"}, context(event_type=event_type)) == EXPECTED


@pytest.mark.parametrize("event_type", ["google.storage.object.finalize", "google.cloud.storage.object.v1.finalized"])
def test_finalize_type_is_believed(event_type: str) -> None:
    """A finalize type is not overruled by a time of deletion in the object resource, which Google's own sample has."""
    # https://github.com/googleapis/google-cloudevents/tree/main/testdata/google/events/cloud/storage/v1
    assert read_upload(OBJECT | {"timeDeleted": "2020-05-18T09:07:51.799Z"}, context(event_type=event_type)) == EXPECTED


@pytest.mark.parametrize("text", ["2026-11-23T12:13:20", "2026-11-23T13:13:20+01:00", "2026-11-23T12:13:20Z"])
def test_times_are_of_a_zone(text: str) -> None:
    """A time is of the zone that it names, else of UTC, so that ages can be told."""
    upload = read_upload(OBJECT | {"timeCreated": text}, context(timestamp=text))

    assert upload.uploaded_at == upload.event_time == datetime(2026, 11, 23, 12, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize("value", ["yesterday", 7, None, {}])
def test_unreadable_details_are_missing(value: Any) -> None:
    """What only describes the upload never stops it: unreadable is None."""
    odd = OBJECT | {"size": "many", "timeCreated": value, "md5Hash": {}, "crc32c": 7, "contentType": 3}
    upload = read_upload(odd, context(timestamp=value))

    assert (upload.size, upload.uploaded_at, upload.md5_hash, upload.crc32c, upload.content_type) == (None,) * 5
    assert upload.happened_at is None


def test_customer_encryption_is_noticed() -> None:
    """An object that takes a customer's key says so in its event."""
    assert read_upload(OBJECT | {"customerEncryption": {"encryptionAlgorithm": "AES256"}}, context()).customer_encrypted


@pytest.mark.parametrize(
    "blob_name",
    [
        "gsutil/tmp/parallel_composite_uploads/for_details_see/gsutil_help_cp/abc_0",
        "deep/in/gsutil/tmp/parallel_composite_uploads/x",
        "gcloud/tmp/parallel_composite_uploads/see_gcloud_storage_cp_help_for_details/x_0",
        "my/parts/42_0123456789abcdef0123456789abcdef01234567_3",
        "42_0123456789abcdef0123456789abcdef01234567_12",
        "takes/AAAAbbbb-_CCCC11112222;H4sIAAAA;1-1.part",
        "AAAAbbbb-_CCCC11112222;;33-64.part",
        "gcs-go-sdk-pu-tmp/uid/part-0",
        "prefix.upload_shard_0",
        "my/prefix.upload_shard_63",
        "prefix.upload_state",
        "prefix.compose_many",
        "prefix.compose_many.compose-tmp-2",
    ],
)
def test_parts_of_composite_uploads_are_left(blob_name: str) -> None:
    """The temporary parts of composite uploads of gsutil, gcloud, Java's, Go's and C++'s clients are nobody's.

    Those of gcloud are known by their names, too, whatever folder its setting names.
    """
    with pytest.raises(Skipped, match="composite"):
        check_selected(Upload("b", blob_name, 1, size=10), Settings())


@pytest.mark.parametrize(
    "blob_name",
    [
        "my-gsutil/tmp/parallel_composite_uploads/x.wav",
        "gsutil/tmp/parallel_composite_uploads.wav",
        "gsutil/tmp/parallel_composite_uploads-of-mine/x.wav",
        "gsutil/parallel_composite_uploads/x.wav",
        "take_0123456789abcdef0123456789abcdef01234567.wav",
        "0123456789abcdef0123456789abcdef01234567_3.wav",
        "song;take;1-2.part.wav",
        "song;take;1-2.part",
        "my.gcsfuse_tmp/x.wav",
        "partial.wav",
        "prefix.upload_shard_0.wav",
        "upload_state.wav",
        "take.wav.Ab12Cd",
        ".take.Ab12Cd",
        "takes.v2/.hidden.wav",
    ],
)
def test_names_that_resemble_parts_are_selected(blob_name: str) -> None:
    """A sound whose folders are called like the tools' own, but for a piece, is a sound."""
    check_selected(Upload("b", blob_name, 1, size=10), Settings())


@pytest.mark.parametrize(
    "blob_name", [".gcsfuse_tmp/x", "a/.gcsfuse_tmp/x", "a.wav.filepart", "a.wav.1f.partial", "a/.b.wav.Ab12Cd"]
)
def test_uploads_that_are_not_finished_are_left(blob_name: str) -> None:
    """What gcsfuse, WinSCP, rclone and rsync write before they rename it is nobody's sound yet."""
    with pytest.raises(Skipped, match="not finished"):
        check_selected(Upload("b", blob_name, 1, size=10), Settings())


@pytest.mark.parametrize(
    ("blob_name", "size", "left"),
    [("takes/", 0, True), ("takes_$folder$", 0, True), ("takes/", 9, False), ("takes/", None, False), ("a", 0, False)],
)
def test_folder_placeholders_are_left(blob_name: str, size: int | None, left: bool) -> None:  # noqa: FBT001
    """A placeholder is an empty object named like a folder; anything with content is an upload."""
    if left:
        with pytest.raises(Skipped, match="folder"):
            check_selected(Upload("b", blob_name, 1, size=size), Settings())
    else:
        check_selected(Upload("b", blob_name, 1, size=size), Settings())


def test_names_can_be_included_and_excluded() -> None:
    """INCLUDE_NAMES and EXCLUDE_NAMES are globs over the whole name; case counts, and * crosses slashes."""
    upload = Upload("b", "takes/2026/one.WAV", 1, size=9)

    check_selected(upload, Settings(include_names=("x", "takes/*.WAV"), exclude_names=("*.wav",)))
    with pytest.raises(Skipped, match=r"INCLUDE_NAMES=\*\.wav"):
        check_selected(upload, Settings(include_names=("*.wav",)))
    for include_names in [("takes/*",), ()]:
        with pytest.raises(Skipped, match="EXCLUDE_NAMES"):
            check_selected(upload, Settings(include_names=include_names, exclude_names=("*/2026/*",)))


@pytest.mark.parametrize("kind", ["background event", "CloudEvent"])
def test_deletion_tells_which_upload_was_deleted(kind: str) -> None:
    """A delete event of either generation tells the generation that was deleted; it is no upload."""
    recorded = json.loads((EVENTS / "legacy-deleted.json").read_text())
    background = (
        recorded["data"],
        SimpleNamespace(
            event_id=recorded["context"]["eventId"],
            event_type=recorded["context"]["eventType"],
            timestamp=recorded["context"]["timestamp"],
        ),
    )
    event = background if kind == "background event" else (from_json((EVENTS / "structured-deleted.json").read_text()),)

    assert read_deletion(*event) == DELETED
    with pytest.raises(Skipped, match="only finalize events are analysed"):
        read_upload(*event)


@pytest.mark.parametrize("event_type", ["", "providers/cloud.storage/eventTypes/object.change"])
@pytest.mark.parametrize("deleted", [{"timeDeleted": "2026-11-23T12:13:20Z"}, {"resourceState": "not_exists"}])
def test_deletions_without_a_type_of_their_own_are_read(event_type: str, deleted: dict[str, str]) -> None:
    """A deletion whose type is missing, or the oldest one, is known by its resource."""
    assert read_deletion(OBJECT | deleted, context(event_type=event_type)) == EXPECTED
    for other in ({}, {"resourceState": "exists"}):
        with pytest.raises(Skipped, match="tells of no deletion"):
            read_deletion(OBJECT | other, context(event_type=event_type))


@pytest.mark.parametrize(
    "event_type",
    [
        "google.storage.object.finalize",
        "google.cloud.storage.object.v1.finalized",
        "google.storage.object.archive",
        "google.cloud.storage.object.v1.archived",
        "google.storage.object.metadataUpdate",
    ],
)
def test_only_delete_events_are_deletions(event_type: str) -> None:
    """An archive event, which a bucket with versions sends, is no deletion, though its object has a timeDeleted."""
    with pytest.raises(Skipped, match="only delete events remove documents") as left:
        read_deletion(OBJECT | {"timeDeleted": "2026-11-23T12:13:20Z"}, context(event_type=event_type))

    assert repr(event_type) in str(left.value)


@pytest.mark.parametrize("event", ["", None, b"{}", [], 7, {}, {"a": 1}, {"bucket": "b", "name": "n"}])
def test_deletion_of_nothing_is_left(event: Any) -> None:
    """A delete event that holds no object, or none with a generation, is told as such, and raises nothing else."""
    with pytest.raises(Skipped, match="event"):
        read_deletion(event, context(event_type="google.storage.object.delete"))
