"""What is stored becomes the content that was meant, whole and unchanged, or an error."""

import gzip
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis import download
from analysis.errors import CorruptError, TooLargeError
from analysis.upload import read_upload
from tests.fakes import storage_proxy as downloads
from tests.fakes.cloud import Cloud
from tests.fakes.storage_proxy import StorageProxy, answer, cut
from tests.fakes.synthetic import encode

type Fetch = Callable[..., bytes]

MAX_BYTES = 2**30
STORED: dict[str, tuple[Callable[[bytes], bytes], str | None]] = {
    "gzip that says so": (gzip.compress, "gzip"),
    "gzip that does not say so": (gzip.compress, None),
    "no gzip that says it is": (bytes, "gzip"),
    "gzip of two members": (lambda sound: gzip.compress(sound[:9999]) + gzip.compress(sound[9999:]), "gzip"),
    "an encoding that nobody knows": (bytes, "rot13, gzip"),
}


@pytest.mark.parametrize("name", STORED)
def test_compressed_objects_are_read_right(proxied: Cloud, sound: bytes, name: str) -> None:
    """An object stored compressed (``gsutil cp -Z``) is the sound it was, whatever its Content-Encoding says."""
    compress, encoding = STORED[name]
    stored = compress(sound)
    plain, other = proxied.upload(sound, "plain.wav"), proxied.upload(stored, "other.wav", content_encoding=encoding)

    assert [proxied.deliver(plain), proxied.deliver(other)] == [200, 200]

    documents = {document["blob_name"]: document for document in proxied.documents()[0]}
    assert documents["other.wav"]["mean_mfccs"] == documents["plain.wav"]["mean_mfccs"]
    assert documents["other.wav"]["length"] == 22050
    assert documents["other.wav"]["size"] == len(stored)


def test_small_compressed_object_is_read_right(proxied: Cloud) -> None:
    """A second of digital silence, of which gzip leaves a few hundred bytes, is a sound like any other."""
    assert proxied.deliver(proxied.upload(gzip.compress(encode(np.zeros((44100, 2)))))) == 200

    assert [document["length"] for document in proxied.documents()[0]] == [22050]


CUT_OR_CORRUPT = {  # what happens, how many requests the download takes, and what the function answers
    "cut": ([cut(20_000)], 2, 200),
    "cut twice": ([cut(20_000), answer(503), cut(9000)], 4, 200),
    "corrupt": ([downloads.corrupted], 1, 500),
    "corrupt, then cut": ([cut(20_000, downloads.corrupt)], 2, 500),
    "cut, then corrupt": ([cut(20_000), downloads.corrupted], 2, 500),
    "empty": ([downloads.emptied], 1, 500),
}


@pytest.mark.parametrize("name", CUT_OR_CORRUPT)
@pytest.mark.parametrize("encoding", ["gzip", None])
@pytest.mark.parametrize("event", [{}, {"crc32c": None, "size": None}], ids=["event", "event without checksum"])
def test_content_is_whole_or_an_error(
    proxied: Cloud, storage_proxy: StorageProxy, sound: bytes, encoding: str | None, event: dict[str, Any], name: str
) -> None:
    """However often a download is cut, compressed or not, what is analysed is what is stored.

    The event tells its checksum; only where it does not, one more request asks for that.
    """
    faults, n_requests, status = CUT_OR_CORRUPT[name]
    resource = proxied.upload(gzip.compress(sound) if encoding else sound, content_encoding=encoding)
    storage_proxy.queue += faults

    assert proxied.deliver(resource | event) == status

    assert [document["length"] for document in proxied.documents()[0]] == ([22050] if status == 200 else [])
    assert proxied.documents()[1] == []
    assert len(storage_proxy.requests) == n_requests + ("crc32c" in event)


@pytest.mark.parametrize("change", ["deleted", "overwritten"])
def test_checksum_is_that_of_the_generation(
    proxied: Cloud, storage_proxy: StorageProxy, sound: bytes, change: str
) -> None:
    """Where the checksum has to be asked for, and the object is gone or another by then, the upload is left."""
    resource = proxied.upload(sound) | {"crc32c": None}
    change_it = proxied.bucket.blob("sound.wav").delete if change == "deleted" else partial(proxied.upload, sound * 2)
    storage_proxy.queue += [downloads.pass_on, downloads.before(change_it)]

    assert proxied.deliver(resource) == 200

    assert proxied.documents() == ([], [])
    assert "is not there: deleted or overwritten since" in proxied.log()[-1]["message"]


@pytest.mark.parametrize("size", [None, "1"])
def test_more_than_the_event_tells_is_too_large(proxied: Cloud, sound: bytes, tmp_path: Path, size: str | None) -> None:
    """An event without a size or with a wrong one does not open the way for more than MAX_BYTES."""
    resource = proxied.upload(sound * 40)
    with proxied.another(tmp_path, MAX_BYTES="1000000") as cloud:
        assert cloud.deliver(resource | {"size": size}) == 200

    assert [document["reason"] for document in proxied.documents()[1]] == ["too_large"]


def test_empty_object_of_unknown_size(proxied: Cloud) -> None:
    """An object that is empty, though its event tells no size, is a folder's placeholder or a rejection by its name."""
    folders = [proxied.upload(b"", name) for name in ("takes/", "takes_$folder$")]
    empty = proxied.upload(b"", "take.wav")

    assert [proxied.deliver(resource | {"size": None}) for resource in (*folders, empty)] == [200] * 3

    sounds, rejections = proxied.documents()
    assert sounds == []
    assert [(document["blob_name"], document["reason"]) for document in rejections] == [("take.wav", "empty")]
    skipped = {line["blob"] for line in proxied.log() if line["message"] == "skipped: a folder placeholder"}
    assert skipped == {"takes/", "takes_$folder$"}


@pytest.fixture
def fetch(storage_proxy: StorageProxy, proxied: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fetch]:
    """Upload content and download it here instead of in the function, through the same proxy."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage_proxy.url)
    forget_clients()

    def fetch(
        content: bytes, max_bytes: int = MAX_BYTES, pace: download.Pace = download.IN_THE_CLOUD, **event: object
    ) -> bytes:
        with download.download(read_upload(proxied.upload(content) | event), max_bytes, pace) as file:
            read = file.read()
            # the decoders read the descriptor, which knows nothing of what the file object still holds
            assert os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0) == read
            return read

    yield fetch
    download._session().close()
    forget_clients()


def forget_clients() -> None:
    """Let the next download be another server's."""
    for client in (download._client, download._session):
        client.cache_clear()


NOISE = np.random.default_rng(0).bytes(300_000)  # which gzip cannot make smaller
ALL_OF_IT = {  # what is stored, and how many bytes of memory it takes as it is read
    "as it is": (NOISE, len(NOISE)),
    "compressed": (gzip.compress(NOISE), len(gzip.compress(NOISE)) + len(NOISE)),
}


@pytest.mark.parametrize("event", [{}, {"size": None}], ids=["event", "event without size"])
@pytest.mark.parametrize("name", ALL_OF_IT)
def test_max_bytes_is_the_most_that_is_taken(fetch: Fetch, name: str, event: dict[str, Any]) -> None:
    """An upload may take MAX_BYTES and not a byte more; of a compressed one, what is stored counts too."""
    stored, n_bytes = ALL_OF_IT[name]

    assert fetch(stored, n_bytes, **event) == NOISE
    with pytest.raises(TooLargeError, match=f"MAX_BYTES={n_bytes - 1}"):
        fetch(stored, n_bytes - 1, **event)


def test_size_of_the_event_spares_the_download(fetch: Fetch, storage_proxy: StorageProxy) -> None:
    """Of what is too large by its event no byte is fetched: one request asks whether it is there."""
    with pytest.raises(TooLargeError, match=f"has {len(NOISE)} bytes"):
        fetch(NOISE, len(NOISE) - 1)

    assert storage_proxy.requests == [""]


COMPRESSED = gzip.compress(NOISE[:1000])
DAMAGED_GZIP = {
    "cut": COMPRESSED[:-10],
    "of a kind of block that there is not": COMPRESSED[:10] + b"\x07" + COMPRESSED[11:],
    "with another checksum": COMPRESSED[:-8] + bytes(8),
    "followed by something else": COMPRESSED + b"what is this",
    "a header alone": COMPRESSED[:10],
}


@pytest.mark.parametrize("name", DAMAGED_GZIP)
def test_damaged_gzip_is_corrupt(fetch: Fetch, name: str) -> None:
    """Whatever is wrong with gzip, no retry cures it."""
    with pytest.raises(CorruptError, match="gzip that cannot be decompressed"):
        fetch(DAMAGED_GZIP[name])


def test_download_is_read_in_large_pieces(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes fast is taken many KiB at a time, not in the 8 KiB of the client."""
    sizes: list[int] = []
    write = download._Received.write

    def noted(received: Any, piece: bytes) -> None:
        sizes.append(len(piece))
        write(received, piece)

    monkeypatch.setattr(download._Received, "write", noted)
    content = os.urandom(4 * 2**20)

    assert fetch(content) == content

    assert sum(sizes) == len(content)
    assert 8 * 8192 < max(sizes) <= download.PIECE_BYTES


SLOW = download.Pace(10_000, 60)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a download take 1 s, and what its size allows."""
    monkeypatch.setattr(download, "RETRY_S", 1)


@pytest.mark.usefixtures("impatient")
def test_download_that_drips_is_an_error_in_time(fetch: Fetch, storage_proxy: StorageProxy) -> None:
    """Bytes that come one by one do not keep a call for as long as they come, but raise what a retry can cure."""
    storage_proxy.default = downloads.drip(100, 0.25)

    with pytest.raises(TimeoutError, match=r"sound\.wav#\d+ comes too slowly: \d{1,4} bytes in \d+ s"):
        fetch(os.urandom(20_000), pace=SLOW)

    assert storage_proxy.requests == [""]


@pytest.mark.usefixtures("impatient")
def test_download_may_take_the_time_of_its_size(fetch: Fetch, storage_proxy: StorageProxy) -> None:
    """A large download that comes steadily is awaited for longer than attempts are made."""
    storage_proxy.default = downloads.drip(3_000, 0.1)
    content = os.urandom(60_000)
    began = time.monotonic()

    assert fetch(content, pace=SLOW) == content

    assert time.monotonic() - began > download.RETRY_S


def test_download_ends_before_the_platform_does() -> None:
    """However large an object is, the function waits no more than half of the platform's 540 s; a laptop has time."""
    large = 8 * 2**30

    assert download.IN_THE_CLOUD.allows(2**30, 285)
    assert not download.IN_THE_CLOUD.allows(large, 286)
    assert not download.IN_THE_CLOUD.allows(10, 46)
    assert download.AT_HOME.allows(large, 12 * 3600)
