"""The catalog against the real emulators: filled, followed, compared and repaired, by one page and by two."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import DeadlineExceeded, GoogleAPICallError, ServiceUnavailable
from google.cloud import firestore
from google.cloud.firestore_v1 import _helpers
from google.cloud.firestore_v1.vector import Vector

from bench.documents import make_document, make_rejection
from local.servers import PROJECT
from page.catalog import background_value, following, source
from page.catalog import catalog as catalogs
from page.catalog.catalog import Catalog, UnfinishedError
from page.catalog.following import Follower, price
from page.catalog.records import make_row
from page.catalog.selection import BadParameterError, Selection
from page.catalog.storage import FORM, Storage
from page.config import Config
from tests.fakes.waiting import wait_until
from tests.page import sample_sounds
from tests.page.served_page import Page

type Open = Callable[[], Catalog]

ALL = Selection()


@pytest.fixture
def page(make_collections: Callable[..., Page]) -> Page:
    """Collections and a bucket of its own."""
    return make_collections()


@pytest.fixture
def config(page: Page, monkeypatch: pytest.MonkeyPatch) -> Config:
    """What a page over them is started with."""
    return page.open_here(monkeypatch)


@pytest.fixture
def open_catalog(config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Open]:
    """Open catalogs as those of a real project are: each in the same file, which stays."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(catalogs, "is_emulated", lambda: False)  # where the file is; how often it asks is as ever
    with ExitStack() as ends:

        def open_one() -> Catalog:
            opened = Catalog(config)
            ends.callback(opened.close)
            return opened

        yield open_one


def wait_for(catalog: Catalog) -> None:
    """Wait until a catalog holds all that is there now."""
    now = datetime.now(UTC)

    def is_newer() -> bool:
        progress = catalog.progress()
        return progress.as_of is not None and progress.as_of > now

    wait_until(is_newer, seconds=60)


def names_of(catalog: Catalog, selection: Selection = ALL) -> list[str]:
    """Return the names of the sounds that are selected."""
    return [sound["blob_name"] for sound in catalog.select("sounds", selection, n=10_000).documents]


def test_it_is_filled_while_it_is_asked(page: Page, open_catalog: Open) -> None:
    """The first look waits until a small collection is there; each document comes back as it was written."""
    sounds = [make_document(f"{seed}.wav", seed=seed, rating=seed, kept={"$time": "x"}) for seed in range(30)]
    rejections = [make_rejection("no.txt")]
    page.insert(*sounds, rejections=rejections)
    catalog = open_catalog()

    assert sorted(catalog.select("sounds", ALL, n=100).documents, key=lambda sound: sound["rating"]) == sounds
    assert catalog.select("rejections", ALL).documents == rejections
    wait_for(catalog)
    assert catalog.progress().problem is None


def test_what_is_written_deleted_or_pruned_is_found(page: Page, open_catalog: Open) -> None:
    """A new sound is read by its time; one that is old, or no longer there, by comparing numbers."""
    page.insert(*(make_document(f"{seed}.wav", seed=seed) for seed in range(3)))
    catalog = open_catalog()
    wait_for(catalog)
    collection = page.database.collection(page.environment["SOUNDS_COLLECTION"])
    old = make_document("restored.wav", seed=50, analyzed_at=datetime(2020, 1, 1, tzinfo=UTC))
    page.insert(make_document("new.wav", seed=60, analyzed_at=datetime.now(UTC)), old)
    collection.document(make_document("1.wav", seed=1)["uid"]).delete()
    wait_for(catalog)

    assert sorted(names_of(catalog)) == ["0.wav", "2.wav", "new.wav", "restored.wav"]


def test_who_comes_back_waits_for_the_comparison(
    page: Page, open_catalog: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was removed while nobody looked is gone when what is due is done; where nothing is due nobody waits."""
    monkeypatch.setattr(following, "is_emulated", lambda: False)  # so that there is time between two rounds
    page.insert(*(make_document(f"{seed}.wav", seed=seed) for seed in range(3)))
    catalog = open_catalog()
    wait_for(catalog)
    assert not catalog.catch_up(60)
    page.database.collection(page.environment["SOUNDS_COLLECTION"]).document(
        make_document("1.wav", seed=1)["uid"]
    ).delete()
    assert len(names_of(catalog)) == 3
    catalog._follower._due = dict.fromkeys(catalog._follower._due, -float("inf"))

    assert catalog.catch_up(60)
    assert sorted(names_of(catalog)) == ["0.wav", "2.wav"]


def test_what_has_come_is_counted(page: Page, open_catalog: Open) -> None:
    """Who says what was seen is told how many of the selection are new; what was analysed anew is not."""
    sounds = [make_document(f"kit/{seed}.wav", seed=seed) for seed in range(4)]
    page.insert(*sounds)
    catalog = open_catalog()
    wait_for(catalog)
    seen, kit = catalog.select("sounds", ALL).seen, catalog.select("sounds", Selection(folder="kit/")).seen
    now = datetime.now(UTC)
    page.insert(sounds[0] | {"analyzed_at": now}, make_document("kit/new.wav", seed=8), make_document("a.wav", seed=9))
    page.database.collection(page.environment["SOUNDS_COLLECTION"]).document(sounds[1]["uid"]).delete()
    wait_for(catalog)

    everything, some = (
        catalog.select("sounds", ALL, seen=seen),
        catalog.select("sounds", Selection(folder="kit/"), seen=kit),
    )
    assert (everything.n_new, everything.count) == (2, 5)
    assert (some.n_new, some.count) == (1, 4)
    assert catalog.select("sounds", ALL, seen=everything.seen).n_new == 0
    assert catalog.select("sounds", ALL, seen="00000000-3").n_new is None
    assert catalog.select("sounds", ALL).n_new is None
    with pytest.raises(BadParameterError):
        catalog.select("sounds", ALL, seen="x")


def test_a_mismatch_among_many_is_found_by_counting(
    page: Page, open_catalog: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of the uids are counted until what differs is among few: of hundreds of sounds only some are read."""
    monkeypatch.setattr(following, "FEW", 30)
    sounds = [make_document(f"{seed}.wav", seed=seed) for seed in range(400)]
    page.insert(*sounds)
    catalog = open_catalog()
    wait_for(catalog)
    reads = catalog.progress().reads
    collection = page.database.collection(page.environment["SOUNDS_COLLECTION"])
    collection.document(sounds[7]["uid"]).delete()
    page.insert(make_document("odd.wav", seed=999))
    page.insert(make_document("another.wav", seed=998))
    expected = {*(sound["blob_name"] for sound in sounds), "odd.wav", "another.wav"} - {"7.wav"}
    wait_until(lambda: set(names_of(catalog)) == expected, seconds=60)

    assert catalog.progress().reads - reads < len(sounds)


def test_what_is_edited_by_hand_among_many_is_found(
    page: Page, open_catalog: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though an edit changes no number of documents and no time: some are read again each time, until all were."""
    monkeypatch.setattr(following, "FEW", 10)
    monkeypatch.setattr(following, "COMPARE_S", 0)
    monkeypatch.setattr(following, "ROUND_S", 0.05)
    page.insert(*(make_document(f"{seed}.wav", seed=seed) for seed in range(50)))
    catalog = open_catalog()
    wait_for(catalog)
    sounds = page.database.collection(page.environment["SOUNDS_COLLECTION"])
    for document in sounds.stream():
        document.reference.update({"mood": "solemn"})
    before = catalog.progress().reads

    wait_until(lambda: catalog.progress() and catalog.select("sounds", Selection(q="solemn")).count == 50)
    assert catalog.progress().reads - before >= 50


def test_a_sound_and_its_rejection_never_exist_together(page: Page, open_catalog: Open) -> None:
    """A sound that is rejected when it is analysed anew leaves the one list and is in the other."""
    sound = make_document("a.wav")
    page.insert(sound)
    catalog = open_catalog()
    wait_for(catalog)
    rejection = make_rejection("a.wav", rejected_at=datetime.now(UTC))
    page.database.collection(page.environment["SOUNDS_COLLECTION"]).document(sound["uid"]).delete()
    page.insert(rejections=[rejection])
    catalog.put("rejections", rejection)  # as a listener does

    assert rejection["uid"] == sound["uid"]
    assert names_of(catalog) == []
    assert catalog.select("rejections", ALL).documents == [rejection]


def test_the_listing_says_what_is_gone(page: Page, open_catalog: Open) -> None:
    """A sound whose object goes is gone; of another bucket than the page's nothing is known, so its sounds stay."""
    upload = sample_sounds.upload(page.bucket, "a.wav", b"a")
    page.insert(make_document("a.wav", **upload), make_document("b.wav", bucket="another"))
    catalog = open_catalog()
    wait_for(catalog)
    assert sorted(names_of(catalog)) == ["a.wav", "b.wav"]
    page.bucket.blob("a.wav").delete()
    wait_for(catalog)

    assert names_of(catalog) == ["b.wav"]
    assert names_of(catalog, Selection(gone=True)) == ["a.wav"]


def test_a_listing_says_nothing_of_what_is_newer(page: Page, open_catalog: Open) -> None:
    """A sound that was written just now can be missing from a listing that began before."""
    page.insert(make_document("now.wav", bucket=page.bucket.name, analyzed_at=datetime.now(UTC)))
    catalog = open_catalog()
    wait_for(catalog)

    assert names_of(catalog) == ["now.wav"]


def test_documents_without_a_name_are_not_each_other(page: Page, open_catalog: Open) -> None:
    """Of what names no object nothing is known of its file: no other has overwritten it, and no listing lacks it."""
    for seed in range(3):
        document = make_document("x.wav", seed=seed, bucket=page.bucket.name)
        del document["blob_name"]
        page.insert(document)
    catalog = open_catalog()
    wait_for(catalog)

    assert catalog.select("sounds", ALL).count == 3


def test_an_overwritten_sound_is_gone_at_once(page: Page, open_catalog: Open) -> None:
    """As soon as a newer generation of a name is there the older is gone, whichever is read first."""
    catalog = open_catalog()
    wait_for(catalog)
    sounds = [
        make_document("a.wav", seed=seed, bucket=page.bucket.name, analyzed_at=datetime.now(UTC)) for seed in (1, 2)
    ]
    for first, second in (sounds, sounds[::-1]):
        catalog.put("sounds", first)
        catalog.put("sounds", second)
        listed = catalog.select("sounds", ALL).documents
        assert [sound["uid"] for sound in listed] == [sounds[1]["uid"]]


def test_two_pages_share_one_catalog(page: Page, open_catalog: Open) -> None:
    """One page reads for both; what either is told of both show; when it ends the other takes over."""
    page.insert(*(make_document(f"{seed}.wav", seed=seed) for seed in range(20)))
    first = open_catalog()
    wait_for(first)
    second = open_catalog()
    assert len(names_of(second)) == 20
    second.put("sounds", make_document("told.wav", seed=77))
    assert "told.wav" in names_of(first)
    for _ in range(3):  # rounds, in which the second would have asked too
        wait_for(first)
        second.progress()
    assert second.progress().reads == 0
    assert second.progress().as_of is None
    first.close()
    page.insert(make_document("told.wav", seed=77), make_document("later.wav", seed=78))
    wait_for(second)

    assert len(names_of(second)) == 22


def test_a_filling_that_is_broken_off_goes_on(page: Page, open_catalog: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read is not read again: a catalog that was closed in the middle is filled from there."""
    monkeypatch.setattr(following, "BATCH", 10)
    monkeypatch.setattr(source, "CALL_DOCUMENTS", 20)
    monkeypatch.setattr(following, "RETRY_S", 1000)
    monkeypatch.setattr(following, "FEW", 0)  # so that nothing is read besides
    page.insert(*(make_document(f"{seed}.wav", seed=seed) for seed in range(70)))
    read_range, is_cut_off, n_read = source.read_range, False, 0

    def read_and_fail(*arguments: Any, **options: Any) -> Iterator[Any]:
        nonlocal is_cut_off, n_read
        for number, snapshot in enumerate(read_range(*arguments, **options)):
            if number == 45 and not is_cut_off:
                is_cut_off = True
                raise OSError("cut off")
            n_read += 1
            yield snapshot

    monkeypatch.setattr(source, "read_range", read_and_fail)
    first = open_catalog()
    wait_until(lambda: first.progress(1).problem)
    assert len(names_of(first)) == 40
    assert not first.progress().is_filled
    with pytest.raises(UnfinishedError, match="40 of 70"):
        next(first.read_all("sounds", None))
    first.close()
    second = open_catalog()
    wait_for(second)

    assert len(names_of(second)) == 70
    assert n_read == 45 + 30  # of the first five more than were kept


@pytest.mark.parametrize(
    "ending", [ServiceUnavailable("Stream removed"), DeadlineExceeded("Deadline Exceeded")], ids=["cut", "too slow"]
)
def test_a_call_that_is_broken_off_goes_on(
    page: Page, config: Config, monkeypatch: pytest.MonkeyPatch, ending: GoogleAPICallError
) -> None:
    """A stream that ends early is taken up after its last document; one that brings nothing is an error."""
    page.insert(*(make_document(f"{seed}.wav", seed=seed) for seed in range(12)))
    whole = dict(source.read_range(config, "sounds"))
    stream, n_left = source._stream, 5

    def break_off(query: Any) -> Iterator[Any]:
        nonlocal n_left
        for document in stream(query):
            if not n_left:
                n_left = 1000
                raise ending
            n_left -= 1
            yield document

    monkeypatch.setattr(source, "_stream", break_off)
    read = list(source.read_range(config, "sounds"))

    assert (len(read), dict(read)) == (12, whole)
    n_left = 0
    with pytest.raises(type(ending)):
        next(source.read_range(config, "sounds"))


def test_documents_are_read_as_the_client_reads_them(page: Page, config: Config) -> None:
    """Whatever people have added to a document has the value that the client's own snapshot gives."""
    sounds = source.collection_of(config, "sounds")
    values = {
        "nothing": None,
        "numbers": [0, -(2**63), 0.0, -0.0, 1.5, inf, True],
        "texts": ["", "Café", b"\x00\xff"],
        "none": [],
        "time": datetime(2026, 11, 29, 12, 0, 0, 123456, tzinfo=UTC),
        "place": firestore.GeoPoint(52.5, 13.4),
        "maps": {"empty": {}, "one": {"part": [{"deep": [1, {"deeper": None, "still": 2}]}]}, "two": {"a": 1, "b": 2}},
        "vector": Vector([1, 2.5]),
    }
    document = make_document("own.wav") | values
    page.insert(document)

    ((uid, read),) = source.read_range(config, "sounds")
    expected = sounds.document(uid).get().to_dict()
    assert (uid, read) == (document["uid"], expected)
    assert {name: type(value) for name, value in _parts(read)} == {
        name: type(value) for name, value in _parts(expected)
    }


def test_references_are_paths(page: Page, config: Config, open_catalog: Open) -> None:
    """A reference to another database, of which the client makes an error, keeps nobody from reading the others."""
    sounds, others = (one.collection("sounds") for one in (source._client(PROJECT, "(default)"), firestore.Client("p")))
    values = {"beside": sounds.document("a"), "elsewhere": {"one": [others.document("a")]}}
    document = make_document("own.wav")
    page.insert(document | values, make_document("other.wav", seed=1))

    expected = {"beside": "sounds/a", "elsewhere": {"one": ["projects/p/databases/(default)/documents/sounds/a"]}}
    read = source.read_document(config, "sounds", document["uid"])
    assert read is not None
    assert {name: read[name] for name in values} == expected
    catalog = open_catalog()
    wait_for(catalog)
    held = catalog.read_sound(document["uid"])
    assert {name: held[name] for name in values} == expected
    assert sorted(names_of(catalog)) == ["other.wav", "own.wav"]


def test_special_maps_are_read_as_the_client_reads_them() -> None:
    """A map can be one of BSON's types, and one with a type need not be a vector; the emulator stores neither."""
    of_bson = ({"__oid__": "0123456789abcdef01234567"}, {"__int__": 7}, {"__oid__": 7}, {"name": {"__int__": 7}})
    for held in (*of_bson, {"__type__": "other", "value": [1]}, {"deep": {"__type__": "__vector__", "value": [1.5]}}):
        message = _helpers.encode_value(held)._pb
        expected = _helpers.decode_value(message, None)
        read = source._decode(message, "projects/p/databases/d")
        assert (read, type(read)) == (expected, type(expected))


def _parts(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield all that a document holds, maps and lists included, with the way to each."""
    yield name, value
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _parts(part, f"{name}/{key}")


def test_much_is_not_read_unasked(page: Page, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first filling that costs more than some cents waits until somebody says that it may."""
    page.insert(*(make_document(f"{seed}.wav", seed=seed) for seed in range(12)))
    monkeypatch.setattr(following, "is_emulated", lambda: False)
    monkeypatch.setattr(following, "UNASKED_READS", 11)
    for may_read_all in (False, True):
        path = tmp_path / f"{may_read_all}.sqlite"
        with (
            closing(Storage(path)) as storage,
            closing(Follower(config, storage, path, may_read_all=may_read_all)) as follower,
        ):
            follower.start()
            follower.look()
            progress = follower.wait(30)
            assert (progress.is_asking, progress.is_filled, progress.total) == (not may_read_all, may_read_all, 12)
            assert progress.count == (12 if may_read_all else 0)
    assert price(120_000) == "120\u202f000 reads, about $0.07"


def test_nothing_is_asked_while_nobody_looks(page: Page, open_catalog: Open) -> None:
    """A catalog that is open but not looked at reads nothing, not even the first time."""
    page.insert(make_document("a.wav"))
    catalog = open_catalog()
    time.sleep(0.5)  # less would only notice less
    assert catalog._storage.last_id() == 0
    assert names_of(catalog) == ["a.wav"]


def test_a_damaged_or_older_file_is_replaced(tmp_path: Path) -> None:
    """Whatever is in the file's place, a catalog opens; one of the same form keeps what it holds."""
    path = tmp_path / "catalog.sqlite"
    row = make_row("sounds", "u", make_document("a.wav"))
    for spoil in (
        lambda: None,
        lambda: path.write_bytes(b"this is no database" * 500),
        lambda: path.write_bytes(path.read_bytes()[:5000] + b"x" * 5000),
        lambda: set_form(path, FORM + 1),
    ):
        spoil()
        with closing(Storage(path)) as storage:
            assert storage.count("sounds") == 0  # nothing of another form is taken over
            storage.put([row])
        with closing(Storage(path)) as storage:
            assert storage.count("sounds") == 1
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_deleted_is_not_left_in_the_file(tmp_path: Path) -> None:
    """Of a document that was deleted, or that its rejection replaced, neither name nor content stays in the catalog."""
    path = tmp_path / "catalog.sqlite"
    with closing(Storage(path)) as storage:
        for uid in ("deleted", "rejected", "kept"):
            document = make_document(f"{uid}-secret.wav", owner=f"{uid}-person")
            storage.put([make_row("sounds", uid, document)])
        storage.delete("sounds", ["deleted", "unknown"])
        rejection = make_rejection("x", rejected_at=datetime.now(UTC) + timedelta(days=1))
        storage.put([make_row("rejections", "rejected", rejection)])
        assert storage.uids("sounds") == {"kept"}
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())

    for uid, is_left in (("deleted", False), ("rejected", False), ("kept", True)):
        assert (f"{uid}-secret".encode() in content) == is_left
        assert (f"{uid}-person".encode() in content) == is_left


WRITER = """
import sys
from pathlib import Path
from bench.documents import make_document
from page.catalog.records import make_row
from page.catalog.storage import Storage

storage = Storage(Path(sys.argv[1]))
for number in range(100_000):
    rows = [make_row("sounds", f"{number}-{more}", make_document("a.wav", seed=more)) for more in range(20)]
    storage.put(rows, **{"filled sounds": str(number)})
    print(number, flush=True)
"""


def test_the_catalog_of_a_page_that_was_killed_opens(tmp_path: Path) -> None:
    """Killed while it writes, a page leaves a file that opens, whole, with all that it had said to be written."""
    path = tmp_path / "catalog.sqlite"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    ) as writer:
        assert writer.stdout
        written = [int(next(writer.stdout)) for _ in range(5)][-1]
        writer.kill()

    with closing(Storage(path)) as storage:
        filled = int(storage.read_state("filled sounds") or 0)
        assert filled >= written
        assert storage.count("sounds") == 20 * (filled + 1)
        assert storage._read("PRAGMA integrity_check") == [("ok",)]


def set_form(path: Path, form: int) -> None:
    """Write another form into a file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {form}")


def test_a_catalog_is_forgotten(page: Page, config: Config, open_catalog: Open) -> None:
    """Its file and all that belongs to it are removed; the next catalog begins anew."""
    page.insert(make_document("a.wav"))
    catalog = open_catalog()
    wait_for(catalog)
    catalog.close()
    path = catalogs.path_of(config)
    assert path.exists()

    assert catalogs.forget(config) == path
    assert list(path.parent.iterdir()) == []
    assert catalogs.forget(config) is None


def test_each_bucket_and_collection_has_a_catalog_of_its_own(config: Config) -> None:
    """No two that differ in project, database, bucket or collection share a file."""
    from dataclasses import replace  # noqa: PLC0415

    settings = config.settings
    others = [
        replace(config, project="other"),
        replace(config, bucket_name="other"),
        replace(config, settings=replace(settings, firestore_database="other")),
        replace(config, settings=replace(settings, sounds_collection="other")),
        replace(config, settings=replace(settings, rejections_collection="other")),
    ]

    assert len({catalogs.path_of(one) for one in (config, *others)}) == 6


def test_a_document_is_due_once(page: Page, open_catalog: Open) -> None:
    """A round in which nothing is new reads nothing again but what its overlap holds."""
    page.insert(
        make_document("old.wav"), make_document("now.wav", seed=1, analyzed_at=datetime.now(UTC) - timedelta(hours=1))
    )
    catalog = open_catalog()
    wait_for(catalog)
    changed = catalog._storage.changed()
    wait_for(catalog)

    assert catalog._storage.changed() == changed


def test_a_copy_that_goes_leaves_its_group_at_once(
    page: Page, open_catalog: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While new groups are computed those from before are shown, without what was deleted meanwhile."""
    copies = [make_document(f"{seed}.wav", seed=seed, md5_hash="same") for seed in range(2)]
    page.insert(*copies)
    catalog = open_catalog()
    wait_for(catalog)
    assert len(catalog.find_duplicates(ALL)) == 1
    monkeypatch.setattr(background_value, "WAIT_S", 0)
    catalog.delete("sounds", copies[1]["uid"])

    assert len(catalog.find_duplicates(ALL)) == 0
