"""One run: compare bucket and collection, say what is to be done, do it, and return the exit code.

*Conventions.* Nothing is stored between runs. A run that was stopped is repeated, and finds what is still to be done.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud import firestore, storage  # type: ignore[attr-defined]  # it ships no types

from analysis import login, store
from analysis.document import make_uid
from analysis.download import AT_HOME, IN_THE_CLOUD
from analysis.settings import Settings
from backfill.comparison import Comparison, State, compare, compare_shard
from backfill.giving_up import give_up
from backfill.listings import Calls, UnreadableError, list_documents, list_nameless, list_uploads
from backfill.plan import Plan
from backfill.plan_report import describe_plan
from backfill.prefix import describe_no_match
from backfill.pruning import Pruning
from backfill.report import (
    FailureList,
    describe_calls,
    describe_counts,
    name_unreadable,
    print_summary,
    say,
    with_progress,
)
from backfill.second_look import look_again
from backfill.work_queue import Failure, OutageError
from backfill.workers import ERRNOS_OF_THIS_MACHINE, WRITES_PER_S, analyse_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from analysis.pipeline import Answer
    from backfill.estimate import Tasks
    from backfill.request import Request

AGREE, FAILED, FOUND_WORK = 0, 1, 3
SIGN_IN = "Sign in: gcloud auth application-default login"
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
    except (UnreadableError, GoogleAuthError, GoogleAPIError, ValueError, OSError) as error:
        _print_error(f"{error}\n{_advice(error)}")
        return FAILED
    with closing(plan):
        said = f"{describe_counts(plan.counts)}\n{describe_calls(calls)}\n\n{describe_plan(plan, request, tasks)}"
        if request.dry_run and run_job:  # so that the whole can be pasted, with the commands that follow
            said = "\n".join(f"# {line}".rstrip() for line in said.splitlines())
        print(said, file=sys.stderr if request.json else sys.stdout, flush=True)
        if request.prefix and not plan.counts.objects and request.shard.count == 1:
            _print_error(describe_no_match(bucket, request.prefix))
        is_declined = not (request.dry_run or request.yes or not plan.has_work or _confirmed())
        if is_declined:
            _print_error("nothing was done (--yes does it without this question)")
        try:
            return FAILED if is_declined else _do(plan, request, settings, bucket, client, run_job)
        finally:  # also where a signal ends it
            if request.json or not (request.dry_run or is_declined):
                print_summary(plan.counts, as_json=request.json)


def _do(
    plan: Plan,
    request: Request,
    settings: Settings,
    bucket: storage.Bucket,
    client: firestore.Client,
    run_job: Callable[[Plan], int] | None,
) -> int:
    if request.dry_run:
        if run_job and plan.has_work:
            run_job(plan)
        return AGREE if plan.counts.agree and not plan.n_objects else FOUND_WORK
    if not plan.has_work:
        return AGREE
    return run_job(plan) if run_job else _run_here(plan, request, settings, bucket, client)


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
    kinds = (
        (client.collection(settings.sounds_collection), settings.features, False),
        (client.collection(settings.rejections_collection), (), True),
    )
    sounds, rejections = (
        list_documents(collection, bucket.name, request.prefix, calls, asked, are_rejections=are_rejections)
        for collection, asked, are_rejections in kinds
    )
    compared = compare(uploads, sounds, rejections, settings, pending_since)
    if not request.prefix:
        nameless: Iterator[Comparison] = (
            Comparison(State.UNREADABLE, None, document)
            for collection, _, are_rejections in kinds
            for document in list_nameless(collection, bucket.name, calls, are_rejections=are_rejections)
        )
        if request.shard.count > 1:
            nameless = _without_object(list(nameless), bucket, calls)
        compared = chain(compared, nameless)
    if request.shard.count > 1:
        compared = (comparison for comparison in compared if comparison.upload is None)
    yield from look_again(compared, bucket, client, settings, calls, pending_since)


def _without_object(nameless: Sequence[Comparison], bucket: storage.Bucket, calls: Calls) -> Iterator[Comparison]:
    """Yield those that do not have the id of an object, whose task has looked it up and counted it."""
    uids = {make_uid(upload) for upload in list_uploads(bucket, "", calls)} if nameless else set()
    yield from (one for one in nameless if one.document and one.document.uid not in uids)


def _run_here(
    plan: Plan, request: Request, settings: Settings, bucket: storage.Bucket, client: firestore.Client
) -> int:
    has_ended = False
    with closing(FailureList(None if request.is_task else _directory())) as failures:
        try:
            _analyse(plan, request, settings, bucket, failures)
            _prune(plan, request, bucket, client, settings, failures)
        except OutageError as error:
            has_ended = True
            _print_error(f"{error}\n{_advice_in_outage(error)}")
        except (GoogleAuthError, GoogleAPIError, OSError) as error:
            has_ended = True
            _print_error(f"{error}\n{_advice(error)}")
        if plan.counts.failed:
            again = "run again to try them again"
            if failures.n_rejected:
                again += f", or with --rejected failed the {failures.n_rejected} that failed while others succeeded"
            _print_error(f"{plan.counts.failed} failed, listed with their reasons in {failures.place}; {again}")
    return FAILED if has_ended or plan.counts.failed else AGREE


def _analyse(plan: Plan, request: Request, settings: Settings, bucket: storage.Bucket, failures: FailureList) -> None:
    """Analyse the objects of the plan, and update its counts by every result."""
    plan.counts.bytes = 0
    if not plan.n_objects:
        return
    results = analyse_all(
        plan.objects(),
        settings,
        request.n_processes,
        pace=IN_THE_CLOUD if request.is_task else AT_HOME,
        canaries=plan.canaries,
        writes_per_s=WRITES_PER_S / request.parallelism,
    )
    with closing(results):
        for comparison, result in with_progress(results, "analysed", plan.n_objects):
            plan.counts.bytes += comparison.size
            if isinstance(result, Failure):
                _count_failure(plan, comparison, result, bucket, settings, failures)
            else:
                _count_answer(plan, comparison, result, failures)


def _count_answer(plan: Plan, comparison: Comparison, answer: Answer, failures: FailureList) -> None:
    """Move an object to its new count; a stale sound that could not be replaced has failed and stays stale."""
    if comparison.state is State.STALE and answer.kind == "kept":
        plan.counts.failed += 1
        failures.add(comparison, f"the stale sound stays: {answer.message}")
        return
    was_deleted = answer.kind == "gone" and comparison.document is not None
    plan.counts.add(comparison.state, -1)
    plan.counts.add(State.GONE if was_deleted else STATES[answer.kind])


def _count_failure(
    plan: Plan,
    comparison: Comparison,
    failure: Failure,
    bucket: storage.Bucket,
    settings: Settings,
    failures: FailureList,
) -> None:
    """Count an object that failed; if the object is the cause, it becomes a rejection, and the next run passes over it.

    What was rejected because of its content keeps that rejection, and a stale sound stays.
    """
    message = failure.message
    reason = comparison.document and comparison.document.reason
    may_reject = comparison.document is None or reason in store.PASSING_REASONS
    if comparison.upload and failure.is_own and not failure.is_of_this_machine and may_reject:
        try:
            kind = give_up(comparison.upload, message, bucket, settings)
        except (GoogleAPIError, GoogleAuthError) as error:
            message += f"; and the rejection could not be written: {type(error).__name__}: {error}"
        else:
            plan.counts.add(comparison.state, -1)
            plan.counts.add(State.GONE if kind == "gone" and comparison.document else STATES[kind])
            if kind != "rejection":
                return
            failures.n_rejected += 1
    plan.counts.failed += 1
    failures.add(comparison, message)


def _prune(
    plan: Plan,
    request: Request,
    bucket: storage.Bucket,
    client: firestore.Client,
    settings: Settings,
    failures: FailureList,
) -> None:
    if not plan.n_documents:
        return
    pruning = Pruning(bucket, client, settings, Calls(), WRITES_PER_S / request.parallelism)
    documents = (comparison.document for comparison in plan.documents() if comparison.document)
    try:
        for document, outcome in with_progress(pruning.prune(documents), "removed", plan.n_documents):
            if isinstance(outcome, Failure):
                plan.counts.failed += 1
                failures.add(Comparison(State.GONE, None, document), outcome.message)
            elif outcome:
                _print_error(f"kept: {json.dumps(f'{document.collection}/{document.uid}')}: {outcome}")
            else:
                plan.counts.gone -= 1
    except (OutageError, GoogleAPIError, GoogleAuthError) as error:
        for document in pruning.failed:
            plan.counts.failed += 1
            failures.add(Comparison(State.GONE, None, document), f"{type(error).__name__}: {error}")
        raise


def _print_error(text: str) -> None:
    say(text)


def _directory() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it was removed
        return Path()


def _confirmed() -> bool:
    print("Do it? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _advice_in_outage(error: OutageError) -> str:
    if _is_login(str(error)):
        return SIGN_IN
    if any(os.strerror(number) in str(error) for number in ERRNOS_OF_THIS_MACHINE):
        return "Make room for the downloads, or name another directory in TMPDIR."
    return (
        "So bucket, database, network or a right are rather the cause than the objects."
        " Run the same command again when that is put right."
    )


def _advice(error: Exception) -> str:
    """Return what to do about an error that ended the comparison."""
    if isinstance(error, GoogleAuthError) or _is_login(str(error)):
        return SIGN_IN
    if isinstance(error, OSError):
        return _advice_on_machine(error)
    if isinstance(error, ValueError):
        return "Give the settings that the deployed function has."
    if any(text in str(error) for text in ("USER_PROJECT_DENIED", "serviceusage.services.use", "quota project")):
        return (
            "Your requests count for a project that you may not use:"
            " gcloud auth application-default set-quota-project P,"
            " with P a project in which you have roles/serviceusage.serviceUsageConsumer, and"
            f" {login.QUOTA_PROJECT}=P in the environment."
        )
    if "requester pays" in str(error):
        return "The bucket makes the requester pay: gcloud storage buckets update gs://BUCKET --no-requester-pays"
    return "Check --project and --bucket, and that you may list the bucket's objects and read the database's documents."


def _advice_on_machine(error: OSError) -> str:
    if error.errno in ERRNOS_OF_THIS_MACHINE:
        return "Make room for the plan, 1 KB for each object to analyse, or name another directory in TMPDIR."
    return "Check the network, and STORAGE_EMULATOR_HOST if it is set, which begins with http://."


def _is_login(text: str) -> bool:
    """Return whether an error that a worker or the database told says that the login has ended."""
    return login.has_ended(Exception(text)) or "RefreshError" in text or "DefaultCredentialsError" in text
