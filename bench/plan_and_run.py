"""Section plan_and_run: what backfill.sh says before a run, and the run, simulated for the cloud and real here."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from unittest.mock import patch

from analysis.document import make_uid
from analysis.upload import Upload
from backfill import estimate
from backfill.comparison import Comparison, State
from backfill.estimate import Estimate, Tasks, analysis_seconds, estimate_job
from backfill.plan import Plan
from backfill.request import MAX_PARALLELISM, Request, parse
from backfill.stored_document import StoredDocument
from bench import sound_files
from bench.backfill import clear
from bench.emulators import BUCKET, Emulators, running
from bench.options import Options
from bench.runs import ROOT, progress
from bench.simulated_job import execute
from bench.table import Table, duration, seconds
from local.program import ProgramError
from local.servers import PROJECT, client_variables

COUNTS = (1, 20, 100, 1000)
SOUND_S = 5
SOUND_BYTES = SOUND_S * 44100 * 4 + 44


def measure(options: Options) -> list[Table]:
    """Compare plans with simulated executions, then one plan with a real run."""
    tables = [_simulate(10_000 if options.quick else 100_000)]
    try:
        with running() as emulators:
            tables.append(_run_here(emulators, 20 if options.quick else 1000, options))
    except ProgramError as error:
        tables.append(Table("Plan and run here", [f"Not measured, a program does not start: {error}"], ("run",), []))
    return tables


def plan_of(request: Request, uploads: Sequence[Upload], n_analysed: int) -> Plan:
    """Return the plan of a run over uploads, of which the first have a sound."""
    return Plan(_comparisons(uploads, n_analysed), request)


def make_uploads(count: int) -> list[Upload]:
    """Return so many short WAVs in order of name."""
    return [Upload(BUCKET, f"takes/{number:07}.wav", 1, SOUND_BYTES) for number in range(count)]


def _comparisons(uploads: Sequence[Upload], n_analysed: int) -> Iterator[Comparison]:
    for number, upload in enumerate(uploads):
        if number < n_analysed:
            name, uid = upload.blob_name, make_uid(upload)
            document = StoredDocument("sounds", uid, name, upload.generation, is_stale=False, reason=None)
            yield Comparison(State.SOUND, upload, document)
        else:
            yield Comparison(State.MISSING, upload, None)


def _simulate(n_objects: int) -> Table:
    uploads, rows, wrong = make_uploads(n_objects), [], []
    for quota in (MAX_PARALLELISM, 20):
        for count in COUNTS if quota == MAX_PARALLELISM else COUNTS[2:3]:
            progress(f"simulating {count} tasks")
            request = parse([f"--project={PROJECT}", f"--bucket={BUCKET}", f"--tasks={count}"], {})
            tasks = Tasks(count, min(count, quota))
            plan = plan_of(request, uploads, 0)
            planned, counted = estimate_job(plan.work, tasks), execute(request, tasks, uploads, ())
            sensible = estimate.sensible_count(plan.work, tasks)
            plan.close()
            if abs(planned.seconds / counted.seconds - 1) > 0.1:
                wrong.append(f"{count} tasks: planned {planned.seconds:.0f} s, simulated {counted.seconds:.0f} s")
            rows.append(
                [
                    f"{count:,}, {tasks.parallelism} at once",
                    _minutes(planned.seconds),
                    _minutes(counted.seconds),
                    f"{planned.dollars.total:.2f}",
                    f"{counted.dollars(tasks):.2f}",
                    f"{counted.most_writes_per_s:.0f}",
                    f"{sensible}" if sensible < count else "",
                ]
            )
    notes = [
        f"A bucket of {n_objects:,} stereo WAVs of {SOUND_S} s without a document. The tasks really run, with bucket,",
        "database, workers and clock played (`bench/simulated_job.py`).",
    ]
    header = ("tasks", "min, plan", "run", "$, plan", "run", "most writes in a second", "more help little")
    return Table("Plan and simulated run", notes, header, rows, wrong)


def _run_here(emulators: Emulators, n_sounds: int, options: Options) -> Table:
    """Run four tasks, two at once, as processes on this machine, and plan them with what a start and a sound take."""
    wav = sound_files.make_wav(options.cache, "short1", SOUND_S, seed=1)
    for number in range(n_sounds):
        emulators.upload(wav, f"{number:07}.wav")
    uploads = [Upload(BUCKET, f"{number:07}.wav", 1, wav.stat().st_size) for number in range(n_sounds)]
    request = parse([f"--project={PROJECT}", f"--bucket={BUCKET}", "--tasks=4"], {})
    tasks = Tasks(4, 2)
    plan = plan_of(request, uploads, 0)
    of_cloud = estimate_job(plan.work, tasks)
    clear(emulators)
    whole_s = _task(emulators, 0, 1)  # analyses all
    start_s = _task(emulators, 0, 1)  # finds nothing to do
    object_s = (whole_s - start_s) / n_sounds
    with patch.object(estimate, "START_S", start_s), patch.object(estimate, "OBJECT_S", 0.0):
        here = _planned_with(plan, tasks, object_s)
    plan.close()
    taken = []
    for number in range(options.runs):
        progress(f"run {number + 1}/{options.runs}")
        clear(emulators)
        began = time.perf_counter()
        with ThreadPoolExecutor(tasks.parallelism) as places:
            list(places.map(lambda index: _task(emulators, index, tasks.count), range(tasks.count)))
        taken.append(time.perf_counter() - began)
    rows = [
        ["plan, with the seconds of the cloud", seconds(of_cloud.seconds)],
        ["plan, with the seconds of this machine", seconds(here.seconds)],
        ["run", seconds(median(taken))],
    ]
    cloud_ms = analysis_seconds("a.wav", wav.stat().st_size) * 1000
    notes = [
        f"{n_sounds} stereo WAVs of {duration(SOUND_S)}, four tasks, two at once, as processes on two cores beside the",
        f"emulators; median of {options.runs} runs. In one process a start took {start_s:.1f} s here and a sound",
        f"{object_s * 1000:.0f} ms; the plan for the cloud says {estimate.START_S} s and {cloud_ms:.0f} ms.",
    ]
    return Table("Plan and run here", notes, ("four tasks", "s"), rows)


def _planned_with(plan: Plan, tasks: Tasks, object_s: float) -> Estimate:
    work = plan.work
    for shard, n_objects in enumerate(work.to_analyse):
        work.vcpu_seconds[shard] = n_objects * object_s
    with patch.object(estimate, "PAGE_S", 0.0), patch.object(estimate, "LOOK_UP_S", 0.0):  # the start has them here
        return estimate_job(work, tasks)


def _task(emulators: Emulators, index: int, count: int) -> float:
    """Run a task as the job does, and return how long it took."""
    command = [sys.executable, "-P", "-m", "backfill", f"--project={PROJECT}", f"--bucket={BUCKET}"]
    environment = client_variables(emulators.storage, emulators.firestore) | {"PYTHONPATH": str(ROOT)}
    environment |= {"CLOUD_RUN_TASK_INDEX": str(index), "CLOUD_RUN_TASK_COUNT": str(count)}
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "--grace=0", "--here", "--yes", "--json"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ProgramError(done.stderr)
    summary: Mapping[str, int] = json.loads(done.stdout.splitlines()[-1])
    assert not summary["missing"]
    return time.perf_counter() - began


def _minutes(value: float) -> str:
    return f"{value / 60:,.1f}"
