"""Sounds in containers whose codec libsndfile lacks, or that it reads otherwise: one of each.

What no encoder here writes is made by hand from the formats' specifications: Apple's Core Audio Format Specification
1.0 for CAF, ITU-R BS.2088 for BW64; Musepack SV7 as ffmpeg's reader takes it.
"""

import shutil
import struct
import subprocess
from collections.abc import Callable

import av
import numpy as np
import pytest

from tests.fakes.synthetic import encode_with_ffmpeg, tone


def packets_of(y: np.ndarray, sr: int, codec: str) -> tuple[bytes, list[bytes], int]:
    """Return what an encoder says of itself, its packets, and the samples of each."""
    layout = {1: "mono", 2: "stereo"}[y.shape[1]]
    encoder = av.AudioCodecContext.create(codec, "w")
    encoder.sample_rate, encoder.layout, encoder.bit_rate = sr, layout, 96_000
    encoder.format = av.Codec(codec, "w").audio_formats[0]
    encoder.open()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(y.T, np.float32), "fltp", layout)
    frame.sample_rate, frame.pts = sr, 0
    resampler = av.AudioResampler(encoder.format, layout, sr, frame_size=encoder.frame_size)
    parts = [*resampler.resample(frame), *resampler.resample(None), None]
    packets = [bytes(packet) for part in parts for packet in encoder.encode(part)]
    return bytes(encoder.extradata or b""), packets, encoder.frame_size


def number_of(value: int) -> bytes:
    """A size in a CAF's packet table: seven bits a byte, the highest first."""
    septets = [value & 0x7F]
    while value := value >> 7:
        septets.append(value & 0x7F | 0x80)
    return bytes(reversed(septets))


def chunk_of_caf(kind: bytes, content: bytes, size: int | None = None) -> bytes:
    """A chunk of a CAF file, which may say another size."""
    return kind + struct.pack(">q", len(content) if size is None else size) + content


def cookie_of_aac(config: bytes) -> bytes:
    """What CAF holds of AAC: the descriptors of an MP4's esds."""

    def descriptor(tag: int, content: bytes) -> bytes:
        return bytes([tag, len(content)]) + content

    specific = descriptor(4, bytes([0x40, 0x15]) + bytes(11) + descriptor(5, config))
    return bytes(4) + descriptor(3, bytes(3) + specific + descriptor(6, b"\2"))


def caf(codec: str, y: np.ndarray, sr: int, *, n_free: int = 0, is_unknown: bool = False) -> bytes:
    """A CAF of Opus, AAC or ALAC, with a chunk that is free, and of known size or not: then its data stand last."""
    extradata, packets, n_frame = packets_of(y, sr, {"opus": "libopus"}.get(codec, codec))
    kind = {"opus": b"opus", "aac": b"aac ", "alac": b"alac"}[codec]
    cookie = {"opus": b"", "aac": cookie_of_aac(extradata), "alac": extradata[12:]}[codec]
    about = struct.pack(">d4sIIIII", sr, kind, 2 if codec == "aac" else 0, 0, n_frame, y.shape[1], 0)
    n_priming = {"opus": 312, "aac": 1024, "alac": 0}[codec]
    n_rest = max(0, len(packets) * n_frame - len(y) - n_priming)
    sizes = b"".join(map(number_of, map(len, packets)))
    table = struct.pack(">qqii", len(packets), len(y), n_priming, n_rest) + sizes
    chunks = chunk_of_caf(b"desc", about) + (chunk_of_caf(b"kuki", cookie) if cookie else b"")
    chunks += chunk_of_caf(b"pakt", table) + (chunk_of_caf(b"free", bytes(n_free)) if n_free else b"")
    content = bytes(4) + b"".join(packets)
    return b"caff\0\1\0\0" + chunks + chunk_of_caf(b"data", content, -1 if is_unknown else None)


def caf_of_pcm(y: np.ndarray, sr: int, *, n_free: int = 0, is_unknown: bool = False) -> bytes:
    """A CAF of 16-bit integers, as it is written while it is recorded."""
    n_channels = y.shape[1]
    about = struct.pack(">d4sIIIII", sr, b"lpcm", 2, 2 * n_channels, 1, n_channels, 16)
    content = bytes(4) + np.round(y * 32767).astype("<i2").tobytes()
    free = chunk_of_caf(b"free", bytes(n_free)) if n_free else b""
    data = chunk_of_caf(b"data", content, -1 if is_unknown else None)
    return b"caff\0\1\0\0" + chunk_of_caf(b"desc", about) + free + data


def riff(*chunks: tuple[bytes, bytes], form: bytes = b"RIFF") -> bytes:
    """A WAV file of some chunks."""
    content = b"WAVE" + b"".join(
        name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2) for name, content in chunks
    )
    return form + struct.pack("<I", len(content)) + content


def pcm(y: np.ndarray, sr: int) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
    """The chunks ``fmt `` and ``data`` of 16-bit integers."""
    n_channels = y.shape[1]
    facts = struct.pack("<HHIIHH", 1, n_channels, sr, 2 * sr * n_channels, 2 * n_channels, 16)
    return (b"fmt ", facts), (b"data", np.round(y * 32767).astype("<i2").tobytes())


def bw64(y: np.ndarray, sr: int) -> bytes:
    """A BW64, the successor of RF64, as broadcasters write it."""
    kind, (name, content) = pcm(y, sr)
    long_sizes = struct.pack("<QQQI", 0, len(content), 0, 0)
    file = bytearray(riff((b"ds64", long_sizes), kind, (name, content), form=b"BW64"))
    file[4:8] = b"\xff" * 4
    at = file.index(b"data") + 4
    file[at : at + 4] = b"\xff" * 4
    return bytes(file)


def with_ffmpegs_program(*arguments: str) -> bytes:
    """Return what ffmpeg's own program writes of a tone: what encoders of PyAV's wheel do not."""
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    source = ["-f", "lavfi", "-i", "sine=440:duration=1:sample_rate=48000", "-ac", "2", "-strict", "-2"]
    command = ["ffmpeg", "-nostdin", "-v", "error", *source, *arguments, "-"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def dts() -> bytes:
    """Frames of DTS."""
    return with_ffmpegs_program("-c:a", "dca", "-b:a", "768k", "-f", "dts")


def dts_wav() -> bytes:
    """DTS inside a WAV that says PCM, as a CD has it: each frame stands at the place of its 512 samples."""
    frames = dts()
    size = frames.index(frames[:4], 4)
    starts = range(0, len(frames), size)
    swapped = [np.frombuffer(frames[at : at + size].ljust(2048, b"\0"), ">u2").astype("<u2").tobytes() for at in starts]
    return riff((b"fmt ", struct.pack("<HHIIHH", 1, 2, 48000, 192000, 4, 16)), (b"data", b"".join(swapped)))


def ac3_wav() -> bytes:
    """AC-3 inside a WAV that says PCM, as a digital output (IEC 61937) has it."""
    frames = with_ffmpegs_program("-c:a", "ac3", "-f", "spdif")
    return riff((b"fmt ", struct.pack("<HHIIHH", 1, 2, 48000, 192000, 4, 16)), (b"data", frames))


MUSEPACK_8 = bytes.fromhex(  # 0.3 s of digital silence, by Musepack's mpcenc 1.30
    "4d50434b 53480ddc2f92a908e72e0009 1b52470c010000000000000000 4549076101 1e01534f080d00000000 4150051f"
    "fc535406 0112c0534503"
)


def musepack_7(n_frames: int = 20) -> bytes:
    """Musepack SV7 of digital silence: each frame has its size in 20 bits, and no band."""
    head = b"MP+\x07" + struct.pack("<I", n_frames) + struct.pack("<I", 0) + bytes(12)
    bits = 8 * "0" + "".join(f"{8:020b}{0:08b}" for _ in range(n_frames))
    words = bits.ljust(-(-len(bits) // 32) * 32, "0")
    content = b"".join(struct.pack("<I", int(words[at : at + 32], 2)) for at in range(0, len(words), 32))
    return head + content + bytes(64)


STEREO, MONO_8, MONO_16 = tone(1, 48000), tone(1, 8000, 1), tone(1, 16000, 1)
# By name: how it is made, and which container, codec, rate and channels it is read as.
CONTAINERS: dict[str, tuple[Callable[[], bytes], tuple[str, str, int, int]]] = {
    "CAF of Opus": (lambda: caf("opus", STEREO, 48000), ("caf", "opus", 48000, 2)),
    "CAF of AAC": (lambda: caf("aac", STEREO, 48000), ("caf", "aac", 48000, 2)),
    "CAF of ALAC": (lambda: caf("alac", STEREO, 48000), ("caf", "alac", 48000, 2)),
    "CAF of IMA4": (
        lambda: encode_with_ffmpeg(STEREO, 48000, "caf", "adpcm_ima_qt", None),
        ("caf", "adpcm_ima_qt", 48000, 2),
    ),
    "CAF of Opus and unknown length": (
        lambda: caf("opus", STEREO, 48000, is_unknown=True),
        ("caf", "opus", 48000, 2),
    ),
    "CAF of Opus with a large free chunk": (
        lambda: caf("opus", STEREO, 48000, n_free=100_000),
        ("caf", "opus", 48000, 2),
    ),
    "CAF of unknown length": (lambda: caf_of_pcm(STEREO, 48000, is_unknown=True), ("CAF", "PCM_16", 48000, 2)),
    "CAF with a large free chunk": (lambda: caf_of_pcm(STEREO, 48000, n_free=100_000), ("CAF", "PCM_16", 48000, 2)),
    "WAV of MP2": (lambda: encode_with_ffmpeg(STEREO, 48000, "wav", "mp2"), ("wav", "mp2", 48000, 2)),
    "WAV of AC-3": (lambda: encode_with_ffmpeg(STEREO, 48000, "wav", "ac3"), ("wav", "ac3", 48000, 2)),
    "WAV of G.722": (lambda: encode_with_ffmpeg(MONO_16, 16000, "wav", "g722", None), ("wav", "g722", 16000, 1)),
    "WAV of G.723.1": (lambda: encode_with_ffmpeg(MONO_8, 8000, "wav", "g723_1", 6300), ("wav", "g723_1", 8000, 1)),
    "WAV of G.726": (lambda: encode_with_ffmpeg(MONO_8, 8000, "wav", "g726", 32000), ("wav", "g726", 8000, 1)),
    "WAV of WMA": (lambda: encode_with_ffmpeg(STEREO, 48000, "wav", "wmav2"), ("wav", "wmav2", 48000, 2)),
    "WAV of Yamaha's ADPCM": (
        lambda: encode_with_ffmpeg(STEREO, 48000, "wav", "adpcm_yamaha", None),
        ("wav", "adpcm_yamaha", 48000, 2),
    ),
    "WAV of 64-bit integers": (
        lambda: encode_with_ffmpeg(STEREO, 48000, "wav", "pcm_s64le", None),
        ("wav", "pcm_s64le", 48000, 2),
    ),
    "WAV whose fmt stands behind its data": (
        lambda: riff(*reversed(pcm(STEREO, 48000))),
        ("WAV", "PCM_16", 48000, 2),
    ),
    "BW64": (lambda: bw64(STEREO, 48000), ("wav", "pcm_s16le", 48000, 2)),
    "W64 of MP2": (lambda: encode_with_ffmpeg(STEREO, 48000, "w64", "mp2"), ("w64", "mp2", 48000, 2)),
    "AU of G.722": (lambda: encode_with_ffmpeg(MONO_16, 16000, "au", "g722", None), ("au", "g722", 16000, 1)),
    "DTS in a WAV that says PCM": (dts_wav, ("wav", "dca", 48000, 2)),
    "AC-3 in a WAV that says PCM": (ac3_wav, ("wav", "ac3", 48000, 2)),
    "Musepack SV8": (lambda: MUSEPACK_8, ("mpc8", "mpc8", 44100, 2)),
    "Musepack SV7": (musepack_7, ("mpc", "mpc7", 44100, 2)),
    "TTA": (lambda: encode_with_ffmpeg(STEREO, 48000, "tta", "tta", None), ("tta", "tta", 48000, 2)),
    "AVI of MP3": (lambda: encode_with_ffmpeg(STEREO, 48000, "avi", "libmp3lame"), ("avi", "mp3float", 48000, 2)),
    "AVI of PCM": (lambda: encode_with_ffmpeg(STEREO, 48000, "avi", "pcm_s16le", None), ("avi", "pcm_s16le", 48000, 2)),
    "MPEG-TS of AAC": (lambda: encode_with_ffmpeg(STEREO, 48000, "mpegts", "aac"), ("mpegts", "aac", 48000, 2)),
    "MPEG-TS of MP2": (lambda: encode_with_ffmpeg(STEREO, 48000, "mpegts", "mp2"), ("mpegts", "mp3float", 48000, 2)),
    "MPEG-PS of MP2": (lambda: encode_with_ffmpeg(STEREO, 48000, "vob", "mp2"), ("mpeg", "mp2", 48000, 2)),
    "FLV of AAC": (lambda: encode_with_ffmpeg(STEREO, 48000, "flv", "aac"), ("flv", "aac", 48000, 2)),
    "FLV of MP3": (
        lambda: encode_with_ffmpeg(tone(1, 44100), 44100, "flv", "libmp3lame"),
        ("flv", "mp3float", 44100, 2),
    ),
    "FLV of Nellymoser": (
        lambda: encode_with_ffmpeg(tone(1, 22050, 1), 22050, "flv", "nellymoser"),
        ("flv", "nellymoser", 22050, 1),
    ),
    "AC-3": (lambda: encode_with_ffmpeg(STEREO, 48000, "ac3", "ac3"), ("ac3", "ac3", 48000, 2)),
    "E-AC-3": (lambda: encode_with_ffmpeg(STEREO, 48000, "eac3", "eac3"), ("eac3", "eac3", 48000, 2)),
    "DTS": (dts, ("dts", "dca", 48000, 2)),
    "AAC in LOAS": (lambda: encode_with_ffmpeg(STEREO, 48000, "latm", "aac"), ("loas", "aac_latm", 48000, 2)),
    "TTA in Matroska": (
        lambda: encode_with_ffmpeg(STEREO, 48000, "matroska", "tta", None),
        ("matroska,webm", "tta", 48000, 2),
    ),
}
