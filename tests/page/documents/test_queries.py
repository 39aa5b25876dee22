"""The lists: the newest first, or by the beginning of a name, a page at a time."""

import json
from collections.abc import Callable
from html import unescape
from itertools import chain
from urllib.parse import quote

import pytest

from bench.documents import make_document, make_rejection
from page.documents import queries
from page.documents.queries import PAGE_SIZE
from tests.page import sample_sounds
from tests.page.sample_sounds import HOSTILE, N_MANY
from tests.page.served_page import Page, names_of


def next_of(html: str) -> str:
    """Return the address of the next page of a list, empty where there is none."""
    return unescape(html.partition('rel="next" href="')[2].partition('"')[0])


def read_all(page: Page, address: str) -> list[list[str]]:
    """Return the names on each page of a list, from an address on."""
    pages = []
    while address:
        html = page.read(address)
        pages.append(names_of(html))
        address = next_of(html)
    return pages


def test_lists_the_newest_first_and_pages_through_all(many: Page) -> None:
    """Every sound is on exactly one page, the newest first, fifty on each page but the last."""
    pages = read_all(many, "/")

    assert list(chain(*pages)) == [f"kit/{index:03}.wav" for index in reversed(range(N_MANY))]
    assert [len(names) for names in pages] == [50, 50, 20]


@pytest.mark.parametrize(("n_sounds", "has_next"), [(PAGE_SIZE, False), (PAGE_SIZE + 1, True)])
def test_a_full_page_leads_on_only_where_more_follows(
    make_collections: Callable[..., Page], monkeypatch: pytest.MonkeyPatch, n_sounds: int, *, has_next: bool
) -> None:
    """After exactly fifty sounds there is nothing; the fifty-first is on the next page."""
    page = make_collections()
    page.insert(*(make_document(f"{index:02}.wav", seed=index) for index in range(n_sounds)))
    config = page.open_here(monkeypatch)

    for read in (queries.list_newest, lambda *of: queries.list_by_prefix(*of, "")):
        part = read(config, queries.sounds_of(config))
        assert len(part.documents) == PAGE_SIZE
        assert bool(part.next_cursor) == has_next


def test_sounds_without_a_time_are_paged_too(
    make_collections: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sounds whose time is missing come last, by uid, and none of them twice."""
    page = make_collections()
    uids = sorted(make_document(f"{index}", seed=index)["uid"] for index in range(PAGE_SIZE + 3))
    page.insert(*({"uid": uid, "blob_name": uid, "uploaded_at": None} for uid in uids))
    config = page.open_here(monkeypatch)

    first = queries.list_newest(config, queries.sounds_of(config))
    assert first.next_cursor
    second = queries.list_newest(config, queries.sounds_of(config), first.next_cursor)
    assert [sound["uid"] for sound in first.documents + second.documents] == uids[::-1]
    assert second.next_cursor is None


def test_search_finds_names_by_their_beginning(many: Page) -> None:
    """What is typed finds the names that begin so, by name."""
    assert names_of(many.read("/?q=kit/01")) == [f"kit/{index:03}.wav" for index in range(10, 20)]


@pytest.mark.parametrize(
    ("asked", "name"),
    [("drums/kick", "drums/kick.wav"), ("DRUMS/", "drums/kick.wav"), ("take", "Take.wav"), ("loud", "LOUD.wav")],
)
def test_search_tries_other_spellings(shared: Page, asked: str, name: str) -> None:
    """What is typed is tried as it is, in small letters, Capitalised and in capitals; the heading says which it was."""
    shared.insert(make_document(name, bucket=shared.bucket.name))
    html = shared.read(f"/?q={asked}")

    assert name in names_of(html)
    assert f"“<bdi>{name[: len(asked)]}</bdi>”" in html


def test_search_finds_signs_of_every_kind(serve_page: Callable[..., Page]) -> None:
    """What follows the beginning may be any sign, also one that sorts after all letters."""
    page = serve_page()
    names = ["drums/kick.wav", "drums/\uf8ff.wav", "drums/\uff76.wav", "drums/\U0001f941.wav"]
    page.insert(*(make_document(name, bucket=page.bucket.name) for name in [*names, "drumsticks.wav", "drum.wav"]))

    assert names_of(page.read("/?q=drums/")) == names


def test_search_pages_through_names_of_any_signs(serve_page: Callable[..., Page]) -> None:
    """No sign of a name, nor of what is searched, leads a link of the pages astray."""
    page = serve_page()
    start = "a&b=c#d?e%41/+ é~'\""
    names = [f"{start}{index:03}.wav" for index in range(PAGE_SIZE + 5)]
    page.insert(*(make_document(name, seed=seed) for seed, name in enumerate(names)), make_document("a&b.wav"))
    pages = read_all(page, f"/?q={quote(start)}")

    assert [unescape(name) for name in chain(*pages)] == names


def test_what_was_searched_stands_in_its_field(many: Page) -> None:
    """The field of the search holds what was typed, whatever it is, and the list of rejections searches its own."""
    html = many.read("/rejections?q=" + quote("x/<script>"))
    assert html.count('<li class="rejection"') == 1
    assert 'action="/rejections"' in html
    html = many.read("/rejections?q=" + quote("x/<b>\"'"))
    assert html.count('<li class="rejection"') == 0
    assert 'value="x/&lt;b&gt;&#34;&#39;"' in html


@pytest.mark.parametrize("mark", ["nonsense", "x~y", "2026-13-01T00:00:00~00000000-0000-5000-8000-000000000000", "~"])
def test_a_mark_that_is_none_is_told(many: Page, mark: str) -> None:
    """An address that no page gave is a mistake of the asker."""
    assert many.ask(f"/?after={mark}")[0].status == 400


def test_names_and_messages_are_text(many: Page) -> None:
    """Markup in a name or message arrives as text, and what turns the direction of writing is seen."""
    html = many.read("/rejections")

    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;" in html
    assert "&lt;b&gt;damaged" in html
    assert "\u202e" not in html


def test_a_name_is_text_wherever_it_stands(shared: Page) -> None:
    """In a row, a heading, an attribute and the document as JSON, markup in a name arrives as text."""
    sound = make_document(HOSTILE, bucket=shared.bucket.name, content_type="<i>", md5_hash='"><b>')
    shared.insert(sound)
    html = shared.read(f"/sounds/{sound['uid']}")

    for pieces in (shared.read("/?q=x/"), html):
        assert 'data-name="x/&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;\ufffdcod.wav"' in pieces
    assert "\u202e" not in html.partition('<pre id="json"')[0]
    assert "\u202e" not in shared.read("/?q=%E2%80%AE").partition('value="')[2].partition('"')[2]
    assert 'download="script&gt;&#34;&#39;\ufffdcod.wav"' in html
    assert "<dd>&lt;i&gt;</dd>" in html
    assert "<dd>&#34;&gt;&lt;b&gt;</dd>" in html
    pre = unescape(html.partition('<pre id="json" tabindex="0">')[2].partition("</pre>")[0])
    assert json.loads(pre)["blob_name"] == HOSTILE
    assert html.count("<script") == html.count("</script>") == html.count('<script type="module" src="/static/')


@pytest.mark.parametrize("uid", ["00000000-0000-5000-8000-000000000000", "x", "..%2f..", "%00"])
@pytest.mark.parametrize("what", ["", "/audio", "/spectrogram.png", "/means", "/neighbours", "/neighbours.json"])
def test_an_unknown_uid_is_not_found(many: Page, uid: str, what: str) -> None:
    """What is no sound has nothing at any of a sound's addresses."""
    assert many.ask(f"/sounds/{uid}{what}")[0].status == 404


def test_the_uid_of_a_rejection_tells_why(many: Page) -> None:
    """Who has the uid of an upload that was rejected is told so."""
    answer, body = many.ask(f"/sounds/{make_rejection(HOSTILE)['uid']}")

    assert answer.status == 404
    assert b"rejected: corrupt" in body


def test_strange_documents_do_not_break_the_lists(serve_page: Callable[..., Page]) -> None:
    """Documents of version 1, with fields missing or of another type, are listed and shown."""
    page = serve_page()
    old = make_document("old.wav", bucket=page.bucket.name, seed=1)
    for name in ("peaks", "peak_db", "rms_db", "silence"):
        del old[name]
    odd = make_document(
        "odd.wav",
        bucket=page.bucket.name,
        seed=2,
        source="x",
        duration="y",
        peaks="z",
        rms_db="q",
        mean_mfccs=None,
        silence="s",
    )
    bare = {"uid": make_document("bare", seed=3)["uid"], "blob_name": "bare", "uploaded_at": None}
    page.insert(old, odd, bare)

    assert names_of(page.read("/")) == ["odd.wav", "old.wav", "bare"]
    for document in (old, odd, bare):
        for what in ("", "/means", "/neighbours"):
            assert page.ask(f"/sounds/{document['uid']}{what}")[0].status == 200, (document, what)
    for path in ("/map.json", "/export.csv", "/export.parquet"):
        assert page.ask(path)[0].status == 200


def test_a_sound_is_read_once_in_a_while(shared: Page) -> None:
    """The page remembers a sound and its neighbours, so that who looks again costs no reads."""
    sound = make_document("read once.wav", bucket=shared.bucket.name)
    del sound["fingerprint"]
    shared.insert(sound)
    assert shared.ask(f"/sounds/{sound['uid']}")[0].status == 200
    shared.database.collection(shared.environment["SOUNDS_COLLECTION"]).document(sound["uid"]).delete()

    assert shared.ask(f"/sounds/{sound['uid']}")[0].status == 200
    assert shared.ask(f"/sounds/{sound['uid']}/neighbours")[0].status == 200


def test_a_sample_is_bounded_and_the_same_every_time(many: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more sounds than are asked for those with the least uids are read, of fewer all."""
    config = many.open_here(monkeypatch)
    uids = sorted(sound["uid"] for sound in sample_sounds.many_sounds(many))

    assert [sound["uid"] for sound in queries.read_sample(config, 50)] == uids[:50]
    assert [sound["uid"] for sound in queries.read_sample(config, N_MANY + 1)] == uids
    assert queries.count_sounds(config) == N_MANY
