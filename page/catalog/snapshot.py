"""The columns as they were, in a file beside the catalog's: a page that is opened again reads only what came after.

*Conventions.* The file is one line of JSON and the arrays, each as .npy. What it holds is that of the catalog's file up
to a number of ``changed``. Both name the same random token, which the catalog's file takes with the snapshot: a file
that has lost its last writes, or is another one, does not name it, and then all rows are read. Whatever is not as it
was written is passed over. A document that is deleted must not be found in it, so it is removed then.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from typing import TYPE_CHECKING, Any

import numpy as np

from page.catalog.columns import Columns
from page.catalog.storage import FORM, SNAPSHOT, SNAPSHOT_PART

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from page.catalog.storage import Storage

type Arrays = dict[str, NDArray[Any]]

STATE = "snapshot"  # the name of the token in the catalog's state
MAX_LINE = 1000


class Snapshot:
    """The snapshot of one catalog."""

    def __init__(self, path: Path, storage: Storage) -> None:
        self._path, self._part = path.with_name(path.name + SNAPSHOT), path.with_name(path.name + SNAPSHOT_PART)
        self._storage = storage

    def load(self) -> tuple[int, Columns, Arrays]:
        """Return the number of the last change that it holds, the columns, and what was computed of them.

        Where there is none it is 0, and the columns are empty.
        """
        token = self._storage.read_state(STATE)
        if token is None:
            return 0, Columns(), {}
        try:
            with self._path.open("rb") as file:
                told = json.loads(file.readline(MAX_LINE))
                if (told["form"], told["token"]) != (FORM, token):
                    return 0, Columns(), {}
                arrays: Arrays = {name: np.load(file, allow_pickle=False) for name in told["arrays"]}
            return told["changed"], Columns.from_arrays(arrays), arrays
        except (OSError, EOFError, ValueError, KeyError, TypeError):
            return 0, Columns(), {}

    def save(self, columns: Columns, changed: int, computed: Arrays) -> None:
        """Write the columns and what was computed of them, whole or not at all.

        Where another page is writing, it does that for both.
        """
        token, arrays = secrets.token_hex(16), columns.to_arrays() | computed
        descriptor = os.open(self._part, os.O_CREAT | os.O_RDWR, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            if not self._part.exists() or self._part.stat().st_ino != os.fstat(descriptor).st_ino:
                return  # the other page has just put it in place
            file.truncate()
            told = {"form": FORM, "token": token, "changed": changed, "arrays": list(arrays)}
            file.write(json.dumps(told).encode() + b"\n")
            for array in arrays.values():
                np.save(file, array, allow_pickle=False)
            file.flush()
            os.fsync(descriptor)
            self._storage.write_state(**{STATE: token})
            self._part.replace(self._path)

    def remove(self) -> None:
        """Remove it."""
        self._path.unlink(missing_ok=True)
