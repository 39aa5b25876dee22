"""A table of the report, as markdown."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Table:
    """What one section of the benchmark found.

    Attributes:
        title: what it shows.
        notes: sentences that say on what and how it was measured.
        header: names of the columns.
        rows: cells, the first column names the row.
        wrong: what disagrees with librosa; empty when all is well.
    """

    title: str
    notes: Sequence[str]
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    wrong: Sequence[str] = field(default=())

    def __str__(self) -> str:
        """Return the table as markdown."""
        columns = list(zip(self.header, *self.rows, strict=True))[1:]
        ruler = ["---", *("---:" if any(cell[:1].isdigit() for cell in column) else "---" for column in columns)]
        lines = [f"| {' | '.join(cells)} |" for cells in (self.header, ruler, *self.rows)]
        return "\n".join([f"## {self.title}", "", *self.notes, "", *lines, ""])


def seconds(value: float) -> str:
    """Format seconds, or a ratio, to three figures."""
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def megabytes(value: float) -> str:
    """Format MB: whole from ten on."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def duration(value: float) -> str:
    """Format a sound's length in the largest unit that keeps it whole: 10 h, 5 min, 20 s."""
    for unit, size in (("h", 3600), ("min", 60)):
        if value % size == 0 and value:
            return f"{value // size:.0f} {unit}"
    return f"{value:g} s"
