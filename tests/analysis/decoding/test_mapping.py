"""Files are searched in memory that does not grow with them."""

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from analysis.decoding.flac import BEGINNING_BYTES, find_files
from analysis.decoding.mapping import STEP_BYTES
from analysis.decoding.mpeg_frames import read_frames
from analysis.decoding.ogg import read_links
from bench import process
from tests.fakes.ogg_pages import make_page

N_BYTES = 2**26
FRAME = b"\xff\xfb\x50\x64".ljust(208, b"\1")  # of layer III, 64 kbit/s, 44.1 kHz
PAGES = make_page(0, 2, 0, [b"OpusHead".ljust(19, b"\0")]) + make_page(1, 0, 0, [bytes(60_000)])
FLAC = b"fLaC\0\0\0\x22\x10\0".ljust(42, b"\0")
FILES: dict[str, tuple[bytes, Callable[[IO[bytes]], Any]]] = {
    "MP3": (FRAME, lambda file: read_frames(file, 0).n_frames),
    "Ogg": (PAGES, lambda file: len(read_links(file))),
    "FLAC": (FLAC.ljust(2**20, b"\1"), lambda file: len(find_files(file))),
}


@pytest.mark.skipif(not process.PROC.exists(), reason="only Linux tells the peak of a moment")
@pytest.mark.parametrize("name", FILES)
def test_memory_does_not_grow_with_the_file(tmp_path: Path, name: str) -> None:
    """To search 64 MB takes less than 16."""
    content, search = FILES[name]
    path = tmp_path / "sound"
    path.write_bytes(content * (N_BYTES // len(content)))
    with path.open("rb") as file:
        search(file)  # what it imports and caches at its first use does not count
        before = process.begin_peak()

        assert search(file) > 1

    assert process.peak() - before < 16


@pytest.mark.parametrize("at", [-BEGINNING_BYTES, -9, -8, -5, -1, 0, 1])
def test_flac_files_are_found_across_steps(tmp_path: Path, at: int) -> None:
    """A file that begins around the end of a step is found once; what only looks like a beginning is none."""
    path = tmp_path / "sound.flac"
    start = STEP_BYTES + at
    for beginning, expected in ((FLAC, [(0, start), (start, start + 99)]), (b"fLaC\0\0\0\x22\0\0", [(0, start + 99)])):
        path.write_bytes(FLAC.ljust(start, b"\1") + beginning.ljust(99, b"\1"))
        with path.open("rb") as file:
            assert find_files(file) == expected
