"""The arguments of page.sh, whose header comment is their help.

``python -m page.arguments ARGUMENT...`` only checks them: page.sh runs it before it installs anything.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

EXTENSIONS = (".csv", ".parquet")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the arguments; wrong ones end the program with one line on stderr and exit code 2."""
    parser = argparse.ArgumentParser("page.sh", usage=argparse.SUPPRESS, add_help=False, allow_abbrev=False)
    parser.add_argument("command", nargs="?", choices=["export", "similar"])
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--project", default=os.environ.get("GOOGLE_CLOUD_PROJECT"))
    parser.add_argument("--bucket", default="")
    parser.add_argument("--port", type=_port, default=8080)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--yes", action="store_true")
    parser.add_argument("--forget-catalog", action="store_true")
    parser.add_argument("--uploads", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_intermixed_args(arguments)
    if not given.project or not (given.bucket or given.command == "export"):
        parser.error("it takes --project and --bucket")
    if given.command == "similar" and given.file is None:
        parser.error("similar takes the name of a sound file")
    if given.json and given.command != "similar":
        parser.error("--json is for similar")
    if given.command == "export" and (given.file is None or given.file.suffix not in EXTENSIONS):
        parser.error(f"export takes the name of a file that ends in {' or '.join(EXTENSIONS)}")
    return given


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**16):
        raise argparse.ArgumentTypeError(f"{text!r}: accepted are 1 to 65535")
    return int(text)


if __name__ == "__main__":
    parse(sys.argv[1:])
