"""Section memory: peak memory against the length of the sound."""

import numpy as np

from bench import sound_files
from bench.options import Options
from bench.runs import Measured, interleave
from bench.table import Table, duration, megabytes

HOURS = (0.5, 1, 2, 4, 10)
PLAIN_UP_TO_H = 1  # plain takes gigabytes per hour


def measure(options: Options) -> list[Table]:
    """Measure plain and ours over beginnings of the longest sound, and fit the slope of their memory."""
    long_s = options.scaled(36000, 20)
    path = sound_files.make_wav(options.cache, "mono", long_s, channels=1)
    rows: list[list[str]] = []
    ours: dict[float, float] = {}
    plain: dict[float, float] = {}
    try:
        for hours in HOURS:
            audio_s = hours / HOURS[-1] * long_s
            sound_files.declare(path, audio_s)
            methods = ("plain", "ours") if hours <= PLAIN_UP_TO_H else ("ours",)
            measured = interleave(methods, [path], options.runs)
            for method, found in (("plain", plain), ("ours", ours)):
                if isinstance(result := measured.get(method), Measured):
                    found[audio_s / 3600] = result.memory_mb
            told = [
                megabytes(found[audio_s / 3600]) if audio_s / 3600 in found else "not run" for found in (plain, ours)
            ]
            rows.append([duration(audio_s), *told])
    finally:
        sound_files.declare(path, long_s)
    rows.append(["slope, MB per hour of audio", megabytes(_slope(plain)), f"{_slope(ours):.2f}"])
    notes = [
        "Peak resident memory above the imports, in MB, of beginnings of one mono 44.1 kHz 16-bit WAV file;",
        f"medians of {options.runs} runs, the slopes by least squares.",
    ]
    return [Table("Memory against length", notes, ("audio", "plain", "ours"), rows)]


def _slope(memory_mb: dict[float, float]) -> float:
    return float(np.polyfit(list(memory_mb), list(memory_mb.values()), 1)[0])
