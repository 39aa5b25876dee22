"""The tags of a file: of each format, as text that is bounded, and never a reason to fail."""

import struct
import tempfile
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.decoding.recording import open_recording
from analysis.decoding.tag_text import MAX_CHARS, NAMES, clean, decode, join
from analysis.decoding.tags import choose_tags, read_tags
from analysis.settings import Settings
from tests.fakes.containers import pcm, riff
from tests.fakes.synthetic import EVERY_FORMAT, sound_of
from tests.fakes.tagged import (
    MP3,
    TAGGED,
    Y,
    aiff,
    bext,
    caf_with,
    comment_of,
    comments,
    flac,
    frame,
    id3,
    id3v1,
    info,
    speex_with,
    text_of,
)


def tags_of(content: bytes) -> dict[str, str]:
    """The tags of a sound, whose samples are read, too."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        recording = open_recording(file, Settings())
        before = dict(recording.source.tags)
        assert sum(map(len, recording)) > 0
        assert recording.source.tags == before
        return before


def read_of(content: bytes, *, is_mpeg: bool = True) -> dict[str, str]:
    """The tags that are read of any bytes."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return read_tags(file, {}, is_mpeg=is_mpeg)


@pytest.mark.parametrize("name", TAGGED)
def test_tags_are_read(name: str) -> None:
    """Of each format and kind of tag all tags are read as they were written, and no others."""
    make, expected = TAGGED[name]

    assert tags_of(make()) == expected


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_without_tags_there_are_none(name: str) -> None:
    """What encoders write of themselves is no tag."""
    assert tags_of(sound_of(name)) == {}


TITLE, OTHER = text_of("title", 3), frame(4, b"TPE1", text_of("artist", 3))
FRAMES = {
    "in a group": frame(4, b"TIT2", b"g" + TITLE, 0x40),
    "of declared length": frame(4, b"TIT2", bytes(4) + TITLE, 0x01),
    "several texts": frame(4, b"TIT2", b"\3one\0two\0"),
    "of another version's size": b"TIT2" + (200).to_bytes(4) + bytes(2) + b"\3" + b"t" * 199,
    "a described comment": frame(4, b"COMM", comment_of("text", 3, "mood")),
    "ffmpeg's comment": frame(4, b"TXXX", b"\3Comment\0text"),
    "two comments": frame(4, b"COMM", comment_of("a", 3, "mood")) + frame(4, b"COMM", comment_of("b", 3)),
    "UTF-16 without a mark": frame(4, b"TIT2", b"\1" + "title".encode("utf-16-le")),
    "unsynchronised": frame(4, b"TIT2", b"\1\xff\0\xfe" + "ti".encode("utf-16-le"), 0x02),
}
READ = {
    "in a group": {"title": "title"},
    "of declared length": {"title": "title"},
    "several texts": {"title": "one; two"},
    "of another version's size": {"title": "t" * 199},
    "a described comment": {"comment": "text"},
    "ffmpeg's comment": {"comment": "text"},
    "two comments": {"comment": "b"},
    "UTF-16 without a mark": {"title": "title"},
    "unsynchronised": {"title": "ti"},
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames_of_id3(name: str) -> None:
    """A frame is read whatever its flags put before its text, and so is the one behind it."""
    assert read_of(id3(4, FRAMES[name], OTHER)) == {"artist": "artist"} | READ[name]


@pytest.mark.parametrize("flags", [0x0008, 0x0004], ids=["compressed", "encrypted"])
def test_frames_that_cannot_be_read_are_left_out(flags: int) -> None:
    """What is compressed or encrypted is no text, and the frame behind it is one."""
    assert read_of(id3(4, frame(4, b"TIT2", b"\3garbage", flags), OTHER)) == {"artist": "artist"}


def test_a_tag_without_false_syncs() -> None:
    """A tag of version 3 in which no byte looks like a frame of MPEG audio is read as what it was before."""
    content = frame(3, b"TIT2", b"\1" + b"\xff\xfe" + "ÿti".encode("utf-16-le")) + frame(3, b"TPE1", text_of("me", 0))

    assert read_of(id3(3, content.replace(b"\xff", b"\xff\0"), flags=0x80)) == {"title": "ÿti", "artist": "me"}


@pytest.mark.parametrize(
    ("version", "extended"), [(3, (6).to_bytes(4) + bytes(6)), (4, b"\0\0\0\6\1\0")], ids=["2.3", "2.4"]
)
def test_an_extended_header_is_passed_over(version: int, extended: bytes) -> None:
    """What a tag says of itself before its frames is no frame."""
    tag = id3(version, extended, frame(version, b"TIT2", text_of("title", 0)), flags=0x40)

    assert read_of(tag) == {"title": "title"}


@pytest.mark.parametrize(
    ("date", "time", "told"),
    [
        ("2026-11-28", "10:30:00", "2026-11-28 10:30:00"),
        ("2026_11_28", "10.30.00", "2026-11-28 10:30:00"),
        ("2026-11-28", "", "2026-11-28"),
        ("", "10:30:00", "10:30:00"),
        ("28.11.2026", "10h30", "28.11.2026 10h30"),
        ("", "", None),
    ],
)
def test_origination_time(date: str, time: str, told: str | None) -> None:
    """A recorder's date and time are one text, with whatever separators they are written; what is odd stays so."""
    assert tags_of(riff(bext(date, time), *pcm(Y, 44100))).get("origination_time") == told


def test_several_texts_of_one_name() -> None:
    """Several artists are one text, and what describes a sound is its comment where there is none."""
    assert read_of(b"fLaC\x84" + (len(several := comments({}, *SEVERAL))).to_bytes(3) + several) == {
        "artist": "One; Two",
        "comment": "D",
    }


SEVERAL = (b"ARTIST=One", b"artist=Two", b"DESCRIPTION=D", b"novalue", b"=", b"YEAR=")


def test_the_kind_that_says_more_counts() -> None:
    """Of a WAV with several kinds of tags each name is of the first kind that has it: ID3, then INFO, then bext."""
    chunks = (bext("", "", "b"), info({"title": "i", "comment": "i"}), (b"id3 ", id3(4, frame(4, b"TIT2", b"\0d"))))

    assert tags_of(riff(*chunks, *pcm(Y, 44100))) == {"title": "d", "comment": "i"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        (" \r\n\t ", ""),
        ("\0hidden", ""),
        ("one\r\ntwo\tthree", "one two three"),
        ("a\x1b[31mred\x07", "a [31mred"),
        ("\u202egnp.exe\u2066", "gnp.exe"),
        ("\ufeffmark", "mark"),
        ("\udcff", ""),
        ("'=cmd()", "'=cmd()"),
        ("👩‍🎤 नमस्ते", "👩‍🎤 नमस्ते"),
        ("x" * MAX_CHARS, "x" * MAX_CHARS),
        ("x" * (MAX_CHARS + 1), "x" * (MAX_CHARS - 1) + "…"),
    ],
)
def test_text_is_clean(text: str, shown: str) -> None:
    """A text is one line that can be shown and stored: no control characters, no turned direction, bounded."""
    assert clean(text) == shown


@given(st.text(st.characters(), max_size=3000) | st.binary(max_size=3000).map(decode))
def test_any_text_is_bounded_and_can_be_stored(text: str) -> None:
    """Whatever a tag holds, what is kept is short, valid UTF-8, and has no control character."""
    kept = clean(text)

    assert len(kept) <= MAX_CHARS
    assert kept.encode().decode() == kept
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in kept)
    assert clean(kept) == kept


@pytest.mark.each_value
@pytest.mark.parametrize("character", ["a", "é", "☃", "𝄞"])
@pytest.mark.parametrize("n", [499, 500, 501, 700, 5000])
@pytest.mark.parametrize("kind", ["comment of FLAC", "UTF-8 of ID3", "UTF-16 of ID3", "INFO", "ffmpeg"])
def test_long_texts_are_cut_between_characters(kind: str, n: int, character: str) -> None:
    """However many bytes a character takes, a long text keeps its beginning, and nothing odd at its end."""
    text = character * n
    match kind:
        case "comment of FLAC":
            kept = read_of(b"fLaC\x84" + len(content := comments({"title": text})).to_bytes(3) + content)
        case "UTF-8 of ID3":
            kept = read_of(id3(4, frame(4, b"TIT2", text_of(text, 3))))
        case "UTF-16 of ID3":
            kept = read_of(id3(4, frame(4, b"TIT2", text_of(text, 1))))
        case "INFO":
            kept = read_of(riff(info({"title": text})))
        case _:
            kept = choose_tags({"title": text})

    assert kept == {"title": text if n <= MAX_CHARS else character * (MAX_CHARS - 1) + "…"}


def test_what_ffmpeg_tells() -> None:
    """The keys of any case and of AVI are known, the better name counts, and bytes that are not UTF-8 are Latin-1."""
    told = {"TITLE": "t", "product": "p", "description": "d", "Comment": "c", "encoder": "e", "artist": "M\udcfc"}

    assert choose_tags({"comment": ""}, told) == {"title": "t", "album": "p", "comment": "c", "artist": "Mü"}
    assert choose_tags({"comment": "c", "description": "d"}) == {"comment": "c"}


def test_join_is_bounded() -> None:
    """A thousand texts of one name are not one text of a thousand."""
    assert len(join(["x" * 400] * 1000)) < 2 * MAX_CHARS


LARGE = 2**31 - 1
OGG_PAGE = b"OggS" + struct.pack("<BBqIIIB", 0, 1, 0, 1, 1, 0, 1) + b"\xff" + bytes(255)
# Tags that declare more than there is, or are as large as a file can be.
HOSTILE: dict[str, Callable[[], bytes]] = {
    "a text of 20 MB in ID3": lambda: id3(3, frame(3, b"TIT2", bytes(2 * 10**7))),
    "an unsynchronised tag of 20 MB": lambda: id3(3, frame(3, b"TIT2", b"\0" + b"\xff\0" * 10**7), flags=0x80),
    "a million frames": lambda: id3(4, frame(4, b"TPE1", b"\3\0") * 10**6),
    "a frame larger than its tag": lambda: id3(3, b"TIT2" + LARGE.to_bytes(4) + bytes(2) + b"\3x"),
    "an extended header of 2 GB": lambda: id3(3, LARGE.to_bytes(4), frame(3, b"TIT2", b"\0x"), flags=0x40),
    "a comment of 20 MB": lambda: b"fLaC\x84\xff\xff\xff" + comments({}, b"TITLE=" + b"\xf0" * (2 * 10**7)),
    "four billion comments": lambda: b"fLaC\x84\xff\xff\xff" + bytes(4) + b"\xff" * 4 + bytes(10**6),
    "blocks without end": lambda: b"fLaC" + bytes(4) * 10**6,
    "INFO of 4 GB": lambda: b"RIFF\xff\xff\xff\xffWAVELIST\xff\xff\xff\xffINFOINAM\xff\xff\xff\xff" + bytes(2 * 10**7),
    "a million texts in INFO": lambda: riff((b"LIST", b"INFO" + (b"INAM" + bytes(4)) * 10**6)),
    "a million chunks of AIFF": lambda: b"FORM" + bytes(4) + b"AIFF" + (b"NAME" + bytes(4)) * 10**6,
    "a chunk of CAF before its beginning": lambda: b"caff\0\1\0\0" + b"info" + (-1).to_bytes(8, signed=True) * 4,
    "a chunk of CAF beyond its end": lambda: b"caff\0\1\0\0" + b"free" + (2**63 - 1).to_bytes(8) + bytes(99),
    "a CAF of 20 MB of texts": lambda: caf_with({"title": "x" * (2 * 10**7)}),
    "pages of Ogg without end": lambda: speex_with(b"")[:108] + OGG_PAGE * 20_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_tag_costs_no_memory_and_does_not_fail(name: str) -> None:
    """Whatever a tag declares or holds, little of it is ever in memory, and there is no error."""
    with tempfile.TemporaryFile() as file:
        file.write(HOSTILE[name]())
        file.flush()
        tracemalloc.start()
        try:
            tags = read_tags(file, {}, is_mpeg=True)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak < 4 * 2**20
    assert all(len(text) <= MAX_CHARS for text in tags.values())


SMALL = (
    id3(2, frame(2, b"TT2", text_of("t", 1)), frame(2, b"COM", comment_of("c", 1))),
    id3(3, frame(3, b"TIT2", text_of("t", 1)), frame(3, b"COMM", comment_of("c", 0, "d")), flags=0x80),
    id3(4, frame(4, b"TIT2", text_of("t", 3), 0x03), frame(4, b"TXXX", b"\3comment\0c"), flags=0x40),
    flac(comments({"title": "t", "artist": "a"}))[:50] + comments({"title": "t"}),
    b"fLaC\x84" + len(COMMENTS := comments({"title": "t"}, b"=", b"x")).to_bytes(3) + COMMENTS,
    speex_with(comments({"title": "t"})),
    riff(bext("2026-11-28", "10:30:00"), info({"title": "t"}), (b"id3 ", id3(4, OTHER))),
    aiff((b"NAME", b"t"), (b"ID3 ", id3(4, OTHER)))[-120:],
    b"FORM" + bytes(4) + b"AIFF" + b"NAME" + (1).to_bytes(4) + b"t\0AUTH" + (9).to_bytes(4),
    caf_with({"title": "t"})[:200],
    bytes(9) + id3v1(title="t"),
)


@given(st.sampled_from(SMALL), st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=8)), max_size=6))
def test_damaged_tags_do_not_fail(content: bytes, changes: list[tuple[int, bytes]]) -> None:
    """Whatever bytes of a tag are others, or cut off, reading it ends, and what is read is clean."""
    changed = bytearray(content)
    for at, new in changes:
        place = at % (len(changed) + 1)
        changed[place : place + len(new)] = new
        del changed[place + at + len(new) :]

    tags = read_of(bytes(changed))

    assert list(tags) == [name for name in NAMES if name in tags]
    assert all(text and clean(text) == text for text in tags.values())


def test_a_damaged_tag_leaves_the_sound() -> None:
    """A sound whose tag is garbage is read as the sound that it is."""
    rng = np.random.default_rng(0)

    assert tags_of(b"ID3\3\0\x80\0\0\7\x78" + rng.bytes(1016) + MP3) == {}
