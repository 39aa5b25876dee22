"""Of several audio tracks the first is read whose codec is known, and the source says which of how many."""

import io

import av
import numpy as np
import pytest

from analysis.errors import NotAudioError
from tests.analysis.decoding.reading import read
from tests.fakes.synthetic import tone

FREQUENCIES = 300, 900, 2000


def film(*codecs: str, container: str = "matroska", with_picture: bool = False) -> bytes:
    """A film with a track of each codec; each is a tone of its own."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        if with_picture:
            picture = output.add_stream("mpeg4", rate=10)
            picture.width = picture.height = 16
        streams = []
        for codec in codecs:
            sr = 8000 if codec == "real_144" else 48000
            streams.append(output.add_stream(codec, rate=sr, layout="mono"))
        if with_picture:
            output.mux(picture.encode(av.VideoFrame(16, 16, "yuv420p")))
            output.mux(picture.encode(None))
        for stream, frequency in zip(streams, FREQUENCIES, strict=False):
            t = np.arange(stream.rate) / stream.rate
            y = (0.3 * np.sin(2 * np.pi * frequency * t)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(y[np.newaxis], "fltp", "mono")
            frame.sample_rate, frame.pts = stream.rate, 0
            resampler = av.AudioResampler(stream.format, "mono", stream.rate, frame_size=stream.frame_size or 1024)
            for part in [*resampler.resample(frame), *resampler.resample(None), None]:
                output.mux(stream.encode(part))
    return file.getvalue()


def loudest_hz(y: np.ndarray) -> float:
    """Where the spectrum has its highest peak."""
    return float(np.abs(np.fft.rfft(y)).argmax() * 22050 / len(y))


@pytest.mark.parametrize(
    ("codecs", "track"),
    [
        (("aac", "flac"), 1),
        (("real_144", "aac"), 2),
        (("real_144", "flac", "aac"), 2),
        (("real_144", "real_144", "aac"), 3),
    ],
)
@pytest.mark.parametrize("with_picture", [False, True])
def test_first_track_that_can_be_decoded(codecs: tuple[str, ...], track: int, with_picture: bool) -> None:  # noqa: FBT001
    """It is the first one whose decoder is here, not the one with most channels or most bits."""
    sound = read(film(*codecs, with_picture=with_picture))

    assert (sound.source.track, sound.source.tracks) == (track, len(codecs))
    assert sound.source.codec == codecs[track - 1]
    assert loudest_hz(sound.y) == pytest.approx(FREQUENCIES[track - 1], abs=3)
    assert sound.source.complete


def test_one_track_is_not_counted() -> None:
    """A file with one track says nothing of tracks."""
    source = read(film("aac", with_picture=True)).source

    assert (source.track, source.tracks) == (None, None)


def test_no_track_that_can_be_decoded() -> None:
    """Where no track can be decoded, the codecs of all are named."""
    with pytest.raises(NotAudioError, match="audio as real_144: accepted are"):
        read(film("real_144", "real_144"))


def test_tone_of_a_film_is_its_length() -> None:
    """A track that is shorter than the film is whole."""
    assert read(film("aac", "flac")).seconds == pytest.approx(len(tone(1, 48000)) / 48000, abs=0.05)
