"""The quick run: the tests that need no emulator, no browser and no program beside Python, as their fixtures say.

A test of the quick run that starts such a program nevertheless fails, and is told which fixture to ask for.
A test with the marker `each_value` has two parameters or more: the quick run takes as many of their combinations as it
takes for each value to occur, and leaves the others to the whole run. What has the marker `whole_run`, a test or one of
its parameters, is left to it too, for the reason that stands there.
"""

import os
import shutil
import sys
from collections import Counter, defaultdict
from math import prod
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
# What each fixture stands for. A test that asks for one, directly or by another fixture, is not in the quick run.
NEEDED = {
    "firestore": "Firestore's emulator",
    "storage": "a Cloud Storage server",
    "emulators": "the emulators, in a program of ours",
    "benchmark": "the benchmark",
    "chromium": "chromium",
    "apt_get": "apt-get, and Debian's packages",
    "ffmpeg": "ffmpeg's own program",
    "gcloud": "gcloud",
    "gsutil": "gsutil",
    "strace": "strace",
    "uv": "uv, and a package index",
    "package_index": "a package index",
    "whole_run": "time: test.sh runs whole",
    "pytest_runs": "time: pytest runs in pytest",
    "band": "time: pytest runs in pytest",
    "checkout_with_feature": "time: the quick run runs in a copy",
    "fuzz_seconds": "time: mutated files are decoded",
}
PROGRAMS = {
    "java": "firestore",
    "apt-get": "apt_get",
    "chromium": "chromium",
    "ffmpeg": "ffmpeg",
    "gcloud": "gcloud",
    "gsutil": "gsutil",
    "strace": "strace",
    "uv": "uv",
    "lock.sh": "uv",
}
COMBINED = "time: each of their values is tested in another combination"
LEFT_OUT = pytest.StashKey[dict[str, int]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --quick."""
    parser.getgroup("sounds").addoption(
        "--quick", action="store_true", help="only tests that need no emulator, browser or other program"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Describe the marker, and watch what the tests of the quick run start."""
    config.addinivalue_line("markers", "each_value: of its parameters' combinations few are in the quick run")
    config.addinivalue_line("markers", "whole_run(reason): too long for the quick run")
    config.stash[LEFT_OUT] = {}
    if config.getoption("quick"):
        _watch_programs()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that need more than the quick run has."""
    if not config.getoption("quick"):
        return
    needed = {
        item: {
            *(NEEDED[name] for name in NEEDED.keys() & set(getattr(item, "fixturenames", ()))),
            *(f"time: {mark.args[0]}" for mark in item.iter_markers("whole_run")),
        }
        for item in items
    }
    for item in _combinations_beside_each_value(items):
        needed[item].add(COMBINED)
    config.stash[LEFT_OUT] = dict(Counter(what for whats in needed.values() for what in whats))
    config.hook.pytest_deselected(items=[item for item in items if needed[item]])
    items[:] = [item for item in items if not needed[item]]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that prints the summary, where this is a worker of pytest-xdist."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left out"] = dict(session.config.stash[LEFT_OUT])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Learn from a worker what it left out: every worker collects all tests."""
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left out", {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out, and what of it is not even installed here."""
    if left_out := config.stash[LEFT_OUT]:
        terminalreporter.section("not in the quick run: ./test.sh runs it")
        for what, n_tests in sorted(left_out.items(), key=lambda item: (-item[1], item[0])):
            terminalreporter.line(f"{n_tests:5} tests that need {what}")


def _combinations_beside_each_value(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return what is left out of the marked tests: of one that is asked for by the names of its parameters, nothing."""
    combinations: defaultdict[tuple[object, str], list[tuple[pytest.Item, list[object]]]] = defaultdict(list)
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("each_value"):
            parameters = [mark.args[0] for mark in item.iter_markers("parametrize")]
            values = [[item.callspec.params[name] for name in _names(parameter)] for parameter in parameters]
            test = item.parent, item.originalname
            combinations[test].append((item, [tuple(map(id, value)) for value in values]))
    left = []
    for of_test in combinations.values():
        columns = [list(dict.fromkeys(column)) for column in zip(*(values for _, values in of_test), strict=True)]
        if len(columns) < 2:
            raise pytest.UsageError(f"{of_test[0][0].nodeid}: each_value is for two parameters or more")
        if len(of_test) == prod(map(len, columns)):
            # the first of each with the first, and so on: the shorter ones begin again
            n_kept = max(map(len, columns))
            kept = {tuple(column[k % len(column)] for column in columns) for k in range(n_kept)}
            left += [item for item, values in of_test if tuple(values) not in kept]
    return left


def _names(parameter: str | list[str] | tuple[str, ...]) -> list[str]:
    """Return the names of the arguments of one parametrize."""
    return [name.strip() for name in parameter.split(",")] if isinstance(parameter, str) else list(parameter)


def _watch_programs() -> None:
    real = {name: shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}{ROOT}") for name in PROGRAMS}

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "subprocess.Popen":
            return
        executable, command, _, environment = arguments
        words = [executable, *([command] if isinstance(command, str | bytes | os.PathLike) else command)]
        called = {os.fsdecode(word) for word in words if word}
        if called & {"--help", "-h"}:
            return
        path = (environment or os.environ).get("PATH")  # a test may put a script of its own there
        for word in called:
            name = Path(word).name
            if real.get(name) and shutil.which(word, path=path) == real[name]:
                pytest.fail(f"the quick run started {name}: let the test ask for the fixture `{PROGRAMS[name]}`")

    sys.addaudithook(refuse)
