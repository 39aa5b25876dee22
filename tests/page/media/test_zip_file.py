"""A ZIP file is made while it is sent: other programs unpack it, safely, and it says what it lacks."""

import io
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from page.media.audio import Content
from page.media.zip_file import MISSING, Names, write_zip

MOMENT = datetime(2026, 3, 4, 5, 6, 8, tzinfo=UTC)


class LostError(Exception):
    """A file cannot be read."""


def describe(error: Exception) -> str:
    """Return why a file is missing."""
    if not isinstance(error, LostError):
        raise error
    return f"lost: {error}"


def sound(name: str, content: bytes = b"") -> dict[str, Any]:
    """Return what an archive needs of a sound, and its content."""
    return {"blob_name": name, "content": content, "uploaded_at": MOMENT}


def read(document: dict[str, Any], *, piece: int = 7) -> Content:
    """Return the content of a sound in pieces; of one that says so it is lost, from the beginning or in the middle."""
    content = document["content"]
    if content == b"lost":
        raise LostError("no such file")

    def pieces() -> Iterator[bytes]:
        for first in range(0, len(content), piece):
            yield content[first : first + piece]
        if content.endswith(b"cut"):
            raise LostError("the connection was cut")

    return Content("audio/x-wav", len(content), None, pieces(), 1)


def make(*sounds: dict[str, Any]) -> zipfile.ZipFile:
    """Return the archive of some sounds."""
    return zipfile.ZipFile(io.BytesIO(b"".join(write_zip(sounds, read, describe))))


def test_an_archive_holds_each_file_as_it_is() -> None:
    """Contents, names, folders and times are those of the bucket; nothing is deflated."""
    sounds = [sound("kit/snare.wav", b"snare" * 100), sound("Gl\u00f6ckchen.wav", b"bell"), sound("empty.wav")]
    with make(*sounds) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            one["blob_name"]: one["content"] for one in sounds
        }
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {info.date_time for info in archive.infolist()} == {(2026, 3, 4, 5, 6, 8)}


def test_another_program_unpacks_it(tmp_path: Path) -> None:
    """What unzip finds is what was put in."""
    unzip = shutil.which("bsdtar") or shutil.which("unzip")
    if not unzip:
        pytest.skip("neither bsdtar nor unzip is installed")
    (tmp_path / "sounds.zip").write_bytes(b"".join(write_zip([sound("kit/a.wav", b"a" * 5000)], read, describe)))
    options = ["-xf"] if unzip.endswith("bsdtar") else ["-q"]
    subprocess.run([unzip, *options, "sounds.zip"], cwd=tmp_path, check=True, timeout=20)

    assert (tmp_path / "kit/a.wav").read_bytes() == b"a" * 5000


def test_what_cannot_be_read_is_named() -> None:
    """A file that is gone, or breaks off, is told of in the archive with the reason; the others are whole."""
    sounds = [sound("gone.wav", b"lost"), sound("broken.wav", b"0123456789cut"), sound("whole.wav", b"whole")]
    with make(*sounds) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["broken.wav", "whole.wav", MISSING]
        assert archive.read("whole.wav") == b"whole"
        assert archive.read(MISSING).decode().splitlines() == [
            "gone.wav: lost: no such file",
            "broken.wav: lost: the connection was cut Only its first 13 bytes are here.",
        ]


def test_an_error_of_the_page_ends_the_archive() -> None:
    """What is no reason of a file is not hidden in a text: the download breaks off."""

    def fail(_: dict[str, Any]) -> Content:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(write_zip([sound("a.wav")], fail, describe))


def test_it_is_sent_while_it_is_read() -> None:
    """The first file is under way before the last is opened, and few are opened ahead."""
    opened = []

    def open_one(document: dict[str, Any]) -> Content:
        opened.append(document["blob_name"])
        return read(document)

    sounds = [sound(f"{number}.wav", b"x" * 20) for number in range(100)]
    pieces = write_zip(sounds, open_one, describe)
    next(pieces)

    assert len(opened) <= 5
    list(pieces)
    assert len(opened) == 100


def test_a_file_of_unknown_size_has_room() -> None:
    """What is stored compressed, and larger than it was said to be, has the fields of ZIP64."""

    def open_one(document: dict[str, Any]) -> Content:
        return Content("audio/x-wav", None, None, iter([document["content"]]), 1)

    archive = b"".join(write_zip([sound("a.wav", b"abc")], open_one, describe))
    with zipfile.ZipFile(io.BytesIO(archive)) as read_back:
        assert read_back.read("a.wav") == b"abc"
        assert read_back.infolist()[0].extract_version == zipfile.ZIP64_VERSION


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.wav", "a.wav", "A.WAV"], ["a.wav", "a (2).wav", "A (3).WAV"]),
        (["\u00e9.wav", "e\u0301.wav"], ["\u00e9.wav", "e\u0301 (2).wav"]),
        (["/etc/passwd", "../x", "a/../../b"], ["_/etc/passwd", "_/x", "a/_/_/b"]),
        (["C:\\x.wav", "con", "kit/NUL.wav", "dot."], ["C__x.wav", "_con", "kit/_NUL.wav", "dot"]),
        (["kit.d/a", "kit.d/a"], ["kit.d/a", "kit.d/a (2)"]),
        (["x\u202ecod.wav", "a\nb", ""], ["x_cod.wav", "a_b", "_"]),
        ([MISSING], ["NOT IN THIS ARCHIVE (2).txt"]),
        (["\u00e4" * 200 + ".wav"], ["\u00e4" * 98 + ".wav"]),
    ],
)
def test_a_name_is_safe_and_the_only_one(names: list[str], expected: list[str]) -> None:
    """No name leads out of the folder, is reserved, hides its ending or falls together with another."""
    taken = Names()

    assert [taken.add(name) for name in names] == expected


@given(st.lists(st.text(max_size=300), max_size=8))
def test_any_names_are_safe(names: list[str]) -> None:
    """Whatever the names, those of the archive are relative, differ, and have no part that leads up."""
    taken = Names()
    safe = [taken.add(name) for name in names]

    assert len({name.casefold() for name in safe}) == len(names)
    for name in safe:
        assert not PurePosixPath(name).is_absolute()
        assert not PureWindowsPath(name).anchor
        assert not {"", ".", ".."} & set(name.split("/"))
        assert all(len(part.encode()) <= 255 for part in name.split("/"))
