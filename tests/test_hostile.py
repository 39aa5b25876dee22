"""Uploads that mean harm reach nothing but their own analysis, take little of it, and forge nothing."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import firestore_proxy as commits
import psutil
import pytest
import storage_proxy as downloads
from cloud import Cloud, start_cloud
from firestore_proxy import FirestoreProxy
from grpc import StatusCode
from hostile import BAD_UPLOADS, adpcm
from storage_proxy import StorageProxy, answer, cut

from local.event import SHAPES
from local.parts import ROOT, Part

MAX_BYTES = 2**26  # the function's for these tests: as deploy.sh fits it to a small function's memory
PEAK_BYTES = 300 * 10**6  # of the function's process, with everything it imports
ANSWER_S = 5


@pytest.fixture(scope="module")
def small(firestore: Part, storage: Part, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A function that has answered one sound, so that its imports are done."""
    environment = {"MAX_BYTES": str(MAX_BYTES)}
    with start_cloud(firestore, storage, tmp_path_factory.mktemp("small"), environment=environment) as cloud:
        cloud.deliver(cloud.upload(b"no sound"))
        yield cloud


def peak_bytes(cloud: Cloud) -> int:
    """The most memory that the function's process ever had."""
    (worker,) = psutil.Process(cloud.function.process.pid).children()
    status = Path(f"/proc/{worker.pid}/status")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())[0]) * 1024 if status.exists() else 0


@pytest.mark.parametrize("name", BAD_UPLOADS)
def test_bad_upload_takes_little(small: Cloud, name: str) -> None:
    """Whatever an upload asks for, it is rejected with its reason, within 5 seconds and 300 MB of the whole process."""
    make, reason = BAD_UPLOADS[name]
    resource = small.upload(make(), f"{name}.m4a")
    small.clear()

    started = time.monotonic()
    status = small.deliver(resource)
    seconds = time.monotonic() - started

    assert status == 200
    sounds, rejections = small.documents()
    assert sounds == []
    assert [document["reason"] for document in rejections] == [reason], rejections
    assert seconds < ANSWER_S
    assert peak_bytes(small) < PEAK_BYTES


def test_more_samples_than_an_int_counts(tmp_path: Path) -> None:
    """CVE-2026-37555: IMA ADPCM of more than 2**31 samples, which libsndfile counts as less than none, is corrupt."""
    path = tmp_path / "huge.wav"
    path.write_bytes(adpcm(256, 505))
    with path.open("r+b") as file:
        file.truncate(2**30 + 2**26)
        file.seek(4)
        file.write((2**30 + 2**26 - 8).to_bytes(4, "little"))
        file.seek(44)
        file.write((2**30 + 2**26 - 48).to_bytes(4, "little"))

    assert decode(path) == "CorruptError"


@pytest.mark.parametrize("tag", [0x11, 2])
def test_blocks_of_adpcm_of_any_size(tmp_path: Path, tag: int) -> None:
    """Whatever size ADPCM says its blocks have, no decoder crashes."""
    paths = []
    for block_bytes in (0, 1, 3, 4, 5, 7, 8, 36, 256, 1024, 32771, 65535):
        for channels in (1, 2, 3):
            right = 2 * (block_bytes - 4 * channels) // channels + 1
            for samples in {1, 2, 505, 65535, max(0, min(65535, right)), max(0, min(65535, right + 7))}:
                paths.append(tmp_path / f"{block_bytes}-{channels}-{samples}.wav")
                paths[-1].write_bytes(adpcm(block_bytes, samples, tag=tag, channels=channels))

    assert set(decode(*paths).split()) <= {"Sound", "CorruptError", "EmptyError", "NotAudioError"}


DECODE = """
import sys
from analysis.audio import open_recording
from analysis.errors import AnalysisError
from analysis.settings import Settings
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        try:
            sum(len(y) for y in open_recording(file, Settings()))
            print("Sound")
        except AnalysisError as error:
            print(type(error).__name__)
"""


def decode(*paths: Path, prefix: tuple[str, ...] = ()) -> str:
    """Decode files in a process of their own, and return what it says."""
    command = [*prefix, sys.executable, "-c", DECODE, *map(str, paths)]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


class Listener(BaseHTTPRequestHandler):
    """A server that takes down what is asked of it."""

    asked: list[str]

    def do_GET(self) -> None:
        """Answer 404."""
        self.asked.append(self.path)
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def listener() -> Iterator[ThreadingHTTPServer]:
    """A listening socket that no upload may reach."""
    Listener.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.shutdown()


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of an MP4 file."""
    content = b"".join(parts)
    return (8 + len(content)).to_bytes(4) + kind + content


def references(url: str, canary: Path) -> dict[str, bytes]:
    """Files that name another file or an address, in every way that a decoder may follow."""
    sdp = f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\na=control:{url}\nm=audio 9 RTP/AVP 0\n"
    address = url.encode() + b"\0"
    reference = box(b"rmra", box(b"rmda", box(b"rdrf", bytes(4), b"url ", len(address).to_bytes(4), address)))
    alias = box(b"alis", bytes(4), bytes(150), f"{canary}".encode())
    named = box(b"url ", bytes(4), address)
    tables = box(b"dinf", box(b"dref", bytes(4), (2).to_bytes(4), alias, named))
    handler = box(b"hdlr", bytes(8), b"soun", bytes(12), b"\0")
    track = box(b"trak", box(b"mdia", handler, box(b"minf", tables)))
    return {
        "hls.m4a": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}/a.ts\n#EXT-X-ENDLIST\n".encode(),
        "hls-file.wav": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{canary}\n#EXT-X-ENDLIST\n".encode(),
        "concat.m4a": f"ffconcat version 1.0\nfile '{url}/b'\n".encode(),
        "concat-file.wav": f"ffconcat version 1.0\nfile '{canary}'\n".encode(),
        "dash.mp4": f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{url}</BaseURL></MPD>'.encode(),
        "session.m4a": sdp.encode(),
        "asx.wma": f'<asx version="3.0"><entry><ref href="{url}"/></entry></asx>'.encode(),
        "reference.mov": box(b"ftyp", b"qt  ", bytes(4)) + box(b"moov", reference),
        "external.mov": box(b"ftyp", b"qt  ", bytes(4)) + box(b"moov", track),
    }


def test_no_decoder_follows_a_reference(small: Cloud, listener: ThreadingHTTPServer, tmp_path: Path) -> None:
    """A file that names another, or an address, is rejected and nothing is asked of either."""
    canary = tmp_path / "canary"
    canary.write_text("the canary sings")
    files = references(f"http://127.0.0.1:{listener.server_port}", canary)
    small.clear()

    assert {small.deliver(small.upload(content, name)) for name, content in files.items()} == {200}

    sounds, rejections = small.documents()
    assert (len(sounds), len(rejections)) == (0, len(files))
    assert Listener.asked == []
    assert "sings" not in json.dumps(rejections, default=str)


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_decoder_asks_the_system_for_nothing_else(listener: ThreadingHTTPServer, tmp_path: Path) -> None:
    """As the system sees it, decoding such files opens no connection and no other file."""
    canary = tmp_path / "canary"
    canary.write_text("the canary sings")
    paths = []
    for name, content in references(f"http://127.0.0.1:{listener.server_port}", canary).items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(content)
    trace = tmp_path / "trace"

    decode(*paths, prefix=("strace", "-f", "-e", "trace=%network,open,openat,creat,execve", "-o", str(trace)))

    calls = trace.read_text()
    assert all(path.name in calls for path in paths)
    assert re.findall(r"\b(socket|connect|sendto)\(", calls) == []
    assert str(canary) not in calls
    assert len(re.findall(r"\bexecve\(", calls)) == 1


NAMES = {
    "composed": "caf\u00e9.wav",
    "decomposed": "cafe\u0301.wav",
    "right to left": "\u0635\u0648\u062a\u202e.wav",
    "line separator": "a\u2028b\u2029c\x85d.wav",
    "escaped slash": "a%2Fb%252F.wav",
    "dots": "../../../etc/./passwd/..",
    "leading and trailing slashes": "//a//b.wav//",
    "1024 bytes": "\u00e4" * 510 + ".wav",
    "quotes and braces": "\"'`{}[]<>{{0}}%s$(x)${y}\\.wav",
    "control characters": "a\x01\x1b[31m\x7f\t.wav",
    "emoji": "\U0001f3b5\u200d\ufe0f.wav",
    "hash and question mark": "a#1?b=c&d.wav",
    "document id": "__a__",
    "spaces": "  a  b  ",
}


@pytest.mark.parametrize("kind", NAMES)
def test_name_is_only_a_name(proxied: Cloud, sound: bytes, kind: str) -> None:
    """Any name comes back from the document as it was uploaded, and is neither a path nor a document's id."""
    resource = proxied.upload(sound, NAMES[kind])
    assert resource["name"] == NAMES[kind]

    assert {proxied.deliver(resource, shape) for shape in SHAPES} == {200}

    (document,) = proxied.documents()[0]
    assert (document["blob_name"], document["file_name"]) == (NAMES[kind], NAMES[kind])
    assert re.fullmatch(r"[0-9a-f-]{36}", document["uid"])
    assert [reference.id for reference in proxied.sounds.list_documents()] == [document["uid"]]
    assert {line["blob"] for line in proxied.log()[-8:]} == {NAMES[kind]}


def test_names_that_look_alike_are_two(proxied: Cloud, sound: bytes) -> None:
    """The normal forms of a name are two blobs, so two sounds."""
    for kind in ("composed", "decomposed"):
        proxied.deliver(proxied.upload(sound, NAMES[kind]))

    assert {document["blob_name"] for document in proxied.documents()[0]} == {NAMES["composed"], NAMES["decomposed"]}


def test_no_name_forges_a_line(proxied: Cloud, firestore_proxy: FirestoreProxy, sound: bytes) -> None:
    """Not even in the traceback of a rejection that could not be written does a name begin a line of the log."""
    forged = '{"severity": "CRITICAL", "message": "forged"}'
    name = f"a\n{forged}\r{forged}\u2028{forged}\n"
    resource = proxied.upload(sound) | {"name": name}
    firestore_proxy.queue.append(commits.refused(StatusCode.PERMISSION_DENIED))

    assert proxied.deliver(resource | {"size": "99999999999"}) == 500

    text = proxied.function.log.read_text()
    assert "Traceback" in text
    assert not any(line.strip().startswith(forged) for line in text.splitlines())
    assert proxied.log()[-1]["blob"] == name


TOKEN = "ya29.the-secret-of-the-function"


class Metadata(BaseHTTPRequestHandler):
    """The metadata server of a machine in the cloud, as far as the clients ask it."""

    def do_GET(self) -> None:
        """Answer who the function is, and with its token."""
        answers: dict[str, Any] = {
            "/computeMetadata/v1/project/project-id": "local-sounds",
            "/computeMetadata/v1/universe/universe-domain": "googleapis.com",
            "/computeMetadata/v1/instance/service-accounts/default/": {"email": "f@example.com", "scopes": ["x"]},
        }
        path = self.path.partition("?")[0]
        token = {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}
        content: Any = token if path.endswith("/token") else answers.get(path, "")
        body = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(200)
        self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Type", "application/text" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_no_token_is_logged(proxied: Cloud, storage_proxy: StorageProxy, sound: bytes, tmp_path: Path) -> None:
    """The token that goes with every request to the bucket is in no line of the log, whatever fails."""
    sent: list[str] = []

    def refuse(download: downloads.Download) -> None:
        sent.append(download.headers["Authorization"])
        answer(403)(download)

    with ThreadingHTTPServer(("127.0.0.1", 0), Metadata) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        metadata = f"127.0.0.1:{server.server_port}"
        environment = {"GCE_METADATA_HOST": metadata, "GCE_METADATA_IP": metadata, "GCE_METADATA_ROOT": metadata}
        environment |= {"STORAGE_EMULATOR_HOST": "", "API_ENDPOINT_OVERRIDE": storage_proxy.url}
        environment |= {"HOME": str(tmp_path), "CLOUDSDK_CONFIG": str(tmp_path), "GOOGLE_APPLICATION_CREDENTIALS": ""}
        with proxied.another(tmp_path, **environment) as cloud:
            resource = cloud.upload(sound)
            storage_proxy.queue += [refuse, answer(400), downloads.corrupted, cut(1000), answer(503)]

            assert [cloud.deliver(resource) for _ in range(4)] == [500, 500, 500, 200]

            log = cloud.function.log.read_text()
        server.shutdown()
    assert sent == [f"Bearer {TOKEN}"]
    assert log.count("failed, to be retried") == 3
    assert "ya29" not in log
    assert "Bearer" not in log
