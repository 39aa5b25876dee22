"""Makes the golden file: the numbers that the present version of the analysis gives for a few sounds.

Usage: python -m tests.analysis.features.golden

Writes golden-VERSION.json, VERSION being ANALYSIS_VERSION. Numbers that are there already are never replaced, as stored
documents of that version hold them too: who means to change one raises ANALYSIS_VERSION first, and removes the file of
the version before.
"""

import json
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from analysis.decoding.recording import open_recording
from analysis.definition import ANALYSIS_VERSION
from analysis.features import extract
from analysis.settings import Settings
from local.servers import ROOT
from tests.fakes.synthetic import encode

type Numbers = dict[str, Any]

PATH = Path(__file__).with_name(f"golden-{ANALYSIS_VERSION}.json")
SR = 22050  # Hz: of sounds that are not resampled
# Of every number. OpenBLAS' kernels Nehalem, Sandybridge, Haswell, Zen, SkylakeX, Cooperlake and Sapphirerapids, with
# numpy's AVX512 and AVX2 and without, differ by at most 1.4e-5 of a fingerprint's number, 3e-6 of a mean and 2.3e-5 dB.
TOLERANCE = 1e-4
# Of the values of peaks, which are whole: where a sound is resampled, the last bit of a sample may round one otherwise.
SHARE_OF_OTHER_PEAKS = 0.01


def noise(n: int, seed: int) -> np.ndarray:
    """White noise from -1 to 1, [shape=(n,)]: Python promises the same numbers of a seed in every version."""
    generator = random.Random(seed)
    return np.array([generator.random() for _ in range(n)]) * 2 - 1


def seconds(duration: float, sr: int) -> np.ndarray:
    """The times of samples, s, [shape=(n,)]."""
    return np.arange(round(duration * sr)) / sr


def tone() -> bytes:
    """Five harmonics of an A, a semitone lower after half a second."""
    t = seconds(1.2, SR)
    pitch = np.where(t < 0.5, 440, 415.3)
    return encode(sum(np.sin(2 * np.pi * pitch * k * t) * 0.3 / k**2 for k in range(1, 6)), SR)


def string() -> bytes:
    """A struck string, the ninth key of a piano: stiff, its harmonics the faster to die the higher they are."""
    t = seconds(1.5, 44100)
    partials = [(k * np.sqrt(1 + 3e-4 * k * k), 0.4 / k, 0.7 * k) for k in range(1, 12)]
    return encode(sum(a * np.exp(-d * t) * np.sin(2 * np.pi * 43.7 * f * t) for f, a, d in partials), 44100)


def dying_noise() -> bytes:
    """Noise that dies away over several batches of frames, to the last bits of 16."""
    t = seconds(4, SR)
    return encode(noise(len(t), 1) * np.exp(-2.5 * t), SR)


def two_parts() -> bytes:
    """A tone and noise with silence around and between them, at 48 kHz."""
    t = seconds(0.4, 48000)
    silence = np.zeros(12_000)
    parts = [silence, 0.5 * np.sin(2 * np.pi * 1000 * t), silence, 0.1 * noise(len(t), 2), silence]
    return encode(np.concatenate(parts), 48000)


def drums() -> bytes:
    """Kick, hiss and kick, each elsewhere between two channels, at 44.1 kHz."""
    t = seconds(0.5, 44100)
    kick = np.sin(2 * np.pi * (50 * t + 8 * (1 - np.exp(-12 * t)))) * np.exp(-7 * t)
    hiss = noise(len(t), 3) * np.exp(-25 * t)
    hits = [(kick, 0.7, 0.6), (hiss, 0.1, 0.4), (kick, 0.3, 0.9), (hiss + kick, 0.4, 0.4)]
    return encode(np.concatenate([np.stack([hit * left, hit * right], axis=1) for hit, left, right in hits]), 44100)


def loop() -> bytes:
    """Two bars of kick and hiss, cut on the beat, 125 a minute."""
    t = seconds(0.24, SR)
    kick = np.sin(2 * np.pi * (55 * t + 6 * (1 - np.exp(-15 * t)))) * np.exp(-9 * t)
    hiss = 0.5 * noise(len(t), 6) * np.exp(-30 * t)
    return encode(np.concatenate([kick, hiss / 2, hiss, hiss / 2] * 3 + [kick, hiss, kick, hiss]), SR)


def beat() -> bytes:
    """Fifteen seconds of hits, too long for a loop: 112 a minute, then ever later or earlier than that, and weaker."""
    generator, t = random.Random(7), seconds(15, SR)
    hit = noise(4000, 8) * np.exp(-np.arange(4000) / 700)
    y = np.zeros(len(t))
    for number in range(27):
        shift = 0.02 * max(0, number - 12) * (generator.random() - 0.5)
        start = round((number * 60 / 112 + 0.1 + shift) * SR)
        y[start : start + len(hit)] += hit * 0.8 * 0.97**number
    return encode(y, SR)


def very_quiet() -> bytes:
    """A tone in noise, 100 dB below full scale, where the smallest power that counts is near."""
    t = seconds(1, SR)
    return encode(1e-5 * (np.sin(2 * np.pi * 300 * t) + 0.3 * noise(len(t), 4)), SR, codec="FLOAT")


def loud_floats() -> bytes:
    """Noise that rises to fifty times full scale."""
    t = seconds(1.5, SR)
    return encode(noise(len(t), 5) * 50 * np.exp(6 * (t - 1.5)), SR, codec="FLOAT")


SOUNDS: dict[str, Callable[[], bytes]] = {
    "local/sample.wav": (ROOT / "local/sample.wav").read_bytes,
    "tone": tone,
    "string": string,
    "dying noise": dying_noise,
    "two parts": two_parts,
    "drums": drums,
    "loop": loop,
    "beat": beat,
    "very quiet": very_quiet,
    "loud floats": loud_floats,
    "digital silence": lambda: encode(np.zeros(5000), SR),
}


def numbers_of(name: str) -> Numbers:
    """What a document would say of a sound; bytes are hexadecimal."""
    with tempfile.TemporaryFile() as file:
        file.write(SOUNDS[name]())
        file.flush()
        numbers = extract(open_recording(file, Settings()))
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in numbers.items()}


def golden_numbers() -> dict[str, Numbers]:
    """The numbers of the file, by sound; none where there is no file of this version."""
    return json.loads(PATH.read_text()) if PATH.exists() else {}


def changed(numbers: Numbers, golden: Numbers) -> list[str]:
    """The names of those numbers that are others than the golden ones."""
    return [name for name, value in golden.items() if not _agrees(name, numbers.get(name), value)]


def _agrees(name: str, value: Any, golden: Any) -> bool:
    if name == "peaks":
        return _peaks_agree(*(np.frombuffer(bytes.fromhex(peaks), np.int8).astype(int) for peaks in (value, golden)))
    if isinstance(value, list | tuple) and isinstance(golden, list):
        return len(value) == len(golden) and all(map(_agrees, [name] * len(value), value, golden))
    if isinstance(value, dict) and isinstance(golden, dict):
        return value.keys() == golden.keys() and all(_agrees(key, value[key], golden[key]) for key in golden)
    if isinstance(value, float) and isinstance(golden, float):
        return abs(value - golden) <= TOLERANCE
    return bool(value == golden)


def _peaks_agree(peaks: np.ndarray, golden: np.ndarray) -> bool:
    if len(peaks) != len(golden):
        return False
    differences = np.abs(peaks - golden)
    return bool(differences.max() <= 1 and np.count_nonzero(differences) <= SHARE_OF_OTHER_PEAKS * len(golden))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 7)
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return {key: _rounded(one) for key, one in value.items()} if isinstance(value, dict) else value


def main() -> None:
    """Write what the file lacks, unless numbers that it has are others now."""
    golden, lines = golden_numbers(), []
    for sound in SOUNDS:
        numbers = numbers_of(sound)
        if others := changed(numbers, golden.get(sound, {})):
            sys.exit(
                f"{sound}: {', '.join(others)} changed: raise ANALYSIS_VERSION in analysis/definition.py, "
                f"git rm {PATH.relative_to(ROOT)}, and run this again"
            )
        numbers = {name: _rounded(value) for name, value in numbers.items()} | golden.get(sound, {})
        fields = (f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in numbers.items())
        lines.append(f" {json.dumps(sound)}: {{\n" + ",\n".join(fields) + "\n }")
    PATH.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
