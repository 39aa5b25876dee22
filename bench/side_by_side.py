"""Plain and ours side by side over the same files, in time, memory and numbers: the table of several sections."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.runs import Measured, UnsupportedError, interleave
from bench.table import Table, megabytes, seconds

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
    "ours is `extract(open_recording(file, settings))`.",
    "Each run is a fresh process whose clock starts after its imports, and nothing is warmed up;",
    "memory is the peak resident above what is resident after the imports.",
)


@dataclass(frozen=True, slots=True)
class Row:
    """Files to compare on.

    Attributes:
        name: what the table calls them.
        paths: the files, analysed in one process.
        audio_s: seconds of audio in all.
        plain: the method that the column plain shows; None where the files would not fit into memory.
    """

    name: str
    paths: Sequence[Path]
    audio_s: float
    plain: str | None = "plain"


def compare(title: str, rows: Sequence[Row], runs: int, *more_notes: str) -> Table:
    """Run plain and ours over the files of each row, and return the table."""
    cells: list[list[str]] = []
    wrong: list[str] = []
    blas: dict[str, float] = {}
    for row in rows:
        measured = interleave([method for method in (row.plain, "ours") if method], row.paths, runs)
        ours = measured["ours"]
        if isinstance(ours, UnsupportedError):
            raise ours
        plain = measured.get(row.plain) if row.plain else None
        blas |= {method: result.blas_threads for method, result in measured.items() if isinstance(result, Measured)}
        if isinstance(plain, Measured):
            difference, broken = compare_numbers(row.name, plain, ours)
            wrong += broken
            cells.append(_cells(row, plain, ours, difference))
        else:
            cells.append(_cells_alone(row, ours, "not run" if plain is None else "cannot"))
    threads = ", ".join(f"{method} {count:.0f}" for method, count in blas.items())
    threads_and_runs = f"Threads for matrix products: {threads}; medians of {runs} runs."
    return Table(title, [*NOTES, *more_notes, threads_and_runs], HEADER, cells, wrong)


def compare_numbers(name: str, plain: Measured, ours: Measured) -> tuple[float, list[str]]:
    """Return the largest difference of a coefficient, and what breaks the promise."""
    pairs = zip(plain.means, ours.means, strict=True)
    difference = max(abs(a - b) for means in pairs for a, b in zip(*means, strict=True))
    wrong = [] if difference <= PROMISE else [f"{name}: coefficients differ by {difference:.1e}"]
    if plain.lengths != ours.lengths:
        wrong.append(f"{name}: lengths differ")
    return difference, wrong


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
