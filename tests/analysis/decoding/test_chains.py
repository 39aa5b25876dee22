"""Files that are joined from others: all of them are read, one after the other, each mixed and resampled as it is."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest

from analysis.decoding import Block, Source
from analysis.decoding.recording import Recording
from analysis.errors import BadSampleRateError, CorruptError, TooLongError, TooManyChannelsError
from analysis.settings import Settings
from tests.analysis.decoding.reading import read, read_with_librosa
from tests.fakes.mpeg import swelling, with_header
from tests.fakes.ogg_pages import pages_of
from tests.fakes.synthetic import encode, encode_with_ffmpeg, speex, tone


def ogg(codec: str, seconds: float, sr: int, channels: int = 2) -> bytes:
    """An Ogg file of libsndfile's."""
    return encode(tone(seconds, sr, channels), sr, "OGG", codec)


def with_ffmpeg(container: str, codec: str, seconds: float, sr: int, channels: int = 2) -> bytes:
    """A file of ffmpeg's."""
    return encode_with_ffmpeg(tone(seconds, sr, channels), sr, container, codec)


vorbis, opus = partial(ogg, "VORBIS"), partial(ogg, "OPUS")
flac_in_ogg, adts = partial(with_ffmpeg, "ogg", "flac"), partial(with_ffmpeg, "adts", "aac")
SPEEX = speex([b"\x07"] * 50, 8000)
# What is joined.
CHAINS: dict[str, Callable[[], list[bytes]]] = {
    "Vorbis": lambda: [vorbis(1, 44100), vorbis(0.7, 44100), vorbis(1, 44100)],
    "Vorbis of other rates": lambda: [vorbis(0.7, 44100), vorbis(0.7, 48000), vorbis(0.7, 11025)],
    "Vorbis of other channels": lambda: [vorbis(0.7, 44100), vorbis(0.7, 44100, 1)],
    "Opus": lambda: [opus(0.7, 48000), opus(1, 48000)],
    "Opus of other rates and channels": lambda: [opus(0.7, 48000), opus(1, 16000, 1), opus(0.7, 48000, 1)],
    "Opus of ffmpeg": lambda: [with_ffmpeg("ogg", "libopus", 0.7, 48000), with_ffmpeg("ogg", "libopus", 0.7, 48000, 1)],
    "Speex": lambda: [SPEEX, SPEEX],
    "FLAC in Ogg": lambda: [flac_in_ogg(0.7, 44100), flac_in_ogg(0.7, 44100)],
    "FLAC in Ogg of other rates": lambda: [flac_in_ogg(0.7, 44100), flac_in_ogg(0.7, 48000, 1)],
    "Ogg of several codecs": lambda: [vorbis(0.7, 44100), opus(0.7, 48000), flac_in_ogg(0.7, 44100), SPEEX],
    "FLAC": lambda: 2 * [encode(tone(0.7, 44100), 44100, "FLAC")],
    "FLAC of other rates, channels and bits": lambda: [
        encode(tone(0.7, 44100), 44100, "FLAC"),
        encode(tone(0.7, 48000, 1), 48000, "FLAC", "PCM_24"),
        encode(tone(0.7, 22050, 2), 22050, "FLAC", "PCM_S8"),
    ],
}


@pytest.mark.parametrize("name", CHAINS)
def test_all_files_of_a_chain(name: str) -> None:
    """Each file of a chain gives exactly the samples that it gives by itself: librosa's, where that reads it."""
    files = CHAINS[name]()

    sound = read(b"".join(files))

    parts = [read(file) for file in files]
    for file, part in zip(files, parts, strict=True):
        expected = read_with_librosa(file)
        if expected is not None:
            np.testing.assert_allclose(part.y, expected, atol=1e-5)
    np.testing.assert_array_equal(sound.y, np.concatenate([part.y for part in parts]))
    assert sound.source.complete
    assert sound.source == parts[0].source


AAC_FRAME = 1024
ALIKE = 0.99  # correlation: both decoders fill bands with noise, which goes on from what came before
STREAMS: dict[str, tuple[Callable[[], list[bytes]], int]] = {
    "AAC of another rate": (lambda: [adts(1, 48000), adts(1, 44100)], 2 * AAC_FRAME),
    "AAC of other channels": (lambda: [adts(1, 48000), adts(1, 48000, 1)], 2 * AAC_FRAME),
    "AAC of other rates and channels": (lambda: [adts(1, 48000), adts(1, 16000, 1), adts(1, 48000)], 2 * AAC_FRAME),
    "AC-3 of another rate": (
        lambda: [with_ffmpeg("ac3", "ac3", 1, 48000), with_ffmpeg("ac3", "ac3", 1, 44100)],
        2 * 1536,
    ),
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams_that_change(name: str) -> None:
    """A stream whose rate or channels change is as long as its parts, each of which sounds as by itself.

    But for the first frames of a part, for which the decoder still holds what came before.
    """
    make, n_first = STREAMS[name]
    files = make()
    parts = [read(file).y for file in files]

    sound = read(b"".join(files))

    assert len(sound.y) == sum(map(len, parts))
    n_last = len(parts[-1]) - n_first * 22050 // 16000
    assert np.corrcoef(sound.y[-n_last:], parts[-1][-n_last:])[0, 1] > ALIKE
    np.testing.assert_allclose(sound.y[: len(parts[0]) - 200], parts[0][:-200], atol=1e-4)


def test_aac_that_does_not_change() -> None:
    """AAC joined from files of one kind is one stream."""
    assert read(adts(1, 48000) + adts(1, 48000)).seconds == pytest.approx(2 * read(adts(1, 48000)).seconds, abs=1e-4)


@pytest.mark.parametrize(("sr", "channels"), [(48000, 2), (44100, 1), (22050, 2), (16000, 1)])
def test_mp3_that_changes(sr: int, channels: int) -> None:
    """MP3 that goes on with another rate, or another number of channels, is read to its end."""
    first = with_header(swelling(1, 44100, 2), 44100)
    second = with_header(swelling(1, sr, channels, frequency=1000), sr)
    end = read_with_librosa(second)
    assert end is not None

    sound = read(first + second + first)

    n = len(read(first).y)
    frames = 2 * 1152 * 22050 // sr  # Xing's header of the second part, which tells its delay and padding, is left out
    assert 2 * n + len(end) <= len(sound.y) <= 2 * n + len(end) + 3 * frames
    np.testing.assert_allclose(sound.y[: n - 200], read(first).y[:-200], atol=1e-6)
    assert sound.source.complete
    assert (sound.source.sample_rate, sound.source.channels) == (44100, 2)


def test_junk_between_links() -> None:
    """What stands between the files of a chain, and is none, is left out."""
    first, second = vorbis(0.7, 44100), vorbis(1, 48000)

    sound = read(first + bytes(1000) + second + b"TAG".ljust(128))

    np.testing.assert_array_equal(sound.y, np.concatenate([read(first).y, read(second).y]))


@pytest.mark.parametrize("n_cut", [100, 3000])
def test_link_that_is_cut(n_cut: int) -> None:
    """A file of a chain that is cut off is read as far as it goes, and the next as ever; the problem says where."""
    first, second = vorbis(1, 44100), vorbis(0.7, 44100)

    sound = read(first[:-n_cut] + second)

    y, last = read(first[:-n_cut]).y, read(second).y
    np.testing.assert_array_equal(sound.y, np.concatenate([y, last]))
    assert "part 1 of 2, from 0.00 s: ends within a page" in (sound.source.problem or "")


def test_link_that_is_damaged() -> None:
    """A file of a chain of which nothing can be read is left out, and is the sound's problem."""
    pages = pages_of(vorbis(0.7, 44100))
    pages[1][100:200] = bytes(100)

    sound = read(vorbis(1, 48000) + b"".join(pages) + vorbis(1, 48000))

    np.testing.assert_array_equal(sound.y, np.tile(read(vorbis(1, 48000)).y, 2))
    assert "part 2 of 3, from 1.00 s" in (sound.source.problem or "")


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (Settings(min_sample_rate=12000), BadSampleRateError),
        (Settings(max_channels=1), TooManyChannelsError),
        (Settings(max_duration_s=2), TooLongError),
    ],
)
def test_limits_hold_for_each_part(limits: Settings, error: type[Exception]) -> None:
    """Rate and channels of every part are within the limits, and all parts together are not too long."""
    with pytest.raises(error):
        read(vorbis(1, 44100, 1) + vorbis(1, 11025) + vorbis(0.7, 44100, 1), limits)


class Parts:
    """A decoder of so many parts of one sample each."""

    source = Source("FLAC", "PCM_16", 22050, 1)
    declared_samples = None
    problem = None

    def __init__(self, n_parts: int) -> None:
        self._n_parts = n_parts

    def decode(self, skip: int = 0) -> Iterator[Block]:
        """Yield them all."""
        return (Block(22050, np.zeros((1, 1), np.float32), part) for part in range(skip, self._n_parts))


@pytest.mark.parametrize(("n_parts", "is_read"), [(2**12, True), (2**12 + 1, False)])
def test_parts_are_not_endless(n_parts: int, is_read: bool) -> None:  # noqa: FBT001
    """A file of more than 4096 parts is corrupt, so that none takes minutes."""
    recording = Recording(Parts(n_parts), Settings())

    if is_read:
        assert sum(map(len, recording)) == n_parts
    else:
        with pytest.raises(CorruptError, match="more than 4096 times"):
            list(recording)
