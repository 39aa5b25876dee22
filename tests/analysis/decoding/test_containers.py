"""What libsndfile lacks a codec for, or takes for something else, is read as ffmpeg's program reads it."""

import re
import struct

import librosa
import numpy as np
import pytest

from analysis.decoding.container import ACCEPTED, CODECS, FORMATS
from analysis.errors import NotAudioError
from local.servers import ROOT
from tests.analysis.decoding.reading import read, read_with_ffmpeg
from tests.fakes.containers import CONTAINERS, chunk_of_caf, pcm, riff
from tests.fakes.synthetic import encode_with_ffmpeg, tone

# What ffmpeg's program of Debian 12 gives of the priming or padding at an end, which later ones remove.
PRIMED = {"CAF of Opus", "CAF of AAC", "CAF of Opus and unknown length", "CAF of Opus with a large free chunk"}


@pytest.mark.parametrize("name", CONTAINERS)
def test_container(ffmpeg: str, name: str) -> None:
    """Each is read to its last sample, and says what it is."""
    make, (container, codec, sr, channels) = CONTAINERS[name]
    content = make()

    sound = read(content)

    expected = read_with_ffmpeg(ffmpeg, content, channels)
    assert expected is not None
    expected = librosa.resample(expected, orig_sr=sr, target_sr=22050)
    source = sound.source
    assert (source.container, source.codec, source.sample_rate, source.channels) == (container, codec, sr, channels)
    assert source.complete, source.problem
    if name in PRIMED:
        assert sound.seconds == pytest.approx(1, abs=1e-4)
    else:
        assert len(sound.y) == len(expected)
    if name not in PRIMED and not codec.startswith("g72"):  # whose decoders have changed
        np.testing.assert_allclose(sound.y[200:-200], expected[200:-200], atol=1e-3)


def test_all_formats_are_read() -> None:
    """Every container that ffmpeg may open is here or among the other tests' files, or the list says too much."""
    elsewhere = {"aac", "aiff", "amr", "ape", "asf", "flac", "matroska", "mov", "ogg", "wv", "spdif"}
    here = {source[0].split(",")[0].lower() for _, source in CONTAINERS.values()}

    assert set(FORMATS.split(",")) == here | elsewhere


@pytest.mark.parametrize("name", re.split(", | or ", ACCEPTED))
def test_docs_name_what_is_accepted(name: str) -> None:
    """Every format that a refusal names is among those of docs/document.md."""
    formats = (ROOT / "docs/document.md").read_text().split("## Formats")[1].split("**The rule:**")[0]

    assert re.search(rf"\b{re.escape(name)}\b", formats)


# How docs/document.md calls what ffmpeg may open and decode.
FORMAT_NAMES = {
    **dict.fromkeys(["aac", "loas"], "AAC"),
    **dict.fromkeys(["ac3", "eac3"], "AC-3"),
    **dict.fromkeys(["dts", "spdif"], "DTS"),
    **dict.fromkeys(["mpc", "mpc8"], "Musepack"),
    **{
        name: name.upper()
        for name in ("aiff", "amr", "ape", "au", "avi", "caf", "flac", "flv", "mov", "ogg", "tta", "w64")
    },
    "asf": "WMA",
    "matroska": "MKV",
    "mpeg": "MPEG-PS",
    "mpegts": "MPEG-TS",
    "wav": "WAV",
    "wv": "WavPack",
}
CODEC_NAMES = {
    **dict.fromkeys(["aac", "aac_latm"], "AAC"),
    **dict.fromkeys(["amrnb", "amrwb"], "AMR"),
    **dict.fromkeys(["g726", "g726le"], "G.726"),
    **dict.fromkeys(["mp1", "mp1float", "mp2", "mp2float", "mp3", "mp3float"], "MPEG audio"),
    **dict.fromkeys(["mpc7", "mpc8"], "Musepack"),
    **dict.fromkeys(["libopus", "opus"], "Opus"),
    **dict.fromkeys(["libvorbis", "vorbis"], "Vorbis"),
    **dict.fromkeys(["wmalossless", "wmapro", "wmav1", "wmav2", "wmavoice"], "WMA"),
    **dict.fromkeys(["adpcm_ima_qt", "adpcm_ima_wav", "adpcm_ms", "adpcm_swf", "adpcm_yamaha"], "ADPCM"),
    **dict.fromkeys([name for name in CODECS.split(",") if name.startswith("pcm_")], "PCM"),
    "ac3": "AC-3",
    "alac": "ALAC",
    "ape": "APE",
    "dca": "DTS",
    "eac3": "E-AC-3",
    "flac": "FLAC",
    "g722": "G.722",
    "g723_1": "G.723.1",
    "nellymoser": "Nellymoser",
    "speex": "Speex",
    "tta": "TTA",
    "wavpack": "WavPack",
}


def test_docs_name_what_ffmpeg_may_open_and_decode() -> None:
    """The formats and codecs of docs/document.md are those of the code's lists: none is missing, none too many."""
    formats, codecs = (
        next(line for line in (ROOT / "docs/document.md").read_text().splitlines() if line.startswith(beginning))
        for beginning in ("libsndfile reads WAV", "Codecs that ffmpeg decodes: ")
    )
    named = re.sub(r" \(.*?\)", "", codecs.partition(": ")[2].rstrip(".")).split(", ")

    assert set(FORMATS.split(",")) == set(FORMAT_NAMES)
    assert set(CODECS.split(",")) == set(CODEC_NAMES)
    assert sorted(set(CODEC_NAMES.values())) == sorted(named)
    assert [name for name in FORMAT_NAMES.values() if not re.search(rf"\b{re.escape(name)}\b", formats)] == []


def test_intact_container_of_an_unknown_codec() -> None:
    """An intact file whose codec no decoder here knows is no sound that is read, not corrupt; its codec is named."""
    kind, data = pcm(tone(0.5, 48000), 48000)
    unknown = riff((kind[0], b"\x34\x12" + kind[1][2:] + bytes(2)), data)
    caf = (
        b"caff\0\1\0\0"
        + chunk_of_caf(b"desc", struct.pack(">d4sIIIII", 48000, b"xxxx", 0, 0, 1024, 2, 0))
        + chunk_of_caf(b"data", bytes(100))
    )

    with pytest.raises(NotAudioError, match="an unknown codec"):
        read(unknown)
    with pytest.raises(NotAudioError, match="an unknown codec"):
        read(caf)
    with pytest.raises(NotAudioError, match="audio as real_144"):
        read(encode_with_ffmpeg(tone(0.5, 8000, 1), 8000, "matroska", "real_144", None))


def test_codecs_are_ffmpegs() -> None:
    """Every name in the list of decoders is one of ffmpeg's, but for libvorbis, which some builds have."""
    import av  # noqa: PLC0415

    assert set(CODECS.split(",")) - set(av.codecs_available) <= {"libvorbis"}


def test_pcm_that_is_none_by_chance() -> None:
    """A sound whose samples hold the first word of a frame of DTS is a sound: it takes several, at their distance."""
    y = tone(1, 48000)
    kind, (name, samples) = pcm(y, 48000)
    content = samples[:4096] + b"\xfe\x7f\x01\x80" + samples[4100:]

    assert read(riff(kind, (name, content))).source.codec == "PCM_16"
