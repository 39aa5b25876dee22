"""Feeds the audio path real files of every format with bytes changed: only sounds and rejections may come of them.

Usage: python -m tests.endurance.fuzz DIRECTORY SECONDS SEED. The input under way is DIRECTORY/input, so it is there
after a crash; one that takes longer than INPUT_S ends the process. At the end one line of JSON says how many inputs
ended how, and how much memory and how many open files are left over.
"""

import faulthandler
import gc
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil

from analysis.decoding.recording import open_recording
from analysis.errors import AnalysisError
from analysis.features import extract
from analysis.settings import Settings
from tests.fakes.containers import CONTAINERS
from tests.fakes.ogg_pages import pages_of, seal
from tests.fakes.synthetic import EVERY_FORMAT, sound_of
from tests.fakes.tagged import TAGGED

INPUT_S = 20  # for one input; the files are of half a second
SEALED = 0.5  # of the inputs, if they are Ogg
WARM_UP = 300  # inputs after which memory is at its level
# Numbers that parsers stumble over, as 2 and 4 bytes of either order.
ODD_NUMBERS = [0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
LIMITS = Settings(max_duration_s=600)


def mutate(content: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """Change a file in a few places, most of them near its beginning, where the headers are."""
    changed = bytearray(content)
    for _ in range(rng.integers(1, 8)):
        size = max(len(changed), 1)
        at = int(rng.integers(0, min(size, 400) if rng.random() < 0.7 else size))
        match rng.integers(0, 8):
            case 0:
                changed[at : at + 1] = bytes([changed[at] ^ (1 << int(rng.integers(8)))]) if changed else b""
            case 1 | 2:
                n_bytes = int(rng.choice([1, 2, 4, 8]))
                number = int(rng.choice(ODD_NUMBERS)) % 256**n_bytes
                changed[at : at + n_bytes] = number.to_bytes(n_bytes, "big" if rng.random() < 0.5 else "little")
            case 3:
                n_bytes = int(rng.integers(1, 16))
                changed[at : at + n_bytes] = rng.bytes(n_bytes)
            case 4:
                del changed[at : at + int(rng.integers(1, 64))]
            case 5:
                changed[at:at] = changed[at : at + int(rng.integers(1, 64))]
            case 6:
                del changed[max(at, 12) :]
            case 7:
                other = others[rng.integers(len(others))]
                start = int(rng.integers(0, len(other)))
                changed[at : at + 64] = other[start : start + 64]
    return sealed(bytes(changed)) if rng.random() < SEALED else bytes(changed)


def sealed(content: bytes) -> bytes:
    """Give the pages of an Ogg file their right checksums; without, decoders drop what was changed."""
    return b"".join(seal(page) if page.startswith(b"OggS") else page for page in pages_of(content))


def analyze(content: bytes) -> str:
    """Take a file the whole way, as main.py does, and return what became of it."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        try:
            extract(open_recording(file, LIMITS))
        except AnalysisError as error:
            return error.reason
    return "sound"


def main(directory: Path, seconds: float, seed: int) -> None:
    """Run until the time is over, or until something else than a sound or a rejection comes of an input."""
    rng = np.random.default_rng(seed)
    whole = {name: sound_of(name) for name in EVERY_FORMAT}
    mp3 = whole["MP3 MPEG_LAYER_III"]
    files = [*whole.values(), bytes(10) + mp3, b"ID3\4\0\0\0\0\0\x20" + bytes(33) + mp3]
    files += [make() for make, _ in (*CONTAINERS.values(), *TAGGED.values())]
    files += [whole["OGG VORBIS"] + whole["OGG OPUS"] + whole["ogg flac"], mp3 + mp3, whole["FLAC PCM_16"] * 2]
    files += [whole["adts aac"] + whole["OGG VORBIS"], mp3[: len(mp3) // 2] + whole["adts aac"]]
    process = psutil.Process()
    ends: Counter[str] = Counter()
    slowest = n_bytes_before = 0.0
    n_open_before = 0
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if ends.total() == WARM_UP:
            gc.collect()
            n_bytes_before, n_open_before = process.memory_info().rss, process.num_fds()
        content = mutate(files[rng.integers(len(files))], files, rng)
        (directory / "input").write_bytes(content)
        faulthandler.dump_traceback_later(INPUT_S, exit=True)
        begun = time.monotonic()
        ends[analyze(content)] += 1
        slowest = max(slowest, time.monotonic() - begun)
    faulthandler.cancel_dump_traceback_later()
    gc.collect()
    grown = process.memory_info().rss - n_bytes_before
    n_opened = process.num_fds() - n_open_before
    report = {"inputs": ends.total(), "ends": ends, "slowest": slowest, "grown_bytes": grown, "opened": n_opened}
    print(json.dumps(report))  # noqa: T201  it is what the test reads


if __name__ == "__main__":
    faulthandler.enable()
    main(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
