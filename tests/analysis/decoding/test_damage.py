"""What can be read of a damaged file is read, and its source says what is wrong and where."""

import io
from collections.abc import Callable
from functools import cache
from tempfile import TemporaryFile

import av
import numpy as np
import pytest

from analysis.decoding.cut import find_cut
from analysis.errors import CorruptError, NotAudioError
from tests.analysis.decoding.reading import read, read_with_librosa
from tests.fakes.containers import caf, riff
from tests.fakes.mpeg import swelling, with_header
from tests.fakes.ogg_pages import make_page, pages_of
from tests.fakes.synthetic import amr, ape, encode, encode_with_ffmpeg, speex, tone

SECONDS = 3


def sndfile(container: str, codec: str, channels: int = 2) -> Callable[[], bytes]:
    """A file of libsndfile's."""
    return lambda: encode(tone(SECONDS, 8000, channels), 8000, container, codec)


def ffmpeg(container: str, codec: str, bit_rate: int | None = 96_000, **muxing: str) -> Callable[[], bytes]:
    """A file of ffmpeg's."""
    return lambda: encode_with_ffmpeg(tone(SECONDS, 48000), 48000, container, codec, bit_rate, **muxing)


def speex_in_pages() -> bytes:
    """Speex in pages of a quarter of a second."""
    pages = pages_of(speex([b"\x07"] * 150, 24000))[:2]
    packets = [[b"\x07"] * 12] * 12
    return b"".join(pages) + b"".join(
        make_page(2 + k, 4 if k == len(packets) - 1 else 0, 12 * 160 * (k + 1), page) for k, page in enumerate(packets)
    )


FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "500000"}
# By name: a whole file, and the longest that its smallest part is, in seconds: a page, a block, a packet.
WHOLE: dict[str, tuple[Callable[[], bytes], float]] = {
    "WAV": (sndfile("WAV", "PCM_16"), 0.01),
    "WAV of ADPCM": (sndfile("WAV", "IMA_ADPCM"), 0.2),
    "WAV of GSM": (sndfile("WAV", "GSM610", 1), 0.05),
    "RF64": (sndfile("RF64", "PCM_16"), 0.01),
    "W64": (sndfile("W64", "PCM_16"), 0.01),
    "AIFF": (sndfile("AIFF", "PCM_16"), 0.01),
    "AU": (sndfile("AU", "PCM_16"), 0.01),
    "CAF": (sndfile("CAF", "PCM_16"), 0.2),
    "CAF of ALAC": (sndfile("CAF", "ALAC_16"), 0.6),
    "CAF of AAC": (lambda: caf("aac", tone(SECONDS, 48000), 48000), 0.05),
    "FLAC": (sndfile("FLAC", "PCM_16"), 0.6),
    "Vorbis": (lambda: encode(tone(SECONDS, 44100), 44100, "OGG", "VORBIS"), 0.6),
    "Opus": (lambda: encode(tone(SECONDS, 48000), 48000, "OGG", "OPUS"), 1.1),
    "Speex": (speex_in_pages, 0.3),
    "FLAC in Ogg": (ffmpeg("ogg", "flac"), 0.7),
    "MP3": (lambda: with_header(swelling(SECONDS, 22050), 22050), 0.3),
    "AAC": (ffmpeg("adts", "aac"), 0.05),
    "AAC in fragments": (ffmpeg("mp4", "aac", **FRAGMENTS), 0.05),
    "AAC in MPEG-TS": (ffmpeg("mpegts", "aac"), 0.1),
    "AAC in FLV": (ffmpeg("flv", "aac"), 0.1),
    "AAC in LOAS": (ffmpeg("latm", "aac"), 0.05),
    "WMA": (ffmpeg("asf", "wmav2"), 0.2),
    "WavPack": (ffmpeg("wv", "wavpack", None), 0.6),
    "WavPack in Matroska": (ffmpeg("matroska", "wavpack", None), 0.6),
    "PCM in Matroska": (ffmpeg("matroska", "pcm_s16le", None), 0.1),
    "Opus in WebM": (ffmpeg("webm", "libopus"), 0.1),
    "Vorbis in WebM": (ffmpeg("webm", "vorbis"), 0.2),
    "MP3 in AVI": (ffmpeg("avi", "libmp3lame"), 0.1),
    "AC-3 in WAV": (ffmpeg("wav", "ac3"), 0.1),
    "TTA": (ffmpeg("tta", "tta", None), 1.1),
    "AMR": (lambda: amr(150), 0.05),
}


@cache
def whole(name: str) -> bytes:
    """A whole file."""
    return WHOLE[name][0]()


@pytest.mark.parametrize("name", WHOLE)
def test_whole_file_is_complete(name: str) -> None:
    """A whole file has no problem."""
    source = read(whole(name)).source

    assert source.complete
    assert source.problem is None


@pytest.mark.each_value
@pytest.mark.parametrize("share", [0.45, 0.51, 0.61, 0.7, 0.81, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("name", WHOLE)
def test_file_that_is_cut_off(name: str, share: float) -> None:
    """A file that ends too early is read up to there, but for its last page, block or packet; it is not complete."""
    content, (_, longest_s) = whole(name), WHOLE[name]
    all_of_it = read(content)
    n_bytes = round(len(content) * share)

    sound = read(content[:n_bytes])

    n = len(sound.y)
    assert n > len(all_of_it.y) * (share - 0.12) - longest_s * 22050  # headers, and bit rates that vary
    assert n <= len(all_of_it.y)
    np.testing.assert_allclose(sound.y[: n - 3000], all_of_it.y[: n - 3000], atol=1e-4)
    if name != "AAC in MPEG-TS":  # a programme has no end
        assert not sound.source.complete
        assert sound.source.problem
        assert " s" in sound.source.problem or " bytes" in sound.source.problem  # where


@pytest.mark.parametrize("share", [0.4, 0.6])
@pytest.mark.parametrize("name", ["FLAC", "FLAC in Ogg", "AAC", "AAC in LOAS", "TTA", "CAF of AAC", "Opus", "Vorbis"])
def test_one_bad_packet(name: str, share: float) -> None:
    """A packet that cannot be decoded is left out with its time, as by ffmpeg's program, and nothing else is lost."""
    content, (_, longest_s) = bytearray(whole(name)), WHOLE[name]
    at = round(len(content) * share)
    content[at : at + 40] = bytes(range(40, 80))

    sound = read(bytes(content))

    missing_s = read(whole(name)).seconds - sound.seconds
    assert missing_s <= longest_s + 0.05
    assert sound.source.problem
    assert " s" in sound.source.problem


def bad_packet_in_m4a(index: int) -> bytes:
    """An M4A, one packet of which is noise."""
    file = io.BytesIO(encode_with_ffmpeg(tone(4, 44100), 44100, "ipod", "aac"))
    content = bytearray(file.getvalue())
    with av.open(file) as container:
        packet = [packet for packet in container.demux(audio=0) if packet.size][index]
        assert packet.pos is not None
        content[packet.pos : packet.pos + packet.size] = np.random.default_rng(0).bytes(packet.size)
    return bytes(content)


def test_one_bad_packet_among_hundreds() -> None:
    """Of an M4A of 173 packets, one of which is bad, all others are read; the source says when it should sound."""
    sound = read(bad_packet_in_m4a(100))

    assert sound.seconds == pytest.approx(4 - 1024 / 44100, abs=0.03)
    assert sound.source.problem == (
        "a packet cannot be decoded at 2.30 s (Invalid data found when processing input)"
    ) or (sound.source.problem or "").startswith("a packet cannot be decoded at 2.")


def bad_aac(n_packets: int) -> bytes:
    """So many packets of AAC that cannot be decoded."""
    payload = b"\xff" * 10
    n_bytes = 7 + len(payload)
    header = bytes([0xFF, 0xF1, 0x4C, 0x80 | n_bytes >> 11, n_bytes >> 3 & 0xFF, (n_bytes & 7) << 5 | 0x1F, 0xFC])
    return (header + payload) * n_packets


@pytest.mark.parametrize(("n_bad", "n_read"), [(2**14 - 1, 2), (2**14, 1)])
def test_a_file_of_bad_packets_is_given_up(n_bad: int, n_read: int) -> None:
    """Behind 16384 bad packets nothing is read any more, so that no file takes minutes."""
    good = encode_with_ffmpeg(tone(0.5, 48000), 48000, "adts", "aac")

    sound = read(good + bad_aac(n_bad) + good)

    assert len(sound.y) == n_read * len(read(good).y)
    assert (sound.source.problem or "").endswith(f"the first of {n_bad} problems")


@pytest.mark.parametrize("n_bad", [40, 400, 3000])
def test_damaged_middle_of_mp3(n_bad: int) -> None:
    """MP3 whose middle is overwritten is read before and after it, and as librosa reads it where librosa does."""
    content = bytearray(with_header(swelling(3, 44100, 2), 44100))
    at = len(content) // 2
    content[at : at + n_bad] = np.random.default_rng(0).bytes(n_bad).replace(b"\xff", b"\0")

    sound = read(bytes(content))

    expected = read_with_librosa(bytes(content))
    if expected is not None:
        assert len(sound.y) >= len(expected)
    assert 2.7 < sound.seconds <= 3.1
    assert sound.source.complete is (n_bad < 100)


def test_speex_with_a_broken_packet() -> None:
    """A packet of Speex that is none costs its twentieth of a second."""
    sound = read(speex([b"\x07"] * 25 + [b"\x7f"] + [b"\x07"] * 25, 8160))

    assert sound.seconds == pytest.approx(1, abs=1e-4)
    assert "a packet cannot be decoded at 0.50 s" in (sound.source.problem or "")


TAG_SIZES = {2**7: b"\0\0\1\0", 2**14: b"\0\1\0\0", 2**23: b"\4\0\0\0"}


@pytest.mark.each_value
@pytest.mark.parametrize("n_bytes", TAG_SIZES)
@pytest.mark.parametrize("name", ["AAC", "AAC in LOAS", "AIFF", "APE", "CAF", "FLAC", "TTA", "WAV", "WavPack"])
def test_behind_an_id3_tag(name: str, n_bytes: int) -> None:
    """A file behind an ID3v2 tag, which belongs to MP3 and may hold a large picture, is read as it is without."""
    content = ape(3) if name == "APE" else whole(name)

    sound = read(b"ID3\4\0\0" + TAG_SIZES[n_bytes] + bytes(n_bytes) + content)

    np.testing.assert_array_equal(sound.y, read(content).y)
    assert sound.source.complete


NOT_ENOUGH: dict[str, Callable[[], bytes]] = {
    "WavPack": lambda: whole("WavPack")[:300],
    "WMA": lambda: whole("WMA")[:60],
    "WebM": lambda: whole("Opus in WebM")[:100],
    "FLAC": lambda: whole("FLAC")[:60],
    "MP4": lambda: whole("AAC in fragments")[:500],
    "WAV": lambda: riff((b"fmt ", b"\1\0\1\0"))[:30],
    "M4A without its index": lambda: encode_with_ffmpeg(tone(1, 48000), 48000, "ipod", "aac")[:3000],
}


@pytest.mark.parametrize("name", NOT_ENOUGH)
def test_nothing_that_can_be_read_is_corrupt(name: str) -> None:
    """What begins like a sound, and of which not one sample can be read, is corrupt."""
    with pytest.raises(CorruptError):
        read(NOT_ENOUGH[name]())


TEXT = b"The quick brown fox jumps over the lazy dog, 1234 times; and then it sleeps.\n" * 200
BEGINNINGS = [
    *(b"RIFF", b"RIFF\x24\x08\0\0", b"RF64", b"FORM", b"FORM\0\0\x10\0", b"caff", b"caff\0\1\0\0", b".snd", b"fLaC"),
    *(b"OggS", b"OggS\0\2", b"ID3", b"ID3\3\0\0\0\0\0\0", b"\xff\xfb", b"\xff\xfb\x90\x64", b"\xff\xf1", b"\xff\xf8"),
    *(b"\xff\xfe", b"\xff\xff", b"\xff\xf9\x50\x80", b"MAC ", b"wvpk", b"MP+", b"MPCK", b"TTA1", b"FLV", b"FLV\1"),
    *(
        b"#!AMR",
        b"#!AMR-WB",
        b"\x0bw",
        b"\x7f\xfe\x80\x01",
        b"\x1aE\xdf\xa3",
        b"0&\xb2u",
        b"G",
        b"\0\0\1\xba",
        b"V\xe0",
    ),
    *(
        b"\0\0\0\x18ftyp",
        b"\0\0\0\x20",
        b"moov",
        b"TAG",
        b"NIST_1A\n",
        b"Creative Voice File",
        b"Extended Instrument: ",
    ),
    *(
        b"\x72\xf8\x1f\x4e",
        b"%PDF-1.7\n",
        b"PK\3\4",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"GIF89a",
        b"BM",
        b"\x1f\x8b",
    ),
    *(
        b"#EXTM3U\n",
        b"ffconcat version 1.0\n",
        b"Salted__",
        b"\x30\x82",
        b"SQLite format 3\0",
        b"\x7fELF",
        b"<?xml",
        b"",
    ),
]


@pytest.mark.each_value
@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("kind", ["text", "noise", "zeros", "pixels"])
def test_other_files_are_not_audio(beginning: bytes, kind: str) -> None:
    """Text, noise, zeros and pixels are no sound, whatever they begin with."""
    rng = np.random.default_rng(BEGINNINGS.index(beginning))
    contents = {
        "text": [TEXT, TEXT.decode().encode("utf-16")],
        "noise": [rng.bytes(int(n)) for n in rng.integers(10, 60_000, 3)],
        "zeros": [bytes(100), bytes(30_000)],
        "pixels": [b"\xff\xfb\x90" * 10_000, b"\xff\xf3\x40\xc0" * 9000, b"\xff" * 20_000, b"\xff\xfe\xfd" * 9000],
    }[kind]
    for content in contents:
        with pytest.raises(NotAudioError):
            read(beginning + content)


FILE_TYPE = (16).to_bytes(4) + b"ftypM4A " + bytes(4)


@pytest.mark.parametrize(
    "content",
    [
        b"caff\0\1\0\0" + b"free" + (2**63 - 1).to_bytes(8),
        FILE_TYPE + (1).to_bytes(4) + b"free" + (2**64 - 1).to_bytes(8),
    ],
    ids=["CAF", "MP4"],
)
def test_a_size_beyond_any_file_is_damage(content: bytes) -> None:
    """A chunk or box that declares more bytes than a file can have is no error of ours."""
    content += bytes(50)
    with pytest.raises((CorruptError, NotAudioError)):
        read(content)
    with TemporaryFile() as file:
        file.write(content)
        file.flush()
        assert "ends after" in (find_cut(file) or "")


@pytest.mark.parametrize("seed", range(30))
def test_noise_behind_frames(seed: int) -> None:
    """Noise with the syncs of frames sown into it is no sound."""
    rng = np.random.default_rng(seed)
    content = bytearray(rng.bytes(50_000))
    syncs = [b"\xff\xfb\x90", b"\xff\xf1\x50\x80", b"\x0b\x77", b"\x7f\xfe\x80\x01", b"\x47", b"V\xe0", b"\xff\xfe\x18"]
    sync = syncs[seed % len(syncs)]
    for at in rng.integers(0, len(content) - 4, 300):
        content[at : at + len(sync)] = sync

    with pytest.raises(NotAudioError):
        read(sync + bytes(content))
