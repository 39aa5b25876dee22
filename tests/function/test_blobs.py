"""What is stored becomes the content that was meant, whole and unchanged, or an error."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stand_ins import storage_proxy as downloads
from tests.stand_ins.cloud import Cloud
from tests.stand_ins.storage_proxy import StorageProxy, answer, cut

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


@pytest.mark.parametrize(
    ("faults", "status"),
    [
        ([cut(20_000)], 200),
        ([cut(20_000), answer(503), cut(9000)], 200),
        ([downloads.corrupted], 500),
        ([cut(20_000, downloads.corrupt)], 500),
        ([cut(20_000), downloads.corrupted], 500),
    ],
    ids=["cut", "cut twice", "corrupt", "corrupt, then cut", "cut, then corrupt"],
)
@pytest.mark.parametrize("encoding", ["gzip", None])
def test_content_is_whole_or_an_error(
    proxied: Cloud,
    storage_proxy: StorageProxy,
    sound: bytes,
    encoding: str | None,
    faults: list[downloads.Fault],
    status: int,
) -> None:
    """However often a download is cut, compressed or not, what is analysed is what the event tells of."""
    resource = proxied.upload(gzip.compress(sound) if encoding else sound, content_encoding=encoding)
    storage_proxy.queue += faults

    assert proxied.deliver(resource) == status

    assert [document["length"] for document in proxied.documents()[0]] == ([22050] if status == 200 else [])
    assert proxied.documents()[1] == []


@pytest.mark.parametrize("size", [None, "1"])
def test_more_than_the_event_tells_is_too_large(proxied: Cloud, sound: bytes, tmp_path: Path, size: str | None) -> None:
    """An event without a size or with a wrong one does not open the way for more than MAX_BYTES."""
    resource = proxied.upload(sound * 40)
    with proxied.another(tmp_path, MAX_BYTES="1000000") as cloud:
        assert cloud.deliver(resource | {"size": size}) == 200

    assert [document["reason"] for document in proxied.documents()[1]] == ["too_large"]
