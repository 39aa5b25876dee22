"""Section cold: from process start to the first document, in parts, and what the imports take of it."""

import re
import statistics
import sys
from collections import defaultdict

from bench import function, signals
from bench.function import Start
from bench.options import Options
from bench.runs import progress
from bench.table import Table, seconds
from local.program import ProgramError

WAYS = ("plain", "ours")
HEADER = ("s", "plain", "ours", "times faster")
LARGEST = 14
IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")
STEPS = ("download", "load", "analyze", "write")


def measure_cold(options: Options) -> list[Table]:
    """Start both functions in turn against the emulators, then each once more with its imports timed."""
    runs, unmeasured = (1, 0) if options.quick else (3 * options.runs, 1)
    sound = signals.make_wav(options.cache, "short1", 5)
    starts: dict[str, list[Start]] = {way: [] for way in WAYS}
    try:
        with function.start_cloud(sound) as cloud:
            for run in range(runs + unmeasured):
                for way in WAYS:
                    progress(f"cold start {run + 1}/{runs + unmeasured}: {way}")
                    starts[way].append(function.start(way, cloud))
            imports = {way: _imports(function.start(way, cloud, {"PYTHONPROFILEIMPORTTIME": "1"}).log) for way in WAYS}
    except ProgramError as error:
        return [Table("Cold start", [f"Not measured, the emulators do not start: {error}"], HEADER, [])]
    return [_starts_table({way: starts[way][unmeasured:] for way in WAYS}), _imports_table(imports)]


def _starts_table(starts: dict[str, list[Start]]) -> Table:
    rows = []
    for name, measure in (
        ("process start to first document", lambda start: start.listening_s + start.first_s),
        ("of this: process start to listening (framework, imports)", lambda start: start.listening_s),
        ("of this: first event", lambda start: start.first_s),
        *((f"of the first event: {step}", lambda start, step=step: start.steps_s.get(step, 0)) for step in STEPS),
        ("a second event", lambda start: start.second_s),
    ):
        plain, ours = (statistics.median(map(measure, starts[way])) for way in WAYS)
        rows.append([name, seconds(plain), seconds(ours), seconds(plain / ours) if plain else ""])
    notes = [
        "Wall seconds of the whole function under the functions-framework, Firestore's emulator and fake-gcs-server,",
        "one upload of 5 s of stereo WAV. plain is `bench/plain_function`: its clients are made at import, and what",
        "librosa imports lazily is in its analysis. ours imports what it needs for the signal in a thread meanwhile:",
        "`load` is what is left of that.",
        f"Medians of {len(starts['ours'])} interleaved starts; one start of each before them fills the disk cache.",
        "The download is from this machine, without a network's delay; credentials cost nothing here.",
    ]
    return Table("Cold start", notes, HEADER, rows)


def _imports_table(imports: dict[str, dict[str, float]]) -> Table:
    packages = sorted(
        {*imports["plain"], *imports["ours"]}, key=lambda name: -max(imports[way].get(name, 0) for way in WAYS)
    )
    rows = [[name, *(f"{imports[way].get(name, 0):.0f}" for way in WAYS)] for name in packages[:LARGEST]]
    rows.append(["all", *(f"{sum(imports[way].values()):.0f}" for way in WAYS)])
    notes = [
        "ms of each package's own modules, from process start to the second document, framework included,",
        "by `PYTHONPROFILEIMPORTTIME`, which itself slows imports; one start each.",
    ]
    return Table("Imports at cold start", notes, ("ms", "plain", "ours"), rows)


def _imports(log: str) -> dict[str, float]:
    """Add up the import times of a log per package, in ms."""
    found: dict[str, float] = defaultdict(float)
    for own_us, module in IMPORT.findall(log):
        found[_package(module)] += int(own_us) / 1000
    return dict(found)


def _package(module: str) -> str:
    first, *rest = module.split(".")
    if first in sys.stdlib_module_names:
        return "Python's own"
    return ".".join([first, *rest[: 2 if rest[:1] == ["cloud"] else 1]]) if first == "google" else first
