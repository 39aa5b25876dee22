"""Section short: a short sound alone in a process, and many short sounds in one process."""

from bench import sound_files
from bench.options import Options
from bench.side_by_side import Row, compare
from bench.table import Table


def measure(options: Options) -> list[Table]:
    """Compare on one short sound, and on many in one process."""
    n_sounds = 3 if options.quick else 200
    # Seed 1 gives digital silence: the first sound is the next one.
    paths = [sound_files.make_wav(options.cache, f"short{k}", 5, seed=k) for k in range(2, n_sounds + 2)]
    rows = [
        Row("5 s stereo 44.1 kHz 16-bit WAV, the first of a process", paths[:1], 5),
        Row(f"{n_sounds} such sounds in one process", paths, 5 * n_sounds),
    ]
    return [compare("Short sounds", rows, options.runs if options.quick else 3 * options.runs)]
