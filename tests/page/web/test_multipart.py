"""The file in the body of a form arrives whole, however the body is cut, and nothing else of the form does."""

import io
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from page.web.multipart import MAX_HEADERS, MultipartError, TooManyBytesError, read_file

FORM = "multipart/form-data; boundary=B"


def part(name: str, content: bytes, more: str = "") -> bytes:
    """Return a part of a form, its delimiter before it."""
    return f'--B\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"


def read(body: bytes, n: int = 2**16, max_bytes: int = 10**6, content_type: str = FORM) -> tuple[str, bytes]:
    """Return the name and the content of the file in a body that comes n bytes at a time."""

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), n):
            yield body[start : start + n]

    file = io.BytesIO()
    reading = read_file(content_type, pieces(), "file", file, max_bytes)
    try:
        reading.send(None)  # it waits for nothing, so it needs no loop, of which a browser's test may run another
    except StopIteration as end:
        return end.value, file.getvalue()
    raise AssertionError("it waits")


# What looks like a delimiter, in parts: only a whole one ends a file.
contents = st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", b"\r\n-", b"B", b"\r\n--", b"a\x00"]), max_size=12)


@given(
    content=contents.map(b"".join).filter(lambda content: b"\r\n--B" not in b"\r\n" + content), n=st.integers(1, 200)
)
def test_the_file_arrives_whole(content: bytes, n: int) -> None:
    """Whatever a file holds and wherever the body is cut, it is what was sent, and other fields are left out."""
    file = part("file", content, '; filename="a.wav"')
    body = b"preamble\r\n" + part("q", b"x") + file + part("r", b"y") + b"--B--\r\nmore"

    assert read(body, n) == ("a.wav", content)


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("", ""),
        ('; filename=""', ""),
        ('; filename="\u00c4 \u00f6.wav"', "\u00c4 \u00f6.wav"),
        (r'; filename="a\"b.wav"', 'a"b.wav'),
        ('; filename="a%22b%0D%0Ac%41.wav"', 'a"b\r\nc%41.wav'),
        ('; filename="x; y=z.wav"', "x; y=z.wav"),
        ("; filename=a.wav\r\nContent-Type: audio/wav", "a.wav"),
    ],
)
def test_the_name_of_a_file(told: str, name: str) -> None:
    """It is what browsers and curl send, and empty where nothing is told."""
    assert read(part("file", b"x", told) + b"--B--\r\n") == (name, b"x")


def test_the_first_of_several_files_counts() -> None:
    """What comes after the file is passed over, another of the same field too."""
    assert read(part("file", b"one") + part("file", b"two") + b"--B--\r\n")[1] == b"one"


@pytest.mark.parametrize("content_type", ["", "audio/wav", "multipart/form-data", "multipart/mixed; boundary=B"])
def test_what_is_no_form_is_told(content_type: str) -> None:
    """A body of another type, or without a boundary, is a mistake of the sender."""
    with pytest.raises(MultipartError, match="the body is no form"):
        read(part("file", b"x"), content_type=content_type)
    with pytest.raises(MultipartError, match="the body is no form"):
        read(b"", content_type=f"multipart/form-data; boundary={'b' * 71}")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "has no file"),
        (part("other", b"x") + b"--B--\r\n", "has no file"),
        (part("file", b"x")[:-2], "ends before its file"),
        (b'--B\r\nContent-Disposition: form-data; name="file"\r\n', "has no file"),
        (b"--B\r\nx: " + b"y" * 2 * MAX_HEADERS, "bytes of headers"),
    ],
)
def test_a_form_without_a_whole_file_is_told(body: bytes, message: str) -> None:
    """What is missing is said; headers without an end fill no memory."""
    with pytest.raises(MultipartError, match=message):
        read(body, 1000)


def test_no_more_is_written_than_is_accepted() -> None:
    """A file of the most bytes arrives; of one with more no more than that is written."""
    body = part("file", b"x" * 1000) + b"--B--\r\n"

    assert read(body, 7, 1000)[1] == b"x" * 1000
    with pytest.raises(TooManyBytesError):
        read(body, 7, 999)
