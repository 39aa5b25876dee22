"""test.sh runs every part, sums up at the end, installs what is missing where it can, and ends whole."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.local_sh import descendants
from tests.fakes.waiting import wait_until

ROOT = Path(__file__).parents[2]
TOOLS = ("shellcheck", "ffmpeg", "strace", "chromium")
COPIED = ["test.sh", "local/environment.sh", "tests/quick_run.py", "tests/folder_times.py", "tests/seeds.py"]
PYPROJECT = """
[tool.ruff]
line-length = 120
[tool.mypy]
files = ["main.py"]
[tool.pytest.ini_options]
pythonpath = ["."]
testpaths = ["tests"]
addopts = ["--import-mode=importlib", "-ra"]
"""
# An apt-get of a new machine: upgrades hold the lock of its lists at first, and it does not know every package.
APT_GET = """#!/bin/sh
echo "$@" >>"{calls}"
case "$*" in
  *update) [ "$(grep -c update "{calls}")" -gt 2 ] || {{ echo "E: Could not get lock /var/lib/apt" >&2; exit 100; }} ;;
  *chromium) echo "E: Unable to locate package chromium" >&2; exit 100 ;;
  *) for name; do :; done; printf '#!/bin/sh\\n' >"{programs}/$name"; chmod +x "{programs}/$name" ;;
esac
"""


@pytest.fixture
def whole_run(tmp_path: Path) -> Path:
    """A repository with our test.sh, one small module, its tests in our folders, and a machine without the tools."""
    checkout = tmp_path / "checkout"
    requirements = re.search(r"REQUIREMENTS=\((.*)\)", (ROOT / "test.sh").read_text())[1].split()
    for name in [*COPIED, *requirements]:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    (checkout / ".venv").symlink_to((ROOT / ".venv").resolve())
    (checkout / "pyproject.toml").write_text(PYPROJECT)
    (checkout / "main.py").write_text('"""A drum."""\n\nBEATS = 4\n')
    (checkout / "tests/__init__.py").touch()
    (checkout / "tests/conftest.py").write_text(
        'pytest_plugins = ["tests.folder_times", "tests.quick_run", "tests.seeds"]\n\n\n'
        'def pytest_addoption(parser):\n    parser.addoption("--long", action="store_true")\n'
    )
    for folder in ("analysis", "function", "endurance"):
        (checkout / f"tests/{folder}").mkdir()
        (checkout / f"tests/{folder}/test_{folder}.py").write_text(f"def test_{folder}():\n    pass\n")
    programs = tmp_path / "programs"
    programs.mkdir()
    for program in [*Path("/bin").iterdir(), *Path("/usr/bin").iterdir()]:
        if not program.name.startswith(("python", "apt", *TOOLS)) and not (programs / program.name).exists():
            (programs / program.name).symlink_to(program)
    return checkout


def environment(checkout: Path, **more: str) -> dict[str, str]:
    """The variables of a machine that has only these programs, and one Python."""
    path = f"{Path(sys.executable).parent}:{checkout.parent / 'programs'}"
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "PYENV_ROOT")}
    return kept | {"PATH": path, "HOME": str(checkout.parent), "PYENV_ROOT": str(checkout.parent)} | more


def run(checkout: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run test.sh to its end."""
    return subprocess.run(
        [checkout / "test.sh", *arguments],
        cwd=checkout,
        env=environment(checkout, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_every_part_runs_and_the_end_sums_up(whole_run: Path) -> None:
    """A failure of any part fails the whole, which goes on; the end has each part's result, failures and last line."""
    (whole_run / "tests/analysis/test_analysis.py").write_text("import os\n\ndef test_kernels():\n    assert 0\n")
    (whole_run / "main.py").write_text('"""A drum."""\n\nBEATS: str = 4\n')

    ended = run(whole_run, "--long")

    summary = ended.stdout.split("\n\n== ")[-1].splitlines()
    assert ended.returncode == 1
    assert summary[0] == "format, lint, types, shell: FAILED"
    assert summary[1:3] == ["== all tests: FAILED", "FAILED tests/analysis/test_analysis.py::test_kernels - assert 0"]
    assert re.fullmatch(r"=+ 1 failed, 2 passed in .*s =+", summary[3])
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    kernels = ["Haswell", "Zen"] * (" avx2 " in flags) + ["SkylakeX"] * (" avx512f " in flags)
    assert [line for line in summary[4:] if line[:2] == "=="][::2] == [
        f"== the numbers with {kernel}'s kernels: FAILED" for kernel in kernels
    ]
    assert ended.stderr.splitlines()[-4:] == [f"SKIPPED: what needs {tool}, which is not installed" for tool in TOOLS]


def test_missing_programs_are_installed(whole_run: Path) -> None:
    """test.sh waits for the locks of apt-get; what it cannot have is named at the end, and the rest is installed."""
    programs, calls = whole_run.parent / "programs", whole_run.parent / "calls"
    (programs / "apt-get").write_text(APT_GET.format(calls=calls, programs=programs))
    (programs / "apt-get").chmod(0o755)
    (programs / "sudo").unlink(missing_ok=True)
    (programs / "sudo").write_text('#!/bin/sh\nshift\nexec "$@"\n')
    (programs / "sudo").chmod(0o755)

    ended = run(whole_run, CI="true")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [line.split()[-1] for line in calls.read_text().splitlines()] == ["update"] * 3 + list(TOOLS)
    assert calls.read_text().count("-o DPkg::Lock::Timeout=300 install") == len(TOOLS)
    assert ended.stderr.splitlines()[-1] == "SKIPPED: what needs chromium, which is not installed"
    assert ended.stderr.count("SKIPPED") == 1


@pytest.mark.parametrize(("variables", "status"), [({}, 0), ({"CI": "true"}, 1)], ids=["here", "in CI"])
def test_checks_without_shellcheck(whole_run: Path, variables: dict[str, str], status: int) -> None:
    """Where shellcheck is missing, --checks says so at its end, and fails in continuous integration."""
    ended = run(whole_run, "--checks", **variables)

    assert ended.stderr.splitlines()[-1] == "SKIPPED: what needs shellcheck, which is not installed"
    assert ended.returncode == status


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_interrupt_ends_everything(whole_run: Path, number: signal.Signals) -> None:
    """After Ctrl-C or SIGTERM nothing that was started runs, and the exit code is 130."""
    (whole_run / "tests/endurance/test_endurance.py").write_text(
        "import subprocess\n\ndef test_long():\n    subprocess.run(['sleep', '300'])\n"
    )

    with subprocess.Popen([whole_run / "test.sh"], env=environment(whole_run), start_new_session=True) as program:
        wait_until(lambda: any("sleep" in command for command in descendants(program.pid).values()), 120)
        tree = descendants(program.pid)
        program.send_signal(number)

    assert program.returncode == 130
    wait_until(lambda: not set(tree) & set(descendants(1)))


@pytest.mark.parametrize("option", ["--long", "--checks"])
def test_an_option_that_goes_alone(option: str) -> None:
    """More words after --long or --checks are one line on stderr and exit 2: nothing is run."""
    refused = subprocess.run([ROOT / "test.sh", option, "tests"], capture_output=True, text=True, check=False)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == f"test.sh: {option} goes alone (./test.sh --help tells more)\n"
