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
