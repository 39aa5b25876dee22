"""What the parameters of an address mean, and how they are written again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from page.catalog.selection import PITCHES, SORTS, BadParameterError, Selection, parse_count, parse_selection

NUMBERS = st.none() | st.floats(0, 1e6).map(lambda number: float(f"{number:.6f}"))
SELECTIONS = st.builds(
    Selection,
    q=st.text(alphabet="ab\u00e9-&#+%\"'", max_size=20),
    folder=st.sampled_from(["", "a/", "a b/\u00e9&/", " /"]),
    format=st.sampled_from(["", "WAV"]),
    min_s=NUMBERS,
    max_db=NUMBERS,
    note=st.sampled_from(["", *PITCHES]),
    bpm=NUMBERS,
    sort=st.sampled_from(SORTS["sounds"]),
    gone=st.booleans(),
)


@given(SELECTIONS)
def test_an_address_says_what_is_selected(selection: Selection) -> None:
    """What is read from the parameters of a selection is that selection."""
    assert parse_selection("sounds", selection.parameters()) == selection


def test_what_is_not_said_is_not_in_the_address() -> None:
    """A list of everything has no parameters; one is changed, added or taken away without the others."""
    selection = Selection("a", folder="b/", min_s=1.5)

    assert Selection().parameters() == {}
    assert selection.parameters(folder="", after="x") == {"q": "a", "min_s": "1.5", "after": "x"}
    assert selection.with_value("format", "WAV") == {"q": "a", "folder": "b/", "min_s": "1.5", "format": "WAV"}


@pytest.mark.parametrize(
    ("text", "count"), [("", 10), ("0", 1), ("7", 7), ("100", 100), ("101", 100), ("999999999", 100)]
)
def test_a_count_is_within_bounds(text: str, count: int) -> None:
    """Nobody is given more than the most, or less than one."""
    assert parse_count(text, 10, 100) == count


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "9" * 10, "9" * 5000, "\u0661", " 1"])
def test_what_is_no_count_is_told(text: str) -> None:
    """The message says what is accepted."""
    with pytest.raises(BadParameterError, match="n is a whole number from 1 to 100"):
        parse_count(text, 10, 100)


@pytest.mark.parametrize(
    ("asked", "note"), [("a#", "A#"), ("Bb", "A#"), ("B\u266d", "A#"), ("c\u266f", "C#"), ("b", "B"), ("Gb", "F#")]
)
def test_a_note_is_written_as_people_do(asked: str, note: str) -> None:
    """Sharps and flats, in either sign and case, are the pitch classes that documents name."""
    assert parse_selection("sounds", {"note": asked}).note == note
