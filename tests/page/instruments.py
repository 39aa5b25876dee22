"""Sounds that look and sound like those of a real collection, all of them synthesised and seeded."""

import numpy as np

SR = 44100


def all_sounds() -> dict[str, np.ndarray]:
    """Return samples [shape=(n,)] at 44 100 Hz by name."""
    sounds = {}
    for index in range(6):
        rng = np.random.default_rng(index)
        sounds[f"drums/kick {index + 1}.wav"] = kick(rng)
        sounds[f"drums/snare {index + 1}.wav"] = snare(rng)
        sounds[f"drums/hihat {index + 1}.wav"] = hihat(rng)
    for index, pitch in enumerate((110, 146.83, 220, 293.66, 440, 587.33)):
        sounds[f"strings/pluck {index + 1}.flac"] = pluck(pitch, 2.5)
        sounds[f"bells/bell {index + 1}.ogg"] = bell(pitch * 2, 4.0)
        sounds[f"voice/vowel {'aeiouy'[index]}.wav"] = vowel(index, 1.6)
    for index in range(3):
        rng = np.random.default_rng(index + 50)
        sounds[f"field/rain {index + 1}.flac"] = rain(rng, 8)
        sounds[f"field/blackbird {index + 1}.wav"] = birds(rng, 9)
    sounds["takes/bell 3, from afar.flac"] = np.concatenate([sounds["bells/bell 3.ogg"] * 0.1, np.zeros(SR // 2)])
    sounds["takes/arpeggio, first take.wav"] = arpeggio(np.random.default_rng(9))
    return sounds


def kick(rng: np.random.Generator) -> np.ndarray:
    """A falling tone."""
    t = times(rng.uniform(0.35, 0.6))
    phase = 2 * np.pi * (rng.uniform(45, 60) * t + rng.uniform(3, 6) * (1 - np.exp(-t * 30)))
    return level(np.sin(phase) * np.exp(-t * rng.uniform(6, 10)), 0.9)


def snare(rng: np.random.Generator) -> np.ndarray:
    """A tone and noise."""
    t = times(rng.uniform(0.25, 0.4))
    noise = rng.standard_normal(len(t)) * np.exp(-t * rng.uniform(12, 20))
    return level(noise + np.sin(2 * np.pi * rng.uniform(170, 210) * t) * np.exp(-t * 25), rng.uniform(0.5, 0.9))


def hihat(rng: np.random.Generator) -> np.ndarray:
    """High noise."""
    t = times(rng.uniform(0.1, 0.5))
    noise = np.diff(rng.standard_normal(len(t) + 2), 2)
    return level(noise * np.exp(-t * rng.uniform(10, 40)), rng.uniform(0.2, 0.5))


def pluck(pitch: float, seconds: float) -> np.ndarray:
    """A string: harmonics that die away the faster the higher they are."""
    t = times(seconds)
    y = sum(np.sin(2 * np.pi * pitch * k * t) * np.exp(-t * (0.8 + 0.6 * k)) / k for k in range(1, 16))
    return level(y, 0.7)


def bell(pitch: float, seconds: float) -> np.ndarray:
    """Partials that are no harmonics."""
    t = times(seconds)
    ratios = (0.56, 0.92, 1.19, 1.71, 2, 2.74, 3, 3.76, 4.07)
    y = sum(np.sin(2 * np.pi * pitch * r * t) * np.exp(-t * (0.4 + r * 0.7)) / (1 + r) for r in ratios)
    return level(y, 0.6)


def vowel(index: int, seconds: float) -> np.ndarray:
    """Pulses through formants, with a little vibrato."""
    formants = (
        (730, 1090, 2440),
        (530, 1840, 2480),
        (270, 2290, 3010),
        (570, 840, 2410),
        (300, 870, 2240),
        (350, 1700, 2300),
    )
    t = times(seconds)
    pitch = 120 + 4 * np.sin(2 * np.pi * 5 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / SR
    y = np.zeros_like(t)
    for k in range(1, 40):
        gain = sum(1 / (1 + ((k * 120 - f) / 90) ** 2) for f in formants[index])
        y += np.sin(k * phase) * gain
    return level(y * np.minimum(t * 12, 1) * np.minimum((seconds - t) * 8, 1), 0.6)


def rain(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Soft noise and drops."""
    t = times(seconds)
    spectrum = np.fft.rfft(rng.standard_normal(len(t)))
    y = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), len(t)) * 40
    for onset in rng.integers(0, len(t) - 2000, 260):
        drop = np.arange(1500) / SR
        y[onset : onset + 1500] += (
            np.sin(2 * np.pi * rng.uniform(900, 5000) * drop) * np.exp(-drop * 160) * rng.uniform(0, 1)
        )
    return level(y, 0.25)


def birds(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Phrases of gliding whistles over a quiet wind."""
    t = times(seconds)
    y = np.cumsum(rng.standard_normal(len(t))) * 1e-4
    y -= np.convolve(y, np.ones(4000) / 4000, "same")
    onset = 0.4
    while onset < seconds - 1.5:
        for _ in range(rng.integers(2, 6)):
            length = rng.uniform(0.08, 0.35)
            note = times(length)
            start, end = rng.uniform(1800, 3800, 2)
            phase = 2 * np.pi * np.cumsum(np.linspace(start, end, len(note)) + 150 * np.sin(2 * np.pi * 18 * note)) / SR
            first = int(onset * SR)
            y[first : first + len(note)] += np.sin(phase) * np.hanning(len(note)) * rng.uniform(0.3, 1)
            onset += length + rng.uniform(0.03, 0.1)
        onset += rng.uniform(0.5, 1.2)
    return level(y, 0.5)


def arpeggio(rng: np.random.Generator) -> np.ndarray:
    """Plucked chords, one after the other, over 24 seconds."""
    y = np.zeros(24 * SR + 3 * SR)
    for step in range(96):
        chord = (
            (220, 261.6, 329.6, 440),
            (174.6, 220, 261.6, 349.2),
            (261.6, 329.6, 392, 523.3),
            (196, 246.9, 293.7, 392),
        )
        note = pluck(chord[step // 16 % 4][(step * 3 + step // 4) % 4] * rng.choice((1, 1, 2)), 2)
        first = int(step * 0.25 * SR)
        y[first : first + len(note)] += note * rng.uniform(0.4, 1)
    return level(y, 0.8)


def times(seconds: float) -> np.ndarray:
    """Return the moments of samples, s."""
    return np.arange(round(seconds * SR)) / SR


def level(y: np.ndarray, peak: float) -> np.ndarray:
    """Scale to a peak."""
    return y / np.abs(y).max() * peak
