"""Which files to upload, and as which blobs."""

import os
from collections.abc import Iterable
from pathlib import Path


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
