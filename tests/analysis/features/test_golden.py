"""No number of a document changes without its analysis_version."""

import pytest

from analysis.definition import ANALYSIS_VERSION
from tests.analysis.features.golden import PATH, SOUNDS, changed, golden_numbers, numbers_of

MAKE_THEM = "python -m tests.analysis.features.golden writes them"


def test_golden_numbers_are_of_this_version() -> None:
    """The one file of golden numbers that stands here is that of ANALYSIS_VERSION, and knows every sound."""
    assert list(PATH.parent.glob("golden-*.json")) == [PATH], MAKE_THEM
    assert golden_numbers().keys() == SOUNDS.keys(), MAKE_THEM


@pytest.mark.parametrize("sound", SOUNDS)
def test_numbers_are_the_golden_ones(sound: str) -> None:
    """Every number of a sound is the one that the documents of this version hold."""
    golden, numbers = golden_numbers()[sound], numbers_of(sound)

    assert changed(numbers, golden) == [], (
        f"of analysis_version {ANALYSIS_VERSION} these are other numbers, and stored documents hold the golden ones: "
        "undo what changed them, or raise ANALYSIS_VERSION in analysis/definition.py, remove the golden file of the "
        f"version before, and {MAKE_THEM}"
    )
    assert numbers.keys() == golden.keys(), f"a number has no golden one: {MAKE_THEM}"
