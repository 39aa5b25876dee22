"""Objects that fail are tried again after the others, and do not stop them unless nothing can be analysed at all."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.pipeline import Answer
from analysis.upload import Upload
from backfill import work_queue
from backfill.comparison import Comparison, State
from backfill.work_queue import (
    FAILURES_BEFORE_CANARY,
    MAX_ATTEMPTS,
    MAX_CANARIES,
    UNPROVEN,
    Failure,
    OutageError,
    Result,
    WorkQueue,
)

SOUND: Result = Answer("sound", "uid")
FAILURE: Result = Failure("so it is")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait for its next attempt."""
    monkeypatch.setattr(work_queue, "BACKOFF_S", 0)


class Clock:
    """Time that passes only when a test says so."""

    now = 0.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now


def missing(name: str) -> Comparison:
    """Return an object without a document."""
    return Comparison(State.MISSING, Upload("bucket", name, 1, 1), None)


CANARIES = [Comparison(State.SOUND, Upload("bucket", f"canary {n}", 1, 1), None) for n in range(3)]


def analyse(
    are_bad: list[bool], *, works: bool = True, canaries: list[Comparison] = CANARIES
) -> tuple[list[tuple[str, Result]], Counter[str]]:
    """What is finished, in its order, and how often each object was tried; the bad ones fail every time."""
    objects = [missing(str(n)) for n in range(len(are_bad))]
    queue, finished, attempts = WorkQueue(objects, canaries), [], Counter()
    while (item := queue.take()) or queue.has_more:
        name = item.comparison.upload.blob_name
        attempts[name] += 1
        fails = not works if name.startswith("canary") else are_bad[int(name)]
        finished += queue.finish(item, FAILURE if fails else SOUND)
    finished += queue.rest()
    return [(comparison.upload.blob_name, result) for comparison, result in finished], attempts


def canaries_asked(attempts: Counter[str]) -> int:
    """Return how often a canary was asked."""
    return sum(n for name, n in attempts.items() if name.startswith("canary"))


@given(st.lists(st.booleans(), max_size=200))
def test_each_object_ends_once_and_is_tried_a_bounded_number_of_times(are_bad: list[bool]) -> None:
    """Whichever fail, each ends once: a good one after one attempt, a bad one after the last, as the cause of it."""
    finished, attempts = analyse(are_bad)

    for canary in CANARIES:
        del attempts[canary.upload.blob_name]
    assert sorted((name for name, _ in finished), key=int) == [str(n) for n in range(len(are_bad))]
    assert attempts == {str(n): MAX_ATTEMPTS if is_bad else 1 for n, is_bad in enumerate(are_bad)}
    own = Failure("so it is", is_own=True)
    assert dict(finished) == {str(n): own if is_bad else SOUND for n, is_bad in enumerate(are_bad)}


def test_neighbours_that_fail_do_not_stop_the_rest() -> None:
    """Where a hundred in a row fail and a canary does not, the rest is done; a canary is asked now and then."""
    finished, attempts = analyse([True] * 100 + [False] * 10)

    assert [name for name, _ in finished[:10]] == [str(n) for n in range(100, 110)]
    assert len(finished) == 110
    assert canaries_asked(attempts) == 100 // FAILURES_BEFORE_CANARY + 2  # and before and after the last attempts


def test_an_outage_is_told_by_all_canaries() -> None:
    """Where each canary fails too, that is the end, and it says how many did; what failed comes with it."""
    with pytest.raises(OutageError, match="30 objects failed and none succeeded since, and so did 3 others") as ended:
        analyse([False] * 5 + [True] * 100, works=False)

    assert [comparison.upload.blob_name for comparison, _ in ended.value.failures] == [str(n) for n in range(5, 35)]
    assert {failure.is_own for _, failure in ended.value.failures} == {False}


@pytest.mark.parametrize("good", [35, 70, 99])
def test_any_object_that_has_not_failed_yet_may_tell(good: int) -> None:
    """Without a sound, and though the last object fails, one good one among the canaries shows that it is no outage."""
    canaries = [missing(str(n)) for n in (104, 3, 50, good)]

    finished, _ = analyse([n != good for n in range(105)], canaries=canaries)

    assert dict(finished)[str(good)] == SOUND
    assert {result for name, result in finished if name != str(good)} == {Failure("so it is", is_own=True)}


def test_an_object_that_failed_is_no_canary() -> None:
    """What has failed in this run tells nothing: it is not asked once more."""
    canaries = [missing(str(n)) for n in (0, 1, 2, 33)]

    _, attempts = analyse([n != 33 for n in range(34)], canaries=canaries)

    assert [attempts[str(n)] for n in (0, 1, 2)] == [MAX_ATTEMPTS] * 3
    assert attempts["33"] > 1  # as a canary, and as an object


def test_a_few_that_fail_alone_are_an_outage_if_the_canaries_fail() -> None:
    """Where nothing has succeeded, the canaries are asked before an object is called the cause."""
    with pytest.raises(OutageError, match="1 objects failed"):
        analyse([True], works=False)

    assert analyse([True])[0] == [("0", Failure("so it is", is_own=True))]


def test_where_nobody_can_tell_no_object_is_the_cause() -> None:
    """Without canaries each object is tried as often as ever, and none is said to be the cause."""
    finished, attempts = analyse([True] * 3, canaries=[])

    assert finished == [(str(n), FAILURE) for n in range(3)]
    assert set(attempts.values()) == {MAX_ATTEMPTS}
    with pytest.raises(OutageError, match="30 objects failed and none succeeded since; the last error: so it is"):
        analyse([True] * 31, canaries=[])


def test_an_object_that_failed_in_an_outage_is_not_the_cause() -> None:
    """The last attempt waits until something has succeeded, so an outage of any length uses up no object."""
    queue = WorkQueue([missing("0"), missing("1")], [])
    first, second = queue.take(), queue.take()
    assert [*queue.finish(first, FAILURE), *queue.finish(second, FAILURE)] == []
    other = queue.take()
    again = queue.take()
    assert (other, again) == (first, second)
    assert list(queue.finish(other, FAILURE)) == []
    assert queue.take() is None  # the other may still tell
    assert list(queue.finish(again, SOUND)) == [(again.comparison, SOUND)]
    assert queue.take() is first
    assert list(queue.finish(first, SOUND)) == [(first.comparison, SOUND)]


@pytest.mark.parametrize("kind", sorted(UNPROVEN))
def test_what_needed_nothing_shows_nothing(kind: str) -> None:
    """An object that is skipped or gone does not show that bucket and database work."""
    queue = WorkQueue([missing(str(n)) for n in range(40)], [])
    for n in range(FAILURES_BEFORE_CANARY + 1):
        item = queue.take()
        list(queue.finish(item, FAILURE if n != 15 else Answer(kind, "uid")))

    with pytest.raises(OutageError):
        queue.take()


def test_canaries_are_bounded() -> None:
    """An outage is not tried for ever, however many objects there are that have not failed yet."""
    canaries = [Comparison(State.SOUND, Upload("bucket", f"canary {n}", 1, 1), None) for n in range(100)]

    with pytest.raises(OutageError, match=f"so did {MAX_CANARIES} others"):
        analyse([True] * 100, works=False, canaries=canaries)


def test_bounds_are_those_that_are_promised() -> None:
    """An object is tried three times, and thirty that fail in a row are suspicious, as docs/backfill.md says."""
    assert (MAX_ATTEMPTS, FAILURES_BEFORE_CANARY, MAX_CANARIES) == (3, 30, 10)


def test_an_object_waits_longer_after_every_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed object is tried again after the new ones, and after a pause that grows with its attempts."""
    clock = Clock()
    monkeypatch.setattr(work_queue, "time", clock)
    monkeypatch.setattr(work_queue, "BACKOFF_S", 5)
    queue = WorkQueue([missing("a"), missing("b")], [])

    item = queue.take()
    assert list(queue.finish(item, FAILURE)) == []
    other = queue.take()
    assert other.comparison.upload.blob_name == "b"
    assert list(queue.finish(other, SOUND)) == [(other.comparison, SOUND)]
    for pause in (5, 10):
        clock.now += pause - 1
        assert (queue.take(), queue.has_more) == (None, True)
        clock.now += 1
        assert queue.take() is item
        assert list(queue.finish(item, FAILURE)) == []
    assert (queue.take(), queue.has_more, item.attempts) == (None, False, 3)
    assert list(queue.rest()) == [(item.comparison, FAILURE)]


def test_what_succeeds_between_failures_is_no_outage() -> None:
    """Only failures in a row are suspicious: one success between them, and no canary has to fail."""
    finished, _ = analyse(([True] * (FAILURES_BEFORE_CANARY - 1) + [False]) * 3)

    assert len(finished) == 3 * FAILURES_BEFORE_CANARY


def test_a_failure_that_repeats_is_one_object() -> None:
    """Second and third attempts are not counted as further objects that fail."""
    finished, attempts = analyse([True] * (FAILURES_BEFORE_CANARY - 1), canaries=[])

    assert len(finished) == FAILURES_BEFORE_CANARY - 1
    assert canaries_asked(attempts) == 0


def test_the_last_of_the_failures_in_a_row_calls_for_the_canary() -> None:
    """Exactly as many failures as the bound are enough."""
    queue = WorkQueue([missing(str(n)) for n in range(100)], CANARIES)
    for _ in range(FAILURES_BEFORE_CANARY):
        item = queue.take()
        assert "canary" not in item.comparison.upload.blob_name
        list(queue.finish(item, FAILURE))

    assert queue.take().comparison == CANARIES[0]
    assert queue.take().comparison.upload.blob_name == str(FAILURES_BEFORE_CANARY)
