"""Modules of the page are run in processes of their own: so they take another core, and can be ended at any time."""

from __future__ import annotations

import os
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

ROOT = Path(__file__).parents[1]


def command_of(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module, in the environment that ``environment`` returns."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """Return the environment of this process, in which our modules are found whatever the directory is."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return os.environ | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}


@asynccontextmanager
async def running(module: str, *arguments: str, stdin: IO[bytes] | int = PIPE) -> AsyncIterator[Process]:
    """Run a module as long as the context lasts: what has not ended by then is killed, and waited for.

    What it says on standard error is where that of this process is.
    """
    process = await create_subprocess_exec(*command_of(module, *arguments), stdin=stdin, stdout=PIPE, env=environment())
    try:
        yield process
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        await process.wait()
