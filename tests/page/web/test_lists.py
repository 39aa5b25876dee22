"""The lists: the newest first, or by the beginning of a name, a page at a time."""

import gzip
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from itertools import chain
from urllib.parse import quote

import pytest
from google.cloud.firestore import DELETE_FIELD, GeoPoint

from bench.documents import make_document, make_rejection
from page.display import MINUS
from page.web.app import PAGE_SIZE
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


def names_in(page: Page, asked: str) -> set[str]:
    """Return the names of the sounds that parameters select."""
    return {sound["blob_name"] for sound in json.loads(page.read(f"/sounds.json?{asked}"))["sounds"]}


@pytest.fixture(scope="module")
def found(serve_page: Callable[..., Page]) -> Page:
    """A page over sounds of which each parameter finds some."""
    page = serve_page()
    short = {"duration": 2.0, "length": 44100, "rms_db": -20.0}
    source = make_document("x")["source"]
    page.insert(
        make_document("drums/Snare 1.wav", seed=1, **short),
        make_document("drums/snares/2.wav", seed=2, **short),
        make_document(
            "takes/SNARE roll.flac",
            seed=3,
            source=source | {"container": "FLAC"},
            note={"midi": 60.0, "name": "C4", "clarity": 0.9},
            **short,
        ),
        make_document("places/cre\u0300me 1.wav", seed=4, note=None, **short | {"duration": 61.0}),
        make_document("places/Cr\u00e8me 2.wav", seed=5, note=None, **short),
        make_document(
            "tagged.wav",
            seed=6,
            note=None,
            source=source | {"tags": {"title": "Nightingale"}},
            **short | {"rms_db": -40.0},
        ),
        make_document("noted.wav", seed=7, note=None, tempo={"bpm": 95.0, "clarity": 1.0}, place="Rooftop", **short),
    )
    return page


def test_lists_the_newest_first_and_pages_through_all(many: Page) -> None:
    """Every sound is on exactly one page, the newest first, fifty on each page but the last."""
    pages = read_all(many, "/")

    assert list(chain(*pages)) == [f"kit/{index:03}.wav" for index in reversed(range(N_MANY))]
    assert [len(names) for names in pages] == [50, 50, 20]


@pytest.mark.parametrize(("n_sounds", "has_next"), [(PAGE_SIZE, False), (PAGE_SIZE + 1, True)])
def test_a_full_page_leads_on_only_where_more_follows(
    serve_page: Callable[..., Page], n_sounds: int, *, has_next: bool
) -> None:
    """After exactly fifty sounds there is nothing; the fifty-first is on the next page."""
    page = serve_page()
    page.insert(*(make_document(f"{index:02}.wav", seed=index) for index in range(n_sounds)))

    for address in ("/", "/?q=wav", "/?sort=name"):
        html = page.read(address)
        assert len(names_of(html)) == PAGE_SIZE
        assert bool(next_of(html)) == has_next


def test_sounds_without_a_time_are_paged_too(serve_page: Callable[..., Page]) -> None:
    """Sounds whose time is missing come last, and none of them twice."""
    page = serve_page()
    uids = sorted(make_document(f"{index}", seed=index)["uid"] for index in range(PAGE_SIZE + 3))
    page.insert(make_document("timed.wav"), *({"uid": uid, "blob_name": uid, "uploaded_at": None} for uid in uids))
    first, second = read_all(page, "/")

    assert first[0] == "timed.wav"
    assert sorted(first[1:] + second) == uids


def test_a_word_is_found_wherever_it_stands(found: Page) -> None:
    """All words must be in the name, its folders included, in any order; one after a minus must not."""
    assert names_in(found, "q=snare") == {"drums/Snare 1.wav", "drums/snares/2.wav", "takes/SNARE roll.flac"}
    assert names_in(found, "q=wav+snare") == {"drums/Snare 1.wav", "drums/snares/2.wav"}
    assert names_in(found, "q=snare+-drums") == {"takes/SNARE roll.flac"}
    assert names_in(found, "q=snare+nothing") == set()


@pytest.mark.parametrize(
    "asked", ["cre\u0300me", "cr\u00e8me", "CR\u00c8ME", "Creme", "\uff23\uff32\uff25\uff2d\uff25"]
)
def test_case_accents_and_unicode_form_do_not_matter(found: Page, asked: str) -> None:
    """A name is found however its letters are written, there and here."""
    assert names_in(found, f"q={quote(asked)}") == {"places/cre\u0300me 1.wav", "places/Cr\u00e8me 2.wav"}


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("q=nightingale", {"tagged.wav"}),
        ("q=ROOFTOP", {"noted.wav"}),
        ("folder=drums", {"drums/Snare 1.wav", "drums/snares/2.wav"}),
        ("folder=drums/snares/", {"drums/snares/2.wav"}),
        ("folder=drum", set()),
        ("format=flac", {"takes/SNARE roll.flac"}),
        ("note=c", {"takes/SNARE roll.flac"}),
        ("note=bb&folder=drums", {"drums/Snare 1.wav", "drums/snares/2.wav"}),
        ("min_s=60", {"places/cre\u0300me 1.wav"}),
        ("max_s=60&q=cr", {"places/Cr\u00e8me 2.wav"}),
        ("max_db=-39.5", {"tagged.wav"}),
        ("min_db=-39.5&q=tagged", set()),
        (f"max_db={quote(MINUS)}39,5", {"tagged.wav"}),
        ("bpm=96", {"noted.wav"}),
        ("bpm=47", {"noted.wav"}),
        ("bpm=185", {"noted.wav"}),
        ("bpm=101", set()),
    ],
)
def test_each_parameter_selects(found: Page, asked: str, names: set[str]) -> None:
    """A tag, a field that somebody added, folder, format, note, length, level and tempo select what they say."""
    assert names_in(found, asked) == names


def test_each_order_is_kept_through_the_pages(many: Page) -> None:
    """Every order lists all sounds, each once, by what it says, and backwards the other way."""
    sounds = {sound["blob_name"]: sound for sound in sample_sounds.many_sounds()}
    for sort, key in (
        ("newest", lambda name: -sounds[name]["uploaded_at"].timestamp()),
        ("oldest", lambda name: sounds[name]["uploaded_at"]),
        ("name", lambda name: name),
        ("longest", lambda name: -sounds[name]["duration"]),
        ("shortest", lambda name: sounds[name]["duration"]),
        ("loudest", lambda name: -sounds[name]["rms_db"]),
        ("quietest", lambda name: sounds[name]["rms_db"]),
    ):
        assert list(chain(*read_all(many, f"/?q=kit&sort={sort}".removesuffix("&sort=newest")))) == sorted(
            sounds, key=key
        ), sort


def test_the_number_of_all_stands_above_them(many: Page, found: Page) -> None:
    """Who looks at one page reads how many sounds there are on all of them."""
    assert '<span id="count" class="number">120</span> <span>sounds</span>' in many.read("/")
    assert '<span id="count" class="number">1</span> <span>sound</span>' in found.read("/?q=nightingale")


def test_folders_and_formats_lead_on_with_their_counts(found: Page) -> None:
    """Each folder and each format is a link that keeps what else is asked for, with how many it leads to."""
    links = dict(
        re.findall(r'<a href="([^"]*)"><bdi>[^<]*</bdi></a> <span class="muted number">(\d+)', found.read("/?q=wav"))
    )

    assert {unescape(address): int(number) for address, number in links.items()} == {
        "/?q=wav&folder=drums%2F": 2,
        "/?q=wav&folder=places%2F": 2,
    }
    html = found.read("/?folder=drums/")
    assert "/?folder=drums%2Fsnares%2F" in html
    assert "takes" not in html.partition('<ol class="sounds"')[0]
    assert set(re.findall(r'href="(/[^"]*format=[^"]*)"', found.read("/"))) == {
        "/?format=WAV",
        "/?format=FLAC",
    }


def test_a_format_has_one_name(serve_page: Callable[..., Page]) -> None:
    """Files that are one format to people are counted and found together, whichever library has read them."""
    page = serve_page()
    containers = ("WAV", "WAVEX", "wav", "ogg", "mov,mp4,m4a,3gp,3g2,mj2")
    page.insert(
        *(
            make_document(f"{name}.x", seed=seed, source={"container": name, "codec": "x"})
            for seed, name in enumerate(containers)
        )
    )
    html = page.read("/")
    links = re.findall(r'<a href="/\?(format=[^"]*)"><bdi>([^<]*)</bdi></a> <span class="muted number">(\d+)', html)

    assert {name: int(number) for _, name, number in links} == {"WAV": 3, "OGG": 1, "MP4/M4A": 1}
    for address, _, number in links:
        assert len(names_of(page.read(f"/?{address}"))) == int(number)
    assert names_in(page, "format=wav") == {"WAV.x", "WAVEX.x", "wav.x"}
    assert names_in(page, f"format={quote(containers[-1])}") == {f"{containers[-1]}.x"}


def test_what_nobody_filled_in_is_not_in_the_address(found: Page) -> None:
    """A form that is sent with empty fields leads to the address that says the same without them."""
    answer, _ = found.ask("/?q=snare&folder=&min_s=&sort=newest")
    assert (answer.status, answer.headers["location"]) == (303, "/?q=snare")
    answer, _ = found.ask("/rejections?q=&reason=")
    assert (answer.status, answer.headers["location"]) == (303, "/rejections")


def test_sounds_are_json_for_programs(found: Page) -> None:
    """The same is JSON: the count of all, so many sounds without what is long, and what the next page is after."""
    first = json.loads(found.read("/sounds.json?sort=name&n=2"))
    second = json.loads(found.read(f"/sounds.json?sort=name&n=1000&after={first['next']}"))

    assert first["count"] == second["count"] == 7
    assert [sound["blob_name"] for sound in first["sounds"]] == ["drums/Snare 1.wav", "drums/snares/2.wav"]
    assert len(second["sounds"]) == 5
    assert second["next"] is None
    assert set(first["sounds"][0]) == set(make_document("x")) - {"mean_mfccs", "fingerprint", "peaks"}


def test_search_finds_signs_of_every_kind(serve_page: Callable[..., Page]) -> None:
    """No sign of a name, nor of what is searched, leads a link or a search astray."""
    page = serve_page()
    start = "a&b=c#d?e%41/+\u00e9~'\"(.*[\\"
    names = [f"{start}{index:03}.wav" for index in range(PAGE_SIZE + 5)]
    more = ["\uf8ff.wav", "\uff76.wav", "\U0001f941.wav", "a\nb.wav"]
    page.insert(*(make_document(name, seed=seed) for seed, name in enumerate(names)), *map(make_document, more))
    pages = read_all(page, f"/?q={quote(start)}&sort=name")

    assert [unescape(name) for name in chain(*pages)] == names
    for name in more[:3]:
        assert names_in(page, f"q={quote(name)}") == {name}


@pytest.mark.parametrize(
    "asked",
    [
        *("sort=best", "note=H", "gone=2", "n=x", "n=" + "9" * 5000, "n=-1", "min_s=x", "min_s=-1", "min_s=1e9"),
        *("bpm=nan", "max_db=inf", "min_db=" + "9" * 5000, "q=" + "x" * 1025, "folder=" + "x" * 1025),
        *("q=" + "+".join("abcdefghijklmnopqrstu"), "after=nonsense", "after=" + "0" * 36, "sort=", "after=x~y"),
    ],
)
def test_a_parameter_that_is_none_is_told(many: Page, asked: str) -> None:
    """What no parameter can be is a mistake of the asker, however long it is."""
    assert many.ask(f"/sounds.json?{asked}")[0].status == (200 if asked == "sort=" else 400)


def test_what_was_overwritten_or_deleted_is_not_listed(serve_page: Callable[..., Page]) -> None:
    """A sound whose generation is not live is listed by gone=1 alone; it has its page, but is nobody's neighbour."""
    page = serve_page()
    there = make_document("there.wav", **sample_sounds.upload(page.bucket, "there.wav", b"new"))
    older = make_document("there.wav", bucket=page.bucket.name, generation=there["generation"] - 5)
    deleted = make_document("deleted.wav", bucket=page.bucket.name)
    foreign = make_document("foreign.wav", bucket="another")
    page.insert(there, older, deleted, foreign)

    assert sorted(names_of(page.read("/"))) == ["foreign.wav", "there.wav"]
    assert sorted(names_of(page.read("/?gone=1"))) == ["deleted.wav", "there.wav"]
    assert "2 more whose file was deleted or overwritten" in page.read("/")
    assert page.ask(f"/sounds/{older['uid']}")[0].status == 200
    near = json.loads(page.read(f"/sounds/{older['uid']}/neighbours.json"))
    assert {sound["uid"] for sound in near} == {there["uid"], foreign["uid"]}


def test_rejections_are_counted_by_reason(serve_page: Callable[..., Page]) -> None:
    """Each reason is a link with its count; a reason, a word of the message or a folder selects."""
    page = serve_page()
    page.insert(
        rejections=[
            make_rejection("a/1.txt", seed=1, reason="not_audio", message="it is TEXT"),
            make_rejection("a/2.txt", seed=2, reason="not_audio", message="it is a picture"),
            make_rejection("b/3.wav", seed=3, reason="corrupt"),
        ]
    )
    html = page.read("/rejections")

    assert re.findall(r'href="/rejections\?reason=(\w+)"><bdi>\w+</bdi></a> <span class="muted number">(\d)', html) == [
        ("not_audio", "2"),
        ("corrupt", "1"),
    ]
    for asked, names in (
        ("reason=corrupt", ["b/3.wav"]),
        ("q=text", ["a/1.txt"]),
        ("folder=a&sort=oldest", ["a/1.txt", "a/2.txt"]),
    ):
        listed = json.loads(page.read(f"/rejections.json?{asked}"))
        assert [rejection["blob_name"] for rejection in listed["rejections"]] == names
    lines = page.read("/export.csv?kind=rejections&reason=not_audio").splitlines()
    assert lines[0].startswith("uid,bucket,blob_name")
    assert len(lines) == 3


def test_an_answer_that_is_known_is_not_sent_again(many: Page) -> None:
    """Who sends If-None-Match is told that nothing changed, for lists, JSON, sounds and static files."""
    uid = sample_sounds.many_sounds()[3]["uid"]
    for path in ("/", "/sounds.json?q=kit", f"/sounds/{uid}", f"/sounds/{uid}/neighbours.json", "/static/page.css"):
        etag = many.ask(path)[0].headers["etag"]
        answer, body = many.ask(path, If_None_Match=f'"x", {etag}')
        assert (answer.status, body) == (304, b""), path
        assert many.ask(path, If_None_Match='"x"')[0].status == 200


def test_what_is_long_is_compressed(many: Page) -> None:
    """A list comes compressed to whom takes it so, and is the same."""
    plain = many.read("/sounds.json")
    answer, body = many.ask("/sounds.json", Accept_Encoding="br, gzip")

    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(body).decode() == plain
    assert len(body) < len(plain) / 3
    for refused in ("identity", "br, gzip;q=0", "gzip; Q=0.0, br"):
        answer, body = many.ask("/sounds.json", Accept_Encoding=refused)
        assert (answer.headers["content-encoding"], body.decode()) == (None, plain), refused


def test_static_files_are_kept_by_their_content(many: Page) -> None:
    """The page names its files by their content, so that a browser may keep them; under their names it may not."""
    address = re.search(r'href="(/static/[0-9a-f]{12}/page.css)"', many.read("/"))[1]

    assert many.ask(address)[0].headers["cache-control"] == "public, max-age=31536000, immutable"
    assert many.ask("/static/page.css")[0].headers["cache-control"] == "no-store"
    assert many.ask("/static/000000000000/page.css")[0].status == 404


def test_what_was_searched_stands_in_its_field(many: Page) -> None:
    """The field of the search holds what was typed, whatever it is, and the list of rejections searches its own."""
    html = many.read("/rejections?q=" + quote("x/<script>"))
    assert html.count('<li class="rejection"') == 1
    assert 'action="/rejections"' in html
    html = many.read("/rejections?q=" + quote("x/<b>\"'"))
    assert html.count('<li class="rejection"') == 0
    assert 'value="x/&lt;b&gt;&#34;&#39;"' in html


def test_names_and_messages_are_text(many: Page) -> None:
    """Markup in a name or message arrives as text, and what turns the direction of writing is seen."""
    html = many.read("/rejections")

    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;" in html
    assert "&lt;b&gt;damaged" in html
    assert "\u202e" not in html


def test_a_name_is_text_wherever_it_stands(shared: Page) -> None:
    """In a row, a heading, an attribute and the document as JSON, markup in a name arrives as text."""
    sound = make_document(HOSTILE, content_type="<i>", md5_hash='"><b>')
    shared.insert(sound)
    html = shared.read(f"/sounds/{sound['uid']}")

    for pieces in (shared.read("/?q=x/"), html):
        assert 'data-name="x/&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;\ufffdcod.wav"' in pieces
    assert "\u202e" not in html.partition('<pre id="json"')[0]
    assert "\u202e" not in re.sub('name="q" value="[^"]*"', "", shared.read("/?q=%E2%80%AE"))
    assert 'download="script&gt;&#34;&#39;\ufffdcod.wav"' in html
    assert "<dd>&lt;i&gt;</dd>" in html
    assert "<dd>&#34;&gt;&lt;b&gt;</dd>" in html
    pre = unescape(html.partition('<pre id="json" tabindex="0">')[2].partition("</pre>")[0])
    assert json.loads(pre)["blob_name"] == HOSTILE
    assert html.count("<script") == html.count("</script>") == html.count('<script type="module" src="/static/')


@pytest.mark.parametrize("uid", ["00000000-0000-5000-8000-000000000000", "x", "..%2f..", "%00"])
@pytest.mark.parametrize(
    "what", ["", "/audio", "/spectrogram.png", "/peaks.json", "/means", "/neighbours", "/neighbours.json"]
)
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
    old = make_document("old.wav", seed=1)
    for name in ("peaks", "peak_db", "rms_db", "silence"):
        del old[name]
    odd = make_document(
        "odd.wav",
        seed=2,
        source="x",
        duration="y",
        peaks="z",
        rms_db="q",
        mean_mfccs=None,
        silence="s",
    )
    bare = {"uid": make_document("bare", seed=3)["uid"], "blob_name": "bare", "uploaded_at": None}
    bare |= {"place": GeoPoint(53.5, -2), "next": page.database.document("takes/a"), "days": [datetime.now(UTC)]}
    nameless = [
        make_document("", seed=seed, bucket=f"other-{seed}", **fields)
        for seed, fields in enumerate(({"blob_name": 5}, {"blob_name": None}, {}), 4)
    ]
    lost = make_document("", seed=7, bucket=page.bucket.name, blob_name=None)
    page.insert(old, odd, bare, *nameless, lost)
    sounds = page.database.collection(page.environment["SOUNDS_COLLECTION"])
    sounds.document(nameless[0]["uid"]).update(dict.fromkeys(("blob_name", "duration", "uid"), DELETE_FIELD))
    page.wait_for_catalog()

    assert sorted(names_of(page.read("/"))) == ["", "", "", "", "bare", "odd.wav", "old.wav"]
    assert page.read("/").count("without a name") == 4
    for document in (old, odd, bare, *nameless):
        for what in ("", "/means", "/neighbours"):
            assert page.ask(f"/sounds/{document['uid']}{what}")[0].status == 200, (document, what)
    assert page.ask(f"/sounds/{lost['uid']}/audio")[0].status == 422
    for document in (*nameless, lost):
        for kind in ("zip", "csv", "txt", "sh"):
            form = {"Content_Type": "application/x-www-form-urlencoded"}
            answer, _ = page.ask(f"/selected.{kind}", "POST", f"uid={document['uid']}".encode(), **form)
            assert answer.status == 200, (document, kind)
    for path in ("/map.json", "/export.csv", "/export.parquet"):
        assert page.ask(path)[0].status == 200
