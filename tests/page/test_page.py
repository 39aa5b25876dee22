"""What the page answers: lists, sounds, their bytes, pictures and neighbours, and what it refuses."""

import gzip
import http.client
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.cloud.firestore_v1.vector import Vector
from PIL import Image

from bench.documents import make_document, make_rejection
from tests.page import planting
from tests.page.served import Page

type Heard = tuple[Page, dict[str, Any], bytes]

HOSTILE = "x/<script>alert(1)</script>\"'\u202ecod.wav"
N_MANY = 120
RATE = 22050


@pytest.fixture(scope="module")
def many(serve_page: Callable[..., Page]) -> Page:
    """A page over a hundred and twenty sounds without files."""
    page = serve_page()
    sounds = (make_document(f"kit/{index:03}.wav", bucket=page.bucket.name, seed=index) for index in range(N_MANY))
    page.plant(*sounds, rejections=[make_rejection(HOSTILE, message="<b>damaged</b>")])

    return page


@pytest.fixture(scope="module")
def heard(serve_page: Callable[..., Page]) -> Heard:
    """A page over one real sound of three seconds, and its document."""
    page = serve_page()
    y = np.sin(np.arange(3 * RATE) * 0.1).astype(np.float32) * 0.5
    content = planting.encode(y)
    document = make_document(
        "tone #1.wav", **planting.describe(y), **planting.upload(page.bucket, "tone #1.wav", content)
    )
    page.plant(document)
    return page, document, content


def names_of(html: str) -> list[str]:
    """The names in a list, in its order."""
    return [part.partition('"')[0] for part in html.split('data-name="')[1:]]


def test_lists_the_newest_first_and_pages_through_all(many: Page) -> None:
    """Every sound is on exactly one page, the newest first, whatever the number of pages."""
    names, address = [], "/"
    while address:
        html = many.read(address)
        names += names_of(html)
        _, _, rest = html.partition('rel="next" href="')
        address = rest.partition('"')[0].replace("&amp;", "&")

    assert names == [f"kit/{index:03}.wav" for index in reversed(range(N_MANY))]


def test_search_finds_names_by_their_beginning(many: Page) -> None:
    """What is typed finds the names that begin so, by name."""
    assert names_of(many.read("/?q=kit/01")) == [f"kit/{index:03}.wav" for index in range(10, 20)]


def test_search_tries_other_spellings(many: Page) -> None:
    """Capitals find small letters."""
    assert names_of(many.read("/?q=KIT/01"))[0] == "kit/010.wav"


def test_search_finds_signs_of_every_kind(serve_page: Callable[..., Page]) -> None:
    """What follows the beginning may be any sign, also one that sorts after all letters."""
    page = serve_page()
    names = ["drums/kick.wav", "drums/\uf8ff.wav", "drums/\uff76.wav", "drums/\U0001f941.wav"]
    page.plant(*(make_document(name, bucket=page.bucket.name) for name in [*names, "drumsticks.wav", "drum.wav"]))

    assert names_of(page.read("/?q=drums/")) == names


def test_search_pages_too(many: Page) -> None:
    """What is found is paged like the rest."""
    html = many.read("/?q=kit")
    address = html.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")

    assert names_of(many.read(address))[0] == "kit/050.wav"


def test_a_mark_that_is_none_is_told(many: Page) -> None:
    """An address that no page gave is a mistake of the asker."""
    assert many.ask("/?after=nonsense")[0].status == 400


def test_names_and_messages_are_text(many: Page) -> None:
    """Markup in a name or message arrives as text, and what turns the direction of writing is seen."""
    html = many.read("/rejections")

    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;" in html
    assert "&lt;b&gt;damaged" in html
    assert "\u202e" not in html


@pytest.mark.parametrize("path", ["/", "/rejections", "/map", "/static/deck.js", "/nowhere", "/export.csv"])
def test_every_answer_says_what_may_run(many: Page, path: str) -> None:
    """No script but the page's own runs, nothing is sniffed, nobody frames the page."""
    answer, _ = many.ask(path)

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_no_page_has_a_script_or_style_in_it(many: Page, heard: Heard) -> None:
    """What the policy forbids is not there to begin with."""
    for html in (many.read("/"), many.read("/map"), heard[0].read(f"/sounds/{heard[1]['uid']}")):
        assert "<script>" not in html
        assert "<style" not in html
        assert ' style="' not in html
        assert "onclick" not in html


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", "localhost", "", "{port}"])
def test_a_foreign_host_is_refused(many: Page, host: str) -> None:
    """A name that was made to point here does not read the collection."""
    assert many.ask("/", Host=host.format(port=many.port))[0].status == 403


@pytest.mark.parametrize("host", ["localhost:{port}", "127.0.0.1:{port}", "[::1]:{port}"])
def test_this_machine_is_no_foreign_host(many: Page, host: str) -> None:
    """Each way to name this machine is accepted."""
    assert many.ask("/", Host=host.format(port=many.port))[0].status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_cannot_make_the_reader_ask(many: Page, site: str) -> None:
    """A picture or a frame on a page elsewhere costs no reads; a link from there may be followed."""
    frame = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"}
    assert many.ask("/export.csv", Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors")[0].status == 403
    assert many.ask("/export.csv?1", **frame)[0].status == 403
    assert many.ask("/", **frame)[0].status == 403
    assert many.ask("/", **frame | {"Sec_Fetch_Dest": "document"})[0].status == 200


def test_without_uploads_nothing_takes_them(many: Page) -> None:
    """The page of a real project has no address that changes something."""
    assert many.ask("/uploads?name=x.wav", "POST", b"x")[0].status == 404
    assert many.ask("/", "POST", b"x")[0].status == 405


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


def test_neighbours_are_nearest_first_without_itself(many: Page) -> None:
    """The answer has n sounds other than the one, in the order of their distances, which are Euclid's."""
    one = make_document("kit/007.wav", bucket=many.bucket.name, seed=7)
    found = json.loads(many.read(f"/sounds/{one['uid']}/neighbours.json?n=5"))

    distances = [neighbour["distance"] for neighbour in found]
    assert len(found) == 5
    assert distances == sorted(distances)
    assert one["uid"] not in {neighbour["uid"] for neighbour in found}
    first = next(
        document
        for document in (
            make_document(f"kit/{index:03}.wav", bucket=many.bucket.name, seed=index) for index in range(N_MANY)
        )
        if document["uid"] == found[0]["uid"]
    )
    expected = np.linalg.norm(np.array(list(one["fingerprint"])) - np.array(list(first["fingerprint"])))
    assert found[0]["distance"] == pytest.approx(expected)


def test_the_same_sound_again_is_marked(serve_page: Callable[..., Page]) -> None:
    """The same bytes, or fingerprints that cannot be told apart, are the same sound; another is not."""
    page = serve_page()
    one = make_document("one.wav", bucket=page.bucket.name, seed=1, fingerprint=Vector([0.0, 0.0]))
    again = make_document(
        "again.wav", bucket=page.bucket.name, seed=2, fingerprint=Vector([30.0, 0.0]), md5_hash=one["md5_hash"]
    )
    near = make_document("near.wav", bucket=page.bucket.name, seed=3, fingerprint=Vector([0.01, 0.0]))
    other = make_document("other.wav", bucket=page.bucket.name, seed=4, fingerprint=Vector([20.0, 0.0]))
    page.plant(one, again, near, other)

    found = json.loads(page.read(f"/sounds/{one['uid']}/neighbours.json"))

    assert [(neighbour["blob_name"], neighbour["same"]) for neighbour in found] == [
        ("near.wav", True),
        ("other.wav", False),
        ("again.wav", True),
    ]


def test_silence_has_no_neighbours(serve_page: Callable[..., Page]) -> None:
    """A sound without a fingerprint is told to have nothing to compare."""
    page = serve_page()
    silence = make_document("silence.wav", bucket=page.bucket.name, rms_db=None, peak_db=None, silence=1.0)
    del silence["fingerprint"]
    page.plant(silence)

    assert json.loads(page.read(f"/sounds/{silence['uid']}/neighbours.json")) == []
    assert "nothing to compare" in page.read(f"/sounds/{silence['uid']}/neighbours")
    assert "digital silence" in page.read(f"/sounds/{silence['uid']}")


def test_audio_is_the_file(heard: Heard) -> None:
    """The whole file arrives as it is stored, as what it is by its content."""
    page, document, content = heard
    answer, body = page.ask(f"/sounds/{document['uid']}/audio")

    assert answer.status == 200
    assert body == content
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["accept-ranges"] == "bytes"
    assert int(answer.headers["content-length"]) == len(content)


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [
        ("bytes=0-", 0, None),
        ("bytes=0-0", 0, 1),
        ("bytes=44-99", 44, 100),
        ("bytes=100000-", 100000, None),
        ("bytes=-10", -10, None),
        ("bytes=1000-99999999", 1000, None),
    ],
)
def test_audio_is_given_in_ranges(heard: Heard, asked: str, first: int, end: int | None) -> None:
    """A range is answered with just its bytes, and says which they are."""
    page, document, content = heard
    answer, body = page.ask(f"/sounds/{document['uid']}/audio", Range=asked)

    begin = first % len(content)
    assert answer.status == 206
    assert body == content[first:end]
    assert answer.headers["content-range"] == f"bytes {begin}-{begin + len(body) - 1}/{len(content)}"


@pytest.mark.parametrize("asked", ["bytes=999999999-", "bytes=-0"])
def test_a_range_outside_is_refused(heard: Heard, asked: str) -> None:
    """A range beyond the end is told the size."""
    page, document, content = heard
    answer, _ = page.ask(f"/sounds/{document['uid']}/audio", Range=asked)

    assert answer.status == 416
    assert answer.headers["content-range"] == f"bytes */{len(content)}"


@pytest.mark.parametrize("asked", ["bytes=5-2", f"bytes={'9' * 5000}-", "lines=1-2", "bytes=-", "bytes=0-1,5-6", "x"])
def test_what_is_no_range_is_answered_with_the_whole(heard: Heard, asked: str) -> None:
    """HTTP lets a server ignore a range, so what is not understood is."""
    page, document, content = heard
    answer, body = page.ask(f"/sounds/{document['uid']}/audio", Range=asked)

    assert (answer.status, body) == (200, content)


def test_head_tells_without_the_bytes(heard: Heard) -> None:
    """HEAD has the headers of GET and no body."""
    page, document, content = heard
    answer, body = page.ask(f"/sounds/{document['uid']}/audio", "HEAD")

    assert (answer.status, body) == (200, b"")
    assert int(answer.headers["content-length"]) == len(content)


def test_audio_is_of_its_generation(serve_page: Callable[..., Page]) -> None:
    """A file that was overwritten since is told to be gone, not given for the older one."""
    page = serve_page()
    older = planting.upload(page.bucket, "a.wav", planting.encode(np.zeros(100)))
    planting.upload(page.bucket, "a.wav", planting.encode(np.ones(200)))
    document = make_document("a.wav", **older)
    page.plant(document)

    answer, body = page.ask(f"/sounds/{document['uid']}/audio", Accept="application/json")

    assert answer.status == 410
    assert "no longer" in json.loads(body)["title"]
    assert page.ask(f"/sounds/{document['uid']}/spectrogram.png")[0].status == 410
    assert page.ask(f"/sounds/{document['uid']}")[0].status == 200


def test_audio_that_was_deleted_since_is_told_to_be_gone(serve_page: Callable[..., Page]) -> None:
    """A file that was played before and then deleted is told to be gone, whatever the page remembers of it."""
    page = serve_page()
    document = make_document("a.wav", **planting.upload(page.bucket, "a.wav", planting.encode(np.zeros(RATE))))
    page.plant(document)
    assert page.ask(f"/sounds/{document['uid']}/audio", Range="bytes=0-99")[0].status == 206
    page.bucket.blob("a.wav").delete()

    answer, body = page.ask(f"/sounds/{document['uid']}/audio", Range="bytes=100-", Accept="application/json")

    assert answer.status == 410
    assert "no longer" in json.loads(body)["title"]


def test_only_its_own_bucket_is_read(serve_page: Callable[..., Page]) -> None:
    """A document that names another bucket does not make the page read there."""
    page, other = serve_page(), serve_page()
    fields = planting.upload(other.bucket, "secret.wav", planting.encode(np.zeros(100)))
    document = make_document("secret.wav", **(fields | {"bucket": other.bucket.name}))
    page.plant(document)

    assert page.ask(f"/sounds/{document['uid']}/audio")[0].status == 403
    assert page.ask(f"/sounds/{document['uid']}/spectrogram.png")[0].status == 403


def test_a_page_in_a_bucket_is_no_page(serve_page: Callable[..., Page]) -> None:
    """A file of HTML that calls itself so is given as bytes of no known kind."""
    page = serve_page()
    blob = page.bucket.blob("a.wav")
    blob.upload_from_string(b"<html><script>alert(1)</script>", "text/html")
    document = make_document("a.wav", bucket=page.bucket.name, generation=int(blob.generation))
    page.plant(document)

    answer, _ = page.ask(f"/sounds/{document['uid']}/audio")

    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_is_stored_compressed_is_played(serve_page: Callable[..., Page]) -> None:
    """A sound that was uploaded with gzip arrives decompressed, whole."""
    page = serve_page()
    content = planting.encode(np.sin(np.arange(RATE) * 0.1) * 0.5)
    fields = planting.upload(page.bucket, "a.wav", gzip.compress(content))
    document = make_document("a.wav", **fields)
    page.plant(document)

    answer, body = page.ask(f"/sounds/{document['uid']}/audio", Range="bytes=0-")

    assert (answer.status, body) == (200, content)
    assert answer.headers["content-type"] == "audio/wav"


def test_the_spectrogram_shows_a_tone_where_it_is(heard: Heard, tmp_path: Path) -> None:
    """A steady tone is one bright line at its pitch, from the beginning to the end."""
    page, document, _ = heard
    _, body = page.ask(f"/sounds/{document['uid']}/spectrogram.png")
    path = tmp_path / "picture.png"
    path.write_bytes(body)
    picture = np.asarray(Image.open(path).convert("L"))

    brightest = picture[:, 5:-5].argmax(axis=0)
    assert np.ptp(brightest) <= 1
    hertz = 0.1 * RATE / (2 * np.pi)
    assert abs((127 - brightest[0]) - hertz / 66.67 / 49.9 * 129) < 2


def test_means_are_shown_among_the_collection(many: Page) -> None:
    """Twelve rows, and how many sounds the spread is of."""
    uid = make_document("kit/007.wav", bucket=many.bucket.name, seed=7)["uid"]
    html = many.read(f"/sounds/{uid}/means")

    assert html.count('scope="row"') == 12
    assert f"all {N_MANY} sounds" in html


def test_the_map_places_alike_sounds_together(serve_page: Callable[..., Page]) -> None:
    """Two groups of fingerprints are two groups in the picture."""
    page = serve_page()
    rng = np.random.default_rng(1)
    sounds = [
        make_document(
            f"{index % 2}.wav",
            bucket=page.bucket.name,
            seed=index,
            fingerprint=Vector((rng.normal(0, 1, 9) + index % 2 * 40).tolist()),
        )
        for index in range(20)
    ]
    page.plant(*sounds)

    found = json.loads(page.read("/map.json"))

    left, right = (
        [sound["x"] for sound in found["sounds"] if sound["blob_name"] == name] for name in ("0.wav", "1.wav")
    )
    assert (max(left) < min(right)) or (max(right) < min(left))
    assert found["count"] == 20
    assert found["kept"] > 0.9


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
    page.plant(old, odd, bare)

    assert names_of(page.read("/")) == ["odd.wav", "old.wav", "bare"]
    for document in (old, odd, bare):
        for what in ("", "/means", "/neighbours"):
            assert page.ask(f"/sounds/{document['uid']}{what}")[0].status == 200, (document, what)
    for path in ("/map.json", "/export.csv", "/export.parquet"):
        assert page.ask(path)[0].status == 200


def test_news_arrive_while_the_browser_listens(serve_page: Callable[..., Page]) -> None:
    """A sound that is written is told within moments, and who comes later is told what happened since."""
    page = serve_page()
    document = make_document("new.wav", bucket=page.bucket.name, uploaded_at=datetime.now(UTC))
    before = (document["analyzed_at"] - timedelta(seconds=1)).isoformat().replace("+", "%2B")
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
    connection.request("GET", f"/events?since={before}")
    answer = connection.getresponse()
    assert answer.readline() == b"retry: 3000\n"
    time.sleep(1)  # the emulator loses at times what is written while a listener begins
    page.plant(document)

    told = next(json.loads(line[6:]) for line in answer if line.startswith(b"data: "))
    connection.close()

    assert told["uid"] == document["uid"]
    assert "new.wav" in told["html"]
    later = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
    later.request("GET", f"/events?since={before}")
    assert any(document["uid"].encode() in line for line in iter(later.getresponse().readline, b"") if b"data" in line)
    later.close()
