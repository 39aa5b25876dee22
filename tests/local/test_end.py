"""However ./local.sh ends, it leaves no process, no port and no temp file, and its exit code tells."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.local_sh import LOCAL_SH, SAMPLE, WAIT_S, Up, descendants, processes
from tests.fakes.waiting import wait_until

pytestmark = pytest.mark.usefixtures("emulators")


def press_ctrl_c(up: Up) -> None:
    """Type it where the stack runs."""
    os.write(up.terminal, b"\x03")


def close_terminal(up: Up) -> None:
    """Close the window in which the stack runs."""
    os.close(up.terminal)
    up.terminal = -1


def terminate(up: Up) -> None:
    """Ask it to end as a service manager does."""
    up.process.terminate()


@pytest.mark.parametrize(("end", "status"), [(press_ctrl_c, 0), (close_terminal, 129), (terminate, 143)])
def test_end_that_was_asked_for(tmp_path: Path, end: Callable[[Up], None], status: int) -> None:
    """Ctrl-C, a closed terminal and SIGTERM end a stack that stays up, wholly, with an exit code that tells which."""
    with Up(tmp_path / "printed", terminal=True) as up:
        end(up)

        assert up.process.wait(WAIT_S) == status
        assert up.left() == []


@pytest.mark.parametrize(
    ("name", "program"),
    [("firestore", "CloudFirestore"), ("storage", "fake-gcs-server"), ("function", "functions-framework")],
)
def test_killed_program_ends_the_stack(tmp_path: Path, name: str, program: str) -> None:
    """When a program is killed the rest goes too; it is named, the end of its log shown, and the exit code is 1."""
    with Up(tmp_path / "printed") as up:
        os.kill(up.pid_of(program), signal.SIGKILL)

        assert up.process.wait(WAIT_S) == 1
        assert f"local.sh: {name} ended by SIGKILL; the end of its log:\n  " in up.printed()
        assert up.left() == []


def test_killed_supervisor_leaves_nothing(tmp_path: Path) -> None:
    """When local.sh itself is killed, which it cannot notice, all it started ends nevertheless."""
    with Up(tmp_path / "printed") as up:
        assert len(up.tree) >= 6  # itself, its reaper, three programs and the function's worker

        up.process.kill()

        assert up.process.wait(WAIT_S) == -signal.SIGKILL
        assert up.left() == []


def test_ctrl_c_while_files_are_on_their_way(tmp_path: Path) -> None:
    """Ctrl-C ends a run with files, even one that is still starting, with exit code 130."""
    command, environment = [LOCAL_SH, SAMPLE], os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert b"starting" in process.stderr.readline()
        wait_until(lambda: "CloudFirestore" in " ".join(descendants(process.pid).values()), WAIT_S)
        tree = descendants(process.pid)

        process.send_signal(signal.SIGINT)

        assert process.communicate(timeout=WAIT_S) == (b"", b"")
        assert process.returncode == 130
        assert list(tmp_path.iterdir()) == []
        assert not tree.keys() & processes().keys()
