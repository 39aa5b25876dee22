"""The samples of a sound from any of them on, of a file that is read in parts."""

from itertools import islice
from typing import Any

import numpy as np
import pytest

from page.media import wav
from page.media.bucket_file import BLOCK_BYTES, BucketFile, TooManyBytesError
from page.media.samples import NotSeekableError, open_samples
from tests.fakes.synthetic import encode, encode_with_ffmpeg, tone
from tests.page import sample_sounds

SR = 44100
SECONDS = 8
STARTS = (1, 5000, 4 * SR + 1, 7 * SR)
FILES = {
    "WAV": lambda: encode(tone(SECONDS)),
    "24-bit WAV": lambda: encode(tone(SECONDS), codec="PCM_24"),
    "AIFF": lambda: encode(tone(SECONDS), container="AIFF"),
    "CAF": lambda: encode(tone(SECONDS), container="CAF"),
    "ALAC in CAF": lambda: encode(tone(SECONDS), container="CAF", codec="ALAC_16"),
    "FLAC": lambda: encode(tone(SECONDS), container="FLAC"),
    "Vorbis": lambda: encode(tone(SECONDS), container="OGG", codec="VORBIS"),
    "MP3": lambda: encode(tone(SECONDS), container="MP3", codec="MPEG_LAYER_III"),
    "ALAC": lambda: encode_with_ffmpeg(tone(SECONDS), SR, "ipod", "alac"),
    "WavPack": lambda: encode_with_ffmpeg(tone(SECONDS), SR, "wv", "wavpack"),
    "TTA": lambda: encode_with_ffmpeg(tone(SECONDS), SR, "tta", "tta"),
}


def open_file(content: bytes, max_fetched: int | None = None) -> BucketFile:
    """A file of this content."""
    return BucketFile(lambda part: content[part.start : part.stop], len(content), max_fetched)


@pytest.mark.parametrize("name", FILES)
def test_reading_on_is_reading_from_the_beginning(name: str) -> None:
    """From any sample on the samples are those that are there when the file is read from its beginning."""
    content = FILES[name]()
    sound = sample_sounds.analyse(content)
    samples = open_samples(open_file(content), sound)
    whole = np.concatenate([wav.to_int16(block, 2) for block in samples.read(0)]).astype(int)

    assert len(whole) == pytest.approx(sound["duration"] * SR, abs=SR / 20)
    for start in STARTS:
        found = wav.to_int16(next(islice(samples.read(start), 1)), 2)[:2000]
        assert np.abs(found - whole[start : start + len(found)]).max() <= 1


@pytest.mark.parametrize("codec", [("ipod", "aac"), ("asf", "wmav2"), ("matroska", "flac")], ids=lambda pair: pair[1])
def test_what_has_coarse_times_is_read_where_it_is(codec: tuple[str, str]) -> None:
    """A click is found where it is by who begins to read a little before, as near as its packets say."""
    y = np.zeros((SECONDS * SR, 2))
    y[5 * SR : 5 * SR + 20] = 0.9
    content = encode_with_ffmpeg(y, SR, *codec)
    samples = open_samples(open_file(content), sample_sounds.analyse(content))

    start = round(4.5 * SR)
    found = np.concatenate([wav.to_int16(block, 2) for block in samples.read(start)])
    assert (start + np.abs(found[:, 0].astype(int)).argmax()) / SR == pytest.approx(5, abs=0.06)


def test_only_what_is_read_is_fetched() -> None:
    """A second in the middle of a long file costs its beginning and what lies around that second."""
    content = encode(np.zeros((600 * 8000, 1)), 8000)
    file = open_file(content)
    samples = open_samples(file, sample_sounds.analyse(content))
    blocks = samples.read(300 * 8000)
    next(blocks)

    assert len(content) > 30 * BLOCK_BYTES
    assert file.n_fetched <= 4 * BLOCK_BYTES


@pytest.mark.parametrize(
    "difference",
    [{"duration": 1}, {"complete": False}, {"sample_rate": 48000}, {"channels": 1}, {"source": None}, {"length": "x"}],
    ids=lambda one: next(iter(one)),
)
def test_a_file_that_is_not_as_analysed_is_not_sought_in(difference: dict[str, Any]) -> None:
    """Where file and document disagree, or the file is damaged, times would be wrong."""
    content = FILES["AIFF"]()
    sound = sample_sounds.analyse(content)
    if "duration" in difference:
        sound["length"] += 22050
    elif "length" in difference or difference.get("source", "") is None:
        sound |= difference
    else:
        sound["source"] |= difference

    with pytest.raises(NotSeekableError):
        open_samples(open_file(content), sound)


def test_what_cannot_be_fetched_is_said() -> None:
    """The error of a fetch comes out, not one of the decoder that takes it for the end of the file."""

    def fail(part: range) -> bytes:
        raise ConnectionError(str(part))

    with pytest.raises(ConnectionError):
        open_samples(BucketFile(fail, 1000), sample_sounds.analyse(FILES["WAV"]()))


@pytest.mark.parametrize("name", ["WAV", "ALAC"])
def test_no_more_is_fetched_than_may_be(name: str) -> None:
    """Who sets a limit is told when it is reached."""
    content = FILES[name]()
    samples = open_samples(open_file(content, 2 * BLOCK_BYTES), sample_sounds.analyse(content))

    with pytest.raises(TooManyBytesError):
        list(samples.read(0))
