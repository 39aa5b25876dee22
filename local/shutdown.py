"""Ctrl-C, SIGTERM and a closed terminal raise the same exception, so that the program ends in the same way."""

import signal
from types import FrameType

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Raised when this process is to end; ``except Exception`` does not catch it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def by_keyboard(self) -> bool:
        """Whether it was Ctrl-C."""
        return self.number == signal.SIGINT

    @property
    def status(self) -> int:
        """The exit code of a program that this signal ended, by the convention of shells."""
        return 128 + self.number


def raise_on_signals() -> None:
    """Raise Stopped in the main thread at each of ENDS; under nohup SIGHUP stays ignored."""
    for number in ENDS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _raise)


def ignore_signals() -> None:
    """Ignore ENDS from now on, so that nothing interrupts the end of the program."""
    for number in ENDS:
        signal.signal(number, signal.SIG_IGN)


def _raise(number: int, _: FrameType | None) -> None:
    raise Stopped(number)
