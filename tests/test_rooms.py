"""The rooms import what the design lets them, and nothing is looked up the other way."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STDLIB = sys.stdlib_module_names
# Of each room, what it may import beside the standard library and the modules of its own folder.
MAY_IMPORT = {
    "main.py": {"analysis"},
    "analysis/__init__.py": set(),
    "analysis/audio.py": {"soxr", "numpy", "analysis.errors"}
    | {"analysis.ffmpeg", "analysis.flac", "analysis.mpeg", "analysis.opus", "analysis.sndfile"},
    "analysis/blobs.py": {"google.cloud.storage", "google.api_core.exceptions", "google_crc32c", "analysis.errors"},
    "analysis/errors.py": set(),
    "analysis/ffmpeg.py": {"av", "numpy", "analysis.errors", "analysis.source"},
    "analysis/flac.py": {"numpy", "analysis.errors"},
    "analysis/mfcc.py": {"librosa", "scipy", "numpy", "analysis.errors"},
    "analysis/mpeg.py": set(),
    "analysis/opus.py": {"analysis.errors", "analysis.ffmpeg"},
    "analysis/records.py": {"google.cloud.firestore", "google.cloud.firestore_v1", "google.api_core"},
    "analysis/settings.py": set(),
    "analysis/sndfile.py": {"soundfile", "numpy", "analysis.errors", "analysis.mpeg", "analysis.source"},
    "analysis/sound.py": set(),
    "analysis/source.py": set(),
    "analysis/upload.py": {"analysis.errors"},
}
FOLDERS = {
    "deploy": {"deploy"},
    "local": {"local", "google", "grpc", "proto", "numpy", "soundfile"},
    "bench": {"bench", "analysis", "local", "google", "numpy", "soundfile", "soxr", "librosa", "av", "scipy"}
    | {"threadpoolctl", "kaldi_native_fbank", "python_speech_features", "audioflux", "essentia", "spafe", "opensmile"},
}


def imports_of(path: Path) -> set[str]:
    """Every module a file imports at run time, dotted as far as it is written; what only types need does not count."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                return
            case ast.Import(names=names):
                found.update(alias.name for alias in names)
            case ast.ImportFrom(module=str(module), level=0, names=names):
                found.update(f"{module}.{alias.name}" for alias in names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return {name for name in found if name.partition(".")[0] not in STDLIB | {"__future__"}}


def is_allowed(name: str, allowed: set[str]) -> bool:
    """Whether a module or something in it is among those allowed."""
    return any(name == module or name.startswith(f"{module}.") for module in allowed)


def test_every_room_of_the_function_is_listed() -> None:
    """The table knows main.py and every module of analysis."""
    rooms = {"main.py", *(str(path.relative_to(ROOT)) for path in (ROOT / "analysis").rglob("*.py"))}

    assert rooms == set(MAY_IMPORT)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_room_imports_what_it_may(room: str) -> None:
    """No room of the function imports more than the design's table gives it."""
    assert {name for name in imports_of(ROOT / room) if not is_allowed(name, MAY_IMPORT[room])} == set()


@pytest.mark.parametrize("folder", FOLDERS)
def test_folder_imports_what_it_may(folder: str) -> None:
    """What stands around the function imports it only where the design says so."""
    for path in (ROOT / folder).rglob("*.py"):
        assert {name for name in imports_of(path) if not is_allowed(name, FOLDERS[folder])} == set(), path
