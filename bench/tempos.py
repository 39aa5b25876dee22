"""Section tempos: how often the tempo of a piece or a loop is right, beside librosa's and Essentia's.

The pieces are MIDI files, rendered, whose tempo they say themselves. The loops are recorded and cut on the beat: theirs
is right where 1, 2, 4 ... 64 beats of it are as long as they are. Of what has no beat it counts what gets a tempo.
"""

import io
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import librosa
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from analysis.definition import SR
from analysis.features import extract
from bench.beatless import KINDS, read_kind
from bench.options import Options
from bench.packages import find_sounds, unpack
from bench.runs import progress
from bench.sounds import decode
from bench.table import Table

type Samples = NDArray[np.float32]

PIECES = ("planetblupi-music-midi", "openttd-openmsx")
FONT = "minuet-data"
LOOPS = {"sonic-pi-samples": "/loop_", "lmms-common": "loops/|/beats/"}
START_S, LENGTH_S = 10, 30  # of a piece
OCTAVES = (1, 2, 1 / 2, 3, 1 / 3)
NEAR = 0.04


def measure(options: Options) -> list[Table]:
    """Compare the tempos of pieces and loops, then count the tempos of sounds that have none."""
    pieces = [] if options.quick else list(_pieces(options.cache))
    loops = list(_loops(options.cache))
    rows = []
    for way, find in _ways().items():
        progress(f"tempo by {way}")
        for name, sounds in (("pieces", pieces), ("loops", loops)):
            found = [(bpm, _right(name, bpm, truth, len(y))) for truth, y in sounds if (bpm := find(y))]
            if sounds:
                once, octave = np.mean([right for _, right in found] or [(False, False)], axis=0)
                rows.append(
                    [f"{len(sounds)} {name}", way, f"{len(found) / len(sounds):.0%}", f"{once:.0%}", f"{octave:.0%}"]
                )
    wrong = []
    for kind in [] if options.quick else KINDS:
        progress(f"tempo of {kind}")
        given = [extract([y])["tempo"] is not None for y in read_kind(kind, options.cache)]
        if given:
            wrong.append([kind, str(len(given)), f"{np.mean(given):.1%}"])
    notes = [
        f"Pieces are {LENGTH_S} s of MIDI files of {' and '.join(PIECES)}, played by the soundfont of {FONT};",
        f"loops those of {' and '.join(LOOPS)}. Right is within {NEAR:.0%}, of those that get a tempo: at once, and",
        "up to twice or thrice. Of a loop the number of its beats is not known, so that both are the same.",
    ]
    header = ("sounds", "way", "get one", "right", "right up to 2 or 3")
    music = ["Music is listed for comparison: it may have a beat."]
    return [
        Table("Tempo", notes, header, rows),
        Table("Tempo of what has none", music, ("sounds", "n", "get a tempo"), wrong),
    ]


def _right(name: str, bpm: float, truth: float, length: int) -> tuple[bool, bool]:
    if name == "loops":
        beats = bpm * length / SR / 60
        is_whole = any(abs(beats / 2**power - 1) < NEAR for power in range(7))
        return is_whole, is_whole
    near = [abs(bpm / truth / octave - 1) < NEAR for octave in OCTAVES]
    return near[0], any(near)


def _ways() -> dict[str, Callable[[Samples], float | None]]:
    ways: dict[str, Callable[[Samples], float | None]] = {"ours": _ours, "librosa.feature.tempo": _librosa}
    with suppress(ImportError):
        ways["Essentia, PercivalBpmEstimator"] = _load_essentia()
    return ways


def _ours(y: Samples) -> float | None:
    tempo = extract([y])["tempo"]
    return None if tempo is None else tempo["bpm"]


def _librosa(y: Samples) -> float:
    return float(librosa.feature.tempo(y=y, sr=SR)[0])


def _load_essentia() -> Callable[[Samples], float]:
    import essentia

    essentia.log.infoActive = False
    from essentia import standard

    return lambda y: float(standard.PercivalBpmEstimator(sampleRate=SR)(y))


def _loops(cache: Path) -> Iterator[tuple[float, Samples]]:
    for package, within in LOOPS.items():
        directory = unpack(package, cache)
        for path in find_sounds(directory) if directory else []:
            if re.search(within, str(path)):
                yield 0.0, decode(path, 60)


def _pieces(cache: Path) -> Iterator[tuple[float, Samples]]:
    """Yield the pieces that keep their tempo."""
    directory = unpack(FONT, cache)
    if directory is None:
        return
    with suppress(ImportError):
        import midirenderer  # of bench/requirements.txt

        font = next(path for path in sorted(directory.rglob("*.sf2")) if not path.is_symlink()).read_bytes()
        for path in [path for package in PIECES if (d := unpack(package, cache)) for path in sorted(d.rglob("*.mid"))]:
            tempos = _tempos(path.read_bytes())
            if len(tempos) == 1:
                y = _excerpt(midirenderer.render_wave_from(font, path.read_bytes()))
                if len(y) == LENGTH_S * SR and y.any():
                    yield tempos.pop(), y


def _excerpt(wave: bytes) -> Samples:
    """Return y from START_S on, LENGTH_S of it at most."""
    with soundfile.SoundFile(io.BytesIO(wave)) as sound:
        sr = sound.samplerate
        sound.seek(min(sound.frames, START_S * sr))
        y = sound.read(LENGTH_S * sr, "float32", always_2d=True)
    resampled: Samples = soxr.resample(y.mean(axis=1), sr, SR).astype(np.float32)
    return resampled


def _tempos(midi: bytes) -> set[float]:
    """Return the tempos that the meta events of a MIDI file set; where none does it is 120."""
    starts = [at for at in range(len(midi) - 6) if midi[at : at + 3] == b"\xff\x51\x03"]
    return {round(60e6 / struct.unpack(">I", b"\0" + midi[at + 3 : at + 6])[0], 3) for at in starts} or {120.0}
