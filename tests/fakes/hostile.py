"""Files that mean harm, each made from its idea: what they ask for is in their names; and their decoding."""

import gzip
import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

from local.servers import ROOT
from tests.fakes.synthetic import encode, encode_with_ffmpeg, tone


def wav(content: bytes, *, declared: int | None = None, rate: int = 22050, channels: int = 1) -> bytes:
    """A 16-bit WAV that says of itself what one likes."""
    size = len(content) if declared is None else declared
    facts = struct.pack("<HHIIHH", 1, channels, rate, min(2 * rate * channels, 2**32 - 1), 2 * channels, 16)
    chunks = b"WAVEfmt " + struct.pack("<I", 16) + facts + b"data" + struct.pack("<I", size) + content
    return b"RIFF" + struct.pack("<I", min(36 + size, 2**32 - 1)) + chunks


def adpcm(block_bytes: int, samples_per_block: int, *, tag: int = 0x11, channels: int = 1) -> bytes:
    """A WAV of IMA (0x11) or MS (2) ADPCM with blocks of such a size, whose samples are noise."""
    facts = struct.pack("<HHIIHHHH", tag, channels, 8000, 8000, block_bytes, 4, 2, samples_per_block)
    noise = np.random.default_rng(0).bytes(4096)
    chunks = b"WAVEfmt " + struct.pack("<I", len(facts)) + facts + b"data" + struct.pack("<I", len(noise)) + noise
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def thirty_hours() -> bytes:
    """Thirty hours of silence as FLAC: 300 kB."""
    return encode(np.zeros((30 * 3600 * 2000, 1), np.int16), 2000, "FLAC")


def gzip_bomb() -> bytes:
    """512 MB of zeros, a thousandth of their size."""
    squeeze = zlib.compressobj(9, wbits=31)
    return b"".join(squeeze.compress(bytes(2**20)) for _ in range(512)) + squeeze.flush()


def large_frame() -> bytes:
    """A Matroska file of one frame, which as floats at another rate takes ten times its size."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        stream = output.add_stream("pcm_u8", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 30 * 2**20), np.uint8), "u8", "mono")
        frame.sample_rate = 48000
        for part in (frame, None):
            output.mux(stream.encode(part))
    return file.getvalue()


def large_alac() -> bytes:
    """An M4A whose ALAC asks for frames of 16 million samples."""
    content = bytearray(encode_with_ffmpeg(tone(0.5, 48000), 48000, "ipod", "alac"))
    config = content.index(b"alac", content.index(b"alac") + 4)
    content[config + 8 : config + 12] = (2**24).to_bytes(4)
    return bytes(content)


def large_index() -> bytes:
    """An M4A of 2 kB whose tables tell of 80 million frames of one byte, each of which has an entry in memory."""
    n = 80_000_000
    tables = {
        b"stsz": struct.pack(">III", 0, 1, n),
        b"stts": struct.pack(">IIII", 0, 1, n, 1024),
        b"stsc": struct.pack(">IIIII", 0, 1, 1, n, 1),
    }

    def replace(boxes: bytes) -> bytes:
        replaced, place = b"", 0
        while place < len(boxes):
            size, kind = struct.unpack_from(">I4s", boxes, place)
            content = tables.get(kind, boxes[place + 8 : place + size])
            if kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
                content = replace(content)
            replaced += struct.pack(">I4s", 8 + len(content), kind) + content
            place += size
        return replaced

    return replace(encode_with_ffmpeg(tone(0.1, 44100), 44100, "ipod", "aac"))


def huge_floats() -> bytes:
    """Finite samples whose power is not."""
    return encode(np.full((9000, 1), 1e38), 22050, "WAV", "FLOAT")


def film_of_rare_sound() -> bytes:
    """A Matroska file whose sound takes a decoder that nobody records with."""
    return encode_with_ffmpeg(tone(0.5, 8000, 1), 8000, "matroska", "real_144")


NOISE = np.random.default_rng(0).bytes(10_000)
# What an upload is, and the reason of its rejection.
BAD_UPLOADS: dict[str, tuple[Callable[[], bytes], str]] = {
    "no bytes": (lambda: b"", "empty"),
    "no samples": (lambda: wav(b""), "empty"),
    "a WAV of 1 Hz": (lambda: wav(NOISE, rate=1), "bad_sample_rate"),
    "a WAV of 2**31 - 1 Hz": (lambda: wav(NOISE, rate=2**31 - 1), "bad_sample_rate"),
    "1024 channels": (lambda: wav(NOISE, channels=1024), "too_many_channels"),
    "thirty hours of silent FLAC": (thirty_hours, "too_long"),
    "floats of 1e38": (huge_floats, "not_finite"),
    "a NaN": (lambda: encode(np.array([[0.0], [np.nan]] * 5000), 22050, "WAV", "FLOAT"), "not_finite"),
    "noise": (lambda: NOISE, "not_audio"),
    "a playlist": (lambda: b"#EXTM3U\n#EXTINF:1,\nhttp://169.254.169.254/\n", "not_audio"),
    "a concatenation": (lambda: b"ffconcat version 1.0\nfile /etc/passwd\n", "not_audio"),
    "IMA ADPCM of no block": (lambda: adpcm(0, 1), "corrupt"),
    "IMA ADPCM of wrong blocks": (lambda: adpcm(256, 50_000), "corrupt"),
    "IMA ADPCM of many channels": (lambda: adpcm(8, 9, channels=1000), "corrupt"),
    "MS ADPCM of small blocks": (lambda: adpcm(7, 2, tag=2), "corrupt"),
    "a gzip bomb": (gzip_bomb, "too_large"),
    "a gzip bomb in gzip": (lambda: gzip.compress(gzip_bomb()), "not_audio"),
    "half of a gzip": (lambda: gzip.compress(NOISE)[:5000], "corrupt"),
    "more than MAX_BYTES": (lambda: wav(bytes(2**26)), "too_large"),
    "a frame of 30 MB": (large_frame, "corrupt"),
    "ALAC of large frames": (large_alac, "corrupt"),
    "an MP4 of 80 million frames": (large_index, "corrupt"),
    "a rare codec": (film_of_rare_sound, "not_audio"),
}


DECODE = """
import sys
from analysis.decoding.recording import open_recording
from analysis.errors import AnalysisError
from analysis.settings import Settings
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        try:
            sum(len(y) for y in open_recording(file, Settings()))
            print("Sound")
        except AnalysisError as error:
            print(type(error).__name__)
"""


def decode(*paths: Path, prefix: tuple[str, ...] = ()) -> str:
    """Decode files in a process of their own, and return what it says."""
    command = [*prefix, sys.executable, "-c", DECODE, *map(str, paths)]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
