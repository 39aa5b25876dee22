"""Section size: what the deployed packages take on disk."""

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from bench.options import Options
from bench.runs import ROOT
from bench.table import Table, megabytes

LARGEST = 12


def measure(_options: Options) -> list[Table]:
    """Add up the installed files of every package of the function's lock."""
    names = re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    sizes = {name: size for name in names if (size := _size(name))}
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)
    rows = [[name, megabytes(sizes[name])] for name in largest[:LARGEST]]
    rows.append([f"{len(sizes) - len(rows)} others", megabytes(sum(sizes[name] for name in largest[LARGEST:]))])
    rows.append(["all", megabytes(sum(sizes.values()))])
    notes = ["MB of the packages in `requirements.txt` as installed here, without compiled `.pyc` files."]
    return [Table("Deployed size", notes, ("package", "MB"), rows)]


def _size(name: str) -> float | None:
    """Return a package's size in MB, None if it is not installed (it is for another system)."""
    try:
        package: Distribution = distribution(name)
    except PackageNotFoundError:
        return None
    files = (Path(str(file.locate())) for file in package.files or ())
    return sum(file.stat().st_size for file in files if file.suffix != ".pyc" and file.is_file()) / 1e6
