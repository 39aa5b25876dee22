"""The order of a list after changes is that of all rows sorted anew, and is brought up to date without that."""

from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from page.catalog import view as views
from page.catalog.columns import Columns
from page.catalog.records import NO_TIME, RECORD
from page.catalog.selection import SORTS, Sort
from page.catalog.view import View

values = st.tuples(
    st.sampled_from(["", "a", "A", "ab", "a b", "ä", "ab\x1fc", "\U0001f941"]),
    st.sampled_from([NO_TIME, 0, 1, 2**50, 2**50 + 1]),
    st.sampled_from([nan, 0.0, -0.0, 1.5, inf]),
    st.sampled_from([nan, -inf, -20.5, 0.0]),
)  # of a row: its text, when it is listed, its duration and level


def put(columns: Columns, rows: list[tuple[int, Any]]) -> None:
    """Write values into rows."""
    told = []
    for place, (text, listed_at, duration, level) in dict(rows).items():
        record = np.zeros(1, RECORD)
        record["listed_at"], record["duration"], record["level"] = listed_at, duration, level
        told.append((place, 0, 1, 1, 1, record.tobytes(), text))
    columns.apply(told)


def view_of(columns: Columns) -> View:
    """Return a view that sorts by the texts of the columns, as the file does."""
    return View(columns, lambda: sorted(range(1, columns.n), key=lambda row: (columns.text(row), row)))


@given(
    first=st.lists(values, min_size=1, max_size=12),
    steps=st.lists(st.lists(st.tuples(st.integers(0, 13), values), max_size=4), min_size=1, max_size=4),
    sort=st.sampled_from(SORTS["sounds"]),
)
def test_after_changes_an_order_is_that_of_all(first: list[Any], steps: list[list[Any]], sort: Sort) -> None:
    """Whatever rows come and change, equals are in the order of their ids, and what has no value comes last."""
    columns = Columns()
    put(columns, list(enumerate(first, 1)))
    view = view_of(columns)
    view.order(sort)
    for rows in steps:
        put(columns, [(1 + place % columns.n, row) for place, row in rows])  # the last of them is a new one

        assert view.order(sort).tolist() == view_of(columns).order(sort).tolist()


@pytest.mark.parametrize("n_changed", [2, 3])
def test_few_changes_do_not_sort_all(monkeypatch: pytest.MonkeyPatch, n_changed: int) -> None:
    """The file is asked for the order of names again where more have changed than are moved one by one."""
    monkeypatch.setattr(views, "MOVED", 2)
    columns, n_read = Columns(), 0
    put(columns, [(row, (f"{row}", 0, 0.0, 0.0)) for row in range(1, 10)])

    def read() -> list[int]:
        nonlocal n_read
        n_read += 1
        return sorted(range(1, columns.n), key=lambda row: (columns.text(row), row))

    view = View(columns, read)
    view.order("name")
    put(columns, [(row, (f"{9 - row}", 0, 0.0, 0.0)) for row in range(1, 1 + n_changed)])
    assert (view.known_order("name") is None) == (n_changed > 2)
    assert view.order("name").tolist() == view_of(columns).order("name").tolist()

    assert n_read == (1 if n_changed <= 2 else 2)


def test_the_text_of_a_row_is_that_of_now() -> None:
    """Of a row whose text has changed it is the newer, and of one that has none it is empty."""
    columns = Columns()
    put(columns, [(1, ("one", 0, 0.0, 0.0)), (2, ("zwei", 0, 0.0, 0.0)), (4, ("", 0, 0.0, 0.0))])
    put(columns, [(1, ("Ä", 0, 0.0, 0.0))])

    assert [columns.text(row) for row in range(5)] == [b"", "Ä".encode(), b"zwei", b"", b""]
