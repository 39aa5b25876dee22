"""The groups of copies are those of a loop that compares documents by tell_same, and of many they are found at once."""

import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from google.cloud.firestore_v1.vector import Vector
from hypothesis import example, given
from hypothesis import strategies as st

from analysis.definition import SAME_LENGTH, SAME_SOUND_DISTANCE
from analysis.similarity import tell_same
from bench.documents import make_document
from page.catalog import duplicates
from page.catalog.columns import Columns
from page.catalog.duplicates import Groups, are_there, find_groups, read_candidates, regroup
from page.catalog.records import make_row
from page.catalog.same_sounds import find_same_sounds
from page.catalog.storage import DELETED, GONE, LIVE

type Found = tuple[str, list[int]]

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def fill(documents: Sequence[dict[str, Any]], states: Sequence[int] | None = None) -> Columns:
    """Return columns of documents, the first at place 1."""
    columns = Columns()
    rows = [make_row("sounds", document["uid"], document) for document in documents]
    columns.apply(
        [
            (place, 0, state, 1, 1, row.record, row.text)
            for place, (row, state) in enumerate(zip(rows, states or [LIVE] * len(rows), strict=True), 1)
        ]
    )
    return columns


def tell(groups: Groups) -> list[Found]:
    """Return what each group is of, and its members."""
    kinds = ["file"] * groups.n_file + ["sound"] * (len(groups) - groups.n_file)
    bounds = groups.starts.tolist()
    return [(kinds[group], groups.ids[bounds[group] : bounds[group + 1]].tolist()) for group in range(len(groups))]


def find_all(columns: Columns) -> Groups:
    """Return the groups of all that is there."""
    return find_groups(read_candidates(columns, are_there(columns)))


def find(documents: Sequence[dict[str, Any]], states: Sequence[int] | None = None) -> list[Found]:
    """Return the groups of documents."""
    return tell(find_all(fill(documents, states)))


def compare_all(documents: Sequence[dict[str, Any]]) -> list[Found]:
    """Return the groups as the docs define them, by comparing each document with the first of each group."""
    groups: list[list[int]] = []
    order = sorted(range(len(documents)), key=lambda at: documents[at]["uploaded_at"])
    for at in order:
        own = next((group for group in groups if tell_same(documents[group[0]], documents[at]) == "file"), None)
        if own is None:
            groups.append([at])
        else:
            own.append(at)
    files = [group for group in groups if len(group) > 1]
    sounds: list[list[int]] = []
    for at in (group[0] for group in groups):
        own = next((group for group in sounds if tell_same(documents[group[0]], documents[at]) == "sound"), None)
        if own is None:
            sounds.append([at])
        else:
            own.append(at)
    found = [("file", group) for group in files] + [("sound", group) for group in sounds if len(group) > 1]
    return [(kind, [at + 1 for at in group]) for kind, group in found]


def make(at: int, place: float = 0.0, **fields: Any) -> dict[str, Any]:
    """Return a document that is the same as no other, unless its fields say so."""
    given = {"fingerprint": Vector([place, 0.0]), "length": 50_000, "uploaded_at": FIRST + timedelta(seconds=at)}
    return make_document(f"{at}.wav", seed=at, **given | fields)


places = st.tuples(*[st.integers(-4, 4).map(lambda step: step * 0.11)] * 2)


@given(
    sounds=st.lists(
        st.tuples(
            places, st.sampled_from([2, 40]), st.integers(0, 5), st.sampled_from([None, "a", "b"]), st.integers(0, 99)
        ),
        max_size=14,
    )
)
def test_groups_are_those_of_a_loop(sounds: list[Any]) -> None:
    """Whatever lies near what, each group has its oldest first, and all that are the same as that and in no older."""
    documents = [
        make(
            at,
            fingerprint=Vector([*place, *[0.0] * (n - 2)]),
            length=20_000 + 1100 * length,
            md5_hash=md5,
            crc32c=f"crc of {md5}" if md5 else f"crc {at}",
            size=7,
            uploaded_at=FIRST + timedelta(seconds=100 * second + at),
        )
        for at, (place, n, length, md5, second) in enumerate(sounds)
    ]

    assert sorted(find(documents)) == sorted(compare_all(documents))


def test_among_many_none_is_missed_at_a_border() -> None:
    """Near sounds are found wherever they lie among thousands of others, in all directions and lengths."""
    rng = np.random.default_rng(3)
    n = 3000
    vectors = rng.normal(0, 5, (n, 40)).astype(np.float32)
    lengths = rng.integers(2000, 200_000, n)
    near = vectors + (rng.normal(0, 1, (n, 40)) * 0.99 * SAME_SOUND_DISTANCE / np.sqrt(40) / 1.7).astype(np.float32)
    far = vectors + (rng.normal(0, 1, (n, 40)) * 3 * SAME_SOUND_DISTANCE / np.sqrt(40)).astype(np.float32)
    longer = np.where(rng.random(n) < 0.5, SAME_LENGTH, -SAME_LENGTH + 1)
    everything = np.concatenate([vectors, near, far, vectors])
    first = find_same_sounds(
        everything,
        np.concatenate([lengths, lengths + longer, lengths, lengths + SAME_LENGTH + 1]),
        np.full(4 * n, 40),
    )

    assert first[n : 2 * n].tolist() == list(range(n))
    assert first[2 * n :].tolist() == list(range(2 * n, 4 * n))


def test_a_chain_is_no_group() -> None:
    """Who is the same as a member, but not as the first, is left to another group: no sound becomes another."""
    step = 0.9 * SAME_SOUND_DISTANCE
    documents = [make(at, place=at * step) for at in range(4)]

    assert find(documents) == [("sound", [1, 2]), ("sound", [3, 4])]


def test_a_copy_of_a_file_is_no_second_sound() -> None:
    """Of files with the same bytes the oldest alone is compared by its sound, so that nothing is counted twice."""
    documents = [make(at, md5_hash="same" if at < 3 else f"{at}") for at in range(4)]

    assert find(documents) == [("file", [1, 2, 3]), ("sound", [1, 4])]


def test_what_has_no_md5_is_known_by_its_crc32c_and_size() -> None:
    """A composite object joins those with its CRC32C and size, whether it is older or younger; of another size not."""
    same = {"crc32c": "abcd", "size": 10}
    documents = [
        make(0, 0.0, md5_hash=None, **same),
        make(1, 5.0, md5_hash="x", **same),
        make(2, 10.0, md5_hash=None, **same),
        make(3, 15.0, md5_hash=None, crc32c="abcd", size=11),
        make(4, 20.0, md5_hash=None, crc32c=None, size=None),
        make(5, 25.0, md5_hash="", crc32c="", size=10),
        make(6, 30.0, md5_hash=None, crc32c="efgh", size=10),
        make(7, 35.0, md5_hash=None, crc32c="efgh", size=10),
    ]

    assert find(documents) == [("file", [1, 2, 3]), ("file", [7, 8])]


@pytest.mark.parametrize(
    "fields", [{"fingerprint": None}, {"length": None}, {"length": "5"}, {"fingerprint": Vector([0.0])}]
)
def test_what_cannot_be_compared_is_no_copy(fields: dict[str, Any]) -> None:
    """A sound without a fingerprint or a length, or with a fingerprint of another version, is the same as none."""
    assert find([make(0), make(1) | fields]) == []
    if fields != {"fingerprint": Vector([0.0])}:
        assert find([make(0) | fields, make(1) | fields]) == []


def test_what_is_gone_is_in_no_group() -> None:
    """Neither when the groups are made, nor when it goes later: of two there is no group then."""
    documents = [make(at) for at in range(3)] + [make(at, md5_hash="same", place=9.0, size=at) for at in range(3, 6)]
    columns = fill(documents)
    groups = find_all(columns)
    is_there = np.ones(columns.n, bool)
    is_there[[4, 1, 2]] = False

    assert find(documents, [LIVE, GONE, LIVE, GONE, LIVE, LIVE]) == [("file", [5, 6]), ("sound", [1, 3])]
    assert tell(groups.keep(is_there)) == [("file", [5, 6])]
    assert groups.keep(is_there).freed.tolist() == [5]


def test_who_frees_most_comes_first() -> None:
    """Groups of files come first, and of each kind those whose copies take most; the first of a group is not freed."""
    documents = [make(at, place=at // 2 * 9.0, size=size) for at, size in enumerate([900, 5, 1, 70, None, 6])]
    documents += [make(at, place=at * 9.0, md5_hash="same", size=3) for at in (6, 7)]
    groups = find_all(fill(documents))

    assert tell(groups) == [("file", [7, 8]), ("sound", [3, 4]), ("sound", [5, 6]), ("sound", [1, 2])]
    assert groups.freed.tolist() == [3, 70, 6, 5]


def test_groups_of_a_selection() -> None:
    """A group is selected by one member, and then has all of them."""
    documents = [make(at, place=at // 2 * 9.0) for at in range(6)]
    columns = fill(documents)
    mask = np.zeros(columns.n, bool)
    mask[[2, 5]] = True
    groups = find_all(columns).select(mask)

    assert sorted(tell(groups)) == [("sound", [1, 2]), ("sound", [5, 6])]


versions = st.tuples(
    st.tuples(*[st.integers(-4, 4).map(lambda step: step * 0.11)] * 2),
    st.sampled_from([2, 40, 0]),
    st.integers(0, 3),
    st.sampled_from([None, "a", "b", "c"]),
    st.sampled_from([None, "d", "e"]),
    st.integers(0, 9),
    st.sampled_from([LIVE, LIVE, LIVE, GONE, DELETED]),
)  # of a sound: where its fingerprint lies and how long that is, its length, checksums, time, and state


def put(columns: Columns, place: int, version: Any) -> None:
    """Write a version of a sound into its place."""
    vector, n, length, md5, crc32c, second, state = version
    document = make(
        place,
        fingerprint=Vector([*vector, *[0.0] * (n - 2)]) if n else None,
        length=20_000 + 1100 * length,
        md5_hash=md5,
        crc32c=crc32c,
        size=7,
        uploaded_at=FIRST + timedelta(seconds=second) if second else None,
    )
    row = make_row("sounds", document["uid"], document)
    columns.apply([(place, 0, state, 1, 1, row.record, row.text)])


def as_shown(groups: Groups) -> dict[str, list[int]]:
    """Return all that groups say."""
    return {name: array.tolist() for name, array in groups.to_arrays().items()}


@given(
    sounds=st.lists(versions, max_size=14),
    steps=st.lists(st.lists(st.tuples(st.integers(1, 17), versions), max_size=3), min_size=1, max_size=4),
)
@example(  # a composite object joins, by its CRC32C, the one of two same files that has it
    sounds=[((0, 0), 0, 0, "a", None, 1, LIVE), ((0, 0), 0, 0, "a", "d", 2, LIVE)],
    steps=[[(3, ((0, 0), 0, 0, None, "d", 3, LIVE))]],
)
def test_after_changes_the_groups_are_those_of_all(sounds: list[Any], steps: list[list[Any]]) -> None:
    """Whatever comes, changes or goes: what is brought up to date is what is found anew, and in the same order."""
    columns = Columns()
    for place, sound in enumerate(sounds, 1):
        put(columns, place, sound)
    groups = find_all(columns)
    for changes in steps:
        version = columns.version
        for place, sound in changes:
            put(columns, place, sound)
        updated = regroup(columns, groups, columns.changed_since(version))

        assert updated is not None
        assert as_shown(updated) == as_shown(find_all(columns))
        groups = updated


def test_after_changes_among_many_the_groups_are_those_of_all() -> None:
    """Among hundreds of takes of a few sounds, where groups depend on each other, and of fingerprints of any size."""
    rng = np.random.default_rng(5)
    columns = Columns()

    def draw(place: int) -> tuple[Any, ...]:
        vector = rng.normal(0, 0.01, 40) + np.pad(rng.uniform(0, 6, 2), (0, 38))
        vector = np.full(40, 1e30) if place % 10 == 0 else vector
        md5 = str(rng.integers(0, 300))
        return vector.tolist(), 2, int(rng.integers(0, 3)), md5, None, int(rng.integers(1, 99)), LIVE

    for place in range(1, 400):
        put(columns, place, draw(place))
    groups = find_all(columns)
    assert len(groups) - groups.n_file > 20
    for _ in range(40):
        version = columns.version
        for place in rng.integers(1, 410, 4).tolist():
            put(columns, place, draw(place))
        updated = regroup(columns, groups, columns.changed_since(version))

        assert updated is not None
        assert as_shown(updated) == as_shown(find_all(columns))
        groups = updated


def test_where_much_has_changed_all_is_to_be_found_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """To follow each of many changes would take longer; how many are too many is seen before they are compared."""
    columns = fill([make(at, place=at * 9.0) for at in range(20)])
    groups = find_all(columns)
    monkeypatch.setattr(duplicates, "MAX_COMPARED", 10 * columns.n)

    assert regroup(columns, groups, np.arange(1, 11)) is not None
    assert regroup(columns, groups, np.arange(1, 12)) is None


def test_groups_come_back_as_they_were() -> None:
    """From the arrays that are kept of them; arrays that do not belong together are none."""
    groups = find_all(fill([make(at, place=at // 2 * 9.0) for at in range(6)]))
    arrays = groups.to_arrays()

    assert as_shown(Groups.from_arrays(arrays)) == as_shown(groups)
    for wrong in ({"members": arrays["members"][:, 1:]}, {"group_starts": np.array([0])}, {"members": np.zeros(6)}):
        with pytest.raises(ValueError, match="do not belong together"):
            Groups.from_arrays(arrays | wrong)


def test_many_copies_of_one_sound_take_no_square_of_memory() -> None:
    """Eight thousand takes of one sound, which are 32 million pairs, are grouped in less than 400 MB."""
    n = 8000
    vectors = np.random.default_rng(0).normal(0, 0.005, (n, 40)).astype(np.float32)
    tracemalloc.start()
    first = find_same_sounds(vectors, np.full(n, 22_050), np.full(n, 40))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert not first.any()
    assert peak < 400e6
