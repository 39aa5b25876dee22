"""What a run will do is counted before it does anything, and is what was asked for."""

import pytest

from backfill.comparison import State
from backfill.plan import Counts
from tests.backfill.comparisons import ALL, plan


@pytest.mark.parametrize(
    ("options", "states"),
    [
        ((), {"missing"}),
        (("--stale",), {"missing", "stale"}),
        (("--prune",), {"missing", "gone"}),
        (("--rejected",), {"missing", "rejected"}),
        (("--rejected=corrupt",), {"missing", "rejected"}),
        (("--rejected=too_long",), {"missing"}),
        (("--stale", "--prune", "--rejected"), {"missing", "stale", "gone", "rejected"}),
    ],
)
def test_what_is_asked_for_is_done_and_nothing_else(options: tuple[str, ...], states: set[str]) -> None:
    """What is missing is always analysed; what is stale, rejected or gone only where that is asked for."""
    made = plan(*ALL, options=options)

    assert {each.state for each in made.objects()} | {each.state for each in made.documents()} == states
    assert made.n_objects + made.n_documents == len(states)
    assert {each.state for each in made.documents()} <= {State.GONE}
    made.close()


def test_every_comparison_is_counted_once() -> None:
    """Objects are sounds, rejections, left, pending or missing; stale ones are sounds, gone ones no objects."""
    made = plan(*ALL)

    assert made.counts == Counts(
        objects=7,
        sounds=3,
        rejections=1,
        skipped=1,
        pending=1,
        missing=1,
        stale=1,
        gone=1,
        unreadable=1,
        bytes=1_000_000,
    )
    made.close()
