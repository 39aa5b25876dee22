"""A file whose texts would fill the memory is too large, however they are stored; one with long texts is not."""

import struct
import tempfile
from collections.abc import Callable

import pytest

from analysis.decoding import texts
from analysis.decoding.recording import open_recording
from analysis.errors import TooLargeError
from analysis.settings import Settings
from tests.fakes.tagged import aiff, caf_with, comments, flac, frame, id3, speex_with

LIMIT = 2**18
MANY = 2 * texts.MAX_CHUNKS


@pytest.fixture(autouse=True)
def _limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that makes small files large."""
    monkeypatch.setattr(texts, "MAX_TEXT_BYTES", LIMIT)


def flac_of(n_bytes: int) -> bytes:
    """A FLAC file with comments of this length, in blocks of 16 KiB."""
    plain = flac(comments({}))
    info, rest = plain[4:42], plain[42:]
    block = b"\x04" + (2**14).to_bytes(3) + comments({}, b"TITLE=" + bytes(2**14 - len(comments({}, b"TITLE="))))
    return plain[:4] + info + block * (n_bytes // 2**14) + rest


TEXTS: dict[str, Callable[[int], bytes]] = {
    "AIFF's name": lambda n: aiff((b"NAME", b"a" * n)),
    "AIFF's annotations": lambda n: aiff(*[(b"ANNO", b"a" * 2**14)] * (n // 2**14)),
    "AIFF's copyright, behind ID3": lambda n: id3(4, frame(4, b"TIT2", b"\0t")) + aiff((b"(c) ", b"a" * n)),
    "CAF's information": lambda n: caf_with({"title": "a" * n}),
    "FLAC's comments": flac_of,
    "Ogg's comments": lambda n: speex_with(comments({}, b"TITLE=" + b"a" * n)),
}


def open_bytes(content: bytes) -> int:
    """Open a file of these bytes, and count its samples."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return sum(map(len, open_recording(file, Settings())))


@pytest.mark.parametrize("name", TEXTS)
def test_texts_beyond_the_memory_are_too_large(name: str) -> None:
    """Texts of more than the limit are refused with their size; texts of half of it are passed over."""
    assert open_bytes(TEXTS[name](LIMIT // 2)) > 0
    with pytest.raises(TooLargeError, match=r"^3\d{5} bytes of titles and other texts .* accepted are 262144$"):
        open_bytes(TEXTS[name](LIMIT + 2**17))


@pytest.mark.parametrize("what", [(b"NAME", b""), (b"what", b"")], ids=["texts", "others"])
def test_what_is_behind_very_many_chunks_counts_as_text(what: tuple[bytes, bytes]) -> None:
    """A large text cannot hide behind more chunks than are looked at."""
    content = aiff(*[what] * MANY, (b"NAME", b"a" * (LIMIT + 2)))

    with pytest.raises(TooLargeError):
        open_bytes(content)


def test_sizes_of_other_chunks_do_not_count() -> None:
    """Pictures in FLAC and application data in AIFF are passed over by decoders, so they may be larger."""
    plain = flac(comments({}))
    picture = b"\x06" + LIMIT.to_bytes(3) + bytes(LIMIT)

    assert open_bytes(plain[:42] + picture * 3 + plain[42:]) > 0
    assert open_bytes(aiff((b"APPL", bytes(LIMIT + 2)))) > 0


def test_a_size_before_the_beginning_ends_the_search() -> None:
    """A chunk of CAF that says -1 is the data, which goes on to the end; a text behind it is none."""
    data = b"caff\0\1\0\0data" + struct.pack(">q", -1) + b"info" + struct.pack(">q", 2**40)

    with pytest.raises(Exception) as raised:  # noqa: PT011  any but one
        open_bytes(data)

    assert not isinstance(raised.value, TooLargeError)
