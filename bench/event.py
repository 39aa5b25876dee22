"""Section event: whole events, from the post to the function's answer, download and document included."""

import statistics
import sys
from dataclasses import astuple, dataclass
from time import perf_counter

from bench import process, sound_files
from bench.emulators import Emulators, post, running
from bench.options import Options
from bench.runs import UnsupportedError, progress
from bench.table import Table, duration, megabytes, seconds
from local.object_event import Event
from local.program import Program, ProgramError

TITLE = "The whole event"
HEADER = (
    "sound",
    "wall s, plain",
    "ours",
    "times faster",
    "CPU s, plain",
    "ours",
    "times less",
    "MB above what it held, plain",
    "ours",
)
FORMATS = {"wav": "16-bit WAV", "m4a": "m4a (AAC)", "opus": "OGG Opus"}  # by ending
SHORT_S, SHORT_SEED = 1.4, 3  # of this seed the first passage is a loud one


@dataclass(frozen=True, slots=True)
class Taken:
    """What a function took for an event.

    Attributes:
        wall_s: seconds from the post to the answer.
        cpu_s: seconds of processor of all its processes.
        memory_mb: peak of the process that answers, above what it held before.
    """

    wall_s: float
    cpu_s: float
    memory_mb: float


def measure(options: Options) -> list[Table]:
    """Post long sounds and a short one to both functions, each warm, in turn."""
    if sys.platform != "linux":
        return [Table(TITLE, ["Not measured: only Linux tells what another process takes."], HEADER, [])]
    audio_s, times = options.scaled(3600, 5), 3 if options.quick else 200
    wav = sound_files.make_wav(options.cache, "stereo", audio_s)
    short_wav = sound_files.make_wav(options.cache, f"short{SHORT_SEED}", SHORT_S, seed=SHORT_SEED)
    rows = []
    try:
        with running() as emulators:
            short = emulators.upload(short_wav)
            for ending, codec in FORMATS.items():
                event = emulators.upload(wav if ending == "wav" else sound_files.encode(wav, ending))
                plain, ours = _interleave(emulators, short, [event], options.runs)
                rows.append(_row(f"{duration(audio_s)} stereo 44.1 kHz, {codec}", plain, ours))
            copies = [emulators.upload(short_wav, f"{number} {short_wav.name}") for number in range(times)]
            plain, ours = _interleave(emulators, short, copies, options.runs)
            rows.append(_row(f"{duration(SHORT_S)} stereo 44.1 kHz, {FORMATS['wav']}", plain, ours))
    except ProgramError as error:
        return [Table(TITLE, [f"Not measured, a program does not start: {error}"], HEADER, [])]
    notes = [
        "The whole function under the functions-framework, with Firestore's emulator and fake-gcs-server, timed from",
        "the post of an event to its answer. plain is `bench/plain_function`, whose librosa cannot read m4a.",
        f"A run is a fresh process that answered {duration(SHORT_S)} of WAV before; medians of {options.runs} runs.",
        f"A run posts {times} uploads of the {duration(SHORT_S)}: wall s is the median, CPU s the mean, MB the peak.",
        "CPU s are those of all processes of the function, MB those of the one that answers; each of its threads keeps",
        "some, so they grow with the number of threads that have answered, which is limited.",
    ]
    return [Table(TITLE, notes, HEADER, rows)]


def _interleave(emulators: Emulators, short: Event, events: list[Event], runs: int) -> tuple[Taken | None, Taken]:
    """Run plain and ours in turn and return the medians of each; None for plain where it cannot answer the events."""
    taken: dict[str, list[Taken]] = {"plain": [], "ours": []}
    for run in range(runs):
        for method, found in taken.items():
            progress(f"run {run + 1}/{runs}: {method}, the event of {events[0].upload[1]}")
            try:
                found.append(_run(emulators, method, short, events))
            except UnsupportedError:
                if method == "ours":
                    raise
    return _medians(taken["plain"]) if taken["plain"] else None, _medians(taken["ours"])


def _run(emulators: Emulators, method: str, short: Event, events: list[Event]) -> Taken:
    """Start a function, let it answer the short event and then the others; raise UnsupportedError if it does not."""
    with emulators.start(method).wait() as function:
        post(function, short)
        master = function.process.pid
        (worker,) = process.descendants(master)
        memory_before, cpu_before = process.begin_peak(worker), process.cpu_seconds(master)
        walls = [_post(function, event) for event in events]
        cpu_s = (process.cpu_seconds(master) - cpu_before) / len(events)
        return Taken(statistics.median(walls), cpu_s, process.peak(worker) - memory_before)


def _post(function: Program, event: Event) -> float:
    """Post the event and return the seconds until it is answered."""
    started = perf_counter()
    if problem := post(function, event):
        raise UnsupportedError(problem)
    return perf_counter() - started


def _medians(taken: list[Taken]) -> Taken:
    return Taken(*(statistics.median(values) for values in zip(*map(astuple, taken), strict=True)))


def _row(name: str, plain: Taken | None, ours: Taken) -> list[str]:
    if plain is None:
        row = _row(name, ours, ours)
        for column, text in {1: "cannot", 3: "", 4: "cannot", 6: "", 7: "cannot"}.items():
            row[column] = text
        return row
    return [
        name,
        seconds(plain.wall_s),
        seconds(ours.wall_s),
        seconds(plain.wall_s / ours.wall_s),
        seconds(plain.cpu_s),
        seconds(ours.cpu_s),
        seconds(plain.cpu_s / ours.cpu_s) if ours.cpu_s else "",
        megabytes(plain.memory_mb),
        megabytes(ours.memory_mb),
    ]
