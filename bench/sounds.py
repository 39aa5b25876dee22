"""Sections formats, long and short: plain and ours over the same files, in time, memory and numbers."""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import signals
from bench.options import Options
from bench.runs import Measured, Unable, interleave
from bench.table import Table, duration, megabytes, seconds

PROMISE = 1e-3  # of every coefficient
HEADER = (
    "sound",
    "wall s, plain",
    "ours",
    "times faster",
    "CPU s, plain",
    "ours",
    "times less",
    "CPU s per hour of audio, plain",
    "ours",
    "MB above imports, plain",
    "ours",
    "largest difference",
)
NOTES = (
    "plain is `y, sr = librosa.load(path); librosa.feature.mfcc(y=y, sr=sr, n_mfcc=12).mean(axis=1)`;",
    "ours is `mean_mfccs(open_recording(file, settings))`.",
    "Each run is a fresh process whose clock starts after its imports, and nothing is warmed up;",
    "memory is the peak resident above what is resident after the imports.",
)


@dataclass(frozen=True, slots=True)
class Row:
    """Files to compare on.

    Attributes:
        name: how the table calls them.
        paths: the files, analysed in one process.
        audio_s: seconds of audio in all.
        plain: the way that plain goes; None where it would not fit.
    """

    name: str
    paths: Sequence[Path]
    audio_s: float
    plain: str | None = "plain"


def measure_formats(options: Options) -> list[Table]:
    """Compare on the same stereo sound in five formats."""
    audio_s = options.scaled(3600, 5)
    wav = signals.make_wav(options.cache, "stereo", audio_s)
    name = f"{duration(audio_s)} stereo 44.1 kHz"
    rows = [Row(f"{name}, 16-bit WAV", [wav], audio_s)]
    for ending, codec in (("flac", "FLAC"), ("ogg", "OGG Vorbis"), ("mp3", "MP3")):
        rows.append(Row(f"{name}, {codec}", [signals.encode(wav, ending)], audio_s))
    m4a = Row(
        f"{name}, m4a (AAC)", [signals.encode(wav, "m4a")], audio_s, "ffmpeg" if shutil.which("ffmpeg") else "plain"
    )
    rows.append(m4a)
    note = "librosa cannot read m4a: its plain numbers are those of ffmpeg's command line before it, a second decoder."
    return [_compare("One sound in five formats", [*NOTES, note], rows, options.runs)]


def measure_long(options: Options) -> list[Table]:
    """Compare on sounds that are long, or many channels wide."""
    long_s, wide_s = options.scaled(36000, 20), options.scaled(300, 5)
    long = signals.make_wav(options.cache, "mono", long_s, channels=1)
    signals.declare(long, long_s)
    wide = signals.make_wav(options.cache, "eight", wide_s, sr=192000, channels=8, bits=24)
    rows = [
        Row(f"{duration(long_s)} mono 44.1 kHz 16-bit WAV", [long], long_s, "plain" if options.quick else None),
        Row(f"{duration(wide_s)} 8 channels 192 kHz 24-bit WAV", [wide], wide_s),
    ]
    note = "plain is not run on ten hours: see its memory per hour."
    return [_compare("Long and wide sounds", [*NOTES, note], rows, options.runs)]


def measure_short(options: Options) -> list[Table]:
    """Compare on one short sound, and on many in one process."""
    n_sounds = 3 if options.quick else 200
    paths = [signals.make_wav(options.cache, f"short{k}", 5, seed=k) for k in range(1, n_sounds + 1)]
    rows = [
        Row("5 s stereo 44.1 kHz 16-bit WAV, the first of a process", paths[:1], 5),
        Row(f"{n_sounds} such sounds in one process", paths, 5 * n_sounds),
    ]
    return [_compare("Short sounds", NOTES, rows, options.runs if options.quick else 3 * options.runs)]


def compare_numbers(name: str, plain: Measured, ours: Measured) -> tuple[float, list[str]]:
    """Return the largest difference of a coefficient, and what breaks the promise."""
    pairs = zip(plain.means, ours.means, strict=True)
    difference = max(abs(a - b) for means in pairs for a, b in zip(*means, strict=True))
    wrong = [] if difference <= PROMISE else [f"{name}: coefficients differ by {difference:.1e}"]
    if plain.lengths != ours.lengths:
        wrong.append(f"{name}: lengths differ")
    return difference, wrong


def _compare(title: str, notes: Iterable[str], rows: Sequence[Row], runs: int) -> Table:
    cells, wrong, blas = [], [], {}
    for row in rows:
        measured = interleave([way for way in (row.plain, "ours") if way], row.paths, runs)
        ours = measured["ours"]
        if isinstance(ours, Unable):
            raise ours
        plain = measured.get(row.plain)
        blas |= {way: result.blas_threads for way, result in measured.items() if isinstance(result, Measured)}
        if isinstance(plain, Measured):
            difference, broken = compare_numbers(row.name, plain, ours)
            wrong += broken
            cells.append(_cells(row, plain, ours, difference))
        else:
            cells.append(_cells_alone(row, ours, "not run" if plain is None else "cannot"))
    threads = ", ".join(f"{way} {count:.0f}" for way, count in blas.items())
    return Table(
        title, [*notes, f"Threads for matrix products: {threads}; medians of {runs} runs."], HEADER, cells, wrong
    )


def _cells(row: Row, plain: Measured, ours: Measured, difference: float) -> list[str]:
    per_hour = 3600 / row.audio_s
    return [
        row.name,
        seconds(plain.wall_s),
        seconds(ours.wall_s),
        seconds(plain.wall_s / ours.wall_s),
        seconds(plain.cpu_s),
        seconds(ours.cpu_s),
        seconds(plain.cpu_s / ours.cpu_s),
        seconds(plain.cpu_s * per_hour),
        seconds(ours.cpu_s * per_hour),
        megabytes(plain.memory_mb),
        megabytes(ours.memory_mb),
        f"{difference:.0e}",
    ]


def _cells_alone(row: Row, ours: Measured, why: str) -> list[str]:
    cells = _cells(row, ours, ours, 0)
    for column in (1, 4, 7, 9):
        cells[column] = why
    for column in (3, 6, 11):
        cells[column] = ""
    return cells
