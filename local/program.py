"""One program of the stack: started, waited for until it answers, ended with everything it started itself."""

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from local.reaper import pipe_to_reaper

HOST = "127.0.0.1"
ANSWER_S = 60  # from its start until a program must answer; Java's first start on a busy laptop takes 10
REQUEST_S = 5  # timeout of one request for an answer
TERM_S = 3  # between asking a program to end and ending it
POLL_S = 0.01
TAIL_LINES = 15
# The shell tells the reaper its process id, and then becomes the program under the same id. So the reaper knows every
# program from its start.
ANNOUNCE = 'echo $$ >&0; exec "$@" </dev/null'


class ProgramError(Exception):
    """A program is not installed, did not start, or ended; the message has the reason or the end of its log."""


@dataclass
class Program:
    """A program that was started.

    Attributes:
        name: its name in messages.
        process: the program, leader of a process group of its own.
        host: where it listens.
        port: where it listens.
        log: file with what it wrote to stdout and stderr.
        https_port: where it speaks https too, if it does.
        path: of the request that shows whether it answers.
        ended: whether it has ended with its whole group; the system may then give its process id to another process.
    """

    name: str
    process: subprocess.Popen[bytes]
    host: str
    port: int
    log: Path
    https_port: int | None = None
    path: str = "/"
    ended: bool = field(default=False, init=False)

    @property
    def url(self) -> str:
        """Where it answers plain HTTP."""
        return f"http://{self.address}"

    @property
    def address(self) -> str:
        """Where it listens, as host:port."""
        return f"{self.host}:{self.port}"

    def wait(self) -> Self:
        """Wait until it answers; end it and raise ProgramError if it ends first or does not answer for ANSWER_S."""
        deadline = time.monotonic() + ANSWER_S
        try:
            while not self._answers():
                self.check()
                self._check_patience(deadline)
                time.sleep(POLL_S)
            self.check()  # another program on its port may have answered
        except BaseException:
            self.end()
            raise
        return self

    def check(self) -> None:
        """Raise ProgramError if it has ended."""
        status = self.process.poll()
        if status is not None:
            how = f"by {signal.Signals(-status).name}" if status < 0 else f"with exit code {status}"
            raise ProgramError(f"{self.name} ended {how}; the end of its log:\n{self.tail()}")

    def tail(self) -> str:
        """Return the last lines of its log."""
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return "\n".join(f"  {line}" for line in lines) or "  (empty)"

    def ask_to_end(self) -> None:
        """Send its whole group SIGTERM."""
        self._signal(signal.SIGTERM)

    def end(self) -> None:
        """End it and everything it started: by SIGTERM, then SIGKILL."""
        self.ask_to_end()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(TERM_S)
        self._signal(signal.SIGKILL)
        self.process.wait()
        self.ended = True

    def _check_patience(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise ProgramError(f"{self.name} is silent for {ANSWER_S} s; the end of its log:\n{self.tail()}")

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=REQUEST_S)
        try:
            connection.request("GET", self.path)
            return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _signal(self, number: int) -> None:
        if self.ended:
            return
        # macOS reports EPERM for a group of zombies.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


def start(
    name: str,
    command: Sequence[str | Path],
    directory: Path,
    *,
    port: int,
    https_port: int | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    path: str = "/",
) -> Program:
    """Start a program that will answer HTTP, and return at once; its log is ``directory/name.log``."""
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", ANNOUNCE, name, *map(str, command)],
            stdin=pipe_to_reaper() or subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            cwd=cwd or directory,
            start_new_session=True,
        )
    return Program(name, process, HOST, port, log, https_port, path)
