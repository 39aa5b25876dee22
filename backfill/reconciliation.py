"""One run: compare bucket and collection, say what is to be done, do it, and return the exit code.

*Conventions.* Nothing is stored between runs. A run that was stopped is repeated, and finds what is still to be done.
"""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud import firestore, storage  # type: ignore[attr-defined]  # it ships no types

from analysis import login
from analysis.download import AT_HOME, IN_THE_CLOUD
from analysis.settings import Settings
from backfill.comparison import State, compare, compare_shard
from backfill.listings import Calls, UnreadableError, list_documents, list_uploads
from backfill.plan import Plan
from backfill.plan_report import describe_plan
from backfill.prefix import describe_no_match
from backfill.pruning import prune
from backfill.report import (
    FailureList,
    describe_calls,
    describe_counts,
    name_unreadable,
    print_summary,
    with_progress,
)
from backfill.second_look import look_again
from backfill.work_queue import Failure, OutageError
from backfill.workers import WRITES_PER_S, analyse_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from backfill.comparison import Comparison
    from backfill.estimate import Tasks
    from backfill.request import Request
    from backfill.work_queue import Result

AGREE, FAILED, FOUND_WORK = 0, 1, 3
# What an object without a document is counted as, by the kind of its answer.
STATES = {
    "sound": State.SOUND,
    "kept": State.SOUND,
    "rejection": State.REJECTED,
    "skipped": State.SKIPPED,
    "gone": State.SKIPPED,
}


def reconcile(
    request: Request,
    variables: Mapping[str, str],
    run_job: Callable[[Plan], int] | None = None,
    tasks: Tasks | None = None,
) -> int:
    """Compare, then do what the plan says on this machine or by ``run_job``, and return the exit code.

    ``run_job`` sets the counts of the plan to those after its work, and returns the exit code; in a dry run it prints
    its commands instead. ``tasks`` are the job's, of which the plan tells what they take.
    """
    calls = Calls()
    try:
        settings = Settings.from_environment(variables)
        bucket = storage.Client(project=request.project).bucket(request.bucket)
        client = firestore.Client(project=request.project, database=settings.firestore_database)
        comparisons = with_progress(_compare(request, bucket, client, settings, calls), "compared")
        plan = Plan(name_unreadable(comparisons), request)
    except (UnreadableError, GoogleAuthError, GoogleAPIError, ValueError) as error:
        _print_error(f"{error}\n{_advice(error)}")
        return FAILED
    with closing(plan):
        print(
            f"{describe_counts(plan.counts)}\n{describe_calls(calls)}\n\n{describe_plan(plan, request, tasks)}",
            file=sys.stderr if request.json else sys.stdout,
            flush=True,
        )
        if request.prefix and not plan.counts.objects and request.shard.count == 1:
            _print_error(describe_no_match(bucket, request.prefix))
        if request.dry_run:
            if run_job and plan.has_work:
                run_job(plan)
            status = AGREE if plan.counts.agree and not plan.n_objects else FOUND_WORK
        elif not plan.has_work:
            status = AGREE
        elif not (request.yes or _confirmed()):
            _print_error("nothing was done (--yes does it without this question)")
            return FAILED
        else:
            status = run_job(plan) if run_job else _run_here(plan, request, settings, bucket, client)
        if request.json or not request.dry_run:
            print_summary(plan.counts, as_json=request.json)
        return status


def _compare(
    request: Request, bucket: storage.Bucket, client: firestore.Client, settings: Settings, calls: Calls
) -> Iterator[Comparison]:
    """Compare everything, or of a task its shard.

    A document without an object belongs to no shard. The first task alone looks for those, and only to prune them,
    because it has to read the whole collection for it; so it alone names those of them that are unreadable.
    """
    pending_since = datetime.now(UTC) - timedelta(seconds=request.grace_s) if request.grace_s else None
    uploads = list_uploads(bucket, request.prefix, calls)
    if request.shard.count > 1:
        own = (upload for upload in uploads if upload.blob_name in request.shard)
        yield from compare_shard(own, client, settings, calls, pending_since)
        if not (request.prune and request.shard.index == 0):
            return
        uploads = list_uploads(bucket, request.prefix, calls)
    sounds, rejections = (
        list_documents(client.collection(collection), bucket.name, request.prefix, calls, asked, are_rejections=kind)
        for collection, asked, kind in (
            (settings.sounds_collection, settings.features, False),
            (settings.rejections_collection, (), True),
        )
    )
    compared = compare(uploads, sounds, rejections, settings, pending_since)
    if request.shard.count > 1:
        compared = (comparison for comparison in compared if comparison.upload is None)
    yield from look_again(compared, bucket, client, settings, calls, pending_since)


def _run_here(
    plan: Plan, request: Request, settings: Settings, bucket: storage.Bucket, client: firestore.Client
) -> int:
    with closing(FailureList(None if request.is_task else Path.cwd())) as failures:
        try:
            _analyse(plan, request, settings, failures)
            _prune(plan, bucket, client, settings, failures)
        except OutageError as error:
            _print_error(f"{error}\nThe objects are not the cause. Run the same command again when the outage is over.")
            return FAILED
        if plan.counts.failed:
            n_failed, place = plan.counts.failed, failures.place
            _print_error(f"{n_failed} failed, listed with their reasons in {place}; run again to try them again")
        return FAILED if plan.counts.failed else AGREE


def _analyse(plan: Plan, request: Request, settings: Settings, failures: FailureList) -> None:
    """Analyse the objects of the plan, and update its counts by every result."""
    plan.counts.bytes = 0
    if plan.canary is None:
        return
    results = analyse_all(
        plan.objects(),
        settings,
        request.n_processes,
        pace=IN_THE_CLOUD if request.is_task else AT_HOME,
        canary=plan.canary,
        writes_per_s=WRITES_PER_S / request.parallelism,
    )
    with closing(results):
        for comparison, result in with_progress(results, "analysed", plan.n_objects):
            plan.counts.bytes += comparison.size
            _count_result(plan, comparison, result, failures)


def _count_result(plan: Plan, comparison: Comparison, result: Result, failures: FailureList) -> None:
    """Move an object to its new count; a stale sound that could not be replaced has failed and stays stale."""
    if isinstance(result, Failure):
        plan.counts.failed += 1
        failures.add(comparison, result.message)
    elif comparison.state is State.STALE and result.kind == "kept":
        plan.counts.failed += 1
        failures.add(comparison, f"the stale sound stays: {result.message}")
    else:
        plan.counts.add(comparison.state, -1)
        was_deleted = result.kind == "gone" and comparison.document is not None
        plan.counts.add(State.GONE if was_deleted else STATES[result.kind])


def _prune(
    plan: Plan, bucket: storage.Bucket, client: firestore.Client, settings: Settings, failures: FailureList
) -> None:
    for comparison in with_progress(plan.documents(), "removed", plan.n_documents) if plan.n_documents else ():
        document = comparison.document
        if document is None:
            continue
        try:
            reason_to_keep = prune(document, bucket, client, settings)
        except GoogleAPIError as error:
            plan.counts.failed += 1
            failures.add(comparison, f"{type(error).__name__}: {error}")
            continue
        if reason_to_keep:
            _print_error(f"kept: {document.collection}/{document.uid}: {reason_to_keep}")
        else:
            plan.counts.gone -= 1


def _print_error(text: str) -> None:
    print(f"backfill.sh: {text}", file=sys.stderr, flush=True)


def _confirmed() -> bool:
    print("Do it? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _advice(error: Exception) -> str:
    """Return what to do about an error that ended the comparison."""
    if isinstance(error, GoogleAuthError) or login.has_ended(error):
        return "Sign in: gcloud auth application-default login"
    if isinstance(error, ValueError):
        return "Give the settings that the deployed function has."
    if any(text in str(error) for text in ("USER_PROJECT_DENIED", "serviceusage.services.use", "quota project")):
        return (
            "Your requests count for a project that you may not use:"
            " gcloud auth application-default set-quota-project P,"
            " with P a project in which you have roles/serviceusage.serviceUsageConsumer, and"
            f" {login.QUOTA_PROJECT}=P in the environment."
        )
    return "Check --project and --bucket, and that you may list the bucket's objects and read the database's documents."
