"""A run does what was asked for, counts it and ends with the right exit code: on the emulators, with fake workers."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from google.api_core.exceptions import BadRequest, Forbidden, ServiceUnavailable
from google.auth.exceptions import DefaultCredentialsError, RefreshError

from analysis import store
from analysis.definition import ANALYSIS_VERSION
from analysis.document import make_uid
from analysis.download import AT_HOME, IN_THE_CLOUD
from analysis.pipeline import Answer
from analysis.upload import Upload
from backfill import reconciliation
from backfill.comparison import Comparison
from backfill.plan import Plan
from backfill.reconciliation import reconcile
from backfill.request import parse, shard_of
from backfill.stored_document import StoredDocument
from backfill.work_queue import Failure, OutageError, Result
from local.servers import PROJECT
from tests.backfill.place import CONTENTS, Place

type Analysis = Callable[[Comparison], Result]


class Played:
    """Plays the workers, and notes what they are given.

    Attributes:
        becomes: what becomes of an object; by default a sound.
        asked: the arguments of each run, by name.
    """

    def __init__(self) -> None:
        self.becomes: Analysis = lambda _: Answer("sound", "uid")
        self.asked: list[dict[str, Any]] = []

    def analyse_all(
        self, comparisons: Iterator[Comparison], *_: Any, **asked: Any
    ) -> Iterator[tuple[Comparison, Result]]:
        """Yield what becomes of each object."""
        self.asked.append(asked)
        yield from ((comparison, self.becomes(comparison)) for comparison in comparisons)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    """Let nothing be analysed really."""
    played = Played()
    monkeypatch.setattr(reconciliation, "analyse_all", played.analyse_all)
    return played


@pytest.fixture
def run(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, dict[str, int], str]]:
    """Compare and do what is asked for; exit code, summary and what was said to a person."""
    for name, value in (place.environment | {"GOOGLE_CLOUD_PROJECT": PROJECT}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(store, "_client", store._client.__wrapped__)  # a client of this test's emulator
    monkeypatch.chdir(place.directory)

    def run(*options: str, run_job: Callable[[Plan], int] | None = None) -> tuple[int, dict[str, int], str]:
        request = parse(["--project", PROJECT, "--bucket", place.bucket.name, "--json", "--grace=0", *options])
        capsys.readouterr()
        status = reconcile(request, place.environment, run_job)
        printed = capsys.readouterr()
        return status, json.loads(printed.out.splitlines()[-1]) if printed.out else {}, printed.err

    return run


def result_of(kind: str) -> Result:
    """Return the result of an analysis; a failure is no answer."""
    return Failure("so it is") if kind == "failed" else Answer(kind, "uid", "so it is")


def upload(place: Place, *names: str) -> list[Upload]:
    """Put objects into the bucket."""
    uploads = []
    for name in names:
        blob = place.bucket.blob(name)
        blob.upload_from_string(CONTENTS[0])
        uploads.append(Upload(place.bucket.name, name, int(blob.generation)))
    return uploads


def write(place: Place, *uploads: Upload, version: int = ANALYSIS_VERSION) -> None:
    """Write what there is to compare of sounds."""
    for each in uploads:
        fields = {"bucket": each.bucket_name, "blob_name": each.blob_name, "generation": each.generation}
        place.sounds.document(make_uid(each)).set(fields | {"analysis_version": version})


def as_task(monkeypatch: pytest.MonkeyPatch, index: int, count: int) -> None:
    """Let this process be a task of a Cloud Run job."""
    monkeypatch.setenv("CLOUD_RUN_TASK_INDEX", str(index))
    monkeypatch.setenv("CLOUD_RUN_TASK_COUNT", str(count))


def test_tasks_share_the_rate_of_writes(
    place: Place, played: Played, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All tasks together write no faster than one process alone, and each downloads at the pace of the cloud."""
    upload(place, "a.wav")
    run("--yes")
    for count in (4, 200):
        as_task(monkeypatch, shard_of("a.wav", count), count)
        run("--yes")

    here, in_task, of_many = played.asked
    assert [each["writes_per_s"] for each in (here, in_task, of_many)] == [500, 125, 5]  # of 200 tasks 100 run at once
    assert (here["pace"], in_task["pace"]) == (AT_HOME, IN_THE_CLOUD)


def test_one_task_alone_counts_and_removes_what_is_gone(
    place: Place, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document whose object is gone is the first task's, and where nobody prunes no task looks for it."""
    write(place, *(Upload(place.bucket.name, f"{number}.wav", 1) for number in range(9)))
    counted, unasked = [], []

    for index in range(3):
        as_task(monkeypatch, index, 3)
        counted.append(run("--prune", "--dry-run")[1]["gone"])
        unasked.append(run("--dry-run")[1]["gone"])

    assert counted == [9, 0, 0]
    assert unasked == [0, 0, 0]


def test_tasks_together_compare_every_object_once(
    place: Place, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each object is one task's, whether it has a sound or not, and the task that prunes counts no other's."""
    uploads = upload(place, *(f"takes/{number}.wav" for number in range(12)))
    write(place, *uploads[:5])
    summaries = []

    for index in range(3):
        as_task(monkeypatch, index, 3)
        summaries.append(run("--prune", "--dry-run")[1])

    assert [sum(each[key] for each in summaries) for key in ("objects", "sounds", "missing", "gone")] == [12, 5, 7, 0]
    assert all(each["objects"] for each in summaries)


@pytest.mark.parametrize(
    ("kind", "state", "status"),
    [
        ("sound", {"sounds": 1}, 0),
        ("kept", {"sounds": 1}, 0),
        ("rejection", {"rejections": 1}, 0),
        ("skipped", {"skipped": 1}, 0),
        ("gone", {"skipped": 1}, 0),
        ("failed", {"missing": 1, "failed": 1}, 1),
    ],
)
def test_what_becomes_of_a_missing_object_is_counted(
    place: Place, played: Played, run: Callable[..., Any], kind: str, state: dict[str, int], status: int
) -> None:
    """At the end an object is counted as what it has become, and one that failed is still missing."""
    upload(place, "a.wav")
    played.becomes = lambda _: result_of(kind)

    ended, summary, said = run("--yes")

    assert ended == status
    assert {name: n for name, n in summary.items() if n} == {"objects": 1, "bytes": len(CONTENTS[0])} | state
    assert ("run again to try them again" in said) is (kind == "failed")


@pytest.mark.parametrize(
    ("kind", "state", "status"),
    [
        ("sound", {"objects": 1, "sounds": 1}, 0),
        ("kept", {"objects": 1, "sounds": 1, "stale": 1, "failed": 1}, 1),
        ("rejection", {"objects": 1, "rejections": 1}, 0),
        ("gone", {"gone": 1}, 0),
        ("failed", {"objects": 1, "sounds": 1, "stale": 1, "failed": 1}, 1),
    ],
)
def test_what_becomes_of_a_stale_sound_is_counted(
    place: Place, played: Played, run: Callable[..., Any], kind: str, state: dict[str, int], status: int
) -> None:
    """A stale sound that cannot be made anew has failed and stays; one whose object was deleted meanwhile is gone."""
    write(place, *upload(place, "a.wav"), version=ANALYSIS_VERSION - 1)
    played.becomes = lambda _: result_of(kind)

    ended, summary, _ = run("--stale", "--yes")

    assert ended == status
    assert {name: n for name, n in summary.items() if n} == {"bytes": len(CONTENTS[0])} | state


@pytest.mark.parametrize("is_task", [False, True])
def test_a_sound_without_what_is_asked_for_now_is_stale(
    place: Place,
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    is_task: bool,  # noqa: FBT001
) -> None:
    """Once FEATURES asks for more, the sounds that lack it are stale, in a task as on this machine."""
    uploads = upload(place, "a.wav", "b.wav")
    write(place, *uploads)
    place.sounds.document(make_uid(uploads[1])).update({"features": {"rms": 0.5}})
    if is_task:
        as_task(monkeypatch, 0, 1)

    before = run("--dry-run")[:2]
    place.environment["FEATURES"] = "rms"
    after = run("--dry-run")[:2]

    assert [(status, summary["stale"]) for status, summary in (before, after)] == [(0, 0), (3, 1)]


def test_a_dry_run_says_by_its_exit_code_whether_there_is_something_to_do(
    place: Place, run: Callable[..., Any]
) -> None:
    """Missing, stale and gone are 3 in any case; a rejection is 3 where it is to be tried again."""
    (there,) = upload(place, "a.wav")
    missing = run("--dry-run")[0]
    write(place, there, version=ANALYSIS_VERSION - 1)
    stale = run("--dry-run")[0]
    write(place, there)
    agree = run("--dry-run")[0]
    write(place, Upload(place.bucket.name, "b.wav", 1))
    gone = run("--dry-run")[0]
    place.sounds.document(make_uid(Upload(place.bucket.name, "b.wav", 1))).delete()
    place.sounds.document(make_uid(there)).delete()
    fields = {"bucket": there.bucket_name, "blob_name": there.blob_name, "generation": there.generation}
    place.rejections.document(make_uid(there)).set(fields | {"reason": "corrupt"})
    rejected = [run("--dry-run", *options)[0] for options in ([], ["--rejected"], ["--rejected=corrupt"])]
    other_reason = run("--dry-run", "--rejected=too_long")[0]

    assert (missing, stale, agree, gone) == (3, 3, 0, 3)
    assert rejected == [0, 3, 3]
    assert other_reason == 0


def test_what_is_younger_than_the_grace_is_neither_work_nor_failure(
    place: Place, played: Played, run: Callable[..., Any]
) -> None:
    """An object that was uploaded a moment ago is pending: a dry run ends with 0, and nothing is analysed."""
    upload(place, "a.wav")

    dry, summary, said = run("--dry-run", "--grace=900")
    done, _, _ = run("--yes", "--grace=900")

    assert (dry, done, played.asked) == (0, 0, [])
    assert {name: n for name, n in summary.items() if n} == {"objects": 1, "pending": 1}
    assert "1  pending" in said


def test_what_is_unreadable_is_counted_named_once_and_left(
    place: Place, played: Played, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every mode, by one process or by tasks, odd documents are counted, named once each, and not touched."""
    names = ["version", "newer", "generation", "both", "reason", "newer reason"]
    uploads = dict(zip(names, upload(place, *names), strict=True))
    write(place, *uploads.values())
    odd = {
        **{name: place.sounds.document(make_uid(uploads[name])) for name in names[:3]},
        **{name: place.rejections.document(make_uid(uploads[name])) for name in names[3:]},
    }
    fields = {"bucket": place.bucket.name, "generation": 1}
    odd["version"].update({"analysis_version": "three"})
    odd["newer"].update({"analysis_version": ANALYSIS_VERSION + 1})
    odd["generation"].update({"generation": None})
    for name, reason in (("both", "corrupt"), ("reason", 17), ("newer reason", "too_quiet")):
        if name != "both":
            place.sounds.document(make_uid(uploads[name])).delete()
        own = {"blob_name": name, "generation": uploads[name].generation, "reason": reason}
        odd[name].set(fields | own)
    alone = {f"mine\n{n}": fields | {"blob_name": f"{n}.wav", "analysis_version": 3} for n in range(2)}
    for uid, own in alone.items():
        odd[uid] = place.sounds.document(uid)
        odd[uid].set(own)
    (own,) = upload(place, "no name")
    odd["no name"] = place.sounds.document(make_uid(own))
    odd["no name"].set(fields | {"analysis_version": ANALYSIS_VERSION + 1})
    odd["foreign"] = place.rejections.document("foreign")
    odd["foreign"].set({"mine": 1})
    before = {name: reference.get().update_time for name, reference in odd.items()}

    for options in (["--dry-run"], ["--yes", "--stale", "--rejected", "--prune"]):
        status, summary, said = run(*options)
        lines = [line for line in said.splitlines() if 'unreadable: "' in line]

        assert status == (3 if "--dry-run" in options else 0)
        assert summary["unreadable"] == len(odd) == len(lines) == len(set(lines))
        for reference in odd.values():
            assert [json.dumps(f"{reference.parent.id}/{reference.id}") in line for line in lines].count(True) == 1
        assert (summary["objects"], summary["gone"], summary["pending"], summary["skipped"]) == (7, 0, 0, 0)
        assert summary["sounds"] + summary["rejections"] + summary["missing"] == 7
        assert (summary["rejections"], summary["missing"]) == ((1, 3) if "--dry-run" in options else (1, 0))
    summaries = []
    for index in range(3):
        as_task(monkeypatch, index, 3)
        summaries.append(run("--prune", "--dry-run")[1])

    assert sum(each["unreadable"] for each in summaries) == len(odd)
    assert {name: reference.get().update_time for name, reference in odd.items()} == before
    (asked,) = played.asked
    assert next(iter(asked["canaries"])).upload.blob_name == "both"


def test_without_a_yes_nothing_is_done(
    place: Place, played: Played, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever answers anything but yes, or nothing, gets nothing done, and an exit code that says so."""
    upload(place, "a.wav")
    statuses = {}
    for answer in ("", "n\n", "\n", "yeah\n", "y\n", "YES\n"):
        monkeypatch.setattr("sys.stdin.readline", lambda answer=answer: answer, raising=False)
        statuses[answer] = run()[0]

    assert statuses == {"": 1, "n\n": 1, "\n": 1, "yeah\n": 1, "y\n": 0, "YES\n": 0}
    assert len(played.asked) == 2


def test_with_nothing_to_do_nobody_is_asked(place: Place, played: Played, run: Callable[..., Any]) -> None:
    """Where bucket and collection agree there is no question, and nothing is begun."""
    write(place, *upload(place, "a.wav"))

    status, summary, said = run()

    assert (status, played.asked) == (0, [])
    assert "Do it?" not in said
    assert summary["sounds"] == 1


def test_what_the_cloud_does_is_not_done_here(place: Place, played: Played, run: Callable[..., Any]) -> None:
    """The exit code is the job's; with nothing to do no job is made, and a dry run has the commands printed."""
    (there,) = upload(place, "a.wav")
    plans = []

    def run_job(plan: Plan) -> int:
        plans.append(plan.n_objects)
        return 1

    dry = run("--dry-run", "--tasks=2", run_job=run_job)[0]
    done = run("--yes", "--tasks=2", run_job=run_job)[0]
    write(place, there)
    nothing = run("--yes", "--tasks=2", run_job=run_job)[0]
    scheduled = run("--yes", "--schedule=0 3 * * *", run_job=run_job)[0]

    assert (dry, done, nothing, scheduled) == (3, 1, 0, 1)
    assert plans == [1, 1, 0]
    assert played.asked == []


def test_what_a_dry_run_prints_can_be_pasted(
    place: Place, run: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Where commands follow, all that is printed before them is a comment for the shell."""
    upload(place, "a.wav")
    assert run

    def run_job(_: Plan) -> int:
        sys.stdout.write("gcloud run jobs execute analyze-backfill\n")
        return 0

    request = parse(["--project", PROJECT, "--bucket", place.bucket.name, "--grace=0", "--dry-run", "--tasks=2"])
    reconcile(request, place.environment, run_job)

    *said, command = capsys.readouterr().out.splitlines()
    assert all(line.startswith("#") for line in said)
    assert any("To analyse: 1 objects" in line for line in said)
    assert command.startswith("gcloud ")


def test_an_outage_is_a_failure_of_no_object(place: Place, played: Played, run: Callable[..., Any]) -> None:
    """Where nothing can be analysed the exit code says so, and the objects are still missing."""
    upload(place, "a.wav")

    def fail(_: Comparison) -> Result:
        raise OutageError("nothing can be analysed")

    played.becomes = fail
    status, summary, said = run("--yes")

    assert (status, summary["failed"], summary["missing"]) == (1, 0, 1)
    assert "rather the cause than the objects" in said


class PlayedPruning:
    """Plays the removal: the first document fails, and then the outage or the end of the login comes, if any."""

    error: ClassVar[Exception | None] = None

    def __init__(self, *_: object) -> None:
        self.failed: list[StoredDocument] = []

    def prune(self, documents: Iterable[StoredDocument]) -> Iterator[tuple[StoredDocument, str | Failure]]:
        """Yield what becomes of each."""
        self.failed = list(documents)
        yield self.failed.pop(0), Failure("Forbidden: 403 no")
        if self.error:
            raise self.error
        yield from ((self.failed.pop(0), "") for _ in self.failed[:])


@pytest.mark.parametrize(
    ("error", "failed", "gone", "said"),
    [
        (None, 1, 1, "1 failed, listed with their reasons"),
        (OutageError("so it is"), 3, 3, "so it is"),
        (RefreshError("invalid_grant"), 3, 3, "gcloud auth application-default login"),
        (ServiceUnavailable("Getting metadata from plugin failed with error: x"), 3, 3, "application-default login"),
    ],
)
def test_documents_that_cannot_be_removed_have_failed(
    place: Place,
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception | None,
    failed: int,
    gone: int,
    said: str,
) -> None:
    """Each is counted and listed with its reason, whatever ends the removal, and the summary is there."""
    write(place, *(Upload(place.bucket.name, name, 1) for name in ("a.wav", "b.wav", "c.wav")))
    monkeypatch.setattr(PlayedPruning, "error", error)
    monkeypatch.setattr(reconciliation, "Pruning", PlayedPruning)

    status, summary, errors = run("--prune", "--yes")

    (path,) = place.directory.glob("backfill-failed-*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert (status, summary["failed"], summary["gone"]) == (1, failed, gone)
    assert said in errors
    assert lines[0] == {"state": "gone", "message": "Forbidden: 403 no", "blob_name": "a.wav", "generation": 1}
    assert [line["blob_name"] for line in lines] == ["a.wav", "b.wav", "c.wav"][:failed]


OWN = Failure("ServiceUnavailable: 503 so it is", is_own=True)


def test_what_fails_while_others_succeed_is_rejected_and_the_next_night_ends_well(
    place: Place, played: Played, run: Callable[..., Any]
) -> None:
    """It is counted as failed once, becomes the rejection `failed` with its last error, and is tried when asked for."""
    (there,) = upload(place, "a.wav")
    played.becomes = lambda _: OWN

    first, summary, said = run("--yes")
    second, later, _ = run("--yes")
    dry, _, _ = run("--dry-run")
    asked_for, again, _ = run("--dry-run", "--rejected=failed")

    rejection = place.rejections.document(make_uid(there)).get().to_dict()
    assert (first, second, dry, asked_for) == (1, 0, 0, 3)
    assert {name: n for name, n in summary.items() if n} == {
        "objects": 1,
        "rejections": 1,
        "failed": 1,
        "bytes": len(CONTENTS[0]),
    }
    assert (later["failed"], later["rejections"], again["rejections"]) == (0, 1, 1)
    assert (rejection["reason"], rejection["blob_name"]) == ("failed", "a.wav")
    assert rejection["message"] == f"{there.uri} fails while others succeed: {OWN.message}"
    assert "--rejected failed" in said
    assert len(played.asked) == 1


def test_what_expired_is_tried_once_more_and_then_failed(place: Place, played: Played, run: Callable[..., Any]) -> None:
    """A rejection that says nothing of the content is replaced; one that does stays, and so does a stale sound."""
    expired, corrupt, stale = upload(place, "expired.wav", "corrupt.wav", "stale.wav")
    for each, reason in ((expired, "expired"), (corrupt, "corrupt")):
        own = {"bucket": each.bucket_name, "blob_name": each.blob_name, "generation": each.generation}
        place.rejections.document(make_uid(each)).set(own | {"reason": reason})
    write(place, stale, version=ANALYSIS_VERSION - 1)
    played.becomes = lambda _: OWN

    status, summary, _ = run("--yes", "--rejected", "--stale")

    reasons = [place.rejections.document(make_uid(each)).get().get("reason") for each in (expired, corrupt)]
    assert (status, reasons) == (1, ["failed", "corrupt"])
    assert place.sounds.document(make_uid(stale)).get().get("analysis_version") == ANALYSIS_VERSION - 1
    assert (summary["failed"], summary["rejections"], summary["sounds"], summary["stale"]) == (3, 2, 1, 1)


@pytest.mark.parametrize(
    ("failure", "is_rejected"),
    [(OWN, True), (Failure("so it is"), False), (replace(OWN, is_of_this_machine=True), False)],
)
def test_only_the_objects_own_failure_is_a_rejection(
    place: Place, played: Played, run: Callable[..., Any], failure: Failure, *, is_rejected: bool
) -> None:
    """Where nothing else succeeded, and where this machine's disk is full, the object is still missing."""
    (there,) = upload(place, "a.wav")
    played.becomes = lambda _: failure

    status, summary, _ = run("--yes")

    assert (status, summary["failed"], summary["missing"]) == (1, 1, int(not is_rejected))
    assert place.rejections.document(make_uid(there)).get().exists is is_rejected


def test_what_has_a_sound_or_is_gone_meanwhile_has_not_failed(
    place: Place, played: Played, run: Callable[..., Any]
) -> None:
    """The trigger may have analysed it, and somebody may have deleted it: nothing is written then."""
    analysed, deleted = upload(place, "analysed.wav", "deleted.wav")

    def fail(comparison: Comparison) -> Result:
        if comparison.upload and comparison.upload.blob_name == "analysed.wav":
            write(place, analysed)
        else:
            place.bucket.blob("deleted.wav").delete()
        return OWN

    played.becomes = fail

    status, summary, _ = run("--yes")

    assert (status, summary["failed"], summary["sounds"], summary["skipped"]) == (0, 0, 1, 1)
    assert not any(place.rejections.document(make_uid(each)).get().exists for each in (analysed, deleted))


def test_the_summary_is_there_whatever_ends_it(
    place: Place, played: Played, run: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """A signal in the middle leaves the counts of what was done until then as the last line of stdout."""
    upload(place, "a.wav", "b.wav")
    endings: list[BaseException] = [KeyboardInterrupt(), SystemExit(143)]
    for ending in endings:

        def end(comparison: Comparison, ending: BaseException = ending) -> Result:
            if comparison.upload and comparison.upload.blob_name == "b.wav":
                raise ending
            return Answer("sound", "uid")

        played.becomes = end
        with pytest.raises(type(ending)):
            run("--yes")
        summary = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert (summary["sounds"], summary["missing"], summary["failed"]) == (1, 1, 0)


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (DefaultCredentialsError("none"), "gcloud auth application-default login"),
        (ServiceUnavailable("Getting metadata from plugin failed with error: invalid_grant"), "Sign in: gcloud auth"),
        (Forbidden("USER_PROJECT_DENIED: Caller does not have permission to use project x"), "set-quota-project"),
        (BadRequest("Bucket is a requester pays bucket but no user project provided."), "--no-requester-pays"),
        (Forbidden("no"), "Check --project and --bucket"),
        (ValueError("MAX_BYTES='many'"), "Give the settings that the deployed function has"),
    ],
)
def test_what_ends_the_comparison_is_said_with_what_to_do(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, error: Exception, advice: str
) -> None:
    """Nobody signed in, no right and a wrong setting are told apart, and nothing is counted."""

    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(reconciliation.Settings, "from_environment", fail)

    status, summary, said = run("--dry-run")

    assert (status, summary) == (1, {})
    assert advice in said


def test_a_person_reads_the_counts_and_a_program_one_line(
    place: Place, run: Callable[..., Any], capsys: pytest.CaptureFixture[str], played: Played
) -> None:
    """With --json stdout is one line; without it stdout has the counts, and once more after the work."""
    upload(place, "a.wav")
    for options in (["--json", "--dry-run"], ["--dry-run"], ["--yes"], ["--json", "--yes"]):
        reconcile(
            parse(["--project", PROJECT, "--bucket", place.bucket.name, "--grace=0", *options]), place.environment
        )
        printed = capsys.readouterr().out
        counts = printed.count("objects in the bucket")
        assert (counts, printed.count("\n") == 1) == {
            ("--json", "--dry-run"): (0, True),
            ("--dry-run",): (1, False),
            ("--yes",): (2, False),
            ("--json", "--yes"): (0, True),
        }[tuple(options)]
    assert run
    assert len(played.asked) == 2


def test_a_task_lists_its_failures_in_the_log(
    place: Place, played: Played, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody sees the files of a task, so what failed is a line of JSON on stderr, and no file is written."""
    upload(place, "a.wav")
    played.becomes = lambda _: Failure("so it is")
    as_task(monkeypatch, 0, 1)

    status, _, said = run("--yes")

    (line,) = [line for line in said.splitlines() if line.startswith("{")]
    assert status == 1
    assert json.loads(line)["message"] == "so it is"
    assert "listed with their reasons in this log" in said
    assert list(place.directory.iterdir()) == []
