"""How the tests are run: which are quick, what repeats a random one, how long a folder took; on a few small tests."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFTEST = """
import pytest

pytest_plugins = ["tests.folder_times", "tests.quick_run", "tests.seeds"]

@pytest.fixture
def storage():
    return "a bucket"

@pytest.fixture
def blob(storage):
    return f"{storage}/blob"

@pytest.fixture
def gsutil():
    pass
"""
TESTS = """
import pytest
import subprocess
from hypothesis import given, strategies as st

def test_plain():
    pass

def test_in_a_bucket(blob):
    pass

def test_that_uploads(gsutil):
    pass

def test_that_starts_what_it_does_not_ask_for():
    subprocess.run(["sh", "-c", 'exec "$@"', "sh", "gsutil"])

@pytest.mark.parametrize("hours", [1, pytest.param(9, marks=pytest.mark.whole_run("hours pass"))])
def test_hours(hours):
    assert hours < 10

def test_random(seed):
    assert seed == 0

@pytest.mark.each_value
@pytest.mark.parametrize(("rate", "has_tags"), [(8000, True), (8000, False), (44100, True), (48000, True)])
@pytest.mark.parametrize("name", ["mp3", "ogg"])
@pytest.mark.parametrize("end", ["whole", "cut", "noise"])
def test_combined(name, rate, has_tags, end):
    pass

@given(st.integers())
def test_drawn(number):
    with open("drawn", "a") as drawn:
        drawn.write(f"{number} ")
"""
STARTS = "test_that_starts_what_it_does_not_ask_for"


@pytest.fixture
def pytest_runs(tmp_path: Path) -> Path:
    """A folder with these tests, in which pytest runs, and a gsutil that is on the path."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "tests/function").mkdir(parents=True)
    (tmp_path / "tests/function/test_small.py").write_text(TESTS)
    (tmp_path / "gsutil").write_text("#!/bin/sh\n")
    (tmp_path / "gsutil").chmod(0o755)
    return tmp_path


def run(folder: Path, *arguments: str, **variables: str) -> str:
    """Run the small tests, and return what pytest prints."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": f"{folder}:{os.environ['PATH']}"} | variables
    environment = {name: value for name, value in environment.items() if value}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--import-mode=importlib", "-rA", *arguments]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(command, cwd=folder, env=environment, text=True, check=False, **streams).stdout


def outcomes(printed: str) -> dict[str, str]:
    """What became of each test, by its name."""
    return {name: outcome for outcome, name in re.findall(r"^(PASSED|FAILED) \S+::(\w+)", printed, re.MULTILINE)}


def combinations(printed: str) -> list[tuple[str, str, str]]:
    """The values that the combined test ran with."""
    found = re.findall(r"^PASSED \S+::test_combined\[(\w+)-(\w+)-(\w+-\w+)\]", printed, re.MULTILINE)
    return sorted(found)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["one process", "two workers"])
def test_fixtures_decide_what_is_quick(pytest_runs: Path, workers: list[str]) -> None:
    """A test whose fixtures need more than Python is left out and counted, and one that hides its need fails."""
    printed = run(pytest_runs, "--quick", *workers)

    passed = dict.fromkeys(["test_plain", "test_hours", "test_random", "test_combined", "test_drawn"], "PASSED")
    assert outcomes(printed) == passed | {STARTS: "FAILED"}
    assert "the quick run started gsutil: let the test ask for the fixture `gsutil`" in printed
    assert re.findall(r"^ +(\d+) tests that need (.*)$", printed, re.MULTILINE) == [
        ("20", "time: each of their values is tested in another combination"),
        ("1", "a Cloud Storage server"),
        ("1", "gsutil"),
        ("1", "time: hours pass"),
    ]
    assert re.search(r"^seconds by folder: tests/function \d+$", printed, re.MULTILINE)


def test_each_value_is_quick_in_few_combinations(pytest_runs: Path) -> None:
    """Of a test that is marked so each value of each parameter is in the quick run, in as few tests as that takes."""
    quick, whole = run(pytest_runs, "--quick"), run(pytest_runs)
    one = run(pytest_runs, "--quick", "tests/function/test_small.py::test_combined[cut-mp3-48000-True]")

    assert len(combinations(whole)) == 24
    assert combinations(quick) == [
        ("cut", "ogg", "8000-False"),
        ("noise", "mp3", "44100-True"),
        ("whole", "mp3", "8000-True"),
        ("whole", "ogg", "48000-True"),
    ]
    assert combinations(one) == [("cut", "mp3", "48000-True")]


def test_a_marker_that_leaves_nothing_out_is_refused(pytest_runs: Path) -> None:
    """A test with one parameter has no combinations of which few would do."""
    (pytest_runs / "tests/function/test_small.py").write_text(
        "import pytest\n\n@pytest.mark.each_value\n@pytest.mark.parametrize('rate', [8000, 48000])\n"
        "def test_rate(rate):\n    pass\n"
    )

    assert "test_rate[8000]: each_value is for two parameters or more" in run(pytest_runs, "--quick")


def test_everything_runs_in_the_order_that_is_asked_for(pytest_runs: Path) -> None:
    """Without --quick each test runs, and none is watched; --reverse runs the last one first."""
    printed = run(pytest_runs, "-v", "--reverse")

    assert set(outcomes(printed).values()) == {"PASSED"}
    ran = dict.fromkeys(re.findall(r"::(\w+)(?:\[\S+\])? PASSED", printed))
    assert list(ran) == re.findall(r"def (test_\w+)", TESTS)[::-1]


def test_seed_repeats_what_was_drawn(pytest_runs: Path) -> None:
    """The seed is printed, also beside a test that failed with it, and the same one draws the same.

    Where CI is set, hypothesis has other settings of its own, which must not matter.
    """
    printed = []
    drawn = []
    for arguments, ci in (([], ""), ([], "true"), (["--seed", "random"], ""), (["--seed", "SEED"], "true")):
        words = [re.search(r"random tests: (\d+)", printed[-1])[1] if word == "SEED" else word for word in arguments]
        printed.append(run(pytest_runs, *words, "-k", "random or drawn", CI=ci))
        drawn.append((pytest_runs / "drawn").read_text())
        (pytest_runs / "drawn").unlink()
    seed = re.search(r"seed of the random tests: (\d+)", printed[2])[1]

    assert "seed of the random tests: 0" in printed[0]
    assert drawn[0] == drawn[1] != drawn[2] == drawn[3]
    assert outcomes(printed[2]) == {"test_random": "FAILED", "test_drawn": "PASSED"}
    assert f"--seed {seed} repeats it" in printed[2]
