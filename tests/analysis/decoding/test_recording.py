"""Any sound file becomes the samples that librosa.load gives, or a reason why not."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.decoding import Source
from analysis.decoding.recording import open_recording
from analysis.errors import (
    AnalysisError,
    BadSampleRateError,
    CorruptError,
    EmptyError,
    NotAudioError,
    NotFiniteError,
    TooLongError,
    TooManyChannelsError,
)
from analysis.settings import Settings
from tests.fakes.hostile import wav
from tests.fakes.synthetic import amr, ape, encode_with_ffmpeg, sound_of, speex, tone

# Of a sample. Up to 32 channels are added up in float32 in another order than librosa's: 32 * 2**-24, and soxr's filter
# adds up a few hundred of those.
ROUNDING = 1e-5


def music(seconds: float, sr: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Tones that decay, with noise, a little different in each channel, [shape=(n, channels)]."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * sr)) / sr
    tones = sum(np.sin(2 * np.pi * f * t) / k for k, f in enumerate((220, 441, 1300, 2900), 1)) * np.exp(-3 * (t % 0.5))
    return np.stack([0.2 * tones + 0.02 * rng.standard_normal(len(t)) for _ in range(channels)], axis=1)


def decode(path: Path, limits: Settings = Settings()) -> tuple[np.ndarray, Source]:  # noqa: B008 - it is frozen
    """Return all samples of a file."""
    with path.open("rb") as file:
        recording = open_recording(file, limits)
        return np.concatenate(list(recording)), recording.source


def assert_is_librosas(path: Path) -> None:
    """Compare with the definition: equal length, equal samples but for rounding."""
    expected, _ = librosa.load(path)
    y, _ = decode(path)
    assert y.dtype == np.float32
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, atol=ROUNDING)


FORMATS = [
    *(("WAV", subtype) for subtype in ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"]),
    *(("WAV", subtype) for subtype in ["IMA_ADPCM", "MS_ADPCM"]),
    *(("WAVEX", "PCM_16"), ("RF64", "PCM_24"), ("W64", "PCM_16"), ("AIFF", "PCM_S8"), ("AIFF", "PCM_24")),
    *(("AIFF", "FLOAT"), ("AU", "ULAW"), ("AU", "PCM_16"), ("CAF", "PCM_16"), ("CAF", "ALAC_16"), ("CAF", "FLOAT")),
    *(("FLAC", "PCM_S8"), ("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("OGG", "OPUS")),
    ("MP3", "MPEG_LAYER_III"),
]


@pytest.mark.each_value
@pytest.mark.parametrize(("container", "codec"), FORMATS)
@pytest.mark.parametrize(("sr", "channels"), [(48000, 2), (8000, 1)])
def test_formats_of_libsndfile(
    write_sound: Callable[..., Path], container: str, codec: str, sr: int, channels: int
) -> None:
    """Every format that libsndfile reads gives librosa's samples, and its own facts."""
    path = write_sound(music(1.3, sr, channels), sr, name="sound.bin", subtype=codec, format=container)

    assert_is_librosas(path)
    assert decode(path)[1] == Source(container, codec, sr, channels)


@pytest.mark.parametrize(
    "sr", [2000, 8000, 11025, 16000, 22049, 22050, 22051, 32000, 44100, 44101, 48000, 96000, 192000]
)
def test_rates(write_sound: Callable[..., Path], sr: int) -> None:
    """Every rate gives librosa's samples and its exact length."""
    assert_is_librosas(write_sound(music(1.1, sr, 2), sr))


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 6, 8, 32])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_channels(write_sound: Callable[..., Path], channels: int, subtype: str) -> None:
    """Any number of channels is averaged as librosa does."""
    assert_is_librosas(write_sound(music(0.7, 44100, channels), 44100, subtype=subtype))


def test_equal_channels_equal_mono(write_sound: Callable[..., Path]) -> None:
    """A stereo file with equal channels is its mono."""
    mono = music(0.5, 44100)
    one = decode(write_sound(mono, 44100, name="1.wav"))[0]
    two = decode(write_sound(np.repeat(mono, 2, axis=1), 44100, name="2.wav"))[0]

    np.testing.assert_array_equal(one, two)


def test_blocks_are_bounded(write_sound: Callable[..., Path]) -> None:
    """A long file comes in many blocks, each small, and again from the beginning when iterated again."""
    path = write_sound(music(20, 44100, 2), 44100)
    with path.open("rb") as file:
        recording = open_recording(file, Settings())
        first, second = ([block.copy() for block in recording] for _ in range(2))

    assert len(first) > 10
    assert max(map(len, first)) < 2**17
    np.testing.assert_array_equal(np.concatenate(first), np.concatenate(second))


@pytest.mark.parametrize("name", ["WAV PCM_16", "OGG OPUS", "ipod aac"])
def test_file_that_was_read_before(tmp_path: Path, name: str) -> None:
    """Wherever a file stands, it is read from its beginning, by each decoder."""
    path = tmp_path / "sound"
    path.write_bytes(sound_of(name))
    expected, _ = decode(path)
    with path.open("rb") as file:
        file.read(100)
        y = np.concatenate(list(open_recording(file, Settings())))

    np.testing.assert_array_equal(y, expected)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 30_000), st.integers(2000, 200_000), st.integers(1, 4), st.sampled_from(["PCM_16", "FLOAT"]))
def test_any_length_rate_and_channels(tmp_path: Path, n: int, sr: int, channels: int, subtype: str) -> None:
    """For any length, rate and number of channels, the samples are librosa's, to the last one."""
    path = tmp_path / "any.wav"
    samples = np.random.default_rng(n).uniform(-0.5, 0.5, (n, channels))
    soundfile.write(path, samples, sr, subtype=subtype)

    assert_is_librosas(path)


def test_quiet_sds(write_sound: Callable[..., Path]) -> None:
    """SDS, the format of samplers, calls itself 16-bit and holds finer values: none is lost, however quiet."""
    quiet = music(0.5, 22050)[:, 0] * 1e-4
    path = write_sound(quiet, 22050, name="sound.sds", subtype="PCM_16", format="SDS")

    np.testing.assert_array_equal(decode(path)[0], librosa.load(path)[0])


def test_gsm_is_read(write_sound: Callable[..., Path]) -> None:
    """GSM 6.10 (voicemail), which librosa refuses as not seekable, is read from beginning to end."""
    path = write_sound(music(2, 8000)[:, 0], 8000, subtype="GSM610")
    with soundfile.SoundFile(path) as sound:
        expected = librosa.resample(sound.read(sound.frames, "float32"), orig_sr=8000, target_sr=22050)

    np.testing.assert_allclose(decode(path)[0], expected, atol=ROUNDING)


def ffmpeg(*arguments: object) -> bytes:
    """Run ffmpeg's own program, which shares no code with the copy that decodes for us."""
    command = ["ffmpeg", "-nostdin", "-v", "error", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout


FFMPEG_FORMATS = [
    ("aac", "ipod", "sound.m4a"),
    ("alac", "ipod", "sound.m4a"),
    ("aac", "mp4", "sound.mp4"),
    ("aac", "adts", "recording.wav"),
    ("libopus", "webm", "sound.webm"),
    ("libvorbis", "webm", "sound.webm"),
    ("aac", "matroska", "sound.mkv"),
    ("pcm_s16le", "matroska", "sound.mkv"),
    ("pcm_u8", "mov", "sound.mov"),
    ("wmav2", "asf", "sound.wma"),
    ("flac", "ogg", "sound.ogg"),
    ("wavpack", "wv", "sound.wv"),
    ("wavpack", "matroska", "sound.mp3"),
]


@pytest.mark.usefixtures("ffmpeg")
@pytest.mark.parametrize(("codec", "container", "name"), FFMPEG_FORMATS)
@pytest.mark.parametrize(("sr", "channels"), [(48000, 2), (44100, 1)])
def test_formats_of_ffmpeg(
    write_sound: Callable[..., Path], codec: str, container: str, name: str, sr: int, channels: int
) -> None:
    """What phones and browsers record is read as ffmpeg's own program reads it.

    Old versions of that do not remove the codec's padding at the end, as the file asks for; then ours is the original's
    length.
    """
    original = write_sound(music(2.2, sr, channels), sr, name="original.wav")
    path = original.with_name(name)
    ffmpeg("-i", original, "-c:a", codec, "-f", container, path)
    decoded = np.frombuffer(ffmpeg("-i", path, "-f", "f32le", "-c:a", "pcm_f32le", "-"), np.float32)
    native = decoded.reshape(-1, channels).mean(axis=1)

    y, source = decode(path)

    expected = librosa.resample(native, orig_sr=source.sample_rate, target_sr=22050)
    assert source.channels == channels
    assert len(y) in (len(expected), round(2.2 * 22050))
    np.testing.assert_allclose(y[:-100], expected[: len(y) - 100], atol=1e-4)  # the decoders are of other versions


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (ape(), (44100, 2, "ape", 73728 + 1000)),
        (amr(), (8000, 1, "amrnb", 25 * 160)),
        (speex([b"\x07"] * 25, 25 * 160), (8000, 1, "speex", 25 * 160)),
    ],
    ids=["APE", "AMR", "Speex"],
)
def test_formats_that_nothing_here_writes(tmp_path: Path, content: bytes, expected: tuple[int, int, str, int]) -> None:
    """Monkey's Audio, AMR and Speex are read to their last sample."""
    path = tmp_path / "sound"
    path.write_bytes(content)
    sr, channels, codec, n_samples = expected

    y, source = decode(path)

    assert (source.sample_rate, source.channels, source.codec) == (sr, channels, codec)
    assert len(y) == np.ceil(n_samples * 22050 / sr)


WAVPACK = encode_with_ffmpeg(tone(1, 48000), 48000, "wv", "wavpack")
SILENCE, BROKEN = b"\x07", b"\x7f"  # of Speex


@pytest.mark.parametrize(
    ("whole", "longer"),
    [
        (WAVPACK, WAVPACK + b"TAG".ljust(128)),
        (WAVPACK, WAVPACK + b"APETAGEX".ljust(100)),
        (speex([SILENCE] * 50, 8000), speex([SILENCE] * 50 + [BROKEN], 8000)),
    ],
    ids=["WavPack and ID3v1", "WavPack and an APE tag", "Speex and a broken packet"],
)
def test_what_follows_the_last_sample(tmp_path: Path, whole: bytes, longer: bytes) -> None:
    """What comes after the last sample that a file counts does it no harm, and is no problem."""
    path = tmp_path / "sound"
    path.write_bytes(whole)
    expected, _ = decode(path)
    path.write_bytes(longer)

    y, source = decode(path)
    np.testing.assert_array_equal(y, expected)
    assert source.problem is None


@pytest.mark.parametrize("n_bytes", [0, 1])
def test_m4a_that_is_cut_off(tmp_path: Path, n_bytes: int) -> None:
    """An m4a whose index stands first is corrupt, and not empty, where it is cut off before its first sample."""
    path = tmp_path / "sound.m4a"
    whole = io.BytesIO(encode_with_ffmpeg(tone(1, 48000), 48000, "mp4", "aac"))
    with av.open(whole) as source, av.open(path, "w", options={"movflags": "faststart"}) as output:
        stream = output.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            packet.stream = stream
            output.mux(packet)
    content = path.read_bytes()
    assert len(decode(path)[0]) == 22050
    path.write_bytes(content[: content.index(b"mdat") + 4 + n_bytes])

    with pytest.raises(CorruptError):
        decode(path)


def test_decoder_is_ffmpeg_only_when_needed(write_sound: Callable[..., Path]) -> None:
    """A format of libsndfile does not pay for ffmpeg's import."""
    path = write_sound(music(0.1, 22050))
    code = (
        "import sys; from analysis.decoding.recording import open_recording; from analysis.settings import Settings\n"
        f"list(open_recording(open({str(path)!r}, 'rb'), Settings())); assert 'av' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


SAMPLES = (music(0.5, 22050)[:, 0] * 32767).astype("<i2").tobytes()
NOTHING = b""


@pytest.mark.parametrize(
    "content",
    [
        wav(SAMPLES, declared=10 * len(SAMPLES)),
        wav(SAMPLES, declared=0xFFFFFFFF),
        wav(SAMPLES)[:-1001],
    ],
    ids=["header longer than the file", "streamed recorder", "truncated"],
)
def test_headers_that_lie_give_what_is_there(tmp_path: Path, content: bytes) -> None:
    """A WAV that declares more than it has is read as far as it goes, as librosa does."""
    path = tmp_path / "sound.wav"
    path.write_bytes(content)

    assert_is_librosas(path)


BAD = {
    "text": (b"This is no sound, but quite a long text about one.\n" * 100, NotAudioError),
    "a program": (b'"""HMAC (Keyed-Hashing for Message Authentication) module."""\n' * 100, NotAudioError),
    "html": (b"<!doctype html><html><body>404</body></html>", NotAudioError),
    "a png": (b"\x89PNG\r\n\x1a\n" + bytes(500), NotAudioError),
    "zeros": (bytes(10_000), NotAudioError),
    "one byte": (b"R", NotAudioError),
    "a playlist": (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n", NotAudioError),
    "a concat list": (b"ffconcat version 1.0\nfile /etc/passwd\n", NotAudioError),
    "a session description": (
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 1 RTP/AVP 0\n",
        NotAudioError,
    ),
    "a WAV header alone": (wav(NOTHING), EmptyError),
    "half a WAV header": (wav(SAMPLES)[:30], CorruptError),
    "a rate of 1 Hz": (wav(SAMPLES, rate=1), BadSampleRateError),
    "a rate of 0 Hz": (wav(SAMPLES, rate=0), AnalysisError),
    "a rate of 2 GHz": (wav(SAMPLES, rate=2**31 - 1), BadSampleRateError),
    "1000 channels": (wav(SAMPLES, channels=1000), TooManyChannelsError),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused(tmp_path: Path, name: str) -> None:
    """What cannot be analysed is refused with its reason, whatever it is called."""
    content, error = BAD[name]
    path = tmp_path / "sound.m4a"
    path.write_bytes(content)

    with pytest.raises(error):
        decode(path)


def test_refusal_names_what_is_read(tmp_path: Path) -> None:
    """Who uploads what is no sound is told every format that would have been read."""
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader")

    with pytest.raises(NotAudioError, match=r"accepted are WAV, .*BW64, .*MP3, AAC, .*WMA, AMR, .*MPEG-PS or APE"):
        decode(path)


@pytest.mark.usefixtures("ffmpeg")
@pytest.mark.parametrize(("codec", "container"), [("aac", "ipod"), ("libopus", "webm"), ("wmav2", "asf")])
def test_beginnings_of_ffmpegs_formats_are_corrupt(
    write_sound: Callable[..., Path], codec: str, container: str
) -> None:
    """A file that begins like a sound and holds none, as an interrupted recording, is corrupt."""
    path = write_sound(music(2, 48000), 48000).with_suffix(".bin")
    ffmpeg("-i", path.with_suffix(".wav"), "-c:a", codec, "-f", container, path)
    path.write_bytes(path.read_bytes()[:60])

    with pytest.raises(CorruptError, match="damaged"):
        decode(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite(write_sound: Callable[..., Path], value: float) -> None:
    """One NaN or infinity anywhere is an error: no mean is right then."""
    y = music(3, 44100, 2)
    y[100_000, 1] = value

    with pytest.raises(NotFiniteError):
        decode(write_sound(y, 44100, subtype="FLOAT"))


def test_declared_duration_is_limited(write_sound: Callable[..., Path]) -> None:
    """A file that declares more than MAX_DURATION_S is refused before a sample is decoded."""
    path = write_sound(music(3, 8000), 8000)

    with path.open("rb") as file, pytest.raises(TooLongError, match=r"3 seconds of audio declared.*MAX_DURATION_S=2"):
        open_recording(file, Settings(max_duration_s=2))


LIMITS = Settings(max_duration_s=2, max_channels=3, min_sample_rate=8000, max_sample_rate=16000)


@pytest.mark.parametrize(
    ("sr", "channels", "n_more", "error"),
    [
        (8000, 1, 0, None),
        (7999, 1, 0, BadSampleRateError),
        (16000, 1, 0, None),
        (16001, 1, 0, BadSampleRateError),
        (8000, 3, 0, None),
        (8000, 4, 0, TooManyChannelsError),
        (8000, 1, 1, TooLongError),
        (11025, 3, 0, None),
        (11025, 3, 1, TooLongError),
    ],
)
@pytest.mark.parametrize("is_declared", [True, False])
def test_limits_are_the_last_that_is_taken(
    write_sound: Callable[..., Path],
    sr: int,
    channels: int,
    n_more: int,
    error: type[AnalysisError] | None,
    is_declared: bool,  # noqa: FBT001
) -> None:
    """What reaches a limit is taken and what is beyond it by one is not, be its length declared or decoded."""
    path = write_sound(np.zeros((2 * sr + n_more, channels)), sr, format="FLAC")
    if not is_declared:
        path.write_bytes(without_length(path.read_bytes()))

    if error:
        with pytest.raises(error):
            decode(path, LIMITS)
    else:
        assert len(decode(path, LIMITS)[0]) == 2 * 22050


def without_length(content: bytes) -> bytes:
    """FLAC as it is streamed: STREAMINFO's 36 bits of total samples are 0."""
    assert content[:4] == b"fLaC"
    return content[:21] + bytes([content[21] & 0xF0, 0, 0, 0, 0]) + content[26:]


def quiet_at_first(sr: int = 44100) -> np.ndarray:
    """Two seconds of silence and ten of noise, [shape=(n, 1)]: a variable bit rate begins low."""
    noise = np.random.default_rng(0).normal(0, 0.3, (10 * sr, 1)).clip(-1, 1)
    return np.concatenate([np.zeros((2 * sr, 1)), noise]).astype(np.float32)


def mp3_without_header(y: np.ndarray) -> bytes:
    """MP3 of variable bit rate, without the frame that tells how many there are."""
    file = io.BytesIO()
    soundfile.write(file, y, 44100, format="MP3", subtype="MPEG_LAYER_III", bitrate_mode="VARIABLE")
    content = file.getvalue()
    return content[content.index(content[:2], content.index(b"Xing")) :]


@pytest.mark.parametrize(
    "encode", [mp3_without_header, lambda y: encode_with_ffmpeg(y, 44100, "adts", "aac")], ids=["MP3", "AAC"]
)
def test_guessed_duration_is_no_limit(tmp_path: Path, encode: Callable[[np.ndarray], bytes]) -> None:
    """What begins quietly, and would seem hours long by the bit rate of its first frames, is read and measured."""
    path = tmp_path / "sound"
    path.write_bytes(encode(quiet_at_first()))

    y, _ = decode(path, Settings(max_duration_s=13))

    assert len(y) / 22050 == pytest.approx(12, abs=0.2)
    with pytest.raises(TooLongError):
        decode(path, Settings(max_duration_s=11))


def test_many_values_a_second_are_limited(write_sound: Callable[..., Path]) -> None:
    """Of 32 channels at 48 kHz half the time is taken: decoding takes as long as their values are many."""
    path = write_sound(np.zeros((48000 * 2, 32), np.float32), 48000, subtype="PCM_16")

    assert len(decode(path, Settings(max_duration_s=4))[0]) == 2 * 22050
    with pytest.raises(TooLongError, match=r"at most 1\.95 seconds of 32 channels at 48000 Hz"):
        decode(path, Settings(max_duration_s=3.9))


def test_unknown_duration_is_read_and_limited(write_sound: Callable[..., Path]) -> None:
    """A FLAC streamed without its length is read to its end, and stopped where it becomes too long."""
    path = write_sound(music(5, 44100), 44100, format="FLAC")
    expected, _ = librosa.load(path)
    path.write_bytes(without_length(path.read_bytes()))

    np.testing.assert_allclose(decode(path)[0], expected, atol=ROUNDING)
    with pytest.raises(TooLongError, match=r"more audio than MAX_DURATION_S=4\.5"):
        decode(path, Settings(max_duration_s=4.5))


def test_video_without_sound_is_not_audio(tmp_path: Path) -> None:
    """A film without a sound track says what was found."""
    path = tmp_path / "film.mp4"
    with av.open(path, "w") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 16
        frame = av.VideoFrame(16, 16, "yuv420p")
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))

    with pytest.raises(NotAudioError, match="without audio"):
        decode(path)
