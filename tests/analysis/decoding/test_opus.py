"""Ogg Opus is read as librosa reads it, whichever of the two decoders does it."""

import struct
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import av
import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.decoding import ogg
from analysis.decoding.ogg import read_links
from analysis.decoding.opus import Opus
from analysis.decoding.recording import open_recording
from analysis.errors import AnalysisError, NotFiniteError, TooLongError
from analysis.settings import Settings
from tests.fakes.ogg_pages import make_page, pages_of, patch, seal
from tests.fakes.synthetic import encode, encode_with_ffmpeg, tone

# Of a sample: up to six channels are added up in float32 in another order than librosa's, and resampled.
ROUNDING = 1e-5


def read(path: Path) -> tuple[np.ndarray, bool]:
    """Return all samples of a file, and whether ffmpeg was asked for them."""
    with path.open("rb") as file:
        recording = open_recording(file, Settings())
        return np.concatenate(list(recording)), isinstance(recording._decoder, Opus)


def shift(pages: list[bytearray], samples: int) -> None:
    """Move the positions of pages with sound."""
    for page in pages:
        patch(page, 6, "<q", struct.unpack_from("<q", page, 6)[0] + samples)


FILES: dict[str, Callable[[], bytes]] = {
    "libsndfile's": lambda: encode(tone(2, 48000), 48000, "OGG", "OPUS"),
    "ffmpeg's": lambda: encode_with_ffmpeg(tone(2, 48000), 48000, "ogg", "libopus"),
}


@cache
def file_of(name: str) -> bytes:
    """One of these files."""
    return FILES[name]()


@pytest.mark.each_value
@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("sr", [8000, 12000, 16000, 24000, 48000])
@pytest.mark.parametrize("seconds", [0.01, 1.3])
def test_rates_and_channels(tmp_path: Path, seconds: float, sr: int, channels: int) -> None:
    """Opus of every rate and number of channels gives librosa's samples; ffmpeg decodes what was recorded at 48 kHz."""
    path = tmp_path / "sound.opus"
    soundfile.write(path, tone(seconds, sr, channels), sr, format="OGG", subtype="OPUS")

    y, is_ffmpegs = read(path)

    np.testing.assert_allclose(y, librosa.load(path)[0], atol=ROUNDING)
    assert is_ffmpegs is (sr == 48000)


# What is done to the pages of a file; the first holds the header, the third is the first with sound.
ODDITIES: dict[str, Callable[[list[bytearray]], object]] = {
    "as it is": lambda _: None,
    "gain of -6 dB": lambda pages: patch(pages[0], 28 + 16, "<h", -6 * 256),
    "no pre-skip": lambda pages: patch(pages[0], 28 + 10, "<H", 0),
    "long pre-skip": lambda pages: patch(pages[0], 28 + 10, "<H", 3000),
    "recorded at 44.1 kHz": lambda pages: patch(pages[0], 28 + 12, "<I", 44100),
    "recorded at 16 kHz": lambda pages: patch(pages[0], 28 + 12, "<I", 16000),
    "trimmed at its end": lambda pages: shift(pages[-1:], -100),
    "trimmed by packets": lambda pages: shift(pages[-1:], -7000),
    "said to be longer": lambda pages: shift(pages[-1:], 7000),
    "begun late": lambda pages: shift(pages[2:], 10 * 48000),
    "with a page lost": lambda pages: pages.pop(3),
    "with a page damaged": lambda pages: pages[3].__setitem__(100, pages[3][100] ^ 1),
    "without its last page": lambda pages: pages.pop(),
    "ended before its end": lambda pages: patch(pages[-2], 5, "B", 4),
    "begun twice": lambda pages: patch(pages[2], 5, "B", 2),
    "begun within a packet": lambda pages: patch(pages[2], 5, "B", 1),
    "twice": lambda pages: pages.extend(pages[:]),
    "followed by a tag": lambda pages: pages.append(bytearray(b"TAG".ljust(128))),
    "cut off": lambda pages: pages[-1].__delitem__(slice(60, None)),
    "cut off in a header": lambda pages: pages[-1].__delitem__(slice(24, None)),
}


@pytest.mark.each_value
@pytest.mark.parametrize("oddity", ODDITIES)
@pytest.mark.parametrize("origin", FILES)
def test_odd_streams(tmp_path: Path, origin: str, oddity: str) -> None:
    """Whatever is odd about a stream, its length is librosa's; and so are its samples, but where packets are lost.

    A second stream behind the first, which librosa does not read, is read as well.
    """
    pages = pages_of(file_of(origin))
    ODDITIES[oddity](pages)
    path = tmp_path / "sound.opus"
    path.write_bytes(b"".join(pages))

    y, _ = read(path)

    expected, _ = librosa.load(path)
    if oddity == "twice":
        expected = np.tile(expected, 2)
    assert y.shape == expected.shape
    if oddity != "begun within a packet":  # there libsndfile gives other samples before a seek than after it
        np.testing.assert_allclose(y, expected, atol=ROUNDING)


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_streams(tmp_path: Path, data: st.DataObject) -> None:
    """However a stream is damaged, its length is librosa's where librosa reads it; where not, it is no other error.

    Where positions jump, libsndfile gives for samples whatever stood in memory: now and then that is not finite.
    """
    pages = pages_of(file_of(data.draw(st.sampled_from(sorted(FILES)))))
    for _ in range(data.draw(st.integers(1, 3))):
        page = pages[data.draw(st.integers(0, len(pages) - 1))]
        page[data.draw(st.integers(5, len(page) - 1))] ^= data.draw(st.integers(1, 255))
        if data.draw(st.booleans()):
            seal(page)
    path = tmp_path / "sound.opus"
    path.write_bytes(b"".join(pages))
    try:
        if soundfile.info(path).duration > Settings().max_duration_s:  # librosa would make room for all of it
            with pytest.raises(TooLongError):
                read(path)
            return
        expected, _ = librosa.load(path)
    except (soundfile.LibsndfileError, librosa.ParameterError):
        with suppress(AnalysisError):
            read(path)
        return

    with suppress(NotFiniteError):
        assert read(path)[0].shape == expected.shape


@pytest.mark.parametrize(("n_more", "n_links"), [(-2, 2), (-1, 1)])
@pytest.mark.parametrize(
    "limit", [2**10, pytest.param(2**18, marks=pytest.mark.whole_run("files are as long as is looked through"))]
)
def test_pages_are_gone_through_a_quarter_of_a_million_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, n_more: int, n_links: int
) -> None:
    """Links are looked for in 2**18 pages and no more, so that no file takes minutes; what follows is not lost."""
    assert ogg.MAX_PAGES == 2**18
    monkeypatch.setattr(ogg, "MAX_PAGES", limit)
    n_pages = limit + n_more
    first, empty = make_page(0, 2, 0, [b"OpusHead"]), make_page(1, 0, 0, [])
    path = tmp_path / "sound.opus"
    path.write_bytes(first + empty * n_pages + first)

    with path.open("rb") as file:
        links = read_links(file)

    assert len(links) == n_links
    assert links[-1].spans[-1][1] == path.stat().st_size


def test_webm_has_the_numbers_of_ogg(tmp_path: Path) -> None:
    """The same packets of Opus give the same samples in WebM as in Ogg."""
    path, webm = tmp_path / "sound.opus", tmp_path / "sound.webm"
    path.write_bytes(file_of("ffmpeg's"))
    with av.open(path) as source, av.open(webm, "w") as output:
        stream = output.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = stream
                output.mux(packet)

    np.testing.assert_allclose(read(webm)[0], read(path)[0], atol=ROUNDING)
