"""A program is waited for and ended with all that it started, and nobody else's is taken for it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread

import psutil
import pytest

from local import program, reaper
from local.program import Program, ProgramError
from local.reaper import reaping, signal_group, start_time
from tests.fakes.serving import Quiet, serving
from tests.fakes.waiting import wait_until

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[2]))
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
SLEEPING = "trap '' TERM; sleep 300 & echo $! >child; wait; wait"


class Ok(Quiet, BaseHTTPRequestHandler):
    """Answers every request."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.end_headers()


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Program]:
    """Start a program that ignores SIGTERM, and a child of it."""
    started = program.start("sleeper", ["/bin/sh", "-c", SLEEPING], tmp_path, port=1)
    wait_until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text().strip())
    yield started
    started.end()


def test_a_program_that_answers_is_up(tmp_path: Path) -> None:
    """Any answer but an error of the server is one."""
    with serving(Ok) as free:
        pass

    with program.start("server", [sys.executable, "-c", SERVER, str(free), "404"], tmp_path, port=free).wait() as up:
        assert up.process.poll() is None
        assert up.url == f"http://127.0.0.1:{free}"


def test_an_error_of_the_server_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that only answers with an error is given up, ended, and named with the end of its log."""
    monkeypatch.setattr(program, "ANSWER_S", 1)
    with serving(Ok) as free:
        pass
    up = program.start("server", [sys.executable, "-c", SERVER, str(free), "500"], tmp_path, port=free)

    with pytest.raises(ProgramError, match="server is silent for 1 s; the end of its log"):
        up.wait()

    assert up.process.poll() is not None


def test_a_stranger_on_the_port_is_not_the_program(tmp_path: Path) -> None:
    """Where a program ends because its port is taken, what answers there is another one."""
    with serving(Ok) as port:
        ended = program.start("server", ["/bin/sh", "-c", "echo taken; exit 3"], tmp_path, port=port)
        ended.process.wait()

        with pytest.raises(ProgramError, match=r"(?s)server ended with exit code 3.*taken"):
            ended.wait()


def test_what_a_program_started_ends_with_it(sleeper: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole group is killed where it does not end when it is asked to."""
    monkeypatch.setattr(program, "TERM_S", 0.1)
    child = int((tmp_path / "child").read_text())

    sleeper.end()

    assert sleeper.process.returncode == -signal.SIGKILL
    wait_until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


def test_a_program_that_has_ended_is_not_signalled_again(sleeper: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process id may be another's by then."""
    monkeypatch.setattr(program, "TERM_S", 0.1)
    sleeper.end()
    signalled = []
    monkeypatch.setattr(os, "killpg", lambda *call: signalled.append(call))

    sleeper.ask_to_end()

    assert signalled == []


def test_a_process_with_a_reused_id_is_left_alone() -> None:
    """The reaper signals a group only while its leader is the process that was started, or is gone."""
    with subprocess.Popen(["sleep", "300"], start_new_session=True) as other:
        started = start_time(other.pid)

        assert signal_group(other.pid, "another time", signal.SIGKILL) is False
        time.sleep(0.05)
        assert other.poll() is None
        assert signal_group(other.pid, started, signal.SIGKILL) is True
        assert other.wait(10) == -signal.SIGKILL


def test_the_reaper_ends_what_its_process_leaves(tmp_path: Path) -> None:
    """At the end of the context every program that was started in it has ended, and the directory is gone."""
    directory = tmp_path / "temp"
    with reaping(directory):
        left = program.start("left", ["/bin/sh", "-c", SLEEPING], directory, port=1)
        wait_until(lambda: (directory / "child").exists() and (directory / "child").read_text().strip())
        child = int((directory / "child").read_text())
        Thread(target=left.process.wait).start()  # or it would be there as a zombie for as long as the reaper waits

    assert left.process.wait(10) == -signal.SIGKILL
    assert not directory.exists()
    wait_until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


def test_the_end_of_the_log_is_shown(tmp_path: Path) -> None:
    """Of a program that ended its last lines are shown, enough for a traceback."""
    ended = program.start("talker", ["/bin/sh", "-c", "seq 100 130; exit 1"], tmp_path, port=1)
    ended.process.wait()

    with pytest.raises(ProgramError) as error:
        ended.check()

    assert [line.strip() for line in str(error.value).splitlines()[1:]] == [str(n) for n in range(116, 131)]


def test_the_reaper_cannot_be_asked_to_end(tmp_path: Path) -> None:
    """It ends when its pipe does and not before, whatever a closing session sends to all its processes."""
    directory = tmp_path / "temp"
    directory.mkdir()
    with subprocess.Popen([sys.executable, reaper.__file__, directory], stdin=subprocess.PIPE) as process:
        wait_until(lambda: ignores(process.pid, signal.SIGTERM))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process.send_signal(number)
        time.sleep(0.1)
        still = process.poll(), directory.exists()
        process.stdin.close()
        process.wait(10)

    assert still == (None, True)
    assert not directory.exists()


def ignores(pid: int, number: int) -> bool:
    """Whether a process ignores a signal, by what Linux tells of it; elsewhere it has had the time to."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        time.sleep(1)
        return True
    ignored = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("SigIgn"))
    return bool(int(ignored, 16) >> (number - 1) & 1)
