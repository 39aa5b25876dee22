"""What a run will do is counted before it does anything, and is what was asked for."""

import pytest

from backfill.comparison import State
from backfill.plan import Counts
from tests.backfill.comparisons import ALL, comparison, plan


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
        objects=6, sounds=2, rejections=1, skipped=1, pending=1, missing=1, stale=1, gone=1, bytes=1_000_000
    )
    made.close()


def test_the_canary_is_the_smallest_that_has_a_sound() -> None:
    """What could be analysed before and is quickly done tells an outage; without a sound the last of the plan does."""
    sounds = [comparison(State.SOUND, name, size) for name, size in (("a", 500), ("b", 20), ("c", 30))]
    missing = [comparison(State.MISSING, name, 1) for name in ("m", "n")]
    with_sounds, without, nothing = plan(*sounds, *missing), plan(*missing), plan()

    assert with_sounds.canary == sounds[1]
    assert without.canary == missing[1]
    assert nothing.canary is None
    for made in (with_sounds, without, nothing):
        made.close()


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        *((f"a.{ending}", 0.45) for ending in ("WAV", "wave", "aif", "aiff", "aifc", "au", "caf", "w64", "rf64")),
        *((name, 10.05) for name in ("a.m4a", "a.flac", "a.wav.mp3", "wav")),
    ],
)
def test_what_it_takes_goes_by_the_kind_of_file(name: str, seconds: float) -> None:
    """A megabyte of a compressed sound is minutes long, of another seconds."""
    made = plan(comparison(State.MISSING, name, 100_000_000))

    assert made.vcpu_seconds == pytest.approx(seconds)
    made.close()


def test_what_it_costs() -> None:
    """A second of a task with 1 vCPU and 2 GiB costs $0.000022, and 100 000 documents written $0.09."""
    made = plan(*(comparison(State.MISSING, "a.m4a", 100_000_000) for _ in range(1000)))

    removing = plan(*(comparison(State.GONE) for _ in range(1000)), options=("--prune",))

    assert made.dollars == pytest.approx(10_050 * 0.000022 + 1000 * 0.09 / 100_000)
    assert removing.dollars == pytest.approx(1000 * 0.09 / 100_000)
    made.close()
    removing.close()
