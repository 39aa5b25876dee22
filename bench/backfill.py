"""Section backfill: a bucket analysed by one process and by two, against a plain loop; and comparisons of many."""

import json
import operator
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import batched
from pathlib import Path
from statistics import median

from google.cloud import firestore, storage  # type: ignore[attr-defined]  # it ships no types

from analysis.definition import ANALYSIS_VERSION
from analysis.document import make_uid
from bench import process, sound_files
from bench.emulators import BUCKET, Emulators, running
from bench.large_bucket import make_upload, start_listing
from bench.options import Options
from bench.runs import ROOT, progress
from bench.table import Table, megabytes, seconds
from local.program import ProgramError
from local.servers import PROJECT, client_variables

POLL_S = 0.1
DIFFERENT = 20  # sounds, uploaded again and again under other names
BATCH = 500  # documents of one commit
PLAIN_LOOP = (
    "from google.cloud import storage; import main; bucket = storage.Client().bucket({bucket!r});"
    "[main.analyze(dict(bucket=bucket.name, name=blob.name), None) for blob in bucket.list_blobs()]"
)
CALLS = re.compile(r"Compared in ([\d,]+) calls to the bucket and ([\d,]+) to the database")


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took.

    Attributes:
        wall_s: seconds from its start to its end.
        cpu_s: processor time of all its processes, seconds.
        servers_cpu_s: processor time that both emulators took meanwhile.
        memory_mb: the most that one of its processes held.
        summary: its counts.
        calls: to the bucket and to the database.
    """

    wall_s: float
    cpu_s: float
    servers_cpu_s: float
    memory_mb: float
    summary: Mapping[str, int] = field(default_factory=dict)
    calls: tuple[str, str] = ("", "")


def measure(options: Options) -> list[Table]:
    """Analyse a bucket in each method, in turn, then compare a large one."""
    if sys.platform != "linux":
        return [Table("Backfill", ["Not measured: only Linux tells what other processes take."], ("run",), [])]
    try:
        with running() as emulators:
            buckets = ((20, 5, "wav"),) if options.quick else ((1000, 5, "wav"), (400, 60, "mp3"))
            analyses = [_measure_analysis(emulators, *bucket, options) for bucket in buckets]
            return [*analyses, _measure_comparison(emulators, options)]
    except ProgramError as error:
        return [Table("Backfill", [f"Not measured, a program does not start: {error}"], ("run",), [])]


def _measure_analysis(emulators: Emulators, n_sounds: int, sound_s: int, ending: str, options: Options) -> Table:
    for blob in _storage(emulators).list_blobs(BUCKET):
        blob.delete()
    wavs = [sound_files.make_wav(options.cache, f"short{seed}", sound_s, seed=seed) for seed in range(1, DIFFERENT + 1)]
    sounds = [wav if ending == "wav" else sound_files.encode(wav, ending) for wav in wavs]
    for number in range(n_sounds):
        progress(f"uploading {number + 1}/{n_sounds}")
        emulators.upload(sounds[number % DIFFERENT], f"{number}.{ending}")
    cores = sorted(os.sched_getaffinity(0))
    methods = {"plain loop, one process": None, "one process": cores[:1], "two processes": cores[:2]}
    runs: dict[str, list[Run]] = {name: [] for name in methods}
    for number in range(options.runs):
        for name, affinity in methods.items():
            progress(f"run {number + 1}/{options.runs}: {name}")
            clear(emulators)
            runs[name].append(_run_plain(emulators) if affinity is None else _run(emulators, ["--yes"], affinity))
    again = [_run(emulators, ["--yes"], cores) for _ in range(options.runs)]
    wrong = [f"{name}: {run.summary}" for name in list(methods)[1:] for run in runs[name] if run.summary["missing"]]
    rows = []
    for name, taken in [*runs.items(), ("a second run, nothing to do", again)]:
        wall_s, cpu_s, servers_cpu_s = (
            median(getattr(run, clock) for run in taken) for clock in ("wall_s", "cpu_s", "servers_cpu_s")
        )
        rate = f"{n_sounds / wall_s:.1f}" if taken is not again else ""
        memory_mb = max(run.memory_mb for run in taken)
        rows.append([name, seconds(wall_s), rate, seconds(cpu_s), seconds(servers_cpu_s), megabytes(memory_mb)])
    notes = [
        f"{n_sounds} stereo sounds of {sound_s} s ({ending}) in fake-gcs-server's memory, documents to Firestore's",
        f"emulator; the emulators have the same {len(cores)} cores. The plain loop is `bench/plain_function` over the",
        "bucket's listing. A run is everything from the start of Python to its end, imports and comparison included;",
        f"medians of {options.runs} interleaved runs; memory is the most that one process held in any of them.",
    ]
    return Table(
        f"Backfill of {n_sounds} sounds of {sound_s} s ({ending})",
        notes,
        ("run", "s", "sounds per second", "CPU s", "CPU s of the emulators", "MB of a process"),
        rows,
        wrong,
    )


def _measure_comparison(emulators: Emulators, options: Options) -> Table:
    rows = []
    clear(emulators)
    there = 0
    for n_objects in (1000, 2000) if options.quick else (10_000, 100_000):
        progress(f"writing {n_objects} documents")
        _write_documents(emulators, there, n_objects)
        there = n_objects
        with start_listing(emulators.directory, n_objects).wait() as listing:
            many, cores = replace(emulators, storage=listing), sorted(os.sched_getaffinity(0))
            taken = []
            for number in range(options.runs):
                progress(f"run {number + 1}/{options.runs}: comparison of {n_objects}")
                taken.append(_run(many, ["--dry-run"], cores))
        assert all(run.summary["sounds"] == n_objects and not run.summary["missing"] for run in taken)
        rows.append(
            [
                f"{n_objects:,} objects, {n_objects:,} documents",
                seconds(median(run.wall_s for run in taken)),
                *taken[0].calls,
                megabytes(max(run.memory_mb for run in taken)),
            ]
        )
    notes = [
        "`./backfill.sh --dry-run` where every object has its document. `bench/large_bucket.py` lists the bucket; the",
        "documents lie in Firestore's emulator, which has no index and reads all of them for each page of a query.",
        f"Medians of {options.runs} runs.",
    ]
    header = ("compared", "s", "calls to the bucket", "calls to the database", "MB of a process")
    return Table("Comparison of bucket and collection", notes, header, rows)


def _run(emulators: Emulators, arguments: Sequence[str], affinity: Sequence[int]) -> Run:
    """Run the backfill on some cores: it takes a process for each."""
    command = [
        sys.executable,
        "-P",
        "-m",
        "backfill",
        "--project",
        PROJECT,
        "--bucket",
        BUCKET,
        "--json",
        "--grace=0",
        *arguments,
    ]
    environment = client_variables(emulators.storage, emulators.firestore) | {"PYTHONPATH": str(ROOT)}
    run, output, errors = _timed(emulators, command, emulators.directory, environment, affinity)
    calls = CALLS.search(errors)
    return replace(run, summary=json.loads(output.splitlines()[-1]), calls=(calls[1], calls[2]) if calls else run.calls)


def _run_plain(emulators: Emulators) -> Run:
    environment = client_variables(emulators.storage, emulators.firestore)
    source, cores = ROOT / "bench/plain_function", sorted(os.sched_getaffinity(0))
    command = [sys.executable, "-c", PLAIN_LOOP.format(bucket=BUCKET)]
    run, _, _ = _timed(emulators, command, source, environment, cores)
    return run


def _timed(
    emulators: Emulators,
    command: Sequence[str],
    directory: Path,
    environment: Mapping[str, str],
    affinity: Sequence[int],
) -> tuple[Run, str, str]:
    """Run a command, and return what it took, and what it printed."""
    before, memory_mb = _clocks(emulators), 0.0
    with subprocess.Popen(
        command,
        cwd=directory,
        env=os.environ | dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        os.sched_setaffinity(run.pid, affinity)
        with ThreadPoolExecutor(1) as reader:
            printed = reader.submit(run.communicate)
            while not printed.done():
                memory_mb = max([memory_mb, *_peaks(run.pid)])
                time.sleep(POLL_S)
        output, errors = printed.result()
    if run.returncode not in (0, 3):
        raise ProgramError(errors)
    wall_s, cpu_s, servers_cpu_s = map(operator.sub, _clocks(emulators), before)
    return Run(wall_s, cpu_s, servers_cpu_s, memory_mb), output, errors


def _clocks(emulators: Emulators) -> tuple[float, float, float]:
    """Return the time, the processor time of all commands that have ended, and that of the emulators, in s."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    servers = (emulators.storage, emulators.firestore)
    servers_cpu_s = sum(process.cpu_seconds(server.process.pid) for server in servers)
    return time.perf_counter(), ended.ru_utime + ended.ru_stime, servers_cpu_s


def _peaks(pid: int) -> list[float]:
    """Return the most that each process of a tree has held; of one that ends meanwhile, nothing."""
    peaks = []
    with suppress(OSError):
        for one in (pid, *process.descendants(pid)):
            with suppress(OSError, StopIteration):  # a process that ends has no memory before it has no entry
                peaks.append(process.peak(one))
    return peaks


def clear(emulators: Emulators) -> None:
    """Remove all documents."""
    database = _firestore(emulators)
    for collection in database.collections():
        database.recursive_delete(collection)


def _write_documents(emulators: Emulators, first: int, end: int) -> None:
    """Write the documents that the analysis of these objects of the listing would have."""
    client = _firestore(emulators)
    for numbers in batched(range(first, end), BATCH):
        batch = client.batch()
        for upload in map(make_upload, numbers):
            document = {"bucket": BUCKET, "blob_name": upload.blob_name, "generation": upload.generation}
            batch.set(
                client.collection("sounds").document(make_uid(upload)),
                document | {"uid": make_uid(upload), "analysis_version": ANALYSIS_VERSION},
            )
        batch.commit()


def _storage(emulators: Emulators) -> storage.Client:
    os.environ["STORAGE_EMULATOR_HOST"] = emulators.storage.url
    return storage.Client(PROJECT)


def _firestore(emulators: Emulators) -> firestore.Client:
    os.environ["FIRESTORE_EMULATOR_HOST"] = emulators.firestore.address
    return firestore.Client(PROJECT)
