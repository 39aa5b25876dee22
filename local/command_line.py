"""The command line of local.sh, whose header comment is the help, which the door itself prints.

Run as ``python -m local.command_line ARGUMENT...`` it only says what is wrong with them, before anything is installed.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from local.files import find_files
from local.finalize_event import SHAPES

DEFAULT_SHAPES = {1: "legacy", 2: "binary"}  # what the platform posts to each generation


@dataclass(frozen=True, slots=True)
class Options:
    """What local.sh was asked for; its help tells what each means."""

    files: dict[str, Path]
    json: bool
    generation: int
    shape: str
    twice: bool
    keep: Path | None
    page_port: int
    firestore_port: int
    storage_port: int
    storage_https_port: int
    function_port: int


def parse(arguments: Sequence[str]) -> Options:
    """Read the arguments; what is wrong with them is one line on stderr and exit code 2."""
    parser = make_parser()
    given = parser.parse_args(arguments)
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


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the options that the help tells of."""
    parser = _Parser(prog="local.sh", add_help=False, allow_abbrev=False)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--generation", type=int, choices=(1, 2), default=1)
    parser.add_argument("--shape", choices=SHAPES)
    parser.add_argument("--twice", action="store_true")
    parser.add_argument("--keep", type=Path)
    for listener in ("page", "firestore", "storage", "storage-https", "function"):
        parser.add_argument(f"--{listener}-port", type=port, default=0)
    return parser


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (./local.sh --help tells more)\n")


def port(text: str) -> int:
    """Read a port; its name is what argparse calls a wrong one: "invalid port value"."""
    number = int(text)
    if not 0 < number < 2**16:
        raise ValueError
    return number


if __name__ == "__main__":
    parse(sys.argv[1:])
