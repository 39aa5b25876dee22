"""Section cold: from process start to the first document, in parts, and what the imports take of it."""

import json
import re
import statistics
import sys
from collections import defaultdict
from dataclasses import dataclass
from time import perf_counter

from bench import sound_files
from bench.emulators import Emulators, post, running
from bench.options import Options
from bench.runs import progress
from bench.table import Table, seconds
from local.object_event import Event
from local.program import ProgramError

METHODS = ("plain", "ours")
HEADER = ("s", "plain", "ours", "times faster")
LARGEST = 14
IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")
IMPORT_TIMES = {"PYTHONPROFILEIMPORTTIME": "1"}
LOGGED_SECONDS = re.compile(r'"seconds": (\{.*?\})')
STEPS = ("download", "load", "analyze", "write")


@dataclass(frozen=True, slots=True)
class Start:
    """One process, from its start to its second document.

    Attributes:
        listening_s: seconds until it answers requests.
        first_s: seconds from then to the answer to its first event.
        second_s: seconds that a second event takes.
        steps_s: seconds of each step of the first event, from its log.
        log: what it wrote.
    """

    listening_s: float
    first_s: float
    second_s: float
    steps_s: dict[str, float]
    log: str


def measure(options: Options) -> list[Table]:
    """Start both functions in turn against the emulators, then each once more with its imports timed."""
    runs, unmeasured = (1, 0) if options.quick else (3 * options.runs, 1)
    sound = sound_files.make_wav(options.cache, "short1", 5)
    starts: dict[str, list[Start]] = {method: [] for method in METHODS}
    try:
        with running() as emulators:
            events = [emulators.upload(sound, name) for name in ("first.wav", "second.wav")]
            for run in range(runs + unmeasured):
                for method in METHODS:
                    progress(f"cold start {run + 1}/{runs + unmeasured}: {method}")
                    starts[method].append(_start(emulators, method, events))
            imports = {method: _imports(_start(emulators, method, events, IMPORT_TIMES).log) for method in METHODS}
    except ProgramError as error:
        return [Table("Cold start", [f"Not measured, the emulators do not start: {error}"], HEADER, [])]
    return [_starts_table({method: starts[method][unmeasured:] for method in METHODS}), _imports_table(imports)]


def _start(emulators: Emulators, method: str, events: list[Event], environment: dict[str, str] | None = None) -> Start:
    """Start a function, post it the events, end it."""
    started = perf_counter()
    with emulators.start(method, environment or {}).wait() as function:
        times = [started, perf_counter()]
        for event in events:
            if problem := post(function, event):
                raise ProgramError(f"{problem}; the end of its log:\n{function.tail()}")
            times.append(perf_counter())
        log = function.log.read_text(errors="replace")
    steps = next(LOGGED_SECONDS.finditer(log))
    return Start(times[1] - times[0], times[2] - times[1], times[3] - times[2], json.loads(steps[1]), log)


def _starts_table(starts: dict[str, list[Start]]) -> Table:
    plain, ours = ([_parts(start) for start in starts[method]] for method in METHODS)
    rows = []
    for name in plain[0]:
        plain_s, ours_s = (statistics.median(parts[name] for parts in found) for found in (plain, ours))
        rows.append([name, seconds(plain_s), seconds(ours_s), seconds(plain_s / ours_s) if plain_s else ""])
    notes = [
        "Wall seconds of the whole function under the functions-framework, Firestore's emulator and fake-gcs-server,",
        "two uploads of 5 s of stereo WAV. plain is `bench/plain_function`: its clients are made at import, and what",
        "librosa imports lazily is in its analysis. ours imports what it needs for the signal in a thread meanwhile:",
        "`load` is what is left of that.",
        f"Medians of {len(ours)} interleaved starts; one start of each before them fills the disk cache.",
        "The download is from this machine, without a network's delay; credentials cost nothing here.",
    ]
    return Table("Cold start", notes, HEADER, rows)


def _parts(start: Start) -> dict[str, float]:
    """Return the seconds of each row of the table."""
    return {
        "process start to first document": start.listening_s + start.first_s,
        "of this: process start to listening (framework, imports)": start.listening_s,
        "of this: first event": start.first_s,
        **{f"of the first event: {step}": start.steps_s.get(step, 0) for step in STEPS},
        "a second event": start.second_s,
    }


def _imports_table(imports: dict[str, dict[str, float]]) -> Table:
    packages = sorted(
        {*imports["plain"], *imports["ours"]}, key=lambda name: -max(imports[method].get(name, 0) for method in METHODS)
    )
    rows = [[name, *(f"{imports[method].get(name, 0):.0f}" for method in METHODS)] for name in packages[:LARGEST]]
    rows.append(["all", *(f"{sum(imports[method].values()):.0f}" for method in METHODS)])
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
    """Return the package that a module is shown under; of Google's, each has its own."""
    first, *rest = module.split(".")
    if first in sys.stdlib_module_names:
        return "Python's own"
    return ".".join([first, *rest[: 2 if rest[:1] == ["cloud"] else 1]]) if first == "google" else first
