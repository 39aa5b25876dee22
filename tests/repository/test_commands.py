"""Every command tells what it is for."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["tests/function", "--help"]], ids=" ".join)
@pytest.mark.parametrize("command", sorted(path.name for path in ROOT.glob("*.sh")))
def test_help_is_the_header_wherever_it_is_asked_for(command: str, arguments: list[str]) -> None:
    """--help at any place of the line prints the command's header comment, whole and unmarked, and nothing is done."""
    header = (ROOT / command).read_text().split("\nset ")[0].splitlines()[1:]

    done = subprocess.run([ROOT / command, *arguments], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.splitlines() == [line.removeprefix("#").removeprefix(" ") for line in header]
