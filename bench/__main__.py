"""Compare our mean MFCCs with plain librosa's, and with others', in time, memory and numbers.

Prints versions, machine and tables as markdown; progress goes to stderr. Plain and ours run in turn, each time in a
fresh process. Exits with 1 when numbers disagree with librosa's by more than is promised.
"""

import argparse
import dataclasses
import json
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import analysis  # noqa: F401  before numpy, as in the function: it sets the threads of what is imported after it
from bench import versions
from bench.options import Options
from bench.runs import progress
from bench.table import Table

# The modules of this package that measure something; each is imported when it is asked for.
SECTIONS = (
    "formats",
    "loop",
    "long",
    "memory",
    "short",
    "event",
    "cold",
    "peers",
    "similar",
    "notes",
    "tempos",
    "page",
    "backfill",
    "plan_and_run",
    "size",
)


def main() -> int:
    """Run what the command line asks for."""
    arguments = _parser().parse_args()
    options = Options(arguments.runs, arguments.quick, arguments.cache.resolve())
    print(versions.describe(), end="\n\n", flush=True)
    tables: list[Table] = []
    for name in arguments.only or SECTIONS:
        for table in measure_section(name, options):
            progress("")
            print(table, flush=True)
            tables.append(table)
    if arguments.json:
        arguments.json.write_text(json.dumps([dataclasses.asdict(table) for table in tables], indent=1))
    wrong = [sentence for table in tables for sentence in table.wrong]
    print(*wrong, sep="\n", end="\n" if wrong else "", file=sys.stderr)
    return 1 if wrong else 0


def measure_section(section: str, options: Options) -> list[Table]:
    """Measure what a section measures."""
    tables: list[Table] = import_module(f"bench.{section}").measure(options)
    return tables


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=SECTIONS, help=f"of {', '.join(SECTIONS)}")
    parser.add_argument(
        "--runs", type=_count, default=5, help="runs of each method (%(default)s); short ones thrice as many"
    )
    parser.add_argument("--quick", action="store_true", help="short sounds: to try the benchmark, not to believe it")
    cache = Path(tempfile.gettempdir()) / "sounds-bench"
    parser.add_argument(
        "--cache", type=Path, default=cache, metavar="DIR", help="where the sounds are kept, 6 GB (%(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the tables as JSON too")
    return parser


def _count(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r}: accepted is a whole number above 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
