"""page.sh: its help, what it refuses, and to whom it answers."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from analysis.settings import Settings
from page.guard import find_fault
from page.scope import Scope

ROOT = Path(__file__).parents[2]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the page's command line, with nothing of ours in its environment."""
    command = [sys.executable, "-m", "page", *arguments]
    own = {"PATH": "/usr/bin:/bin", **environment}
    return subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--project", "p", "--nonsense", "--help"]])
def test_help_is_the_header(arguments: list[str]) -> None:
    """Wherever --help stands, it prints the header comment and nothing is started."""
    ended = subprocess.run([ROOT / "page.sh", *arguments], capture_output=True, text=True, timeout=60, check=True)

    header = (ROOT / "page.sh").read_text().split("\nset -e")[0].splitlines()[1:]
    assert ended.stdout.splitlines() == [line.removeprefix("#").removeprefix(" ") for line in header]
    assert "--host ADDRESS" in ended.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--project", "p"],
        ["--project", "p", "--bucket", "b", "--port", "x"],
        ["--project", "p", "--bucket", "b", "--port", "65536"],
        ["--project", "p", "--bucket", "b", "--delete"],
        ["--project", "p", "export"],
        ["--project", "p", "export", "all.xlsx"],
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str]) -> None:
    """What is wrong with the arguments is one line, and the exit code 2."""
    ended = run(*arguments)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 1


def test_uploads_never_go_to_a_real_bucket() -> None:
    """The option of the local stack is refused where there is no local stack."""
    ended = run("--project", "p", "--bucket", "b", "--uploads")

    assert ended.returncode == 1
    assert "never writes to a real bucket" in ended.stderr


def test_who_is_not_signed_in_is_told_so(tmp_path: Path) -> None:
    """Without credentials it ends at once, with the command that gives some."""
    ended = run("--project", "p", "--bucket", "b", HOME=str(tmp_path), NO_GCE_CHECK="true")

    assert ended.returncode == 1
    assert "gcloud auth application-default login" in ended.stderr


def test_a_port_that_is_taken_is_told() -> None:
    """A page that cannot listen says so in one line."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        emulators = {"STORAGE_EMULATOR_HOST": "http://127.0.0.1:1", "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"}
        ended = run("--project", "p", "--bucket", "b", "--port", str(taken.getsockname()[1]), **emulators)

    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert "in use" in ended.stderr


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
    scope = Scope("p", "b", Settings(), listens)

    assert (find_fault(scope, "GET", "/", Headers({"host": host})) is None) == is_own


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
    fault = find_fault(Scope("p", "b", Settings(), uploads=True), "POST", "/uploads", Headers(headers))

    assert (fault is None) == is_own


def ask_from_elsewhere(path: str, method: str = "GET", **headers: str) -> str | None:
    """Return why a request that another site makes a browser send is refused."""
    sent = {"host": "127.0.0.1:8080", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return find_fault(Scope("p", "b", Settings()), method, path, Headers(sent | {"sec-fetch-dest": "document"} | given))


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", ["/", "/rejections", "/map", "/sounds/00000000-0000-5000-8000-000000000000"])
def test_a_link_from_another_site_leads_to_the_pages(path: str, site: str) -> None:
    """Who follows a link from elsewhere to a page sees it; nothing else that another site does with it is answered."""
    assert ask_from_elsewhere(path, sec_fetch_site=site) is None
    for does in ({"sec_fetch_dest": "iframe"}, {"sec_fetch_dest": "object"}, {"sec_fetch_mode": "no-cors"}):
        assert ask_from_elsewhere(path, sec_fetch_site=site, **does)
    assert ask_from_elsewhere(path, "POST", sec_fetch_site=site)


@pytest.mark.parametrize(
    "path",
    [
        *("/export.csv", "/export.parquet", "/map.json", "/events", "/uploads", "/static/deck.js"),
        *(f"/sounds/x/{part}" for part in ("audio", "spectrogram.png", "means", "neighbours", "neighbours.json")),
    ],
)
def test_another_site_never_gets_at_what_is_no_page(path: str) -> None:
    """No link from elsewhere exports the collection, asks for neighbours or fetches a file: each would cost again."""
    assert ask_from_elsewhere(path)
    assert ask_from_elsewhere(path, sec_fetch_site="same-origin") is None
    assert ask_from_elsewhere(path, sec_fetch_site="none") is None
