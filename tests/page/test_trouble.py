"""What goes wrong is told in words that say what to do."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from google.api_core import exceptions as api
from google.auth.exceptions import DefaultCredentialsError

from analysis.errors import CorruptError, Skipped
from analysis.settings import Settings
from bench.documents import make_document
from local.ports import choose_port
from local.servers import start_page
from page import trouble
from page.listing import BadMarkError, UnknownSoundError
from page.playing import ElsewhereError
from page.scope import Scope
from tests.fakes.serving import Quiet, serving
from tests.page.served import Page

SCOPE = Scope("my-project", "my-bucket", Settings())


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (api.PermissionDenied("denied"), 503, "roles/datastore.viewer on project my-project"),
        (api.Forbidden("denied"), 503, "roles/storage.objectViewer on bucket my-bucket"),
        (DefaultCredentialsError("none"), 503, "gcloud auth application-default login"),
        (api.Unauthenticated("none"), 503, "gcloud auth application-default login"),
        (api.FailedPrecondition("Missing vector index configuration"), 503, "takes some minutes to build it"),
        (api.FailedPrecondition("something else"), 503, "The cloud does not answer"),
        (api.NotFound("The database (default) does not exist"), 503, "./deploy.sh --project my-project"),
        (api.NotFound("No such object: my-bucket/a.wav"), 410, "no longer in the bucket"),
        (Skipped("not there"), 410, "no longer in the bucket"),
        (CorruptError("damaged"), 422, "damaged."),
        (api.ServiceUnavailable("down"), 503, "ask again"),
        (api.RetryError("too long", None), 503, "ask again"),
        (ElsewhereError("other"), 403, "--bucket other"),
        (UnknownSoundError("x"), 404, "no such sound"),
        (BadMarkError("x"), 400, "no page of the list"),
    ],
)
def test_each_trouble_has_a_way_out(error: Exception, status: int, words: str) -> None:
    """Every error that is expected has its status, and advice that fits."""
    told = trouble.describe(error, SCOPE)

    assert isinstance(error, trouble.EXPECTED)
    assert told.status == status
    assert words in f"{told.title}. {told.advice} {told.command}"


def test_a_database_that_is_gone_is_told(serve_page: Callable[..., Page]) -> None:
    """Nothing hangs or shows a traceback where no database answers: a page says so, and JSON to whom asks for JSON."""
    page = serve_page(FIRESTORE_EMULATOR_HOST=f"127.0.0.1:{choose_port()}")
    answer, body = page.ask("/")

    assert answer.status == 503
    assert b"The cloud does not answer" in body
    assert answer.headers["content-security-policy"]
    answer, body = page.ask("/map.json", Accept="application/json")
    assert answer.status == 503
    assert body.startswith(b'{"title":"The cloud does not answer"')


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_an_export_that_cannot_begin_says_why(serve_page: Callable[..., Page], ending: str) -> None:
    """Where no database answers, an export is no file that breaks off but a page that says what to do."""
    page = serve_page(FIRESTORE_EMULATOR_HOST=f"127.0.0.1:{choose_port()}")
    answer, body = page.ask(f"/export.{ending}")

    assert answer.status == 503
    assert "content-disposition" not in answer.headers
    assert b"The cloud does not answer" in body
    assert "download" not in page.read("/map").partition("/export.")[2].partition(">")[0]


def test_what_nobody_foresaw_is_told(serve_page: Callable[..., Page]) -> None:
    """An error that the page does not know is told as JSON or as a page, guarded as every answer is."""
    page = serve_page()
    odd = make_document("a.wav", bucket=page.bucket.name)
    del odd["generation"]
    page.plant(odd)

    answer, body = page.ask(f"/sounds/{odd['uid']}/audio", Accept="application/json")
    assert answer.status == 500
    assert json.loads(body)["advice"].endswith("(KeyError)")
    assert answer.headers["content-security-policy"]
    answer, body = page.ask(f"/sounds/{odd['uid']}/audio")
    assert answer.status == 500
    assert b"<h1>" in body


class Ended(Quiet, BaseHTTPRequestHandler):
    """Tells everybody who asks for a token that the login has ended, as Google does."""

    def do_POST(self) -> None:
        """Answer a request for a token."""
        body = b'{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}'
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_a_login_that_has_ended_is_told_everywhere(
    serve_page: Callable[..., Page], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose login has ended is told so by bytes and picture alike, also where the login names no project."""
    page = serve_page()
    document = make_document("a.wav", bucket=page.bucket.name)
    page.plant(document)
    environment = dict(page.environment)
    for name in ("GOOGLE_CLOUD_PROJECT", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
        del environment[name]
    login = tmp_path / "login.json"
    with serving(Ended) as port:
        login.write_text(
            json.dumps(
                {"type": "external_account_authorized_user", "audience": "//iam.googleapis.com/x", "client_id": "x"}
                | {"client_secret": "x", "refresh_token": "x", "token_url": f"http://127.0.0.1:{port}/token"}
            )
        )
        environment |= {"GOOGLE_APPLICATION_CREDENTIALS": str(login), "CLOUDSDK_CONFIG": str(tmp_path)}
        with start_page(tmp_path, page.bucket.name, environment, uploads=False).wait() as program:
            served = Page(program.port, page.bucket, page.database, environment)
            for part in ("audio", "spectrogram.png"):
                answer, body = served.ask(f"/sounds/{document['uid']}/{part}", Accept="application/json")

                assert answer.status == 503, (part, body)
                assert json.loads(body)["title"] == "You are not signed in"
