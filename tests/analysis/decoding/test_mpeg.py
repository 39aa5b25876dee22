"""MP3 that begins oddly is read as librosa reads it by its name, and nothing else is taken for MP3."""

import io
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import av
import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.decoding.mpeg import find_mpeg
from analysis.decoding.mpeg_frames import read_frames
from analysis.decoding.recording import open_recording
from analysis.errors import NotAudioError
from analysis.settings import Settings
from tests.fakes.synthetic import encode, tone

SECONDS = 0.8


def decode(path: Path) -> np.ndarray:
    """Return all samples of a file."""
    with path.open("rb") as file:
        return np.concatenate(list(open_recording(file, Settings())))


def encode_plainly(sr: int, channels: int, codec: str = "libmp3lame", options: dict[str, str] | None = None) -> bytes:
    """Return a sound that swells, as frames without a header: its length can only be guessed from its bytes."""
    file = io.BytesIO()
    layout = {1: "mono", 2: "stereo"}[channels]
    y = tone(SECONDS, sr, channels) * np.linspace(0.01, 1, round(SECONDS * sr))[:, np.newaxis]
    container, muxing = ("mp2", {}) if codec == "mp2" else ("mp3", {"write_xing": "0", "id3v2_version": "0"})
    with av.open(file, "w", format=container, options=muxing) as output:
        stream = output.add_stream(codec, rate=sr, layout=layout, options=options or {"b": "64k"})
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(y.T, np.float32), "fltp", layout)
        frame.sample_rate, frame.pts = sr, 0
        resampler = av.AudioResampler(stream.format, layout, sr, frame_size=stream.frame_size)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            output.mux(stream.encode(part))
    return file.getvalue()


# MP3 of several kinds, by their names.
KINDS: dict[str, Callable[[], bytes]] = {
    "with a header": lambda: encode(tone(SECONDS), 44100, "MP3", "MPEG_LAYER_III"),
    "of one bit rate": lambda: encode_plainly(44100, 2),
    "of any bit rate": lambda: encode_plainly(44100, 2, options={"b": "0", "q": "4", "flags": "qscale"}),
    "of high bit rate": lambda: encode_plainly(32000, 2, options={"b": "320k"}),
    "of MPEG 2": lambda: encode_plainly(22050, 1, options={"b": "32k"}),
    "of MPEG 2.5": lambda: encode_plainly(8000, 1, options={"b": "8k"}),
    "of layer II": lambda: encode_plainly(48000, 2, "mp2", {"b": "128k"}),
    "of layer II and MPEG 2": lambda: encode_plainly(24000, 1, "mp2", {"b": "32k"}),
}


@cache
def mp3(name: str) -> bytes:
    """MP3 of one of these kinds."""
    return KINDS[name]()


def tag(content: bytes, *, version: int = 4, flags: int = 0, size: int | None = None) -> bytes:
    """An ID3v2 tag that says what one likes of itself."""
    n_bytes = len(content) if size is None else size
    return b"ID3" + bytes([version, 0, flags, *(n_bytes >> shift & 0x7F for shift in (21, 14, 7, 0))]) + content


def assert_begins_as_librosas(y: np.ndarray, expected: np.ndarray) -> None:
    """Compare with what librosa reads: the same, or it is cut off, and before its end the same."""
    assert len(y) >= len(expected)
    if len(y) == len(expected):
        np.testing.assert_array_equal(y, expected)
    else:
        np.testing.assert_allclose(y[: len(expected) - EDGE], expected[:-EDGE], atol=1e-6)


EDGE = 200  # samples of a resampled sound that depend on what follows them
LENGTHS = st.sampled_from([0, 1, 2, 3, 10, 100, 1000, 5000])
JUNK = st.one_of(
    st.builds(bytes, LENGTHS),
    st.builds(lambda n, seed: np.random.default_rng(seed).bytes(n), LENGTHS, st.integers(0, 99)),
)
TAGS = st.builds(
    tag, JUNK, version=st.sampled_from([0, 1, 2, 3, 4, 5, 9]), flags=st.sampled_from([0, 0x10, 0x40, 0x80, 0x0F, 0xFF])
)
WRONG_TAGS = st.builds(lambda content, size: tag(content, size=size), JUNK, st.integers(0, 300))
FRAME_LIKE = st.builds(lambda n, rest: b"\xff\xfb\x90\x64" * n + rest, st.integers(1, 9), JUNK)
FOOTERS = st.builds(lambda content: tag(content, flags=0x10) + b"3DI" + bytes(7), JUNK)
OTHER_TAGS = st.sampled_from([b"TAG".ljust(128), b"APETAGEX".ljust(32)])
BEGINNINGS = st.lists(st.one_of(JUNK, TAGS, WRONG_TAGS, FRAME_LIKE, FOOTERS, OTHER_TAGS), min_size=1, max_size=4)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(KINDS)), BEGINNINGS, st.sampled_from([b"", b"TAG".ljust(128)]))
def test_odd_beginnings(tmp_path: Path, name: str, beginning: list[bytes], end: bytes) -> None:
    """Whatever tags, zeros, noise and false frames come first, an MP3 is read as librosa reads it by its name.

    What librosa does not read to its end, as it guesses too small a number of frames, goes on here.
    """
    path = tmp_path / "sound.mp3"
    path.write_bytes(b"".join(beginning) + mp3(name) + end)
    nameless = tmp_path / "sound"
    nameless.write_bytes(path.read_bytes())
    try:
        expected, _ = librosa.load(path)
    except soundfile.LibsndfileError:
        return

    assert_begins_as_librosas(decode(nameless), expected)


CERTAIN: dict[str, bytes | Callable[[], bytes]] = {
    "a tag, zeros": tag(bytes(100)) + bytes(10),
    "tags, a zero": tag(bytes(100)) + tag(bytes(50)) + bytes(1),
    "a short tag and another": tag(b"?") + tag(bytes(50)),
    "a tag of version 5": tag(bytes(100), version=5),
    "tags of versions 4 and 5": tag(bytes(50)) + tag(bytes(100), version=5),
    "a tag with a footer": tag(bytes(100), flags=0x10) + b"3DI" + bytes(7),
    "a tag with a footer and another": tag(bytes(100), flags=0x10) + b"3DI" + bytes(7) + tag(bytes(100_000)),
    "a tag of wrong length": tag(bytes(300), size=5),
    "a tag of no length": b"ID3\4\0\0\xff\xff\xff\xff",
    "a large tag, zeros": tag(bytes(100_000)) + bytes(10),
    "zeros": bytes(60_000),
    "the rest of a frame": lambda: mp3("of one bit rate")[-300:],
}


@pytest.mark.each_value
@pytest.mark.parametrize("beginning", CERTAIN)
@pytest.mark.parametrize("name", KINDS)
def test_certain_beginnings(tmp_path: Path, name: str, beginning: str) -> None:
    """These, which are in use, are read with every kind of MP3, to its last sample."""
    path = tmp_path / "sound.mp3"
    before = CERTAIN[beginning]
    path.write_bytes((before if isinstance(before, bytes) else before()) + mp3(name))

    assert_begins_as_librosas(decode(path), librosa.load(path)[0])


@pytest.mark.parametrize("end", [b"", b"TAG".ljust(128), b"APETAGEX".ljust(64), b"LYRICSBEGIN"])
def test_few_frames(tmp_path: Path, end: bytes) -> None:
    """A tenth of a second is enough, if the file ends there."""
    path = tmp_path / "sound.mp3"
    path.write_bytes(bytes(10) + mp3("of one bit rate")[:835] + end)

    np.testing.assert_array_equal(decode(path), librosa.load(path)[0])


FRAME = b"\xff\xfb\x50\x64".ljust(208, b"\0")  # of layer III, 64 kbit/s, 44.1 kHz
TAG, TEXT_BEHIND = tag(bytes(2)), b"no frame" * 500
BOUNDS = {
    "junk of 64 KiB": (bytes(2**16 - 4) + FRAME * 16, True),
    "junk of more": (bytes(2**16 - 3) + FRAME * 3, False),
    "16 frames": (FRAME * 16 + TEXT_BEHIND, True),
    "15 frames": (FRAME * 15 + TEXT_BEHIND, False),
    "3 frames at the end": (FRAME * 3, True),
    "2 frames at the end": (FRAME * 2, False),
    "3 frames before a tag": (FRAME * 3 + b"TAG".ljust(128), True),
    "3 frames before another tag": (FRAME * 3 + b"APETAGEX".ljust(32), True),
    "3 frames before lyrics": (FRAME * 3 + b"LYRICSBEGIN", True),
    "3 frames before a tag of the beginning": (FRAME * 3 + TAG, True),
    "pixels": (b"\xff\xfb\x90" * 2**14, False),
    "4096 tags": (TAG * 2**12 + FRAME * 3, True),
    "16384 tags": (TAG * 2**14 + FRAME * 3, False),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_of_the_search(tmp_path: Path, name: str) -> None:
    """How far frames are looked for, and how many are enough, is what it takes for MP3 and no more."""
    content, is_found = BOUNDS[name]
    path = tmp_path / "sound"
    path.write_bytes(content)

    with path.open("rb") as file:
        assert (find_mpeg(file) is not None) is is_found


@pytest.mark.parametrize(("n_bytes", "n_frames"), [(2**22 - 2, 20), (2**22, 10)])
def test_junk_between_frames_is_not_endless(tmp_path: Path, n_bytes: int, n_frames: int) -> None:
    """Behind 4 MiB that are no frames none is looked for, so that no file takes minutes."""
    path = tmp_path / "sound"
    path.write_bytes(FRAME * 10 + bytes(n_bytes) + FRAME * 10)

    with path.open("rb") as file:
        assert read_frames(file, 0).n_frames == n_frames


def png() -> bytes:
    """A picture of noise."""
    rows = b"".join(b"\0" + np.random.default_rng(row).bytes(300) for row in range(100))
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 100, 100, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def jpeg() -> bytes:
    """The segments of a photograph, and noise for its picture."""
    segments = [
        (0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),
        (0xE1, b"Exif\0\0" + bytes(500)),
        (0xE2, b"ICC_PROFILE\0" + bytes(3000)),
    ]
    segments += [(0xDB, bytes(range(65))), (0xC0, bytes(15)), (0xC4, bytes(range(29))), (0xDA, bytes(10))]
    head = b"".join(bytes([0xFF, kind]) + struct.pack(">H", len(content) + 2) + content for kind, content in segments)
    return b"\xff\xd8" + head + np.random.default_rng(0).bytes(40_000).replace(b"\xff", b"\xff\0") + b"\xff\xd9"


def bitmap(pixel: bytes) -> bytes:
    """A picture of one colour."""
    return (
        b"BM" + struct.pack("<IIIIIIHHIIIIII", 300_054, 0, 54, 40, 300, 333, 1, 24, 0, 0, 0, 0, 0, 0) + pixel * 99_900
    )


def archive(content: bytes) -> bytes:
    """An archive of a sound, not compressed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as output:
        output.writestr("sound.mp3", content)
    return file.getvalue()


def film(content: bytes) -> bytes:
    """A film whose sound comes in pieces, between its pictures."""
    sounds = [content[start : start + 8000] for start in range(0, len(content), 8000)]
    chunks = [chunk(b"01wb", sound) + chunk(b"00dc", bytes(3000)) for sound in sounds]
    return chunk(b"RIFF", b"AVI " + chunk(b"LIST", b"movi" + b"".join(chunks)))


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a RIFF file."""
    return kind + struct.pack("<I", len(content)) + content


def noise(n_bytes: int) -> bytes:
    """Any bytes."""
    return np.random.default_rng(0).bytes(n_bytes)


TEXT = "A letter about frames, tags and zeros, in several words and lines.\n" * 500
HUNDREDS = pytest.mark.whole_run("hundreds of files of noise are read")
NOT_AUDIO: dict[str, Callable[[], bytes]] = {
    "a letter": TEXT.encode,
    "a letter in UTF-16": lambda: TEXT.encode("utf-16"),
    "an empty line in UTF-16": lambda: ("\n" + TEXT).encode("utf-16"),
    "a letter about ID3": lambda: b"ID3 is how tags begin.\n" + TEXT.encode(),
    "a tag": lambda: tag(bytes(1000)),
    "a tag and noise": lambda: tag(bytes(1000), version=5) + noise(30_000),
    "a tag that does not end": lambda: tag(bytes(1000), size=2**27),
    "a PNG": png,
    "a JPEG": jpeg,
    "a bitmap of light blue": lambda: bitmap(b"\xff\xfb\x90"),
    "a bitmap of pale yellow": lambda: bitmap(b"\x64\xff\xfb"),
    "a PDF": lambda: b"%PDF-1.7\n1 0 obj\n<< /Length 20000 >>\nstream\n" + noise(20_000),
    "a few frames in noise": lambda: bytes(10) + mp3("of one bit rate")[:2090] + np.random.default_rng(0).bytes(9000),
    "an archive of an MP3": lambda: archive(mp3("of one bit rate")),
    "a film with MP3": lambda: film(mp3("of one bit rate")),
    "a program": Path(sys.executable).read_bytes,
}


@pytest.mark.parametrize("name", NOT_AUDIO)
def test_other_files_are_not_audio(tmp_path: Path, name: str) -> None:
    """Texts, pictures, archives and films are no sound, though some hold what looks like frames."""
    path = tmp_path / "sound.mp3"
    path.write_bytes(NOT_AUDIO[name]())

    with pytest.raises(NotAudioError):
        decode(path)


@pytest.mark.parametrize("n_files", [100, pytest.param(400, marks=HUNDREDS)])
@pytest.mark.parametrize("beginning", [b"", bytes(20)])
def test_noise_is_not_audio(tmp_path: Path, beginning: bytes, n_files: int) -> None:
    """Files of noise, and of zeros and noise, are no sound; in hundreds of them no frames are found."""
    path = tmp_path / "sound.mp3"
    rng = np.random.default_rng(0)
    for number in range(n_files):
        path.write_bytes(beginning + rng.bytes(int(rng.integers(1, 70_000))))

        with path.open("rb") as file:
            assert find_mpeg(file) is None
        if number % 10 == 0:  # ffmpeg takes ten times as long to look for what it knows
            with pytest.raises(NotAudioError):
                decode(path)


@pytest.mark.parametrize("n_files", [20, pytest.param(50, marks=HUNDREDS)])
@pytest.mark.parametrize("beginning", [b"\xff\xfb\x90\x64", b"\xff\xf8", b"\xff\xfe"])
def test_noise_that_begins_like_a_sound(tmp_path: Path, beginning: bytes, n_files: int) -> None:
    """Noise behind the first bytes of an MP3, of FLAC's frames or of a text is no sound."""
    path = tmp_path / "sound.mp3"
    rng = np.random.default_rng(0)
    for _ in range(n_files):
        path.write_bytes(beginning + rng.bytes(int(rng.integers(1, 20_000))))

        with pytest.raises(NotAudioError):
            decode(path)
