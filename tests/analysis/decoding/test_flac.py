"""FLAC of every sample size is read exactly, whatever it says at its beginning, and damage costs a frame."""

from pathlib import Path

import librosa
import numpy as np
import pytest

from analysis.decoding import Source, flac_frames
from analysis.decoding.flac import cut_at_changes
from analysis.decoding.recording import open_recording
from analysis.settings import Settings
from tests.fakes.flac_frames import BLOCK, Kind, make_flac, make_header
from tests.fakes.synthetic import tone


def decode(path: Path, content: bytes) -> np.ndarray:
    """Return all samples of a file."""
    path.write_bytes(content)
    with path.open("rb") as file:
        return np.concatenate(list(open_recording(file, Settings())))


def read(path: Path, content: bytes) -> tuple[np.ndarray, str | None]:
    """Return all samples of a file, and what is wrong with it."""
    path.write_bytes(content)
    with path.open("rb") as file:
        recording = open_recording(file, Settings())
        return np.concatenate(list(recording)), recording.source.problem


def parts_of(sounds: list[tuple[np.ndarray, int]]) -> np.ndarray:
    """Sounds in mono at 22 050 Hz, one after the other."""
    return np.concatenate(
        [librosa.resample(y.mean(axis=1).astype(np.float32), orig_sr=sr, target_sr=22050) for y, sr in sounds]
    )


def integers(bits: int, sr: int = 22050, channels: int = 1, n_samples: int = 3 * BLOCK + 100) -> np.ndarray:
    """A tone as loud as the bits allow, [shape=(n, channels)]."""
    y = tone(n_samples / sr, sr, channels)[:n_samples]
    return np.round(y / np.abs(y).max() * (2 ** (bits - 1) - 1)).astype(np.int64)


@pytest.mark.parametrize("bits", [8, 12, 15, 16, 20, 24, 32])
def test_samples_of_any_size(tmp_path: Path, bits: int) -> None:
    """Samples of 12, 15 and 20 bits, which libsndfile refuses, are read exactly, as those of other sizes are."""
    samples = integers(bits)

    y = decode(tmp_path / "sound", make_flac((samples, Kind(bits=bits))))

    np.testing.assert_array_equal(y, (samples[:, 0] / 2 ** (bits - 1)).astype(np.float32))


@pytest.mark.parametrize("bits", [12, 16])
def test_damaged_frames(tmp_path: Path, bits: int) -> None:
    """A frame whose checksum is wrong is left out, whichever decoder reads the file, and is the file's problem."""
    samples = integers(bits)
    content = bytearray(make_flac((samples, Kind(bits=bits))))
    content[len(content) // 2] ^= 1

    y, problem = read(tmp_path / "sound", bytes(content))

    left = np.delete(samples[:, 0], range(BLOCK, 2 * BLOCK))
    np.testing.assert_array_equal(y, (left / 2 ** (bits - 1)).astype(np.float32))
    assert problem


@pytest.mark.parametrize("is_variable", [False, True])
@pytest.mark.parametrize(
    ("bits", "channels", "sr"), [(16, 2, 48000), (16, 2, 12345), (16, 1, 44100), (24, 2, 44100), (8, 1, 8000)]
)
def test_streams_that_change(tmp_path: Path, bits: int, channels: int, sr: int, is_variable: bool) -> None:  # noqa: FBT001
    """A stream that goes on with another rate, other channels or samples of another size is read as what it is."""
    kinds = Kind(44100, is_variable=is_variable), Kind(sr, bits, is_variable=is_variable)
    first, second = integers(16, 44100, 2), integers(bits, sr, channels)
    content = make_flac((first, kinds[0]), (second, kinds[1]), (first, kinds[0]))

    y, problem = read(tmp_path / "sound", content)

    mono = [(first / 2**15, 44100), (second / 2 ** (bits - 1), sr), (first / 2**15, 44100)]
    assert problem is None
    np.testing.assert_allclose(y, parts_of(mono), atol=1e-6)


@pytest.mark.parametrize(
    "kind",
    [
        Kind(44100, rate_code=0, bits_code=0),
        Kind(44100, rate_code=13),
        Kind(44100, rate_code=13, bits_code=0),
        Kind(44100, rate_code=14),
        Kind(48000, rate_code=12),
        Kind(44100, is_variable=True),
        Kind(12345),
    ],
)
def test_streams_that_keep_to_their_kind(tmp_path: Path, kind: Kind) -> None:
    """However frames say what the file says, or leave it out, the samples are librosa's."""
    path = tmp_path / "sound.flac"
    said_once = Kind(kind.sr, rate_code=0, bits_code=0, is_variable=kind.is_variable)

    y = decode(path, make_flac((integers(16, kind.sr, 2), kind), (integers(16, kind.sr, 2), said_once)))

    np.testing.assert_allclose(y, librosa.load(path)[0], atol=1e-5)  # two channels added up, then resampled


def frames_of_another_rate(*numbers: int) -> np.ndarray:
    """Samples whose bytes are headers of frames, [shape=(n, 1)]."""
    headers = [make_header(Kind(48000), index, BLOCK, 1).ljust(32, b"\0") for index in numbers]
    return np.frombuffer(b"".join(headers), ">i2").astype(np.int64)[:, np.newaxis]


@pytest.mark.parametrize("numbers", [(500,), (500, 700, 702), (500, 499)])
def test_samples_that_look_like_a_header(tmp_path: Path, numbers: tuple[int, ...]) -> None:
    """Samples whose bytes are a frame's header are no change of the stream: it takes two that follow each other."""
    samples = frames_of_another_rate(*numbers)

    y = decode(tmp_path / "sound", make_flac((samples, Kind())))

    np.testing.assert_array_equal(y, samples[:, 0] / np.float32(2**15))


def looks_like_headers(n: int) -> bytes:
    """So many places where a frame of another rate seems to begin, of a rate that there is not."""
    return b"\xff\xf8\x7f\x08" * n


@pytest.mark.parametrize(("n_more", "is_found"), [(-2, True), (-1, False)])
@pytest.mark.parametrize(
    "limit", [2**10, pytest.param(2**18, marks=pytest.mark.whole_run("files are as long as is looked through"))]
)
def test_headers_are_looked_for_a_quarter_of_a_million_times(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: int,
    n_more: int,
    is_found: bool,  # noqa: FBT001
) -> None:
    """What seems to be a header is looked at 2**18 times and no more, so that no file takes minutes."""
    assert flac_frames.MAX_LOOKS == 2**18
    monkeypatch.setattr(flac_frames, "MAX_LOOKS", limit)
    n_looks = limit + n_more
    change = b"".join(make_header(Kind(48000), index, BLOCK, 1).ljust(32, b"\0") for index in (5, 6))
    path = tmp_path / "sound.flac"
    path.write_bytes(b"fLaC" + looks_like_headers(n_looks) + change)
    source = Source("FLAC", "PCM_16", 22050, 1)

    with path.open("rb") as file:
        assert (len(cut_at_changes(file, source)) > 1) is is_found
