"""Sounds with labels on which nothing of the fingerprint was chosen, from packages that no other collection has.

*Conventions.* Those of `bench/labelled_sounds.py`.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench import soundfont
from bench.labelled_sounds import Collections, LabelledSound, read, read_effects, read_music, read_notes, trim_word
from bench.packages import find_sounds

FONTS = ("opl3-soundfont", "minuet-data", "denemo-data")
RECORDED = {  # npm's packages of single notes, and the General MIDI programs of which they are
    "xylophone": 13,
    "bass-electric": 33,
    "violin": 40,
    "cello": 42,
    "harp": 46,
    "trumpet": 56,
    "trombone": 57,
    "saxophone": 66,
    "clarinet": 71,
    "flute": 73,
}
OCTAVES = "345"  # of the recorded notes
WORDS = ("tuxpaint-stamps-default",)
MUSIC = ("enigma-data", "glob2-data", "tuxtype-data", "widelands-data")
GAMES = (
    *("boswars-data", "bomberclone-data", "cube2-data", "enigma-data", "netpanzer-data", "tecnoballz-data"),
    *("tuxtype-data", "widelands-data"),
)
AT_LEAST, AT_MOST = 10, 30  # words of a speaker


def _drums(package: Path) -> Iterator[LabelledSound]:
    for _, key, y, sr in soundfont.render_percussion(soundfont.find(package)):
        yield LabelledSound(f"percussion {key}", package.name, y, sr)


def _instruments(package: Path) -> Iterator[LabelledSound]:
    name = re.fullmatch(r"tonejs-instrument-(.+)-mp3", package.name)
    if not name:
        yield from read_notes(package)
        return
    for path in find_sounds(package):
        if re.fullmatch(f"[CEG][{OCTAVES}]", path.stem):
            for sound in read(path, f"program {RECORDED[name[1]]}", "recorded"):
                yield replace(sound, y=sound.y[: soundfont.NOTE_S * sound.sr])


def _voices(package: Path) -> Iterator[LabelledSound]:
    """Yield words of a language, which one person or a few have spoken; each word is an origin."""
    by_language: dict[str, list[Path]] = defaultdict(list)
    for path in find_sounds(package):
        spoken = re.fullmatch(r".*_desc(?:_(\w\w))?", path.stem)
        if spoken:
            by_language[spoken[1] or "en"].append(path)
    for language, paths in sorted(by_language.items()):
        if len(paths) >= AT_LEAST:
            for path in np.random.default_rng(0).permutation(np.array(paths, object))[:AT_MOST]:
                for sound in read(path, language, path.stem):
                    yield trim_word(sound)


UNSEEN: Collections = {
    "drums": (FONTS, _drums),
    "instruments": ((*FONTS, *(f"tonejs-instrument-{name}-mp3" for name in RECORDED)), _instruments),
    "voices": (WORDS, _voices),
    "music": (MUSIC, read_music),
    "effects": (GAMES, read_effects),
}
