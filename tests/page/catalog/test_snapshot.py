"""A page that is opened again reads only what came after: from a snapshot that is right, or not used."""

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from analysis.settings import Settings
from bench.documents import make_document
from page.catalog import catalog as catalogs
from page.catalog.catalog import Catalog, forget, path_of
from page.catalog.columns import Columns
from page.catalog.records import KINDS, make_row
from page.catalog.selection import Selection
from page.catalog.storage import SNAPSHOT, SNAPSHOT_PART, Storage
from page.config import Config
from tests.fakes.waiting import wait_until

CONFIG = Config("p", "b", Settings())
ALL = Selection()
type Open = Callable[[], Catalog]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows were read from the file, each time."""
    counts: list[int] = []
    read_rows = Storage.read_rows

    def count(self: Storage, after: int) -> Any:
        rows = read_rows(self, after)
        counts.append(len(rows))
        return rows

    monkeypatch.setattr(Storage, "read_rows", count)
    return counts


@pytest.fixture
def open_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Open catalogs of the same file, whose database does not answer; twelve sounds are in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/dev/null")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    path_of(CONFIG).parent.mkdir()
    put(*(make_document(f"kit/{seed}.wav", seed=seed) for seed in range(12)))
    with ExitStack() as ends:

        def open_one() -> Catalog:
            catalog = Catalog(CONFIG)
            ends.callback(catalog.close)
            return catalog

        yield open_one


def put(*documents: dict[str, Any], deleted: tuple[str, ...] = ()) -> None:
    """Write into the catalog's file, as another page would."""
    storage = Storage(path_of(CONFIG))
    storage.put([make_row("sounds", document["uid"], document) for document in documents])
    storage.write_state(**{f"filled {kind}": "all" for kind in KINDS})
    storage.delete("sounds", deleted)
    storage.close()


def beside(suffix: str) -> Path:
    """Return a file beside the catalog's."""
    return path_of(CONFIG).with_name(path_of(CONFIG).name + suffix)


def look(catalog: Catalog) -> tuple[list[str], list[str], list[tuple[str, float]]]:
    """Return the names of all, of those that are found by a word, and the neighbours of one."""
    newest, found = (catalog.select("sounds", Selection(q=q)).documents for q in ("", "1.wav"))
    neighbours = catalog.find_neighbours(newest[-1], 5) if newest else []
    names = [[document["blob_name"] for document in documents] for documents in (newest, found)]
    return names[0], names[1], [(one.document["blob_name"], one.distance) for one in neighbours]


def test_a_page_that_is_opened_again_reads_what_came_after(open_catalog: Open, read: list[int]) -> None:
    """It shows the same, without a row being read; what another page wrote since then is read alone."""
    first = open_catalog()
    seen = look(first)
    first.close()
    assert (len(seen[0]), read) == (12, [12])
    second = open_catalog()
    assert look(second) == seen
    second.close()
    assert sum(read[1:]) == 0
    changed = make_document("kit/1.wav", seed=1, mood="21.wav")
    put(make_document("kit/31.wav", seed=31), changed)
    third = open_catalog()

    assert look(third)[0][0] == "kit/31.wav"
    assert look(third)[1] == ["kit/31.wav", "kit/11.wav", "kit/1.wav"]
    assert sum(read[1:]) == 2


def test_what_is_deleted_is_not_in_it(open_catalog: Open) -> None:
    """A snapshot with a name that is gone is removed at once, and the next one does not have it."""
    first = open_catalog()
    look(first)
    first.close()
    assert b"kit/5.wav" in beside(SNAPSHOT).read_bytes()
    second = open_catalog()
    put(deleted=(make_document("kit/5.wav", seed=5)["uid"],))
    look(second)
    assert not beside(SNAPSHOT).exists()
    second.close()

    assert b"kit/5.wav" not in beside(SNAPSHOT).read_bytes()
    assert b"kit/6.wav" in beside(SNAPSHOT).read_bytes()
    assert len(look(open_catalog())[0]) == 11


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:0],
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: content[:20],
        lambda content: content[content.index(b"\n") + 1 :],
        lambda content: b"[1, 2]" + content[content.index(b"\n") :],
        lambda content: content.replace(b'"fingerprints"', b'"fingermarks"'),
        lambda content: content.replace(b'"form": ', b'"form": 1'),
        lambda content: b"\xff" * len(content),
    ],
    ids=["empty", "half", "a byte less", "20 bytes", "no line", "no map", "other names", "other form", "noise"],
)
def test_what_is_not_as_it_was_written_is_not_used(
    open_catalog: Open, damage: Callable[[bytes], bytes], read: list[int]
) -> None:
    """A file that a crash or a disk has changed is passed over: all rows are read, and another is written."""
    first = open_catalog()
    seen = look(first)
    first.close()
    whole = beside(SNAPSHOT).read_bytes()
    assert damage(whole) != whole
    beside(SNAPSHOT).write_bytes(damage(whole))
    second = open_catalog()
    assert look(second) == seen
    second.close()

    assert read == [12, 12]
    assert look(open_catalog()) == seen
    assert sum(read) == 24


def test_a_file_that_lost_its_last_writes_has_no_snapshot(open_catalog: Open, tmp_path: Path) -> None:
    """After a power cut, or when another file is put in its place, the numbers of changes mean others."""
    for name in ("kept.wav", "lost.wav"):
        put(make_document(name, seed=40))
        one = open_catalog()
        assert name in look(one)[0]
        one.close()
        if name == "kept.wav":
            shutil.copy(path_of(CONFIG), tmp_path / "before")
    shutil.copy(tmp_path / "before", path_of(CONFIG))
    put(make_document("other.wav", seed=41))

    last = open_catalog()
    assert len(look(last)[0]) == 14
    for q, count in (("kept", 1), ("other", 1), ("lost", 0)):
        assert last.select("sounds", Selection(q=q)).count == count


def test_it_is_private_and_forgotten_with_the_catalog(open_catalog: Open) -> None:
    """Only its owner can read it, and what removes the catalog removes it."""
    first = open_catalog()
    look(first)
    first.close()
    assert beside(SNAPSHOT).stat().st_mode & 0o777 == 0o600
    beside(SNAPSHOT_PART).write_bytes(b"of a page that was killed")
    assert forget(CONFIG) == path_of(CONFIG)

    assert list(path_of(CONFIG).parent.iterdir()) == []


def test_pages_at_once_and_killed_ones_leave_a_whole_one(open_catalog: Open, read: list[int]) -> None:
    """Who finds another page writing leaves it to that one; what a killed page has begun is written over."""
    first, second = open_catalog(), open_catalog()
    seen = look(first), look(second)
    beside(SNAPSHOT_PART).write_bytes(b"of a page that was killed" * 1000)
    with beside(SNAPSHOT_PART).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        first.close()
        assert not beside(SNAPSHOT).exists()
    second.close()
    assert not beside(SNAPSHOT_PART).exists()
    assert read == [12, 12]

    assert look(open_catalog()) == seen[0]
    assert sum(read) == 24


def test_where_it_cannot_be_written_the_page_ends_as_ever(open_catalog: Open) -> None:
    """A full disk, or a directory in its place, keeps nobody from ending the page, nor from opening the catalog."""
    beside(SNAPSHOT_PART).mkdir()
    first = open_catalog()
    seen = look(first)
    first.close()

    assert look(open_catalog()) == seen


def test_many_rows_are_kept_before_the_page_ends(
    open_catalog: Open, monkeypatch: pytest.MonkeyPatch, read: list[int]
) -> None:
    """A page that is killed after it has read many rows has left a snapshot of them."""
    monkeypatch.setattr(catalogs, "UNSAVED", 12)
    seen = look(open_catalog())
    wait_until(lambda: beside(SNAPSHOT).exists() and not beside(SNAPSHOT_PART).exists())

    assert look(open_catalog()) == seen
    assert sum(read) == 12


def test_what_was_computed_is_kept(open_catalog: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is opened again has the groups of copies and the order of names, and changes move them alone."""

    def see(catalog: Catalog) -> tuple[Any, list[str]]:
        by_name = catalog.select("sounds", Selection(sort="name"))
        members = [[place.name for place in places] for places in catalog.read_places(catalog.find_duplicates(ALL))]
        return members, [document["blob_name"] for document in by_name.documents]

    put(*(make_document(f"copy {name}.wav", seed=99) for name in "ab"))
    first = open_catalog()
    seen = see(first)
    assert seen[0] == [["copy a.wav", "copy b.wav"]]
    first.close()

    def refuse(*_arguments: Any) -> Any:
        raise AssertionError("all is computed anew")

    monkeypatch.setattr(catalogs, "find_groups", refuse)
    monkeypatch.setattr(Storage, "ids_by_text", refuse)
    second = open_catalog()
    assert see(second) == seen
    second.close()
    put(make_document("copy A.wav", seed=99), make_document("z.wav", seed=0), make_document("before.wav", seed=70))
    third = open_catalog()
    members, names = see(third)

    assert [sorted(group) for group in members] == [["copy A.wav", "copy a.wav", "copy b.wav"], ["kit/0.wav", "z.wav"]]
    assert names == sorted(names, key=lambda name: name.casefold())
    third.close()
    assert see(open_catalog()) == (members, names)


def test_groups_are_kept_where_nobody_sorts_by_name(open_catalog: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked for is kept without what was not."""
    put(*(make_document(f"copy {name}.wav", seed=99) for name in "ab"))
    first = open_catalog()
    assert len(first.find_duplicates(ALL)) == 1
    first.close()
    monkeypatch.setattr(catalogs, "find_groups", None)

    assert len(open_catalog().find_duplicates(ALL)) == 1


def test_what_takes_long_is_computed_before_it_is_asked_for(
    open_catalog: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups and the order of names of many rows that were read are kept with them, though nobody has asked."""
    monkeypatch.setattr(catalogs, "UNSAVED", 12)
    look(open_catalog())
    wait_until(lambda: beside(SNAPSHOT).exists() and not beside(SNAPSHOT_PART).exists())
    first = beside(SNAPSHOT).read_bytes().partition(b"\n")[0]

    assert {"by_name", "members"} <= set(json.loads(first)["arrays"])


def test_a_snapshot_without_what_is_computed_is_read(open_catalog: Open, read: list[int]) -> None:
    """Where nobody has asked for the groups, or a version of the page has written it that did not keep them."""
    look_at = open_catalog()
    look(look_at)
    look_at.close()
    second = open_catalog()

    assert len(second.find_duplicates(ALL)) == 0
    assert sum(read) == 12


def test_columns_come_back_as_they_were() -> None:
    """Arrays of columns whose rows have changed hold the texts of now alone, and make the same columns, which grow."""
    columns = Columns()
    for version in ("old", "new"):
        rows = [make_row("sounds", "", make_document(f"{version} {seed}", seed=seed)) for seed in range(1, 30)]
        columns.apply([(place, 0, 1, 1, 1, row.record, row.text) for place, row in enumerate(rows, 1)])
    arrays = {name: array.copy() for name, array in columns.to_arrays().items()}
    again = Columns.from_arrays(arrays)

    assert b"old" not in arrays["texts"].tobytes()
    assert again.find_word("new 1").tolist() == columns.find_word("new 1").tolist()
    assert again.find_word("old").any() == False  # noqa: E712  numpy's
    row = make_row("sounds", "", make_document("later", seed=50))
    for one in (columns, again):
        one.apply([(40, 0, 1, 1, 1, row.record, row.text), (3, 0, 1, 1, 1, row.record, "other")])
    for word in ("new", "later", "other", "new 3"):
        assert again.find_word(word).tolist() == columns.find_word(word).tolist()
    assert again.column("duration").tolist() == columns.column("duration").tolist()
    with pytest.raises(ValueError, match="belong"):
        Columns.from_arrays(arrays | {"kind": arrays["kind"][1:]})
