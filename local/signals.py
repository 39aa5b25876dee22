"""Ctrl-C, SIGTERM and a closed terminal become one exception, so that the program ends in the same way after each."""

import signal
from types import FrameType

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Raised when this process is asked to end; no Exception, so that no ``except`` for errors catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def by_keyboard(self) -> bool:
        """Whether it was Ctrl-C."""
        return self.number == signal.SIGINT

    @property
    def status(self) -> int:
        """The exit code a shell expects of a program that ended by this signal."""
        return 128 + self.number


def raise_on_signals() -> None:
    """Raise Stopped in the main thread whenever one of ENDS comes; SIGHUP stays ignored where nohup has ignored it."""
    for number in ENDS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _raise)


def ignore_signals() -> None:
    """Ignore ENDS from now on, so that nothing interrupts the rest of the way out."""
    for number in ENDS:
        signal.signal(number, signal.SIG_IGN)


def _raise(number: int, _: FrameType | None) -> None:
    raise Stopped(number)
