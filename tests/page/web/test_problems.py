"""Each error is told with what to do about it."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from google.api_core import exceptions as api
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError

from analysis.errors import CorruptError, Skipped
from analysis.settings import Settings
from bench.documents import make_document
from local.ports import choose_port
from local.servers import start_page
from page.catalog import source
from page.catalog.catalog import UnfinishedError, UnknownSoundError
from page.catalog.selection import BadParameterError
from page.config import Config
from page.media.audio import OtherBucketError
from page.web import problems
from tests.fakes.serving import Quiet, serving
from tests.page.served_page import Page

UID = "00000000-0000-5000-8000-000000000000"
NO_TOKEN = "Getting metadata from plugin failed with error"
ENDED_LOGIN = f"{NO_TOKEN}: ('invalid_grant: Token has been expired or revoked.', {{'error': 'invalid_grant'}})"
CONFIG = Config("my-project", "my-bucket", Settings())


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (
            api.PermissionDenied("denied"),
            503,
            "roles/datastore.viewer on project my-project and roles/storage.objectViewer",
        ),
        (api.Forbidden("denied"), 503, "roles/storage.objectViewer on bucket my-bucket"),
        (DefaultCredentialsError("none"), 503, "gcloud auth application-default login"),
        (api.Unauthenticated("none"), 503, "gcloud auth application-default login"),
        (api.FailedPrecondition("Missing vector index configuration"), 503, "takes some minutes to build it"),
        (api.FailedPrecondition("something else"), 503, "The cloud does not answer"),
        (api.NotFound("The database (default) does not exist"), 503, "./deploy.sh --project my-project"),
        (api.NotFound("No such object: my-bucket/a.wav"), 410, "no longer in the bucket"),
        (api.NotFound("No such object: my-bucket/The database.wav"), 410, "no longer in the bucket"),
        (Skipped("the database.wav is not there"), 410, "no longer in the bucket"),
        (CorruptError("damaged"), 422, "damaged."),
        (api.ServiceUnavailable("down"), 503, "ask again"),
        (api.ServiceUnavailable(ENDED_LOGIN), 503, "gcloud auth application-default login"),
        (api.ServiceUnavailable(f"{NO_TOKEN}: ('Connection aborted.', ConnectionResetError(104))"), 503, "ask again"),
        (RefreshError("('invalid_grant: Bad Request', {})"), 503, "gcloud auth application-default login"),
        (TransportError("Failed to resolve oauth2.googleapis.com"), 503, "ask again"),
        (api.Forbidden("Grant serviceusage.services.use on project p"), 503, "set-quota-project my-project"),
        (api.RetryError("too long", None), 503, "ask again"),
        (OtherBucketError("other"), 403, "--bucket other"),
        (UnknownSoundError("x"), 404, "no such sound"),
        (BadParameterError("n is a whole number"), 400, "Accepted is: n is a whole number."),
        (UnfinishedError("5 of 9 documents are there."), 503, "5 of 9 documents are there."),
    ],
)
def test_each_problem_has_a_way_out(error: Exception, status: int, words: str) -> None:
    """Every error that is expected has its status, and advice that fits."""
    told = problems.describe(error, CONFIG)

    assert isinstance(error, problems.EXPECTED_ERRORS)
    assert told.status == status
    assert words in f"{told.title}. {told.advice} {told.command}"


def test_an_ended_login_is_told_at_once() -> None:
    """What gRPC reports of an ended login is not tried again, while an outage is, so no address waits for it."""
    calls: list[str] = []

    def call() -> None:
        calls.append("call")
        raise api.ServiceUnavailable(ENDED_LOGIN)

    with pytest.raises(api.ServiceUnavailable):
        source.RETRY(call)()
    assert calls == ["call"]
    assert source.RETRY._predicate(api.ServiceUnavailable("down"))


def test_a_database_that_is_gone_is_told(serve_page: Callable[..., Page]) -> None:
    """Where no database answers nothing hangs or shows a traceback: each address says so, as a page or as JSON.

    An export is then no file that breaks off.
    """
    page = serve_page(FIRESTORE_EMULATOR_HOST=f"127.0.0.1:{choose_port()}")
    paths = (
        "/",
        "/rejections",
        f"/sounds/{UID}",
        f"/sounds/{UID}/audio",
        "/map.json",
        "/export.csv",
        "/export.parquet",
    )
    with ThreadPoolExecutor(2 * len(paths)) as pool:  # all at once, as each waits for seconds
        shown = pool.map(page.ask, paths)
        told = pool.map(lambda path: page.ask(path, Accept="application/json"), paths)

    for path, (answer, body) in zip(paths, shown, strict=True):
        assert answer.status == 503, path
        assert b"<h1>The cloud does not answer</h1>" in body
        assert answer.headers["content-security-policy"]
        assert "content-disposition" not in answer.headers
    for path, (answer, body) in zip(paths, told, strict=True):
        assert answer.status == 503, path
        assert json.loads(body)["title"] == "The cloud does not answer"
    assert "download" not in page.read("/map").partition("/export.")[2].partition(">")[0]


def test_what_nobody_foresaw_is_told(shared: Page) -> None:
    """An error that the page does not know is told as JSON or as a page, guarded as every answer is."""
    odd = make_document("of no size.wav", bucket=shared.bucket.name, size="large")
    shared.insert(odd)

    answer, body = shared.ask(f"/sounds/{odd['uid']}/peaks.json", Accept="application/json")
    assert answer.status == 500
    assert json.loads(body)["advice"].endswith("(TypeError)")
    assert answer.headers["content-security-policy"]
    answer, body = shared.ask(f"/sounds/{odd['uid']}/peaks.json")
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
    make_collections: Callable[..., Page], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose login has ended is told so by bytes and picture alike, also where the login names no project."""
    page = make_collections()
    document = make_document("a.wav", bucket=page.bucket.name)
    page.insert(document)
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
