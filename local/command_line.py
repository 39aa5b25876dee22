"""The command line of local.sh, and the files that it names; the help is the header comment of local.sh.

Run as ``python -m local.command_line ARGUMENT...`` it only checks the arguments, before anything is installed.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.object_event import SHAPES

DEFAULT_SHAPES = {1: "legacy", 2: "binary"}  # what the platform posts to each generation


@dataclass(frozen=True, slots=True)
class Options:
    """The options of local.sh, as its help describes them."""

    files: dict[str, Path]
    json: bool
    generation: int
    shape: str
    twice: bool
    forget: bool
    keep: Path | None
    page_port: int
    firestore_port: int
    storage_port: int
    storage_https_port: int
    function_port: int


def parse(arguments: Sequence[str]) -> Options:
    """Read the arguments; a wrong one is one line on stderr and exit code 2."""
    parser = make_parser()
    before, after = _split(arguments)
    given = parser.parse_intermixed_args(before)
    given.files += map(Path, after)
    given.shape = given.shape or DEFAULT_SHAPES[given.generation]
    ports = [port for name, port in vars(given).items() if name.endswith("_port") and port]
    if len(set(ports)) < len(ports):
        parser.error("two parts cannot have the same port")
    try:
        given.files = find_files(given.files)
        if given.keep:
            given.keep = given.keep.absolute()
            given.keep.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    return Options(**vars(given))


def _split(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Return what stands before a `--`, and the files after it, which argparse would take for options."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:end], arguments[end + 1 :]


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser("local.sh", usage=argparse.SUPPRESS, add_help=False, allow_abbrev=False)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--generation", type=int, choices=(1, 2), default=1)
    parser.add_argument("--shape", choices=SHAPES)
    parser.add_argument("--twice", action="store_true")
    parser.add_argument("--forget", action="store_true")
    parser.add_argument("--keep", type=Path)
    for listener in ("page", "firestore", "storage", "storage-https", "function"):
        parser.add_argument(f"--{listener}-port", type=port, default=0)
    return parser


def port(text: str) -> int:
    """Read a port."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**16):
        raise argparse.ArgumentTypeError(f"{text!r}: accepted are 1 to 65535")
    return int(text)


def find_files(paths: Iterable[Path]) -> dict[str, Path]:
    """Return the files by the names of their blobs; a directory is all files below it.

    A blob has the name of its file, and a file below a directory ``drums`` one like ``drums/kick.wav``. Where two blobs
    would have the same name, all have the paths of their files below the directory that these share. Raises ValueError,
    naming it, for a file that is not there, cannot be read, or has a name that no blob can have.
    """
    names: dict[Path, str] = {}
    for path in paths:
        for name, file in _below(Path(os.path.abspath(path))):  # noqa: PTH100  a link keeps its own name
            names.setdefault(file, name)
    if len(set(names.values())) < len(names):
        shared = os.path.commonpath([file.parent for file in names])
        names = {file: file.relative_to(shared).as_posix() for file in names}
    for file, name in names.items():
        if not os.access(file, os.R_OK):
            raise ValueError(f"{file} cannot be read")
        if not name.isprintable():
            raise ValueError(f"{name!r} cannot be a blob's name")
    return {name: file for file, name in names.items()}


def _below(path: Path) -> list[tuple[str, Path]]:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        if not files:
            raise ValueError(f"{path} has no files below it")
        return [(file.relative_to(path.parent).as_posix(), file) for file in files]
    if not path.exists():
        raise ValueError(f"{path} is not there")
    return [(path.name, path)]


if __name__ == "__main__":
    parse(sys.argv[1:])
