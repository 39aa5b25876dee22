"""How a run ends well whatever happens to it: signals become exit codes, and output that nobody takes stops nothing.

*Conventions.* A signal ends the run by an exception, so that the workers are stopped and the summary is printed.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import TYPE_CHECKING, override

if TYPE_CHECKING:
    from types import FrameType

# Ctrl-C, the end by a system, a closed terminal, and Ctrl-\\.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class LastingOutput(io.FileIO):
    """A descriptor that can always be written to: where its reader has gone or there is no room, the output is lost.

    Attributes:
        lost: the first error of a write.
    """

    lost: OSError | None = None

    @override
    def write(self, written: io.ReadableBuffer, /) -> int:  # type: ignore[name-defined]  # typeshed's own name
        """Write, or take it as written."""
        try:
            return super().write(written) or 0
        except OSError as error:
            self.lost = self.lost or error
            return memoryview(written).nbytes


def open_outputs() -> list[LastingOutput]:
    """Give stdin, stdout and stderr a descriptor if they lack one, and let the last two outlast their readers.

    A descriptor that is closed would be the next file's that is opened, and progress would be written into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free is this one
    sys.stdin = open(0, errors="replace", closefd=False)  # noqa: SIM115 - it is the process's
    outputs = [LastingOutput(number, "w", closefd=False) for number in (1, 2)]
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(
            io.BufferedWriter(output),
            "utf-8",
            "backslashreplace",
            line_buffering=output is outputs[1] or output.isatty(),
        )
        for output in outputs
    )
    return outputs


def handle_signals() -> None:
    """Let the first signal that asks for the end raise an exception, and those after it do nothing."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # such as SIGHUP under nohup
            signal.signal(number, _end)


def ignore_signals() -> None:
    """Let no signal disturb what is left to do; a program that is started now still hears them."""
    for number in SIGNALS:
        signal.signal(number, lambda *_: None)


def _end(number: int, _: FrameType | None) -> None:
    ignore_signals()
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)
