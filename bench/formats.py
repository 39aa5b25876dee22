"""Section formats: the same sound in each of several formats."""

import shutil

from bench import sound_files
from bench.options import Options
from bench.side_by_side import Row, compare
from bench.table import Table, duration

ENCODED = {"flac": "FLAC", "ogg": "OGG Vorbis", "opus": "OGG Opus", "mp3": "MP3", "m4a": "m4a (AAC)"}  # by ending


def measure(options: Options) -> list[Table]:
    """Compare on the same stereo sound in six formats."""
    audio_s = options.scaled(3600, 5)
    wav = sound_files.make_wav(options.cache, "stereo", audio_s)
    name = f"{duration(audio_s)} stereo 44.1 kHz"
    rows = [Row(f"{name}, 16-bit WAV", [wav], audio_s)]
    for ending, codec in ENCODED.items():
        plain = "ffmpeg" if ending == "m4a" and shutil.which("ffmpeg") else "plain"
        rows.append(Row(f"{name}, {codec}", [sound_files.encode(wav, ending)], audio_s, plain))
    note = "librosa cannot read m4a: its plain numbers are those of ffmpeg's command line before it, a second decoder."
    return [compare("One sound in six formats", rows, options.runs, note)]
