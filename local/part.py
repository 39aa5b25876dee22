"""One program of the stack: started, waited for until it answers, stopped with everything it started itself."""

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
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
    """

    name: str
    process: subprocess.Popen[bytes]
    host: str
    port: int
    log: Path
    https_port: int | None = None

    @property
    def url(self) -> str:
        """Where it answers plain HTTP."""
        return f"http://{self.host}:{self.port}"

    @property
    def address(self) -> str:
        """Where it listens, as host:port."""
        return f"{self.host}:{self.port}"

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

    def _signal(self, number: int) -> None:
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
    """Start a program and return it when it answers HTTP; its log is ``directory/name.log``.

    Raises PartError when it ends before that or takes longer than ANSWER_S; then nothing of it is left.
    """
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
    part = Part(name, process, HOST, port, log, https_port)
    try:
        _wait_for_answer(part, path)
    except BaseException:
        part.stop()
        raise
    return part


def _wait_for_answer(part: Part, path: str) -> None:
    deadline = time.monotonic() + ANSWER_S
    while not _answers(part, path):
        part.check()
        if time.monotonic() > deadline:
            raise PartError(f"{part.name} does not answer after {ANSWER_S} s; the end of its log:\n{part.tail()}")
        time.sleep(POLL_S)
    part.check()  # what answered may be a stranger on its port


def _answers(part: Part, path: str) -> bool:
    connection = http.client.HTTPConnection(part.host, part.port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
