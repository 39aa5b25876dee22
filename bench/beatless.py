"""Sounds that have no single pitch and no beat, from Debian's packages that neither rule was chosen on."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from bench.packages import find_sounds, unpack
from bench.sounds import decode

MOST_S = 30
KINDS = {  # by kind: packages, what their paths contain, what not, and how many sounds at most of each
    "speech": (("tuxpaint-stamps-default",), "_desc", "^$", 80),
    "drum hits": (("hydrogen-drumkits",), "", "^$", 150),
    "sounds of animals and things": (("tuxpaint-stamps-default",), "", "_desc", 100),
    "effects of games": (("tecnoballz-data", "widelands-data"), "", "music", 80),
    "music": (("widelands-data",), "music", "^$", 40),
}


def read_kind(kind: str, cache: Path) -> Iterator[NDArray[np.float32]]:
    """Yield sounds of a kind, the same ones each time."""
    packages, within, without, most = KINDS[kind]
    for package in packages:
        directory = unpack(package, cache)
        if directory is None:
            continue
        paths = [p for p in find_sounds(directory) if re.search(within, str(p)) and not re.search(without, str(p))]
        for number in np.random.default_rng(0).permutation(len(paths))[:most]:
            try:
                y = decode(paths[number], MOST_S)
            except soundfile.LibsndfileError:
                continue
            if len(y) > 2000 and np.abs(y).max() > 1e-3:
                yield y
