"""Files whose headers count otherwise than there are samples: all samples are read, and none that is none."""

import io
import struct
from collections.abc import Callable
from functools import cache

import librosa
import numpy as np
import pytest
import soundfile

from tests.analysis.decoding.reading import Sound, read, read_with_librosa
from tests.fakes.mpeg import (
    header_at,
    piped,
    swelling,
    with_count,
    with_fraunhofers_header,
    with_header,
    without_header,
)
from tests.fakes.synthetic import encode, tone

EDGE = 200  # samples of a resampled sound that depend on what follows them


def assert_goes_on(sound: Sound, expected: np.ndarray) -> None:
    """Compare with what librosa gives, which ends early: the same before its end."""
    assert len(sound.y) > len(expected)
    np.testing.assert_allclose(sound.y[: len(expected) - EDGE], expected[:-EDGE], atol=1e-6)


def count_frames(content: bytes) -> int:
    """How many frames there are of what an encoder wrote whole, by what its header counts."""
    at = header_at(content) + 8
    return int.from_bytes(content[at : at + 4])


@cache
def loud() -> bytes:
    """MP3 of four seconds."""
    return with_header(swelling(4, 44100, 2), 44100)


@cache
def other() -> bytes:
    """MP3 of two seconds, of another tone."""
    return with_header(swelling(2, 44100, 2, frequency=1000), 44100)


DELAY = 1105  # samples that LAME's header takes off the beginning: its encoder's and the decoder's delay
ID3 = b"ID3\4\0\0\0\0\x10\0" + bytes(2048)
# Of MP3 at 44.1 kHz: its content, made of the two, how many times the frames of each are in it, and samples besides.
MP3: dict[str, tuple[Callable[[bytes, bytes], bytes], tuple[int, int], int]] = {
    "written to a pipe": (lambda *_: piped(swelling(4, 44100, 2), 44100), (1, 0), 0),
    "with a stale count": (lambda a, _: with_count(a, 30), (1, 0), -DELAY),
    "with a count of none": (lambda a, _: with_count(a, 0), (1, 0), -DELAY),
    "with Fraunhofer's header": (lambda a, _: with_fraunhofers_header(a, 30), (1, 0), 1152),
    "joined": (lambda a, b: a + b, (1, 1), -DELAY),
    "joined three times": (lambda a, b: b + a + b, (1, 2), -DELAY),
    "joined with tags": (lambda a, b: a + b"TAG".ljust(128) + ID3 + b, (1, 1), -DELAY),
    "joined to one from a pipe": (lambda a, b: a + without_header(b), (1, 1), -DELAY),
    "joined from a pipe": (lambda a, b: without_header(a) + b, (1, 1), 0),
    "joined behind a tag": (lambda a, b: ID3 + a + b, (1, 1), -DELAY),
    "joined behind zeros": (lambda a, b: bytes(700) + a + b, (1, 1), -DELAY),
}


@pytest.mark.parametrize("name", MP3)
def test_all_frames_of_mp3(name: str) -> None:
    """Whatever the first frame says or leaves to be guessed, all frames are read, those of Xing within left out.

    The beginning is librosa's. LAME's header tells its encoder's delay, which is taken off as librosa does.
    """
    join, (n_loud, n_other), more = MP3[name]
    content = join(loud(), other())
    n_samples = (n_loud * count_frames(loud()) + n_other * count_frames(other())) * 1152 + more

    sound = read(content)

    assert len(sound.y) == np.ceil(n_samples * 22050 / 44100)
    assert sound.source.complete
    if name not in ("with a count of none", "joined behind zeros"):  # there librosa reads what is no sound, or nothing
        expected = read_with_librosa(content)
        assert expected is not None
        if len(expected) == len(sound.y):
            np.testing.assert_array_equal(sound.y, expected)
        else:
            assert_goes_on(sound, expected)


def test_joined_mp3_goes_on_with_its_second_part() -> None:
    """What follows the first part is the second part's frames, as libsndfile decodes them."""
    first = with_header(swelling(2, 22050), 22050)
    second = encode(swelling(2, 22050, frequency=1000), 22050, "MP3", "MPEG_LAYER_III")
    plain = read(without_header(second)).y  # at 22 050 Hz, so nothing is resampled

    sound = read(first + second)

    n = count_frames(second) * 576 - 2 * 576  # the first frames of what was decoded by itself have nothing before them
    np.testing.assert_allclose(sound.y[-n:], plain[-n:], atol=1e-6)


@pytest.mark.parametrize(
    "make", [loud, other, lambda: ID3 + loud(), lambda: loud() + ID3, lambda: loud() + b"TAG".ljust(128)]
)
def test_whole_mp3_is_librosas(make: Callable[[], bytes]) -> None:
    """What librosa reads whole keeps its exact length and numbers."""
    content = make()

    sound = read(content)

    np.testing.assert_array_equal(sound.y, read_with_librosa(content))
    assert sound.source.complete


SAMPLES = np.round(tone(3, 22050, 2) * 32767).astype(np.int16)
FLAC = encode(SAMPLES, 22050, "FLAC")


def counting(n_samples: int) -> bytes:
    """FLAC that counts so many samples."""
    return FLAC[:21] + bytes([FLAC[21] & 0xF0 | n_samples >> 32]) + n_samples.to_bytes(5)[1:] + FLAC[26:]


TAGS = {
    "nothing": b"",
    "ID3v1": b"TAG".ljust(128),
    "an APE tag": b"APETAGEX" + bytes(range(200)),
    "zeros": bytes(5000),
    "many zeros": bytes(2**21),
}


@pytest.mark.each_value
@pytest.mark.parametrize("end", TAGS)
@pytest.mark.parametrize("n_counted", [0, 1, len(SAMPLES) // 2, len(SAMPLES), 2 * len(SAMPLES), 2**36 - 1])
def test_all_frames_of_flac(n_counted: int, end: str) -> None:
    """However many samples a FLAC counts, and whatever follows its last frame, exactly its samples are read."""
    sound = read(counting(n_counted) + TAGS[end])

    np.testing.assert_array_equal(sound.y, SAMPLES.astype(np.float32).mean(axis=1) / 2**15)
    assert sound.source.complete is (n_counted <= len(SAMPLES))
    assert (sound.source.problem or "ends at 3.00 s of").startswith("ends at 3.00 s of")


def gsm(n_blocks: int) -> bytes:
    """GSM 6.10 as voicemail has it, in blocks of 65 bytes and 320 samples."""
    y = np.resize(tone(1, 8000, 1)[:, 0], n_blocks * 320)
    return encode(y[:, np.newaxis], 8000, "WAV", "GSM610")


def read_blocks(content: bytes, n_samples: int) -> np.ndarray:
    """The first samples, as libsndfile decodes them."""
    with soundfile.SoundFile(io.BytesIO(content)) as sound:
        y = sound.read(n_samples, "float32")
    return librosa.resample(y, orig_sr=8000, target_sr=22050)


def with_fact(content: bytes, n_samples: int) -> bytes:
    """A WAV that says to have so many samples."""
    at = content.index(b"fact") + 8
    return content[:at] + struct.pack("<I", n_samples) + content[at + 4 :]


@pytest.mark.each_value
@pytest.mark.parametrize("n_blocks", [2, 49, 50, 51])
@pytest.mark.parametrize(
    ("fact", "n_cut"),
    [(lambda n: n, 0), (lambda n: n - 100, 100), (lambda _: 0, 0), (lambda _: 7, 0), (lambda n: n + 500, 0)],
    ids=["right", "less than the last block", "none", "stale", "more than there is"],
)
def test_all_blocks_of_gsm(n_blocks: int, fact: Callable[[int], int], n_cut: int) -> None:
    """GSM 6.10 has as many samples as whole blocks, also where a chunk's pad byte follows, and no more than fact says.

    A fact that does not end within the last block is stale.
    """
    n_samples = n_blocks * 320
    content = with_fact(gsm(n_blocks), fact(n_samples))

    sound = read(content)

    np.testing.assert_allclose(sound.y, read_blocks(content, n_samples - n_cut), atol=1e-6)
    assert sound.source.complete
