"""Each signal that asks for the end raises the same exception, but what nohup ignores stays ignored."""

import signal
from collections.abc import Iterator

import pytest

from local.shutdown import ENDS, Stopped, ignore_signals, raise_on_signals


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Give the signals back to pytest."""
    handlers = {number: signal.getsignal(number) for number in ENDS}
    for number in ENDS:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_raises(number: signal.Signals, status: int) -> None:
    """No `except Exception` catches it, and the exit code is that of a program that the signal ended."""
    raise_on_signals()

    with pytest.raises(Stopped) as stopped:
        signal.raise_signal(number)

    assert not isinstance(stopped.value, Exception)
    assert (stopped.value.status, stopped.value.by_keyboard) == (status, number == signal.SIGINT)


def test_under_nohup_a_closed_terminal_ends_nothing() -> None:
    """Nohup ignores SIGHUP before it starts a program, and that is not undone."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    raise_on_signals()

    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    signal.raise_signal(signal.SIGHUP)


def test_on_the_way_out_nothing_interrupts() -> None:
    """A second Ctrl-C changes nothing any more."""
    raise_on_signals()
    ignore_signals()

    for number in ENDS:
        signal.raise_signal(number)
