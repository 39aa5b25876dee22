"""A file that names another file, or an address, is not followed: nothing is opened, nothing is asked."""

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from analysis.decoding.container import INPUT
from analysis.decoding.ffmpeg import Ffmpeg
from analysis.errors import NotAudioError
from tests.fakes.cloud import Cloud
from tests.fakes.hostile import decode
from tests.fakes.serving import Quiet, serving
from tests.fakes.synthetic import encode_with_ffmpeg, tone


class Listener(Quiet, BaseHTTPRequestHandler):
    """A server that takes down what is asked of it."""

    asked: list[str]

    def do_GET(self) -> None:
        """Answer 404."""
        self.asked.append(self.path)
        self.send_error(404)


@pytest.fixture
def listener() -> Iterator[int]:
    """The port of a server that no upload may reach."""
    Listener.asked = []
    with serving(Listener) as port:
        yield port


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


def test_no_decoder_follows_a_reference(proxied: Cloud, listener: int, tmp_path: Path) -> None:
    """A file that names another, or an address, is rejected and nothing is asked of either."""
    canary = tmp_path / "canary"
    canary.write_text("the canary sings")
    files = references(f"http://127.0.0.1:{listener}", canary)

    assert {proxied.deliver(proxied.upload(content, name)) for name, content in files.items()} == {200}

    sounds, rejections = proxied.documents()
    assert (len(sounds), len(rejections)) == (0, len(files))
    assert Listener.asked == []
    assert "sings" not in json.dumps(rejections, default=str)


@pytest.mark.usefixtures("strace")
def test_decoder_asks_the_system_for_nothing_else(listener: int, tmp_path: Path) -> None:
    """As the system sees it, decoding such files opens no connection and no other file."""
    canary = tmp_path / "canary"
    canary.write_text("the canary sings")
    paths = []
    for name, content in references(f"http://127.0.0.1:{listener}", canary).items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(content)
    trace = tmp_path / "trace"

    decode(*paths, prefix=("strace", "-f", "-e", "trace=%network,open,openat,creat,execve", "-o", str(trace)))

    calls = trace.read_text()
    assert all(path.name in calls for path in paths)
    assert re.findall(r"\b(socket|connect|sendto)\(", calls) == []
    assert str(canary) not in calls
    assert len(re.findall(r"\bexecve\(", calls)) == 1


@pytest.mark.parametrize(
    ("opened", "is_followed"), [({"format_whitelist"}, False), ({"protocol_whitelist"}, False), (set(INPUT), True)]
)
def test_one_list_of_what_ffmpeg_may_is_enough(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    opened: set[str],
    is_followed: bool,  # noqa: FBT001
) -> None:
    """Whichever list were open, of formats or of protocols, the other alone keeps a reference from being followed."""
    (tmp_path / "inner.ogg").write_bytes(encode_with_ffmpeg(tone(0.2, 48000), 48000, "ogg", "flac"))
    (tmp_path / "outer").write_bytes(b"ffconcat version 1.0\nfile inner.ogg\n")
    monkeypatch.chdir(tmp_path)
    more = {"format_whitelist": ",concat", "protocol_whitelist": "file"}
    for name in opened:
        monkeypatch.setitem(INPUT, name, INPUT[name] + more[name])

    with (tmp_path / "outer").open("rb") as file:
        if is_followed:  # so the other two would see it
            assert sum(len(block.samples) for block in Ffmpeg(file).decode()) == 9600
        else:
            with pytest.raises(NotAudioError):
                Ffmpeg(file)
