"""What a run will do is counted and kept before it does anything, and is what was asked for."""

import pytest

from analysis.upload import Upload
from backfill.comparison import Finding, State
from backfill.inventory import Kept
from backfill.planning import Counts, Plan
from backfill.report import describe_plan, duration
from backfill.request import parse


def finding(state: State, name: str = "a.wav", size: int = 1_000_000, reason: str | None = None) -> Finding:
    """Return what the comparison says."""
    kept = None if state in (State.MISSING, State.LEFT) else Kept("c", "uid", name, 1, state is State.STALE, reason)
    return Finding(state, None if state is State.GONE else Upload("bucket", name, 1, size), kept)


def plan(*findings: Finding, options: tuple[str, ...] = ()) -> Plan:
    """Return the plan of a run with these options."""
    return Plan(findings, parse(["--project", "p", "--bucket", "b", *options]))


ALL = [finding(state, reason="corrupt" if state is State.REJECTED else None) for state in State]


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


def test_every_finding_is_counted_once() -> None:
    """Objects are sounds, rejections, left and missing together; stale ones are sounds, gone ones no objects."""
    made = plan(*ALL)

    assert made.counts == Counts(objects=5, sounds=2, rejections=1, left=1, missing=1, stale=1, gone=1, bytes=1_000_000)
    made.close()


def test_the_witness_is_the_smallest_that_has_a_sound() -> None:
    """What could be analysed before and is quickly done tells an outage; without a sound the last of the plan does."""
    sounds = [finding(State.SOUND, name, size) for name, size in (("a", 500), ("b", 20), ("c", 30))]
    missing = [finding(State.MISSING, name, 1) for name in ("m", "n")]
    with_sounds, without, nothing = plan(*sounds, *missing), plan(*missing), plan()

    assert with_sounds.witness == sounds[1]
    assert without.witness == missing[1]
    assert nothing.witness is None
    for made in (with_sounds, without, nothing):
        made.close()


@pytest.mark.parametrize(("name", "seconds"), [("a.WAV", 0.45), ("a.aiff", 0.45), ("a.m4a", 10.05), ("wav", 10.05)])
def test_what_it_takes_goes_by_the_kind_of_file(name: str, seconds: float) -> None:
    """A megabyte of a compressed sound is minutes long, of another seconds."""
    made = plan(finding(State.MISSING, name, 100_000_000))

    assert made.vcpu_seconds == pytest.approx(seconds)
    made.close()


def test_what_it_costs() -> None:
    """A second of a task with 1 vCPU and 2 GiB costs $0.000022, and 100 000 documents written $0.09."""
    made = plan(*(finding(State.MISSING, "a.m4a", 100_000_000) for _ in range(1000)))

    assert made.dollars == pytest.approx(10_050 * 0.000022 + 1000 * 0.09 / 100_000)
    made.close()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h"), (172_800, "2 days")],
)
def test_a_time_is_said_in_the_unit_that_reads_best(seconds: float, text: str) -> None:
    """From two of a unit on, that unit."""
    assert duration(seconds) == text


def test_the_plan_says_what_it_does_and_what_it_would_do() -> None:
    """Objects with their bytes, time and price, documents to remove, and the options that would do more."""
    request = parse(["--project", "p", "--bucket", "b", "--tasks", "4"])
    made = plan(*[finding(State.MISSING, "a.m4a", 100_000_000)] * 40, *ALL, options=("--tasks=4",))
    pruning = plan(*ALL, options=("--prune", "--stale"))
    nothing = plan(finding(State.SOUND))

    assert describe_plan(made, request).splitlines() == [
        "To analyse: 41 objects, 4,001.0 MB; about 0.11 vCPU-hours, so 101 s by 4 tasks; about $0.01 in the cloud",
        "--stale would analyse 1 again",
        "--prune would remove 1 documents",
    ]
    said = describe_plan(pruning, parse(["--project", "p", "--bucket", "b", "--prune", "--stale"]))
    assert "To remove: 1 documents of objects that are gone" in said
    assert "would" not in said
    assert describe_plan(nothing, request).startswith("Nothing to do")
    for each in (made, pruning, nothing):
        each.close()
