"""What a plan says of time and cost is what the run takes, with the same seconds for a call and an analysis."""

from dataclasses import replace

import pytest

from backfill import estimate
from backfill.comparison import State
from backfill.estimate import Tasks, Work, analysis_seconds, estimate_here, estimate_job, sensible_count
from backfill.plan_report import describe_plan
from backfill.request import MAX_PARALLELISM, Request, parse
from bench.plan_and_run import make_uploads, plan_of
from bench.simulated_job import execute
from tests.backfill.comparisons import comparison, plan

MANY = pytest.mark.whole_run("jobs of many tasks are simulated")


def asked(count: int, *options: str) -> Request:
    """Return the request of a job with so many tasks."""
    return parse(["--project=p", "--bucket=b", f"--tasks={count}", *options], {})


@pytest.mark.each_value
@pytest.mark.parametrize("quota", [MAX_PARALLELISM, 7])
@pytest.mark.parametrize("count", [1, 20, 100, 150, pytest.param(1000, marks=MANY)])
def test_the_plan_is_the_bill(count: int, quota: int) -> None:
    """Whatever the number of tasks and the quota, a simulated run takes as long and costs as much as the plan says."""
    uploads, tasks = make_uploads(1500), Tasks(count, min(count, quota))
    made = plan_of(asked(count), uploads, n_analysed := 300)

    planned, counted = estimate_job(made.work, tasks), execute(asked(count), tasks, uploads, uploads[:n_analysed])

    assert counted.n_writes == 1200
    assert planned.seconds == pytest.approx(counted.seconds, rel=0.02)
    assert planned.dollars.total == pytest.approx(counted.dollars(tasks), rel=0.02)
    made.close()


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (20, 400),
        pytest.param(100, 500, marks=MANY),
        (150, 500),
    ],
)
def test_all_tasks_together_write_as_fast_as_firestore_lets_them(count: int, expected: int) -> None:
    """The tasks that run at once share 500 writes a second: they write no faster, and where they can no slower."""
    uploads = [replace(upload, size=1) for upload in make_uploads(max(5000, 67 * count))]
    tasks = Tasks(count, min(count, MAX_PARALLELISM))

    counted = execute(asked(count), tasks, uploads, ())

    assert counted.most_writes_per_s == pytest.approx(expected, rel=0.1)
    assert counted.most_writes_per_s <= 500 * 1.02


def test_a_task_that_prunes_takes_longer() -> None:
    """With --prune the first task also reads everything and removes what is gone, and both are in its time and cost."""
    uploads = [comparison(State.SOUND, upload.blob_name) for upload in make_uploads(3000)]
    gone = [comparison(State.GONE, f"gone/{number}.wav") for number in range(100)]
    without, pruning = (plan(*gone, *uploads, options=("--tasks=2", *options)) for options in ((), ("--prune",)))

    shorter, longer = (estimate_job(each.work, Tasks(2, 2)) for each in (without, pruning))

    more_s = 3 * estimate.PAGE_S + 3100 / 5000 * estimate.QUERY_S + 100 * (estimate.REMOVAL_S + 2 / 500)
    assert longer.seconds - shorter.seconds == pytest.approx(more_s, abs=0.5)
    assert longer.dollars.listing == pytest.approx(shorter.dollars.listing * 1.5)
    assert longer.dollars.reading - shorter.dollars.reading == pytest.approx(3200 * 0.03 / 100_000)
    assert longer.dollars.writing - shorter.dollars.writing == pytest.approx(100 * 0.01 / 100_000)
    without.close()
    pruning.close()


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        *((f"a.{ending}", 0.45) for ending in ("WAV", "wave", "aif", "aiff", "aifc", "au", "caf", "w64", "rf64")),
        *((name, 10.05) for name in ("a.m4a", "a.flac", "a.wav.mp3", "wav")),
    ],
)
def test_what_it_takes_goes_by_the_kind_of_file(name: str, seconds: float) -> None:
    """A megabyte of a compressed sound is minutes long, of another seconds."""
    assert analysis_seconds(name, 100_000_000) == pytest.approx(seconds)


def test_what_it_costs() -> None:
    """A second of a task costs by its cores and memory, at least a minute of them; a call and a document as listed."""
    work = Work(2, prunes=False)
    for number in range(1000):
        work.add_compared(number % 2, is_missing=True)
        work.add_object(number % 2, "a.m4a", 10_000_000)

    small, large = (estimate_job(work, Tasks(2, 2, vcpus, mib)).dollars for vcpus, mib in ((1, 2048), (2, 8192)))
    here = estimate_here(work, 2)

    task_s = 15 + 0.3 + 2 * 0.2 + 500 * 1.05  # start, listing, look-ups of 500 objects, analysis
    assert small.tasks == pytest.approx(2 * task_s * 0.000022)
    assert large.tasks == pytest.approx(2 * task_s * (2 * 0.000018 + 8 * 0.000002))
    assert small.listing == pytest.approx(2 * 0.005 / 1000)
    assert small.reading == pytest.approx(2000 * 0.03 / 100_000)
    assert small.downloads == pytest.approx(1000 * 0.0004 / 1000)
    assert small.writing == pytest.approx(1000 * 0.09 / 100_000)
    assert (here.seconds, here.dollars.downloads) == pytest.approx((525, 10 * 0.12 + 0.0004))
    assert estimate_job(Work(2, prunes=False), Tasks(2, 2)).dollars.tasks == pytest.approx(2 * 60 * 0.000022)


@pytest.mark.parametrize(
    ("n_objects", "n_bytes", "count", "expected"),
    [
        (100_000, 900_000, 10, 10),  # each task still shortens it
        (100_000, 900_000, 100, 25),  # more write no faster
        (100_000, 900_000, 1000, 25),
        (3, 10_000_000_000, 50, 1),  # the largest object takes as long by any number
        (0, 0, 50, 1),
    ],
)
def test_more_tasks_than_help_are_told(n_objects: int, n_bytes: int, count: int, expected: int) -> None:
    """Where fewer tasks are about as quick, the plan says how many; where each one helps, it says nothing."""
    work = Work(1, prunes=False)
    for number in range(n_objects):
        work.add_compared(0, is_missing=True)
        work.add_object(0, f"{number}.wav", n_bytes)
    tasks = Tasks(count, min(count, MAX_PARALLELISM))

    assert sensible_count(work, tasks) == pytest.approx(expected, abs=3)
    assert (sensible_count(work, tasks) < count) is (expected < count)


def test_the_plan_tells_what_does_not_help_and_what_is_too_long() -> None:
    """Too many tasks are told with the number that would do, and too few with what an attempt may take."""
    uploads = make_uploads(2000)
    few, many = plan_of(asked(3), uploads, 0), plan_of(asked(200), uploads, 0)
    hours = plan(comparison(State.MISSING, "a.mp3", 10**12), options=("--tasks=1",))

    assert "help little" not in describe_plan(few, asked(3), Tasks(3, 3))
    assert "tasks help little or nothing" in describe_plan(many, asked(200), Tasks(200, 100))
    assert "By 200 tasks, 20 at once" in describe_plan(many, asked(200), Tasks(200, 20))
    assert "more than the 24 h of an attempt: use more --tasks" in describe_plan(hours, asked(1), Tasks(1, 1))
    for each in (few, many, hours):
        each.close()


def test_a_schedule_tells_what_it_costs_with_nothing_to_do() -> None:
    """What a run costs that finds nothing is told for one, and for as many as come in a month."""
    uploads = make_uploads(20_000)
    request = asked(1, "--schedule=0 3 * * *")
    made = plan_of(request, uploads, 18_000)

    idle = estimate_job(made.work.idle(), Tasks(1, 1))
    told = describe_plan(made, request, Tasks(1, 1))

    assert idle.seconds == pytest.approx(15 + 20 * 0.3 + 4 * 1.5)
    assert idle.dollars.total == pytest.approx(60 * 0.000022 + 20 * 0.005 / 1000 + 0.006)  # a minute at least
    assert "A run that finds nothing to do: about 27 s and $0.01 (reading 0.01); 30 a month are $0.23" in told
    made.close()
