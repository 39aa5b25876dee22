"""docs/page.md promises what a look costs and how much there is of each: the code keeps to it."""

import re
from pathlib import Path

import pytest

from page.documents import queries
from page.similarity import map as sound_map
from page.similarity import neighbours
from page.web import app, events

TEXT = (Path(__file__).parents[2] / "docs/page.md").read_text()
PROMISES = {
    "a page of a list": (r"a page of a list, or of a search \| (\d+) at most", queries.PAGE_SIZE + 1),
    "a sound": (r"a sound \| 1 \| (\d+) minutes", queries.DOCUMENT_TTL_S / 60),
    "its means": (r"its means among the collection \| (\d+) at most", app.SAMPLE_SOUNDS),
    "means kept": (r"its means [^\n]*\| (\d+) minutes", queries.SAMPLE_TTL_S / 60),
    "its neighbours": (r"its neighbours \| (\d+), and 1", app.N_NEIGHBOURS + 1),
    "neighbours kept": (r"its neighbours [^\n]*\| (\d+) minutes", neighbours.TTL_S / 60),
    "most neighbours": (r"`n` is at most (\d+)", neighbours.MAX_NEIGHBOURS),
    "the map": (r"the map \| (\d+) at most", sound_map.MAX_SOUNDS),
    "places on the map": (r"`/map` \| up to (\d+) sounds", sound_map.MAX_SOUNDS),
    "map kept": (r"the map [^\n]*\| (\d+) minutes", sound_map.TTL_S / 60),
    "news": (r"the newest (\d+) sounds and the newest \d+ rejections", events.MAX_EVENTS),
    "news again": (r"and (\d+) at most for each time that the listener begins", 2 * events.MAX_EVENTS),
    "how far back": (
        r"what the last (\d+) minutes brought",
        (events.LOOK_BACK + events.CLOCK_SKEW).total_seconds() / 60,
    ),
}


@pytest.mark.parametrize("promise", PROMISES)
def test_a_number_of_the_docs_is_that_of_the_code(promise: str) -> None:
    """Who reads what a look costs can rely on it."""
    pattern, number = PROMISES[promise]
    found = re.search(pattern, TEXT)

    assert found, pattern
    assert found[1] == f"{number:g}"


def test_the_words_for_a_distance_are_those_of_the_docs() -> None:
    """Who reads a word beside a neighbour finds in the docs which distances it is for."""
    (first, word), *others = neighbours.LABELS
    below = ", ".join(f"{label} below {limit:g}" for limit, label in others)

    assert f"{word} where their distance is below {first:g}, {below}, and {neighbours.FAR_LABEL} from there on" in TEXT
