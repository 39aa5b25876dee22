"""Two lists in order of name tell what is missing, stale, rejected, left and gone, whatever is in them."""

import itertools
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.document import make_uid
from analysis.settings import Settings
from analysis.upload import Upload
from backfill import comparison as comparisons_of
from backfill.comparison import State, compare, compare_shard
from backfill.listings import Calls, UnreadableError
from backfill.request import REASONS
from backfill.stored_document import StoredDocument

BUCKET = "bucket"
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1, max_size=8)
# What there may be of a name: generations of documents, and which of them is the object's, if any.
DOCUMENTS = st.dictionaries(st.integers(1, 4), st.sampled_from(["sound", "stale", "rejection"]), max_size=3)
BUCKETS = st.dictionaries(NAMES, st.tuples(st.none() | st.integers(1, 4), DOCUMENTS), max_size=12)


def document(upload: Upload, kind: str) -> StoredDocument:
    """The document of an upload."""
    collection, reason = ("rejections", "corrupt") if kind == "rejection" else ("sounds", None)
    return StoredDocument(collection, make_uid(upload), upload.blob_name, upload.generation, kind == "stale", reason)


def in_order(entries: list) -> list:
    """As Cloud Storage lists them and Firestore sorts them."""
    return sorted(entries, key=lambda entry: entry.blob_name.encode())


@given(BUCKETS)
def test_every_object_and_every_document_is_told_once(bucket: dict) -> None:
    """Whatever is there, each object and each document without one has one comparison, and the right one."""
    uploads, sounds, rejections, expected = [], [], [], Counter()
    for name, (generation, documents) in bucket.items():
        for document_generation, kind in documents.items():
            stored = document(Upload(BUCKET, name, document_generation, 1), kind)
            (rejections if kind == "rejection" else sounds).append(stored)
            if document_generation != generation:
                expected[State.GONE, name, document_generation] += 1
        if generation:
            uploads.append(Upload(BUCKET, name, generation, 1))
            kinds = {"sound": State.SOUND, "stale": State.STALE, "rejection": State.REJECTED, None: State.MISSING}
            expected[kinds[documents.get(generation)], name, generation] += 1

    comparisons = compare(*map(in_order, (uploads, sounds, rejections)), Settings())

    found = Counter(
        (comparison.state, (entry := comparison.upload or comparison.document).blob_name, entry.generation)
        for comparison in comparisons
    )
    assert {key: n for key, n in found.items() if not key[1].endswith(("/", "_$folder$"))} == {
        key: n for key, n in expected.items() if not key[1].endswith(("/", "_$folder$"))
    }


@pytest.mark.parametrize(
    ("upload", "settings"),
    [
        (Upload(BUCKET, "takes/", 1, 0), Settings()),
        (Upload(BUCKET, "x/gsutil/tmp/parallel_composite_uploads/part_0", 1, 9), Settings()),
        (Upload(BUCKET, "notes.txt", 1, 9), Settings(exclude_names=("*.txt",))),
        (Upload(BUCKET, "notes.txt", 1, 9), Settings(include_names=("*.wav",))),
    ],
)
def test_what_the_function_leaves_is_left(upload: Upload, settings: Settings) -> None:
    """What the function answers by a line in the log is not missing."""
    (comparison,) = compare([upload], [], [], settings)

    assert comparison.state is State.SKIPPED


def test_a_document_counts_whatever_the_settings_say_of_its_name_now() -> None:
    """What was analysed before its name was left out has its sound."""
    upload = Upload(BUCKET, "notes.txt", 1, 9)

    (comparison,) = compare([upload], [document(upload, "sound")], [], Settings(exclude_names=("*.txt",)))

    assert comparison.state is State.SOUND


def test_a_stale_sound_that_the_settings_leave_out_now_is_no_work() -> None:
    """A sound of an older version, whose name is left out now, stays as it is: the function would skip it."""
    upload = Upload(BUCKET, "notes.txt", 1, 9)

    (comparison,) = compare([upload], [document(upload, "stale")], [], Settings(exclude_names=("*.txt",)))

    assert comparison.state is State.SOUND


def test_a_sound_goes_before_a_rejection() -> None:
    """Where somebody has left both of one upload, the upload has a sound, and the rejection is named."""
    upload = Upload(BUCKET, "a.wav", 1, 9)

    both, comparison = compare([upload], [document(upload, "sound")], [document(upload, "rejection")], Settings())

    assert comparison.state is State.SOUND
    assert (both.state, both.document.collection) == (State.UNREADABLE, "rejections")
    assert both.document.problem == "it is a rejection of what has a sound"


def test_lists_in_another_order_are_refused() -> None:
    """A list that is not in order would make objects seem missing, so nothing is said of it."""
    first, second = Upload(BUCKET, "a", 1, 9), Upload(BUCKET, "b", 1, 9)

    with pytest.raises(UnreadableError, match="not in order"):
        list(compare([second, first], [], [], Settings()))
    with pytest.raises(UnreadableError, match="not in order"):
        list(compare([], [document(second, "sound"), document(first, "sound")], [], Settings()))


def test_nothing_is_read_ahead() -> None:
    """Lists without an end are compared as they come: memory does not grow with them."""
    uploads = [Upload(BUCKET, f"{number:09}", 1, 9) for number in range(100)]
    endless = itertools.chain(uploads, (Upload(BUCKET, f"z{number:09}", 1, 9) for number in itertools.count()))
    read = []

    comparisons = compare((read.append(upload) or upload for upload in endless), [], [], Settings())
    first = list(itertools.islice(comparisons, 100))

    assert [comparison.upload for comparison in first] == uploads
    assert len(read) < 105


def test_what_expired_is_missing() -> None:
    """A rejection that says only that nobody analysed the object in time is no answer; any other is one."""
    upload = Upload(BUCKET, "a.wav", 1, 9)
    rejection = document(upload, "rejection")

    states = [next(compare([upload], [], [replace(rejection, reason=reason)], Settings())) for reason in REASONS]

    assert {each.document.reason for each in states if each.state is State.MISSING} == {"expired"}
    assert {each.state for each in states} == {State.MISSING, State.REJECTED}


def test_what_is_young_is_pending() -> None:
    """What was uploaded after a moment and has no document is pending; older, answered or skipped, it is as ever."""
    moment = datetime(2026, 11, 28, tzinfo=UTC)
    old, young = (Upload(BUCKET, "a.wav", 1, 9, uploaded_at=moment + timedelta(seconds=s)) for s in (0, 1))
    unknown = replace(young, uploaded_at=None)
    folder = replace(young, blob_name="a/", size=0)
    sound, rejection = (document(young, kind) for kind in ("sound", "rejection"))
    expired = replace(rejection, reason="expired")

    def state(upload: Upload, *rejections: StoredDocument, sounds: tuple[StoredDocument, ...] = ()) -> State:
        (comparison,) = compare([upload], sounds, rejections, Settings(), moment)
        return comparison.state

    assert [state(each) for each in (young, old, unknown, folder)] == [
        *(State.PENDING, State.MISSING, State.MISSING, State.SKIPPED)
    ]
    assert state(young, sounds=(sound,)) is State.SOUND
    assert [state(young, rejection), state(young, expired)] == [State.REJECTED, State.MISSING]
    (missing,) = compare([young], [], [], Settings())
    assert missing.state is State.MISSING


def test_what_was_overwritten_a_moment_ago_is_not_gone_yet() -> None:
    """The document of an object that was replaced after a moment is not gone, whether the new one has one or not."""
    moment = datetime(2026, 11, 28, tzinfo=UTC)
    new = Upload(BUCKET, "a.wav", 2, 9, uploaded_at=moment + timedelta(seconds=1))
    earlier, own = document(Upload(BUCKET, "a.wav", 1, 9), "sound"), document(new, "sound")
    long_ago = replace(new, uploaded_at=moment)

    def states(upload: Upload, *sounds: StoredDocument) -> list[State]:
        return [each.state for each in compare([upload], sounds, [], Settings(), moment)]

    assert states(new, earlier) == [State.PENDING]
    assert states(new, earlier, own) == [State.SOUND]
    assert states(long_ago, earlier, own) == [State.GONE, State.SOUND]


@pytest.mark.parametrize(
    ("kind", "is_newer", "expected"),
    [
        ("sound", False, State.MISSING),
        ("sound", True, State.NEWER),
        ("rejection", False, State.MISSING),
        ("rejection", True, State.REJECTED),
    ],
)
def test_what_is_unreadable_is_as_if_it_were_not_there(kind: str, *, is_newer: bool, expected: State) -> None:
    """A document that is not whole answers nothing, and one that a newer version wrote is never work."""
    upload = Upload(BUCKET, "a.wav", 1, 9)
    own = replace(document(upload, kind), problem="so it is", is_newer=is_newer)
    foreign = replace(own, uid="another")

    def states(stored: StoredDocument) -> list[State]:
        lists = ([stored], []) if kind == "sound" else ([], [stored])
        return [comparison.state for comparison in compare([upload], *lists, Settings())]

    assert states(own) == [State.UNREADABLE, expected]
    assert states(foreign) == [State.UNREADABLE, State.MISSING]


def test_a_shard_reads_the_documents_of_its_objects_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sounds and rejections of a batch of objects are looked up by one call."""
    uploads = [Upload(BUCKET, f"{number}.wav", 1, 9) for number in range(5)]
    sounds = [document(upload, "sound") for upload in uploads[:3]]
    rejections = [document(upload, "rejection") for upload in uploads[2:4]]
    asked = []

    def get_documents(_: object, __: Settings, batch: list[Upload], ___: Calls) -> tuple[list[StoredDocument], ...]:
        asked.append([upload.blob_name for upload in batch])
        uids = {make_uid(upload) for upload in batch}
        return [each for each in sounds if each.uid in uids], [each for each in rejections if each.uid in uids]

    monkeypatch.setattr(comparisons_of, "get_documents", get_documents)
    monkeypatch.setattr(comparisons_of, "BATCH_SIZE", 2)

    compared = list(compare_shard(uploads, object(), Settings(), Calls()))

    assert [each.state for each in compared] == [
        *[State.SOUND] * 2,
        *(State.UNREADABLE, State.SOUND, State.REJECTED, State.MISSING),
    ]
    assert asked == [["0.wav", "1.wav"], ["2.wav", "3.wav"], ["4.wav"]]
