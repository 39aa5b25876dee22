"""The benchmark runs, and compares what it says it compares; what it measures is nobody's promise here."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from analysis.definition import OPTIONAL_FEATURES
from bench import sound_files
from bench.runs import Measured
from bench.side_by_side import compare_numbers
from tests.bench.conftest import ROOT, Benchmark


def test_tables_agree_with_librosa(benchmark: Benchmark):
    """One command prints versions and tables, and plain and ours have the same numbers in every format."""
    shown, (formats, peers, size) = benchmark("formats", "peers", "size")

    assert "librosa 1." in shown
    assert "libsndfile 1." in shown
    names = [row[0] for row in formats["rows"]]
    assert [name.split(", ")[1] for name in names] == [
        "16-bit WAV",
        "FLAC",
        "OGG Vorbis",
        "OGG Opus",
        "MP3",
        "m4a (AAC)",
    ]
    compared = formats["rows"] if shutil.which("ffmpeg") else formats["rows"][:-1]  # librosa cannot read m4a
    assert all(float(row[-1]) <= 1e-3 for row in compared)
    assert {"ours", "opensmile"} <= {row[0].split()[0] for row in peers["rows"]}
    assert size["rows"][-1][0] == "all"
    for table in (formats, peers, size):
        assert not table["wrong"]
        assert all(f"| {' | '.join(row)} |" in shown for row in table["rows"])


def test_parts_of_a_cold_start_add_up(benchmark: Benchmark):
    """Both functions answer their first event, in the time of the parts that are listed."""
    _, (cold, imports) = benchmark("cold")

    for column in (1, 2):
        whole, listening, event, *steps, second = (float(row[column]) for row in cold["rows"])
        assert whole == pytest.approx(listening + event, rel=0.02)
        assert 0 < sum(steps) < 1.01 * event  # each is rounded to three figures
        assert listening > 0
        assert second > 0
    assert {"numpy", "all"} <= {row[0] for row in imports["rows"]}


def test_steps_of_the_loop_add_up(benchmark: Benchmark):
    """What the steps add is what the whole pass takes, and each feature that can be asked for is timed."""
    _, (loop, optional) = benchmark("loop")

    *steps, whole = ((row[0], float(row[1])) for row in loop["rows"])
    assert steps[0][0] == "read and decode"
    assert sum(cpu_s for _, cpu_s in steps) == pytest.approx(whole[1], rel=0.02)
    assert [row[0] for row in optional["rows"]] == ["none", *OPTIONAL_FEATURES, "all"]


def test_whole_events_are_answered_by_both(benchmark: Benchmark):
    """Both functions answer the events of every sound, except plain that of the m4a, and what they take is told."""
    _, (events,) = benchmark("event")

    *long, short = events["rows"]
    assert [row[0].split(", ")[1] for row in long] == ["16-bit WAV", "m4a (AAC)", "OGG Opus"]
    assert short[0].startswith("1.4 s ")
    assert [row[1] == "cannot" for row in events["rows"]] == [False, True, False, False]
    for wall_s, cpu_s, memory_mb in ((row[2], row[5], row[8]) for row in long):
        assert float(wall_s) > 0
        assert float(cpu_s) >= 0
        assert float(memory_mb) > 0
    assert sum(float(row[5]) for row in long) > 0  # a single one may be less than a tick of the system's clock


def test_declare_shortens_a_sound(tmp_path: Path):
    """A WAV file can tell of its beginning only, and of all again."""
    path = sound_files.make_wav(tmp_path, "sound", 2, channels=1)

    sound_files.declare(path, 1)
    assert soundfile.info(path).frames == 44100

    sound_files.declare(path, 2)
    assert soundfile.info(path).frames == 88200


def test_numbers_that_disagree_are_told():
    """A coefficient that is off by more than is promised, or another length, is named and is no success."""
    plain = Measured(1, 1, 1, 1, 1, lengths=(10,), means=((1.0, 2.0),))
    near = replace(plain, means=((1.0, 2.0009),))
    far = replace(plain, means=((1.0, 2.0011),))
    longer = replace(plain, lengths=(11,))

    assert compare_numbers("it", plain, near)[1] == []
    assert compare_numbers("it", plain, far)[1] == ["it: coefficients differ by 1.1e-03"]
    assert compare_numbers("it", plain, longer)[1] == ["it: lengths differ"]


def test_help_names_every_section():
    """--help says what can be asked for: each file of bench/ that measures something."""
    command = [sys.executable, "-m", "bench", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout

    named = " ".join(shown.split()).partition("--only NAME [NAME ...] of ")[2].partition(" --runs")[0]
    measuring = [path.stem for path in (ROOT / "bench").glob("*.py") if "\ndef measure(" in path.read_text()]
    assert sorted(named.split(", ")) == sorted(measuring)


def test_threads_are_set_before_numpy_reads_them():
    """What the benchmark does itself takes one thread, as in the function: OpenBLAS reads that when it is imported."""
    command = [sys.executable, "-X", "importtime", "-m", "bench", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stderr
    imported = [line.rpartition("|")[2].strip() for line in told.splitlines()]

    assert imported.index("analysis") < imported.index("numpy.version")
