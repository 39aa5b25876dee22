"""The bytes of a sound: its own generation, the range that was asked for, a piece at a time."""

import gzip
import json
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from analysis.definition import SR
from bench.documents import make_document
from page.media import audio
from page.media.audio import FIRST_PIECE_BYTES, PIECE_BYTES, RangeNotSatisfiableError
from tests.page import sample_sounds
from tests.page.served_page import Page

type Heard = tuple[Page, dict[str, Any], bytes]


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
    ("asked", "part"),
    [
        ("bytes=0-", range(100)),
        ("bytes=0-0", range(1)),
        ("bytes=44-98", range(44, 99)),
        ("bytes=99-", range(99, 100)),
        ("bytes=99-99", range(99, 100)),
        ("bytes=0-99", range(100)),
        ("bytes=0-100", range(100)),
        ("bytes=50-9999999999999999999", range(50, 100)),
        ("bytes=-1", range(99, 100)),
        ("bytes=-99", range(1, 100)),
        ("bytes=-100", range(100)),
        ("bytes=-101", range(100)),
        ("bytes=-9999999999999999999", range(100)),
        (" bytes=1-2 ", range(1, 3)),
        *((asked, None) for asked in (None, "", "bytes=", "bytes=-", "bytes=5-2", "bytes=5-4", "bytes=0-1,5-6", "x")),
        *((asked, None) for asked in ("lines=1-2", "bytes=a-", "bytes=--1", "bytes=0x1-", f"bytes={'9' * 5000}-")),
        *((asked, None) for asked in ("bytes=\u0661-", "bytes=1-2-3", "BYTES 0-1")),
    ],
)
def test_a_range_is_read(asked: str | None, part: range | None) -> None:
    """A range names these of 100 bytes; what is no single range is answered with the whole, as HTTP allows."""
    assert audio.parse_range(asked, 100) == part


@pytest.mark.parametrize(
    "asked", ["bytes=100-", "bytes=100-100", "bytes=101-", "bytes=9999999999999999999-", "bytes=-0"]
)
def test_a_range_outside_is_none(asked: str) -> None:
    """A range that begins where the file has ended, or later, has no bytes."""
    with pytest.raises(RangeNotSatisfiableError, match=r"^100$"):
        audio.parse_range(asked, 100)


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [
        ("bytes=0-", 0, None),
        ("bytes=0-0", 0, 1),
        ("bytes=44-99", 44, 100),
        ("bytes=100000-", 100000, None),
        ("bytes=-10", -10, None),
        ("bytes=1000-99999999", 1000, None),
        ("bytes=-99999999", 0, None),
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


@pytest.mark.parametrize("asked", ["bytes={size}-", "bytes=999999999-", "bytes=-0"])
def test_a_range_outside_is_refused(heard: Heard, asked: str) -> None:
    """A range beyond the end is told the size."""
    page, document, content = heard
    answer, _ = page.ask(f"/sounds/{document['uid']}/audio", Range=asked.format(size=len(content)))

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


class Stored:
    """A blob that notes which of its bytes are asked for."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.asked: list[tuple[int, int]] = []

    def download_as_bytes(self, *, start: int, end: int, raw_download: bool, timeout: object, **_: object) -> bytes:
        """Return the bytes from start to end, as Google's client does."""
        assert raw_download, "a range is of the bytes as they are stored, whatever their encoding"
        assert timeout == (audio.CONNECT_S, audio.READ_S)
        self.asked.append((start, end))
        return self.content[start : end + 1]


@pytest.mark.parametrize("part", [range(3_000_000), range(17, 2_500_000), range(5, 6), range(FIRST_PIECE_BYTES + 1)])
def test_bytes_come_in_bounded_pieces(part: range) -> None:
    """However much is asked for, a small piece comes first, none is larger than a megabyte, and none has a gap."""
    content = np.random.default_rng(1).bytes(3_000_000)
    blob = Stored(content)
    pieces = list(audio._read_pieces(blob, part))

    assert b"".join(pieces) == content[part.start : part.stop]
    assert len(pieces[0]) <= FIRST_PIECE_BYTES < PIECE_BYTES <= 2**20
    assert max(map(len, pieces)) <= PIECE_BYTES
    assert [start for start, _ in blob.asked[1:]] == [end + 1 for _, end in blob.asked[:-1]]


def test_what_decompresses_to_much_comes_in_bounded_pieces() -> None:
    """A small file that becomes a large one is never whole in memory."""
    packed = gzip.compress(bytes(50 * 2**20))
    sizes = [len(piece) for piece in audio._decompress(iter([packed[:1000], packed[1000:]]))]

    assert sum(sizes) == 50 * 2**20
    assert max(sizes) <= PIECE_BYTES


def test_a_large_file_arrives_whole(shared: Page) -> None:
    """A file of several pieces, and a range across them, arrive byte by byte."""
    content = np.random.default_rng(2).bytes(2_500_000)
    document = make_document("large.wav", **sample_sounds.upload(shared.bucket, "large.wav", content))
    shared.insert(document)
    first, last = FIRST_PIECE_BYTES - 7, FIRST_PIECE_BYTES + PIECE_BYTES + 7

    assert shared.ask(f"/sounds/{document['uid']}/audio")[1] == content
    _, body = shared.ask(f"/sounds/{document['uid']}/audio", Range=f"bytes={first}-{last}")
    assert body == content[first : last + 1]


def test_audio_is_of_its_generation(shared: Page) -> None:
    """A file that was overwritten since is told to be gone, not given for the older one."""
    older = sample_sounds.upload(shared.bucket, "over.wav", sample_sounds.encode(np.zeros(100)))
    sample_sounds.upload(shared.bucket, "over.wav", sample_sounds.encode(np.ones(200)))
    document = make_document("over.wav", **older)
    shared.insert(document)

    answer, body = shared.ask(f"/sounds/{document['uid']}/audio", Accept="application/json")

    assert answer.status == 410
    assert "no longer" in json.loads(body)["title"]
    assert shared.ask(f"/sounds/{document['uid']}/spectrogram.png")[0].status == 410
    assert shared.ask(f"/sounds/{document['uid']}")[0].status == 200


def test_audio_that_was_deleted_since_is_told_to_be_gone(shared: Page) -> None:
    """A file that was played before and then deleted is told to be gone, whatever the page remembers of it."""
    document = make_document(
        "deleted.wav", **sample_sounds.upload(shared.bucket, "deleted.wav", sample_sounds.encode(np.zeros(SR)))
    )
    shared.insert(document)
    assert shared.ask(f"/sounds/{document['uid']}/audio", Range="bytes=0-99")[0].status == 206
    shared.bucket.blob("deleted.wav").delete()

    answer, body = shared.ask(f"/sounds/{document['uid']}/audio", Range="bytes=100-", Accept="application/json")

    assert answer.status == 410
    assert "no longer" in json.loads(body)["title"]


def test_only_its_own_bucket_is_read(shared: Page) -> None:
    """A document that names another bucket does not make the page read there."""
    other = shared.bucket.client.create_bucket(f"bucket-{uuid4().hex[:12]}")
    document = make_document(
        "secret.wav", **sample_sounds.upload(other, "secret.wav", sample_sounds.encode(np.zeros(100)))
    )
    shared.insert(document)

    answer, body = shared.ask(f"/sounds/{document['uid']}/audio", Accept="application/json")
    assert answer.status == 403
    assert f"--bucket {other.name}" in json.loads(body)["advice"]
    assert shared.ask(f"/sounds/{document['uid']}/spectrogram.png")[0].status == 403


def test_a_page_in_a_bucket_is_no_page(shared: Page) -> None:
    """A file of HTML that calls itself so is given as bytes of no known kind."""
    blob = shared.bucket.blob("markup.wav")
    blob.upload_from_string(b"<html><script>alert(1)</script>", "text/html")
    document = make_document("markup.wav", bucket=shared.bucket.name, generation=int(blob.generation))
    shared.insert(document)

    answer, _ = shared.ask(f"/sounds/{document['uid']}/audio")

    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_is_stored_compressed_is_played(shared: Page) -> None:
    """A sound that was uploaded with gzip arrives decompressed, whole."""
    content = sample_sounds.encode(np.sin(np.arange(SR) * 0.1) * 0.5)
    fields = sample_sounds.upload(shared.bucket, "packed.wav", gzip.compress(content))
    document = make_document("packed.wav", **fields)
    shared.insert(document)

    answer, body = shared.ask(f"/sounds/{document['uid']}/audio", Range="bytes=0-")

    assert (answer.status, body) == (200, content)
    assert answer.headers["content-type"] == "audio/wav"
