"""Section loop: where the time of the pass over an hour of WAV goes, step by step.

Each step is run together with all before it, and costs what that takes more.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from analysis.decoding.recording import Recording, open_recording
from analysis.definition import OPTIONAL_FEATURES
from analysis.features import Feature, extract
from analysis.features.fingerprint import Fingerprint
from analysis.features.levels import Levels
from analysis.features.mean_mfccs import MeanMfccs
from analysis.features.note import Note
from analysis.features.spectra import Spectra, compute_spectra
from analysis.settings import Settings
from bench import sound_files
from bench.options import Options
from bench.runs import progress
from bench.table import Table, duration, seconds


def measure(options: Options) -> list[Table]:
    """Time the pass up to each step, in turn."""
    length_s = options.scaled(3600, 20)
    wav = sound_files.make_wav(options.cache, "stereo", length_s)
    sound_files.declare(wav, length_s)
    taken: dict[str, list[float]] = {name: [] for name in STEPS}
    for number in range(options.runs + 1):  # the first warms up
        for name, step in STEPS.items():
            progress(f"run {number}/{options.runs}: up to {name}")
            taken[name].append(_cpu_seconds(wav, step))
    up_to = [median(times[1:]) for times in taken.values()]
    added = [whole - before for before, whole in zip([0.0, *up_to], up_to, strict=False)]
    cells = zip([*STEPS, "all"], [*added, up_to[-1]], strict=True)
    rows = [[name, seconds(cpu_s), f"{100 * cpu_s / up_to[-1]:.0f}"] for name, cpu_s in cells]
    notes = [
        f"{duration(length_s)} of stereo 44.1 kHz 16-bit WAV in one warm process: CPU s of the pass up to a step,",
        f"less those up to the step before; medians of {options.runs} interleaved runs.",
    ]
    return [Table("The loop", notes, ("step", "CPU s", "% of all"), rows), _optional_features(options)]


def _optional_features(options: Options) -> Table:
    """Time the pass with each of the features that FEATURES can ask for, beside the pass without."""
    length_s = options.scaled(600, 5)
    wav = sound_files.make_wav(options.cache, "stereo", length_s)
    sound_files.declare(wav, length_s)
    asked = {"none": (), **{name: (name,) for name in OPTIONAL_FEATURES}}
    asked["all"] = tuple(name for name in OPTIONAL_FEATURES if name != "mfcc:40")
    taken: dict[str, list[float]] = {name: [] for name in asked}
    for number in range(options.runs + 1):
        for name, names in asked.items():
            progress(f"run {number}/{options.runs}: {name}")
            taken[name].append(_cpu_seconds(wav, partial(_extract, names=names)))
    medians = {name: median(times[1:]) for name, times in taken.items()}
    rows = [[name, seconds(cpu_s), f"{100 * (cpu_s / medians['none'] - 1):.0f}"] for name, cpu_s in medians.items()]
    notes = [
        f"{duration(length_s)} of the same, with what FEATURES asks for; medians of {options.runs} interleaved runs."
    ]
    return Table("Optional features", notes, ("FEATURES", "CPU s of the pass", "% more than without"), rows)


def _spectra(recording: Recording, *features: Feature) -> Iterator[Spectra]:
    """Yield the spectra when the features have them."""
    for spectra in compute_spectra(recording):
        for feature in features:
            feature.add(spectra)
        yield spectra


STEPS: dict[str, Callable[[Recording], Iterable[Any]]] = {
    "read and decode": lambda recording: recording._decoder.decode(),  # noqa: SLF001 - parts are what is measured
    "mix to mono": lambda recording: recording._mono(),  # noqa: SLF001
    "resample": lambda recording: recording,
    "levels and peaks": lambda recording: _spectra(recording, Levels()),
    "mel spectrum": lambda recording: (spectra.mel_powers for spectra in _spectra(recording, Levels())),
    "MFCCs": lambda recording: _spectra(recording, Levels(), MeanMfccs()),
    "fingerprint": lambda recording: _spectra(recording, Levels(), MeanMfccs(), Fingerprint()),
    "note": lambda recording: _spectra(recording, Levels(), MeanMfccs(), Fingerprint(), Note()),
    "tempo": lambda recording: [extract(recording)],
}


def _extract(recording: Recording, names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [extract(recording, names)]


def _cpu_seconds(wav: Path, step: Callable[[Recording], Iterable[Any]]) -> float:
    with wav.open("rb") as file:
        recording = open_recording(file, Settings.from_environment({}))
        before = process_time()
        for _ in step(recording):
            pass
        return process_time() - before
