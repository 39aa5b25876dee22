"""Runs local.sh as a user does, and looks for what it leaves behind."""

import fcntl
import os
import re
import signal
import socket
import subprocess
import termios
import time
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
LOCAL_SH = ROOT / "local.sh"
SAMPLE = ROOT / "local/sample.wav"
WAIT_S = 60


def run(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run local.sh to its end."""
    return subprocess.run(
        [LOCAL_SH, *arguments], capture_output=True, text=True, timeout=2 * WAIT_S, check=False, **options
    )


class Up:
    """A local.sh that stays up, what it has printed, and what it has started."""

    def __init__(self, log: Path, *arguments: str | Path, terminal: bool = False) -> None:
        self.log = log
        self.terminal, slave = os.openpty() if terminal else (-1, -1)
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [LOCAL_SH, *arguments],
                stdin=slave if terminal else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # only so does a Ctrl-C typed there, or the terminal's end, become a signal
                preexec_fn=(lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0)) if terminal else None,  # noqa: PLW1509
            )
        if terminal:
            os.close(slave)

    def __enter__(self) -> Self:
        try:
            self.wait_for("Ctrl-C ends everything")
        except BaseException:
            self.process.kill()
            raise
        self.tree = descendants(self.process.pid)
        self.ports = [int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", self.printed())]
        self.directory = Path(re.search(r"BOTO_CONFIG=(\S+)/boto", self.printed())[1])
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(WAIT_S)
        if self.terminal >= 0:
            os.close(self.terminal)

    def printed(self) -> str:
        """Return what it has written so far."""
        return self.log.read_text()

    def wait_for(self, pattern: str) -> str:
        """Wait until it has written what the pattern matches, and return that."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.printed()):
                return found[0]
            assert self.process.poll() is None, self.printed()
            time.sleep(0.05)
        raise AssertionError(f"no {pattern!r} in: {self.printed()}")

    def pid_of(self, program: str) -> int:
        """Return the process id of the first process of the tree whose command line has the text.

        It is looked for more than once: on a busy machine one look did not show it.
        """
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            self.tree |= descendants(self.process.pid)
            for pid, command in self.tree.items():
                if program in command:
                    return pid
            time.sleep(0.05)
        raise AssertionError(f"no {program} among: {self.tree}")

    def left(self) -> list[str]:
        """Wait for all to be gone, and return what is not: processes, ports and the temp dir."""
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            if not (found := self._left()):
                break
            time.sleep(0.1)
        return found

    def _left(self) -> list[str]:
        alive = processes()
        left = [f"{pid} {command}" for pid, command in self.tree.items() if alive.get(pid, (0, ""))[1] == command]
        left += [f"port {port}" for port in self.ports if _listens(port)]
        return left + ([str(self.directory)] if self.directory.exists() else [])


def processes() -> dict[int, tuple[int, str]]:
    """Return parent and command line of all processes that are not dead."""
    listing = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split(None, 3) for line in listing.splitlines())
    return {int(pid): (int(ppid), args) for pid, ppid, state, args in rows if not state.startswith("Z")}


def descendants(pid: int) -> dict[int, str]:
    """Return the command lines of all processes below one, and its own."""
    everything = processes()
    tree = {pid: everything[pid][1]}
    while below := {p: args for p, (parent, args) in everything.items() if parent in tree and p not in tree}:
        tree |= below
    return tree


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
