"""Prints SCALES of analysis/features/fingerprint.py: what makes each of its numbers vary alike.

Their standard deviations over sounds of packages that no collection of `bench/similar.py` is taken from: loops, drums
and pads, tones and chords of synthesisers, the sounds of two desktops, the voices and the music of a game. Each kind of
number counts as much as SHARES says: its constants are divided by that. Single periods of waveforms, in which nothing
can change, are left out. Run it as `python -m bench.scaling [CACHE]`.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from analysis.decoding.recording import open_recording
from analysis.errors import AnalysisError
from analysis.features import extract
from analysis.features.fingerprint import N_DEVIATIONS, N_MEANS, SCALES
from analysis.settings import Settings
from bench.packages import find_sounds, unpack

PACKAGES = ("sonic-pi-samples", "lmms-common", "oxygen-sounds", "sound-theme-freedesktop", "fillets-ng-data")
SHORTEST = 2205  # samples, a tenth of a second
SHARES = np.repeat([1, 0.7, 1.5], [N_MEANS - 1, N_DEVIATIONS, 1])  # means, deviations, the level's steps


def main(cache: str = f"{tempfile.gettempdir()}/sounds-bench") -> None:
    """Print the constants."""
    vectors = []
    for package in PACKAGES:
        directory = unpack(package, Path(cache))
        if directory is None:
            sys.exit(f"{package} is not to be had here")
        vectors += [vector for path in find_sounds(directory) if (vector := _fingerprint(path))]
    scales = (np.array(vectors) * SCALES).std(axis=0) / SHARES
    print(f"# of {len(vectors)} sounds", ", ".join(f"{scale:.3g}" for scale in scales), sep="\n")


def _fingerprint(path: Path) -> list[float] | None:
    with path.open("rb") as file:
        try:
            fields = extract(open_recording(file, Settings()))
        except AnalysisError:
            return None  # lmms has files of other programs that are called sounds
    return fields.get("fingerprint") if fields["length"] >= SHORTEST else None


if __name__ == "__main__":
    main(*sys.argv[1:])
