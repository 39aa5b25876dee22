"""Ctrl-C, a polite end and a closed terminal become one exception, so that all three leave by the same way."""

import signal
from types import FrameType

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """We were asked to end; not an Exception, so that nothing on the way out takes it for an error of its own."""

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
    """Raise Stopped in the main thread whenever one of ENDS comes; a hang-up that nohup has ignored stays so."""
    for number in ENDS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _raise)


def ignore_signals() -> None:
    """Let nothing interrupt the rest."""
    for number in ENDS:
        signal.signal(number, signal.SIG_IGN)


def _raise(number: int, _: FrameType | None) -> None:
    raise Stopped(number)
