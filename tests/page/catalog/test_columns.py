"""The arrays of the catalog: what is found in them, sorted and compared, is what a loop over the documents finds."""

import numpy as np
import pytest
from google.cloud.firestore import DocumentReference, GeoPoint
from google.cloud.firestore_v1.vector import Vector
from hypothesis import given
from hypothesis import strategies as st

from bench.documents import make_document
from page.catalog.columns import Columns
from page.catalog.encoding import decode, encode
from page.catalog.records import make_row
from page.catalog.text import fold

LIVE = 1


def fill(columns: Columns, *documents: dict, first: int = 1) -> None:
    """Put documents into the places from one on."""
    rows = [make_row("sounds", document["uid"], document) for document in documents]
    columns.apply([(place, 0, LIVE, 1, 1, row.record, row.text) for place, row in enumerate(rows, first)])


@given(
    names=st.lists(st.text(max_size=12), max_size=8),
    word=st.text(alphabet="ab\u00e9\u0301 .*\\\n", min_size=1, max_size=3),
)
def test_a_word_is_found_where_it_is(names: list[str], word: str) -> None:
    """Whatever the names and the word are, those are found whose folded name has the folded word in it."""
    columns = Columns()
    fill(columns, *(make_document(name) for name in names))

    found = np.flatnonzero(columns.find_word(fold(word))).tolist() if fold(word) else []
    assert found == [place for place, name in enumerate(names, 1) if fold(word) and fold(word) in fold(name)]


def test_a_text_that_changes_is_found_as_it_is_now() -> None:
    """A row that is written again is found by its new text alone, and no other row is found by it."""
    columns = Columns()
    fill(columns, *(make_document(f"{place}.wav", mood="calm") for place in range(5)))
    fill(columns, make_document("2.wav", mood="wild"), first=3)

    assert np.flatnonzero(columns.find_word("calm")).tolist() == [1, 2, 4, 5]
    assert np.flatnonzero(columns.find_word("wild")).tolist() == [3]


def test_it_grows() -> None:
    """Rows that are added, many at a time or one by one, leave those that were there as they are."""
    columns = Columns()
    for first in range(1, 3000, 700):
        fill(columns, *(make_document(f"{first}-{more}.wav", seed=more) for more in range(700)), first=first)

    assert columns.n == 3501
    assert np.flatnonzero(columns.find_word("701-13.wav")).tolist() == [714]
    durations = [make_document("x", seed=seed)["duration"] for seed in (0, 699)]
    assert columns.column("duration")[[1, 3500]] == pytest.approx(durations)


def test_the_nearest_are_those_of_a_loop() -> None:
    """They are as many as are asked for, nearest first, of the mask alone, though products of float32 choose them."""
    rng = np.random.default_rng(5)
    vectors = rng.normal(0, 3, (500, 40)) + 100
    columns = Columns()
    fill(columns, *(make_document(f"{at}", fingerprint=Vector(vector.tolist())) for at, vector in enumerate(vectors)))
    mask = np.arange(columns.n) % 2 == 0
    mask[[0, 8]] = False
    query = vectors[7].astype(np.float32)
    nearest = columns.find_nearest(query, 10, mask)
    nearest = nearest[np.argsort(columns.distances(query, nearest))][:10]

    expected = sorted(
        (at for at in range(2, 501, 2) if at != 8), key=lambda at: np.linalg.norm(vectors[at - 1] - vectors[7])
    )
    assert nearest.tolist() == expected[:10]


def test_fingerprints_of_another_length_are_not_compared() -> None:
    """They are of another version of the analysis, so a sound has neighbours among those of its own length alone."""
    columns = Columns()
    fill(
        columns,
        *(make_document("x", fingerprint=Vector([0.0] * n)) for n in (2, 3, 2, 40, 41)),
        make_document("y", fingerprint=None),
    )
    everything = np.arange(columns.n) > 0

    found = [columns.find_nearest(np.zeros(n, np.float32), 9, everything).tolist() for n in (2, 3, 40, 0)]
    assert found == [[1, 3], [2], [4], []]


def test_a_document_comes_back_as_it_was() -> None:
    """Numbers, times, bytes, vectors and what people have added are the same after a way through the file."""
    added = {"nested": {"$time": "x", "list": [1, None, {"$bytes": 5}]}, "odd": "\ud800\x00", "number": 2**60, "f": 0.1}
    document = make_document("a\n.wav", **added)

    assert decode(encode(document)) == document


def test_references_and_places_come_back_as_text() -> None:
    """The text is the same each time that a document is read, so that the page does not take it for changed."""
    first, second = (
        {"next": DocumentReference("takes", "a", client=client), "place": GeoPoint(53.5, -2)}
        for client in (object(), object())
    )

    assert encode(first) == encode(second)
    assert decode(encode(first)) == {"next": "takes/a", "place": "53.5, -2"}
