"""Objects that fail are tried again after the others, and do not stop them unless nothing can be analysed at all."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.upload import Upload
from backfill import turns
from backfill.comparison import Finding, State
from backfill.mended import Mended
from backfill.turns import ATTEMPTS, SUSPICIOUS, OutageError, Turns

WITNESS = Finding(State.SOUND, Upload("bucket", "witness", 1, 1), None)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait for its next attempt."""
    monkeypatch.setattr(turns, "PAUSE_S", 0)


class Clock:
    """Time that passes only when a test says so."""

    now = 0.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now


def take_turns(are_bad: list[bool], *, works: bool = True) -> tuple[list[str], Counter[str]]:
    """What is over, in its order, and how often each object was tried; the bad ones fail every time."""
    findings = [Finding(State.MISSING, Upload("bucket", str(n), 1, 1), None) for n in range(len(are_bad))]
    queue, over, attempts = Turns(findings, WITNESS), [], Counter()
    while job := queue.next():
        name = job.finding.upload.blob_name
        attempts[name] += 1
        fails = not works if name == "witness" else are_bad[int(name)]
        if queue.is_over(job, Mended("failed" if fails else "sound")):
            over.append(name)
    return over, attempts


@given(st.lists(st.booleans(), max_size=200))
def test_each_object_ends_once_and_is_tried_a_bounded_number_of_times(are_bad: list[bool]) -> None:
    """Whichever fail, each ends once: a good one after one attempt, a bad one after the last."""
    over, attempts = take_turns(are_bad)

    del attempts["witness"]
    assert sorted(over, key=int) == [str(n) for n in range(len(are_bad))]
    assert attempts == {str(n): ATTEMPTS if is_bad else 1 for n, is_bad in enumerate(are_bad)}


def test_neighbours_that_fail_do_not_stop_the_rest() -> None:
    """Where a hundred in a row fail and the witness does not, the rest is done; the witness is asked now and then."""
    over, attempts = take_turns([True] * 100 + [False] * 10)

    assert over[:10] == [str(n) for n in range(100, 110)]
    assert len(over) == 110
    assert attempts["witness"] == 100 // SUSPICIOUS


def test_nothing_that_works_is_an_outage() -> None:
    """Where the witness fails too, that is the end; fewer failures than that are the objects' own."""
    with pytest.raises(OutageError, match="not even what was before"):
        take_turns([False] * 5 + [True] * 100, works=False)

    over, _ = take_turns([False, *[True] * (SUSPICIOUS - 1)], works=False)
    assert len(over) == SUSPICIOUS


def test_bounds_are_those_that_are_promised() -> None:
    """An object is tried three times, and thirty that fail in a row are suspicious, as docs/backfill.md says."""
    assert (ATTEMPTS, SUSPICIOUS) == (3, 30)


def test_an_object_waits_longer_after_every_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed object is tried again after the new ones, and after a pause that grows with its attempts."""
    clock = Clock()
    monkeypatch.setattr(turns, "time", clock)
    monkeypatch.setattr(turns, "PAUSE_S", 5)
    first, second = (Finding(State.MISSING, Upload("bucket", name, 1, 1), None) for name in "ab")
    queue = Turns([first, second], WITNESS)

    job = queue.next()
    assert not queue.is_over(job, Mended("failed"))
    other = queue.next()
    assert (job.finding, other.finding) == (first, second)
    assert queue.is_over(other, Mended("sound"))
    for pause in (5, 10):
        clock.now += pause - 1
        assert (queue.next(), queue.are_left) == (None, True)
        clock.now += 1
        assert queue.next() is job
        is_over = queue.is_over(job, Mended("failed"))
        assert is_over is (pause == 10)
    assert (queue.next(), queue.are_left, job.attempts) == (None, False, 3)


def test_what_succeeds_between_failures_is_no_outage() -> None:
    """Only failures in a row are suspicious: one success between them, and nobody asks the witness."""
    _, attempts = take_turns(([True] * (SUSPICIOUS - 1) + [False]) * 3, works=False)

    assert "witness" not in attempts


def test_a_failure_that_repeats_is_one_object() -> None:
    """Second and third attempts are not counted as further objects that fail."""
    _, attempts = take_turns([True] * (SUSPICIOUS - 1), works=False)

    assert "witness" not in attempts
