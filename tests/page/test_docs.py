"""docs/page.md promises what a look costs and how much there is of each: the code keeps to it."""

import re
from pathlib import Path

import pytest

from page import app, likeness, listing, news, projection

TEXT = (Path(__file__).parents[2] / "docs/page.md").read_text()
PROMISES = {
    "a page of a list": (r"a page of a list, or of a search \| (\d+) at most", listing.PAGE_SOUNDS + 1),
    "a sound": (r"a sound \| 1 \| (\d+) minutes", listing.KEEP_ONE_S / 60),
    "its means": (r"its means among the collection \| (\d+) at most", app.SPREAD_SOUNDS),
    "means kept": (r"its means [^\n]*\| (\d+) minutes", listing.KEEP_SAMPLE_S / 60),
    "its neighbours": (r"its neighbours \| (\d+), and 1", app.NEIGHBOURS + 1),
    "neighbours kept": (r"its neighbours [^\n]*\| (\d+) minutes", likeness.KEEP_S / 60),
    "most neighbours": (r"`n` is at most (\d+)", likeness.MOST),
    "the map": (r"the map \| (\d+) at most", projection.MOST),
    "places on the map": (r"`/map` \| up to (\d+) sounds", projection.MOST),
    "map kept": (r"the map [^\n]*\| (\d+) minutes", projection.KEEP_S / 60),
    "news": (r"the newest (\d+) sounds and the newest \d+ rejections", news.MOST_TOLD),
    "news again": (r"and (\d+) at most for each time that the listener begins", 2 * news.MOST_TOLD),
    "how far back": (r"what the last (\d+) minutes brought", (news.LOOK_BACK + news.SKEW).total_seconds() / 60),
}


@pytest.mark.parametrize("promise", PROMISES)
def test_a_number_of_the_docs_is_that_of_the_code(promise: str) -> None:
    """Who reads what a look costs can rely on it."""
    pattern, number = PROMISES[promise]
    found = re.search(pattern, TEXT)

    assert found, pattern
    assert found[1] == f"{number:g}"
