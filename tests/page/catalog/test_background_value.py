"""What is computed from the state of the catalog: once for each state, and not again for who asks meanwhile."""

from threading import Event

import pytest

from page.catalog import background_value
from page.catalog.background_value import BackgroundValue


def test_a_state_is_computed_once() -> None:
    """Who asks again for the same state gets what was computed; for another state it is computed again."""
    states = iter([(1, "one"), (2, "two")])
    value = BackgroundValue(lambda _: next(states))

    assert [value.get(version) for version in (1, 1, 2, 2)] == ["one", "one", "two", "two"]


def test_the_older_is_given_where_the_newer_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks does not wait long for a newer value where there is an older, and finds it later."""
    monkeypatch.setattr(background_value, "WAIT_S", 0)
    may_end, versions = Event(), iter([1, 2])

    def compute(_: tuple[int, int] | None) -> tuple[int, int]:
        version = next(versions)
        if version > 1:
            may_end.wait(60)
        return version, version

    value = BackgroundValue(compute)
    value.get(1)
    assert value.get(2) == 1
    monkeypatch.setattr(background_value, "WAIT_S", 60)
    may_end.set()

    assert value.get(2) == 2


def test_an_error_is_told_and_not_kept() -> None:
    """What kept it from being computed is raised to who asks, and the next to ask tries again."""
    divisors = iter([0, 1])
    value = BackgroundValue(lambda _: (1 // next(divisors), "one"))

    with pytest.raises(ZeroDivisionError):
        value.get(1)
    assert value.get(1) == "one"
