"""One program of the stack: started, waited for until it answers, stopped with everything it started itself."""

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
from typing import IO, Self

HOST = "127.0.0.1"
ANSWER_S = 60  # until a part must answer; a busy laptop's first start of Java takes 10
TERM_S = 3  # between asking a part to end and ending it
POLL_S = 0.05
TAIL_LINES = 15
# The part tells the reaper its process id before it becomes the program: there is no moment when nobody knows it.
ANNOUNCE = 'echo $$ >&0; exec "$@" </dev/null'


class PartError(Exception):
    """A part did not start, or ended by itself; the message carries the end of its log."""


@dataclass
class Part:
    """A running program of the stack.

    Attributes:
        name: what messages call it.
        process: the program, leader of a process group of its own.
        host: where it listens.
        port: where it listens.
        log: file with what it wrote to stdout and stderr.
        https_port: where it speaks https too, if it does.
        path: what to ask for to know that it answers.
        stopped: whether nothing is left of it, so that its process id may be another's.
    """

    name: str
    process: subprocess.Popen[bytes]
    host: str
    port: int
    log: Path
    https_port: int | None = None
    path: str = "/"
    stopped: bool = field(default=False, init=False)

    @property
    def url(self) -> str:
        """Where it answers plain HTTP."""
        return f"http://{self.host}:{self.port}"

    @property
    def address(self) -> str:
        """Where it listens, as host:port."""
        return f"{self.host}:{self.port}"

    def wait(self) -> Self:
        """Return when it answers; raise PartError, with nothing of it left, if it ends first or takes ANSWER_S."""
        deadline = time.monotonic() + ANSWER_S
        try:
            while not self._answers():
                self.check()
                self._check_patience(deadline)
                time.sleep(POLL_S)
            self.check()  # what answered may be a stranger on its port
        except BaseException:
            self.stop()
            raise
        return self

    def check(self) -> None:
        """Raise PartError if it has ended."""
        status = self.process.poll()
        if status is not None:
            how = f"by {signal.Signals(-status).name}" if status < 0 else f"with exit code {status}"
            raise PartError(f"{self.name} ended {how}; the end of its log:\n{self.tail()}")

    def tail(self) -> str:
        """Return the last lines of its log."""
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return "\n".join(f"  {line}" for line in lines) or "  (empty)"

    def ask_to_end(self) -> None:
        """Send its whole group SIGTERM."""
        self._signal(signal.SIGTERM)

    def stop(self) -> None:
        """End it and everything it started: by SIGTERM, then SIGKILL."""
        self.ask_to_end()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(TERM_S)
        self._signal(signal.SIGKILL)
        self.process.wait()
        self.stopped = True

    def _check_patience(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise PartError(f"{self.name} is silent for {ANSWER_S} s; the end of its log:\n{self.tail()}")

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=5)
        try:
            connection.request("GET", self.path)
            return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _signal(self, number: int) -> None:
        if self.stopped:
            return
        # macOS answers EPERM for a group of zombies
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(
    name: str,
    command: Sequence[str | Path],
    directory: Path,
    *,
    port: int,
    https_port: int | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    reaper: IO[bytes] | None = None,
    path: str = "/",
) -> Part:
    """Start a program that will answer HTTP, and return at once; its log is ``directory/name.log``."""
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", ANNOUNCE, name, *map(str, command)],
            stdin=subprocess.DEVNULL if reaper is None else reaper,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            cwd=cwd or directory,
            start_new_session=True,
        )
    return Part(name, process, HOST, port, log, https_port, path)
