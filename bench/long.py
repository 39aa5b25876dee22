"""Section long: sounds that are long, or many channels wide."""

from bench import sound_files
from bench.options import Options
from bench.side_by_side import Row, compare
from bench.table import Table, duration


def measure(options: Options) -> list[Table]:
    """Compare on a long sound of one channel, and on a wide one."""
    long_s, wide_s = options.scaled(36000, 20), options.scaled(300, 5)
    long = sound_files.make_wav(options.cache, "mono", long_s, channels=1)
    sound_files.declare(long, long_s)
    wide = sound_files.make_wav(options.cache, "eight", wide_s, sr=192000, channels=8, bits=24)
    rows = [
        Row(f"{duration(long_s)} mono 44.1 kHz 16-bit WAV", [long], long_s, "plain" if options.quick else None),
        Row(f"{duration(wide_s)} 8 channels 192 kHz 24-bit WAV", [wide], wide_s),
    ]
    note = "plain is not run on ten hours: see its memory per hour."
    return [compare("Long and wide sounds", rows, options.runs, note)]
