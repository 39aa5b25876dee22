"""Two lists in order of name tell what is missing, stale, rejected, left and gone, whatever is in them."""

import itertools
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.document import make_uid
from analysis.settings import Settings
from analysis.upload import Upload
from backfill.comparison import State, compare
from backfill.inventory import Kept, UnreadableError
from backfill.share import Share, share_of_task

BUCKET = "bucket"
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1, max_size=8)
# What there may be of a name: generations of documents, and which of them is the object's, if any.
DOCUMENTS = st.dictionaries(st.integers(1, 4), st.sampled_from(["sound", "stale", "rejection"]), max_size=3)
BUCKETS = st.dictionaries(NAMES, st.tuples(st.none() | st.integers(1, 4), DOCUMENTS), max_size=12)


def keep(upload: Upload, kind: str) -> Kept:
    """The document of an upload."""
    collection, reason = ("rejections", "corrupt") if kind == "rejection" else ("sounds", None)
    return Kept(collection, make_uid(upload), upload.blob_name, upload.generation, kind == "stale", reason)


def in_order(entries: list) -> list:
    """As Cloud Storage lists them and Firestore sorts them."""
    return sorted(entries, key=lambda entry: entry.blob_name.encode())


@given(BUCKETS)
def test_every_object_and_every_document_is_told_once(bucket: dict) -> None:
    """Whatever is there, each object and each document without one has one finding, and the right one."""
    uploads, sounds, rejections, expected = [], [], [], Counter()
    for name, (generation, documents) in bucket.items():
        for document_generation, kind in documents.items():
            document = keep(Upload(BUCKET, name, document_generation, 1), kind)
            (rejections if kind == "rejection" else sounds).append(document)
            if document_generation != generation:
                expected[State.GONE, name, document_generation] += 1
        if generation:
            uploads.append(Upload(BUCKET, name, generation, 1))
            kinds = {"sound": State.SOUND, "stale": State.STALE, "rejection": State.REJECTED, None: State.MISSING}
            expected[kinds[documents.get(generation)], name, generation] += 1

    findings = compare(*map(in_order, (uploads, sounds, rejections)), Settings())

    found = Counter(
        (finding.state, (entry := finding.upload or finding.kept).blob_name, entry.generation) for finding in findings
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
    (finding,) = compare([upload], [], [], settings)

    assert finding.state is State.LEFT


def test_a_document_counts_whatever_the_settings_say_of_its_name_now() -> None:
    """What was analysed before its name was left out has its sound."""
    upload = Upload(BUCKET, "notes.txt", 1, 9)

    (finding,) = compare([upload], [keep(upload, "sound")], [], Settings(exclude_names=("*.txt",)))

    assert finding.state is State.SOUND


def test_a_stale_sound_that_the_settings_leave_out_now_is_no_work() -> None:
    """A sound of an older version, whose name is left out now, stays as it is: the function would skip it."""
    upload = Upload(BUCKET, "notes.txt", 1, 9)

    (finding,) = compare([upload], [keep(upload, "stale")], [], Settings(exclude_names=("*.txt",)))

    assert finding.state is State.SOUND


def test_lists_in_another_order_are_refused() -> None:
    """A list that is not in order would make objects seem missing, so nothing is said of it."""
    first, second = Upload(BUCKET, "a", 1, 9), Upload(BUCKET, "b", 1, 9)

    with pytest.raises(UnreadableError, match="not in order"):
        list(compare([second, first], [], [], Settings()))
    with pytest.raises(UnreadableError, match="not in order"):
        list(compare([], [keep(second, "sound"), keep(first, "sound")], [], Settings()))


def test_nothing_is_read_ahead() -> None:
    """Lists without an end are compared as they come: memory does not grow with them."""
    uploads = [Upload(BUCKET, f"{number:09}", 1, 9) for number in range(100)]
    endless = itertools.chain(uploads, (Upload(BUCKET, f"z{number:09}", 1, 9) for number in itertools.count()))
    read = []

    findings = compare((read.append(upload) or upload for upload in endless), [], [], Settings())
    first = list(itertools.islice(findings, 100))

    assert [finding.upload for finding in first] == uploads
    assert len(read) < 105


@given(NAMES, st.integers(1, 50))
def test_every_object_is_in_one_share(name: str, count: int) -> None:
    """However many tasks there are, each name is exactly one task's."""
    assert [name in Share(index, count) for index in range(count)].count(True) == 1


def test_shares_are_of_one_size() -> None:
    """Names that are alike are spread evenly."""
    share = Share(3, 10)

    assert 850 < sum(f"takes/{number}.wav" in share for number in range(10000)) < 1150


def test_share_is_that_of_the_task() -> None:
    """A task of a Cloud Run job has its own share; elsewhere everything is this process's."""
    assert share_of_task({"CLOUD_RUN_TASK_INDEX": "2", "CLOUD_RUN_TASK_COUNT": "7"}) == Share(2, 7)
    assert share_of_task({}) == replace(Share(), index=0, count=1)
