"""docs/page.md promises what a look costs and how much there is of each: the code keeps to it."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from analysis.definition import SAME_LENGTH, SAME_SOUND_DISTANCE, SR
from page.catalog import background_value, following, selection
from page.similarity import layout, neighbours
from page.similarity import map as sound_map
from page.web import app, events, selected

TEXT = (Path(__file__).parents[2] / "docs/page.md").read_text()
PROMISES = {
    "sounds of a program": (r"`n` is 50 where it is not given, and (\d+) at most", app.MAX_LISTED),
    "sounds of a page": (r"`n` is (\d+) where it is not given, and 1000", app.PAGE_SIZE),
    "most neighbours": (r"`n` is at most (\d+)", neighbours.MAX_NEIGHBOURS),
    "neighbours": (r"`n` is at most 1000, and (\d+) where", app.N_NEIGHBOURS),
    "tempo": (r"a tempo to (\d+) %", selection.BPM_SHARE * 100),
    "overlap": (r"with five minutes of (\w+)", "overlap" if timedelta(minutes=5) == following.OVERLAP else ""),
    "unasked": (r"above (\d+) 000 it says the price", following.UNASKED_READS / 1000),
    "few": (r"A collection of up to (\d+) documents is read anew", following.FEW),
    "new": (r"and 2 each (\w+)", "minute" if following.ROUND_S == 60 else ""),
    "comparison": (r"the comparison, each (\d+) minutes", following.COMPARE_S / 60),
    "listing": (r"the listing, each (\d+) minutes", following.LIST_S / 60),
    "same sound": (r"fingerprints nearer than (\S+) and lengths", SAME_SOUND_DISTANCE),
    "same length": (r"lengths that differ by (\S+) s at most", SAME_LENGTH / SR),
    "groups": (r"longer than two (\w+), those from before", "seconds" if background_value.WAIT_S == 2 else ""),
    "the map": (r"`/map` \| up to (\d+) 000 sounds", sound_map.MAX_SOUNDS / 1000),
    "laid out": (r"random sample of (\d+) sounds is laid out", sound_map.MAX_LAID_OUT),
    "measured": (r"null where fewer than (\d+) are laid out", layout.MIN_MEASURED),
    "sounds of a ZIP file": (r"of one file up to (\d+) sounds", selected.MAX_SOUNDS),
    "bytes of a ZIP file": (r"sounds and (\d+) GB", selected.MAX_BYTES / 1e9),
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
    assert found[1] == (number if isinstance(number, str) else f"{number:g}")


def test_the_words_for_a_distance_are_those_of_the_docs() -> None:
    """Who reads a word beside a neighbour finds in the docs which distances it is for."""
    (first, word), *others = neighbours.LABELS
    below = ", ".join(f"{label} below {limit:g}" for limit, label in others)

    assert f"{word} where their distance is below {first:g}, {below}, and {neighbours.FAR_LABEL} from there on" in TEXT
