"""A call is made again while what fails passes, and whoever waits long for it is told."""

from collections.abc import Callable
from threading import Event

import pytest
from google.api_core.exceptions import Forbidden, RetryError, ServiceUnavailable, Unknown

from backfill import reading
from backfill.reading import patiently
from tests.fakes.waiting import wait_until


def failing(*errors: Exception) -> Callable[[], str]:
    """Return a call that raises these errors, one each time, and then returns."""
    left = list(errors)

    def call() -> str:
        if left:
            raise left.pop(0)
        return "read"

    return call


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait long for its next attempt."""
    monkeypatch.setattr(reading, "RETRY", reading.RETRY.with_delay(initial=0.01, maximum=0.01))


def test_what_passes_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    """A stream that gRPC calls removed passes as an outage does, and a short wait is not told."""
    assert patiently(failing(ServiceUnavailable("no"), Unknown("Stream removed")), "it") == "read"

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "error",
    [Forbidden("no"), Unknown("so it is"), ServiceUnavailable("Getting metadata from plugin failed with error: x")],
)
def test_what_does_not_pass_is_not_waited_for(error: Exception) -> None:
    """A missing right, an error without a known cause and the end of a login are raised at once."""
    with pytest.raises(type(error)):
        patiently(failing(error), "it")


def test_an_outage_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not pass in time is an error that names it."""
    monkeypatch.setattr(reading, "RETRY", reading.RETRY.with_timeout(0.05))

    with pytest.raises(RetryError, match="so it is"):
        patiently(failing(*[ServiceUnavailable("so it is")] * 1000), "it")


def test_a_long_wait_is_told_once(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits is told what for, how long at most, and the last error; whether it hangs or fails."""
    monkeypatch.setattr(reading, "NOTICE_S", 0.5)  # time enough for the first error to be noted
    errors, said = [ServiceUnavailable("so it is")], []

    def hang() -> str:
        if errors:
            raise errors.pop()
        wait_until(lambda: said.append(capsys.readouterr().err) or "".join(said).endswith("\n"))
        Event().wait(0.05)  # a second line would come meanwhile
        return "read"

    assert patiently(hang, "the collection sounds") == "read"

    said.append(capsys.readouterr().err)
    expected = (
        "backfill.sh: still waiting for the collection sounds, at most 300 s (ServiceUnavailable: 503 so it is)\n"
    )
    assert "".join(said) == expected


def test_twenty_seconds_are_long() -> None:
    """A wait is told after 20 s, as docs/backfill.md says."""
    assert reading.NOTICE_S == 20
