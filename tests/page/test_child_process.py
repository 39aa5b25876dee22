"""Modules of the page in processes of their own: what they find, and how they end."""

import asyncio
import json
import signal
from pathlib import Path
from typing import IO

import pytest

from page.child_process import running
from tests.fakes.waiting import run_apart

SLEEPING = ("timeit", "--number", "1", "--repeat", "1", "import time; time.sleep(60)")
END_S = 30  # what does not end by itself before


def test_what_is_not_needed_any_more_is_ended() -> None:
    """A process that would go on is killed as soon as nobody waits for it."""

    async def run() -> int | None:
        async with asyncio.timeout(END_S), running(*SLEEPING) as process:
            assert process.returncode is None
        return process.returncode

    assert run_apart(run()) == -signal.SIGKILL


def test_our_modules_are_found_from_any_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The process has our modules and this one's environment, and takes no module from where it is started."""
    (tmp_path / "json.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAX_BYTES", "1")

    async def run(file: IO[bytes]) -> bytes:
        async with running("page.similarity.example", "The file", stdin=file) as process:
            told, _ = await process.communicate()
        return told

    (tmp_path / "sound.wav").write_bytes(bytes(2))
    with (tmp_path / "sound.wav").open("rb") as file:
        told = run_apart(run(file))
    assert json.loads(told)["reason"] == "too_large"
