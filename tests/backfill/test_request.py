"""What the command line asks for, what is refused, and which shard a task takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.request import MAX_PARALLELISM, MAX_TASKS, Request, Shard, parse

ARGUMENTS = ["--project", "my-project", "--bucket", "my-bucket"]


def test_what_is_asked_for() -> None:
    """Without an option nothing is analysed anew, removed or made in the cloud, and a question is asked."""
    plain = parse(ARGUMENTS, {})

    assert plain == Request(
        project="my-project",
        bucket="my-bucket",
        prefix="",
        stale=False,
        rejected=None,
        prune=False,
        grace_s=900,
        dry_run=False,
        json=False,
        n_processes=plain.n_processes,
        n_tasks=None,
        schedule=None,
        yes=False,
        name="analyze",
        defaults=False,
        is_task=False,
        shard=Shard(0, 1),
        parallelism=1,
        unless_running=False,
    )


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        (["--bucket", "gs://my-bucket/"], "bucket", "my-bucket"),
        (["--rejected"], "rejected", ""),
        (["--rejected", "too_large"], "rejected", "too_large"),
        (["--tasks", "1"], "n_tasks", 1),
        (["--tasks", str(MAX_TASKS)], "n_tasks", MAX_TASKS),
        (["--schedule", "0 3 * * *"], "n_tasks", 1),
        (["--schedule", "0 3 * * *", "--tasks", "5"], "n_tasks", 5),
        (["--prefix", "takes/"], "prefix", "takes/"),
        (["--grace", "0"], "grace_s", 0),
        (["--defaults"], "defaults", True),
    ],
)
def test_what_an_option_asks_for(options: list[str], name: str, value: object) -> None:
    """An address of a bucket is its name, --rejected alone means any reason, and a schedule needs a task."""
    assert getattr(parse([*ARGUMENTS, *options]), name) == value


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--tasks", "0"], "accepted are 1 to 10000"),
        (["--tasks", str(MAX_TASKS + 1)], "accepted are 1 to 10000"),
        (["--tasks", "²"], "accepted are 1 to 10000"),
        (["--tasks", "2", "--here"], "not allowed with"),
        (["--rejected", "ugly"], "not_audio"),
        (["--schedule", "0 3 * * *", "--here"], "cannot be combined with --here"),
        (["--name", "other", "--defaults"], "not allowed with"),
        (["--defaults", "--tasks", "2"], "give its --name"),
        (["--defaults", "--schedule", "0 3 * * *"], "give its --name"),
        (["--dry"], "--dry"),
        (["--bucket", ""], "'': accepted are letters"),
        (["--bucket", "gs://b/takes"], "--prefix is for a folder of it"),
        (["--bucket", "a b"], "accepted are letters"),
        (["--project", ""], "accepted are letters"),
        (["--project", "a\nb"], "accepted are letters"),
        (["--name", "x/y"], "accepted are letters"),
        (["--prefix", "\udcff"], "accepted is UTF-8"),
        (["--prefix", "ä" * 513], "it has 1026 bytes"),
        (["--grace", "-1"], "accepted are 0 to"),
        (["--grace", "9" * 30], "accepted are 0 to"),
        (["--grace", "1.5"], "accepted are 0 to"),
    ],
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], options: list[str], words: str) -> None:
    """Wrong usage is one line that names what is accepted, and exit code 2."""
    with pytest.raises(SystemExit) as ended:
        parse([*ARGUMENTS, *options])

    assert ended.value.code == 2
    assert words in (said := capsys.readouterr().err)
    assert said.count("\n") == 1


@pytest.mark.parametrize(("index", "count"), [("x", "3"), ("3", "3"), ("-1", "3"), ("0", "²"), ("0", "0")])
def test_a_task_that_is_none(capsys: pytest.CaptureFixture[str], index: str, count: str) -> None:
    """Variables that are not those of a task are wrong usage."""
    with pytest.raises(SystemExit) as ended:
        parse(ARGUMENTS, {"CLOUD_RUN_TASK_INDEX": index, "CLOUD_RUN_TASK_COUNT": count})

    assert ended.value.code == 2
    assert "no task and their number" in capsys.readouterr().err


@given(st.text(), st.integers(1, 50))
def test_every_object_is_in_one_shard(name: str, count: int) -> None:
    """However many tasks there are, each name is exactly one task's."""
    assert [name in Shard(index, count) for index in range(count)].count(True) == 1


def test_shards_are_of_one_size() -> None:
    """Names that are alike are spread evenly."""
    shard = Shard(3, 10)

    assert 850 < sum(f"takes/{number}.wav" in shard for number in range(10000)) < 1150


def test_shard_is_that_of_the_task() -> None:
    """A task of a Cloud Run job has its own shard and one process; otherwise all blobs are this process's."""
    task = parse(ARGUMENTS, {"CLOUD_RUN_TASK_INDEX": "2", "CLOUD_RUN_TASK_COUNT": "7"})
    first = parse(ARGUMENTS, {"CLOUD_RUN_TASK_INDEX": "0", "CLOUD_RUN_TASK_COUNT": "1"})

    many = parse(ARGUMENTS, {"CLOUD_RUN_TASK_INDEX": "2", "CLOUD_RUN_TASK_COUNT": "700"})

    assert (task.is_task, task.shard, task.n_processes, task.parallelism) == (True, Shard(2, 7), 1, 7)
    assert many.parallelism == MAX_PARALLELISM
    assert (first.is_task, first.shard, first.n_processes) == (True, Shard(0, 1), 1)
