"""Section notes: how often the note of a sound is right, beside librosa's and Essentia's, and who wrongly gets one.

The notes are of packages that the rule was not chosen on: eleven recorded instruments, and three soundfonts.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import librosa
import numpy as np
import soxr
from numpy.typing import NDArray

from analysis.definition import SR
from analysis.features import extract
from analysis.features.note import HIGHEST_HZ, LOWEST_HZ
from bench import soundfont
from bench.beatless import KINDS, read_kind
from bench.options import Options
from bench.packages import find_sounds, unpack, unpack_npm
from bench.runs import progress
from bench.sounds import decode
from bench.table import Table

type Samples = NDArray[np.float32]

RECORDED = tuple(
    f"tonejs-instrument-{name}-mp3"
    for name in (
        *("bass-electric", "cello", "clarinet", "flute", "guitar-acoustic", "harp"),
        *("saxophone", "trombone", "trumpet", "violin", "xylophone"),
    )
)
FONTS = ("csound-soundfont", "opl3-soundfont", "minuet-data")
PROGRAMS = (0, 4, 6, 9, 11, 16, 19, 21, 24, 32, 33, 38, 40, 42, 45, 48, 52, 56, 57, 60, 64, 66, 68, 70, 71, 73, 75, 80)
KEYS = (36, 43, 51, 58, 64, 69, 74, 81, 88)
SEMITONES = ("C", "Cs", "D", "Ds", "E", "F", "Fs", "G", "Gs", "A", "As", "B")
MOST_S = 6
HALF = 0.5  # semitones


def measure(options: Options) -> list[Table]:
    """Compare the notes of labelled sounds, then count the notes of sounds that have none."""
    sources = {"11 recorded instruments (tonejs-instrument-…-mp3)": _recorded, **{font: _font(font) for font in FONTS}}
    if options.quick:
        sources = {"csound-soundfont": _font("csound-soundfont")}
    rows, missing = [], []
    for name, read in sources.items():
        progress(f"notes of {name}")
        notes = list(read(options.cache))
        if notes:
            rows += _compare(name, notes)
        else:
            missing.append(name)
    notes_of_table = [
        "Of those that get a note, how often it has the right name, and the right octave too: some instruments of",
        "fonts sound an octave from what their keys say. librosa's is the median of yin where it is loud, Essentia's",
        "that of PitchYinFFT where it is loud; these always give one. Where all find the same other octave, the",
        "instrument sounds there.",
        *([f"Not to be had here: {', '.join(missing)}."] if missing else []),
    ]
    header = ("notes", "way", "get one", "right name", "right octave too", "other octave", "of these by all")
    wrong = []
    for kind in [] if options.quick else KINDS:
        progress(f"notes of {kind}")
        sounds = list(read_kind(kind, options.cache))
        if sounds:
            given = [_ours(y) is not None for y in sounds]
            wrong.append([kind, str(len(sounds)), f"{np.mean(given):.1%}"])
    bells = ["Bells, toms, congas and whistles among them do have a pitch."]
    return [
        Table("Notes", notes_of_table, header, rows),
        Table("Notes of what has none", bells, ("sounds", "n", "get a note"), wrong),
    ]


def _compare(name: str, notes: list[tuple[float, Samples]]) -> list[list[str]]:
    ways: dict[str, Callable[[Samples], float | None]] = {"ours": _ours, "librosa.yin": _yin}
    with suppress(ImportError):
        ways["Essentia, PitchYinFFT"] = _load_essentia()
    truth = np.array([midi for midi, _ in notes])
    found = {way: np.array([find(y) for _, y in notes], float) for way, find in ways.items()}
    rows = []
    for way, midi in found.items():
        differences = midi - truth
        is_given = np.isfinite(differences)
        is_name, is_note = (np.abs(d) < HALF for d in ((differences + 6) % 12 - 6, differences))
        is_octave = is_name & ~is_note
        by_all = np.all([np.abs(other - midi) < HALF for other in found.values()], axis=0)
        shares = [is_given.mean(), is_name[is_given].mean(), is_note[is_given].mean()]
        octaves = [str(is_octave.sum()), str((is_octave & by_all).sum())]
        rows.append([f"{name}, {len(notes)}", way, *(f"{share:.1%}" for share in shares), *octaves])
    return rows


def _ours(y: Samples) -> float | None:
    note = extract([y])["note"]
    return None if note is None else note["midi"]


def _yin(y: Samples) -> float:
    hz = librosa.yin(y, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, sr=SR, frame_length=2048)
    loudness = librosa.feature.rms(y=y)[0][: len(hz)]
    return _to_midi(float(np.median(hz[loudness >= loudness.max() / 2])))


def _load_essentia() -> Callable[[Samples], float]:
    import essentia

    essentia.log.infoActive = False
    from essentia import standard

    window, spectrum = standard.Windowing(type="hann"), standard.Spectrum(size=2048)
    pitch = standard.PitchYinFFT(frameSize=2048, sampleRate=SR, minFrequency=LOWEST_HZ, maxFrequency=HIGHEST_HZ)

    def find(y: Samples) -> float:
        frames = standard.FrameGenerator(np.ascontiguousarray(y), frameSize=2048, hopSize=1024)
        found = np.array([(*pitch(spectrum(window(frame))), float((frame**2).sum())) for frame in frames])
        is_loud = found[:, 2] >= found[:, 2].max() / 4
        return _to_midi(float(np.median(found[is_loud, 0])))

    return find


def _to_midi(hz: float) -> float:
    return 69 + 12 * float(np.log2(max(hz, 1) / 440))


def _recorded(cache: Path) -> Iterator[tuple[float, Samples]]:
    for package in RECORDED:
        directory = unpack_npm(package, cache)
        for path in find_sounds(directory) if directory else []:
            name = re.fullmatch(r"([A-G]s?)(\d)", path.stem)
            if name:
                yield SEMITONES.index(name[1]) + 12 * (int(name[2]) + 1), decode(path, MOST_S)


def _font(package: str) -> Callable[[Path], Iterator[tuple[float, Samples]]]:
    def read(cache: Path) -> Iterator[tuple[float, Samples]]:
        directory = unpack(package, cache)
        if directory is None:
            return
        path = next(path for path in sorted(directory.rglob("*.sf2")) if not path.is_symlink())
        for _, key, y, sr in soundfont.render(path, PROGRAMS, KEYS):
            yield key, soxr.resample(y.mean(axis=1), sr, SR).astype(np.float32)

    return read
