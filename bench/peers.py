"""Section peers: what a user might pick instead of librosa, over the same file."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from bench import sound_files
from bench.options import Options
from bench.runs import Measured, UnsupportedError, interleave
from bench.side_by_side import compare_numbers
from bench.table import Table, duration, megabytes, seconds

HEADER = ("package", "wall s", "CPU s", "MB above imports", "MB of imports", "reads", "computes", "license")
DEFINITION = "the definition: Slaney's mel bands, dB, clipped 80 dB below the maximum, frames centred"


@dataclass(frozen=True, slots=True)
class Peer:
    """What is to be known of a package that computes MFCCs.

    Attributes:
        computes: what its numbers are, where they are not librosa's.
        reads: what it reads by itself.
        license: under which it may be used.
    """

    computes: str
    reads: str
    license: str


PEERS = {
    "kaldi-native-fbank": Peer(
        "Slaney's mel bands; natural logarithm instead of dB; nothing clipped", "arrays", "Apache-2.0"
    ),
    "python-speech-features": Peer(
        "HTK's mel bands, rounded to bins; natural logarithm; frames not centred; nothing clipped",
        "arrays",
        "MIT",
    ),
    "audioflux": Peer(
        "Slaney's mel bands; log10 of at least 1e-8; frames not centred",
        "WAV, FLAC, OGG, MP3",
        "MIT",
    ),
    "essentia": Peer(
        "Slaney's mel bands by another norm; dB, nothing clipped; its own resampler",
        "what ffmpeg reads",
        "AGPL-3.0",
    ),
    "spafe": Peer(
        "HTK's mel bands; natural logarithm; frames not centred; nothing clipped",
        "arrays",
        "BSD",
    ),
    "opensmile": Peer(
        "HTK's mel bands of 16-bit samples; natural logarithm; frames not centred",
        "WAV, FLAC, OGG, MP3",
        "research, not commercial",
    ),
}


def measure(options: Options) -> list[Table]:
    """Run everything that is installed over one song."""
    audio_s = options.scaled(240, 5)
    path = sound_files.make_wav(options.cache, "song", audio_s)
    versions = {name: _installed(name) for name in PEERS}
    methods = ["plain", "ours", *(name for name in PEERS if versions[name])]
    measured = interleave(methods, [path], options.runs)
    plain, ours = measured["plain"], measured["ours"]
    if isinstance(plain, UnsupportedError):
        raise plain
    if isinstance(ours, UnsupportedError):
        raise ours
    difference, wrong = compare_numbers("peers", plain, ours)
    rows = [
        _row(f"librosa {_installed('librosa')}, plain", plain, "WAV, FLAC, OGG, MP3", DEFINITION, "ISC"),
        _row("ours", ours, "these, AAC and more", f"the same, to {difference:.0e}", "Apache-2.0"),
    ]
    for name, peer in PEERS.items():
        result = measured.get(name) or UnsupportedError("not installed")
        rows.append(_row(f"{name} {versions[name] or ''}".rstrip(), result, peer.reads, peer.computes, peer.license))
    notes = [
        f"{duration(audio_s)} stereo 44.1 kHz 16-bit WAV to the means of 12 coefficients, {options.runs} runs.",
        "All are set to 128 mel bands over 2048 samples every 512 at 22 050 Hz, without pre-emphasis and lifter;",
        "yet they do not compute the same. What reads only arrays is given soundfile's, resampled by soxr.",
        "Install them with `pip install --require-hashes -r bench/requirements.txt`.",
    ]
    return [Table("Peers", notes, HEADER, rows, wrong)]


def _row(name: str, result: Measured | UnsupportedError, reads: str, computes: str, terms: str) -> list[str]:
    if isinstance(result, UnsupportedError):
        return [name, str(result), "", "", "", reads, computes, terms]
    took = [seconds(result.wall_s), seconds(result.cpu_s), megabytes(result.memory_mb), megabytes(result.imports_mb)]
    return [name, *took, reads, computes, terms]


def _installed(package: str) -> str | None:
    """Return the version of a package, None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
