"""Who is answered, and what every answer says: no other site gets at the sounds through a browser."""

import http.client
from typing import Any

import pytest
from starlette.datastructures import Headers

from analysis.settings import Settings
from bench.documents import make_document, make_rejection
from page.config import Config
from page.web.security import refuse
from tests.page import sample_sounds
from tests.page.sample_sounds import HOSTILE
from tests.page.served_page import Page

type Heard = tuple[Page, dict[str, Any], bytes]

EVERY_ANSWER = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
NOT_KEPT = {"cache-control": "no-store"}
A_DAY = {"cache-control": "private, max-age=86400, immutable"}
HTML = NOT_KEPT | {"content-type": "text/html; charset=utf-8"}
JSON = NOT_KEPT | {"content-type": "application/json"}
WHOLE = {"etag": "ANY", "vary": "accept-encoding"}  # which is made whole before it is sent
FILE = {"accept-ranges": "bytes", "etag": "ANY"}
AUDIO = A_DAY | FILE | {"content-type": "audio/wav"}
CSV = {"content-type": "text/csv; charset=utf-8", "content-disposition": 'attachment; filename="sounds.csv"'}
PARQUET = {
    "content-type": "application/vnd.apache.parquet",
    "content-disposition": 'attachment; filename="sounds.parquet"',
}
CHUNKED = NOT_KEPT | {"transfer-encoding": "chunked"}
STATIC = NOT_KEPT | FILE | {"last-modified": "ANY"}


def headers_of(answer: http.client.HTTPResponse, expected: dict[str, str]) -> dict[str, str]:
    """Return all headers of an answer but date and length; of those that may be ANY only that they are there."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert len(headers) == len(answer.headers.items()), "a header stands twice"
    del headers["date"]
    assert int(headers.pop("content-length", 0)) >= 0
    return {name: "ANY" if expected.get(name) == "ANY" and value else value for name, value in headers.items()}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        *((path, 200, HTML | WHOLE) for path in ("/", "/?q=kit", "/rejections", "/map", "/sounds/{uid}")),
        *((path, 200, HTML | WHOLE) for path in ("/duplicates", "/duplicates?page=2")),
        *((path, 200, HTML | WHOLE) for path in ("/sounds/{uid}/means", "/sounds/{uid}/neighbours")),
        *((path, 200, JSON | WHOLE) for path in ("/map.json", "/sounds/{uid}/neighbours.json")),
        *((path, 200, JSON | WHOLE) for path in ("/sounds.json", "/rejections.json", "/catalog.json")),
        ("/duplicates.json", 200, JSON | WHOLE),
        ("/sounds/{uid}/audio", 200, AUDIO),
        ("/sounds/{uid}/audio?as=wav", 200, AUDIO),
        ("/sounds/{uid}/spectrogram.png", 200, A_DAY | {"content-type": "image/png"}),
        ("/sounds/{uid}/peaks.json?width=500", 200, JSON | WHOLE | A_DAY),
        ("/export.csv", 200, CHUNKED | CSV),
        ("/duplicates.csv", 200, CHUNKED | CSV | {"content-disposition": 'attachment; filename="duplicates.csv"'}),
        ("/export.parquet", 200, CHUNKED | PARQUET),
        ("/static/player.js", 200, STATIC | {"content-type": "text/javascript; charset=utf-8"}),
        ("/static/page.css", 200, STATIC | {"content-type": "text/css; charset=utf-8"}),
        ("/static/icon.svg", 200, STATIC | {"content-type": "image/svg+xml"}),
        *((path, 404, HTML) for path in ("/nowhere", "/static/no.js", "/export.xlsx", "/sounds/x", "/sounds/x/audio")),
        *((path, 400, HTML) for path in ("/?after=x", "/?n=1&sort=x", "/events", "/sounds/{uid}/neighbours?n=x")),
    ],
)
def test_every_answer_says_just_this(
    heard: Heard, path: str, status: int, expected: dict[str, str], method: str
) -> None:
    """Each kind of answer has these headers, word for word, and no others: none that is kept, framed or sniffed."""
    page, document, _ = heard
    answer, _ = page.ask(path.format(uid=document["uid"]), method)

    assert answer.status == status
    assert headers_of(answer, expected) == EVERY_ANSWER | expected


def test_every_other_answer_says_just_this(heard: Heard, many: Page, shared: Page) -> None:
    """So have ranges, refusals, uploads, a rejection and an error that nobody foresaw."""
    page, document, content = heard
    audio = f"/sounds/{document['uid']}/audio"
    odd = make_document("odd.wav", **sample_sounds.upload(shared.bucket, "odd.wav", b"RIFF") | {"size": "large"})
    bad = make_rejection("bad.html", **sample_sounds.upload(shared.bucket, "bad.html", b"<b>"))
    shared.insert(odd, rejections=[bad])
    saved = A_DAY | FILE | {"content-type": "application/octet-stream"}
    saved |= {"content-disposition": "attachment; filename*=UTF-8''bad.html"}
    text = NOT_KEPT | {"content-type": "text/plain; charset=utf-8"}
    size = len(content)
    for server, path, asked, status, expected in (
        (page, audio, {"Range": "bytes=5-9"}, 206, AUDIO | {"content-range": f"bytes 5-9/{size}"}),
        (page, audio, {"Range": f"bytes={size}-"}, 416, NOT_KEPT | {"content-range": f"bytes */{size}"}),
        (page, "/", {"Host": "evil.example"}, 403, HTML),
        (page, "/", {"Host": "evil.example", "Accept": "application/json"}, 403, text),
        (page, "/", {"method": "POST"}, 405, HTML | {"allow": "ANY"}),
        (page, "/nowhere", {"Accept": "application/json"}, 404, JSON),
        (many, f"/sounds/{make_rejection(HOSTILE)['uid']}", {}, 404, HTML),
        (shared, f"/rejections/{bad['uid']}/file", {}, 200, saved),
        (shared, f"/sounds/{odd['uid']}/peaks.json", {}, 500, HTML),
        (shared, f"/sounds/{odd['uid']}/peaks.json", {"Accept": "application/json"}, 500, JSON),
    ):
        answer, _ = server.ask(path, **asked)
        assert (path, answer.status) == (path, status)
        assert headers_of(answer, expected) == EVERY_ANSWER | expected, path


def test_what_is_streamed_says_just_this(many: Page) -> None:
    """The stream of events has the same headers from its beginning, while it stays open."""
    connection = http.client.HTTPConnection("127.0.0.1", many.port, timeout=20)
    connection.request("GET", "/events?since=2026-01-01T00:00:00Z")
    answer = connection.getresponse()
    expected = CHUNKED | {"content-type": "text/event-stream; charset=utf-8"}

    assert answer.status == 200
    assert headers_of(answer, expected) == EVERY_ANSWER | expected
    answer.close()
    connection.close()


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


def test_a_refusal_says_where_the_page_is(many: Page) -> None:
    """The name that was asked for is text in it, and a link leads to the right one."""
    body = many.ask("/", Host="<b>evil</b>")[1].decode()

    assert "&lt;b&gt;evil" in body
    assert "<b>" not in body
    assert f'href="{many.url}"' in body


@pytest.mark.parametrize("host", ["localhost:{port}", "127.0.0.1:{port}", "[::1]:{port}"])
def test_this_machine_is_no_foreign_host(many: Page, host: str) -> None:
    """Each way to name this machine is accepted."""
    assert many.ask("/", Host=host.format(port=many.port))[0].status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_cannot_make_the_reader_ask(many: Page, site: str) -> None:
    """A picture or a frame on the page of another site costs no reads; a link from there may be followed."""
    frame = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"}
    assert many.ask("/export.csv", Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors")[0].status == 403
    assert many.ask("/export.csv?1", **frame)[0].status == 403
    assert many.ask("/", **frame)[0].status == 403
    assert many.ask("/", **frame | {"Sec_Fetch_Dest": "document"})[0].status == 200


def test_without_uploads_nothing_takes_them(many: Page) -> None:
    """The page of a real project has no address that changes something."""
    assert many.ask("/uploads?name=x.wav", "POST", b"x")[0].status == 404
    assert many.ask("/", "POST", b"x")[0].status == 405


@pytest.mark.parametrize(
    ("listens", "host", "is_own"),
    [
        ("127.0.0.1", "127.0.0.1:8080", True),
        ("127.0.0.1", "localhost:8080", True),
        ("127.0.0.1", "192.168.1.5:8080", False),
        ("127.0.0.1", "127.0.0.1.evil.example:8080", False),
        ("127.0.0.1", "127.0.0.1:80", False),
        ("0.0.0.0", "192.168.1.5:8080", True),
        ("0.0.0.0", "[fe80::1]:8080", True),
        ("0.0.0.0", "evil.example:8080", False),
        ("studio.local", "studio.local:8080", True),
        ("studio.local", "evil.example:8080", False),
        ("::1", "[::1]:8080", True),
    ],
)
def test_it_answers_to_its_own_names(listens: str, host: str, *, is_own: bool) -> None:
    """A page answers to this machine and to what it was asked to listen on; a name could be made to point to it."""
    config = Config("p", "b", Settings(), listens)

    assert (refuse(config, "GET", "/", Headers({"host": host})) is None) == is_own


@pytest.mark.parametrize(
    ("origin", "is_own"),
    [
        (None, True),
        ("http://127.0.0.1:8080", True),
        ("http://127.0.0.1:8081", False),
        ("https://127.0.0.1:8080", False),
        ("http://evil.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_only_its_own_pages_change_something(origin: str | None, *, is_own: bool) -> None:
    """What changes something comes from the page itself, or from a program that is no browser."""
    headers = {"host": "127.0.0.1:8080"} | ({"origin": origin} if origin is not None else {})
    fault = refuse(Config("p", "b", Settings(), uploads=True), "POST", "/uploads", Headers(headers))

    assert (fault is None) == is_own


def ask_from_another_site(path: str, method: str = "GET", **headers: str) -> str | None:
    """Return why a request that another site makes a browser send is refused."""
    sent = {"host": "127.0.0.1:8080", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return refuse(Config("p", "b", Settings()), method, path, Headers(sent | {"sec-fetch-dest": "document"} | given))


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", ["/", "/rejections", "/map", "/sounds/00000000-0000-5000-8000-000000000000"])
def test_a_link_from_another_site_leads_to_the_pages(path: str, site: str) -> None:
    """A link from another site leads to a page; nothing else that another site does with its address is answered."""
    assert ask_from_another_site(path, sec_fetch_site=site) is None
    for does in ({"sec_fetch_dest": "iframe"}, {"sec_fetch_dest": "object"}, {"sec_fetch_mode": "no-cors"}):
        assert ask_from_another_site(path, sec_fetch_site=site, **does)
    assert ask_from_another_site(path, "POST", sec_fetch_site=site)


@pytest.mark.parametrize(
    "path",
    [
        *("/export.csv", "/export.parquet", "/map.json", "/events", "/uploads", "/static/player.js"),
        *(f"/sounds/x/{part}" for part in ("audio", "spectrogram.png", "peaks.json", "means", "neighbours")),
        "/sounds/x/neighbours.json",
        "/rejections/x/file",
    ],
)
def test_another_site_never_gets_at_what_is_no_page(path: str) -> None:
    """No link from another site exports the collection, asks for neighbours or fetches a file: each would cost."""
    assert ask_from_another_site(path)
    assert ask_from_another_site(path, sec_fetch_site="same-origin") is None
    assert ask_from_another_site(path, sec_fetch_site="none") is None
