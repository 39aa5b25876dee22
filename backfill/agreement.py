"""Bucket and collection are compared and brought into agreement; the exit code says whether they agree.

*Conventions.* Nothing is remembered between runs: a run that was ended is repeated, and finds what is left to do.
"""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud import firestore, storage  # type: ignore[attr-defined]  # it ships no types

from analysis.download import AT_HOME, IN_THE_CLOUD
from analysis.settings import Settings
from backfill.comparison import State, compare, compare_share
from backfill.crew import WRITES_PER_S, mend_all
from backfill.inventory import Calls, UnreadableError, list_documents, list_uploads
from backfill.planning import Plan
from backfill.pruning import prune
from backfill.report import FailureList, counted, describe, describe_calls, describe_plan, print_summary
from backfill.share import Share, is_task, share_of_task
from backfill.turns import OutageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from backfill.comparison import Finding
    from backfill.mended import Mended
    from backfill.request import Request

AGREE, FAILED, FOUND_WORK = 0, 1, 3
# By what became of an object.
STATES = {
    "sound": State.SOUND,
    "kept": State.SOUND,
    "rejection": State.REJECTED,
    "skipped": State.LEFT,
    "gone": State.LEFT,
}


def bring_about(request: Request, variables: Mapping[str, str], elsewhere: Callable[[Plan], int] | None = None) -> int:
    """Compare, say what is to be done, do it here or have it done elsewhere, and return the exit code.

    What does it elsewhere leaves the plan the counts of the end, and returns the exit code; in a dry run it tells how.
    """
    calls = Calls()
    try:
        settings = Settings.from_environment(variables)
        bucket = storage.Client(project=request.project).bucket(request.bucket)
        client = firestore.Client(project=request.project, database=settings.firestore_database)
        share = share_of_task()
        plan = Plan(counted(_findings(request, share, bucket, client, settings, calls), "compared"), request)
    except (UnreadableError, GoogleAuthError, GoogleAPIError, ValueError) as error:
        _say(f"{error}\n{_advice(error)}")
        return FAILED
    with closing(plan):
        _tell(request, f"{describe(plan.counts)}\n{describe_calls(calls)}\n\n{describe_plan(plan, request)}")
        is_to_do = bool(plan.n_objects or plan.n_documents or request.schedule)
        if request.dry_run:
            if elsewhere and is_to_do:
                elsewhere(plan)
            return _end(request, plan, AGREE if plan.counts.agree and not plan.n_objects else FOUND_WORK)
        if not is_to_do:
            return _end(request, plan, AGREE)
        if not (request.yes or _confirmed()):
            _say("nothing was done (--yes does it without this question)")
            return FAILED
        if elsewhere:
            return _end(request, plan, elsewhere(plan))
        return _end(request, plan, _do_here(plan, request, settings, bucket, client, share))


def _do_here(
    plan: Plan,
    request: Request,
    settings: Settings,
    bucket: storage.Bucket,
    client: firestore.Client,
    share: Share,
) -> int:
    with closing(FailureList(None if is_task() else Path.cwd())) as failures:
        try:
            _mend(plan, request, settings, share, failures)
            _prune(plan, bucket, client, settings, failures)
        except OutageError as error:
            _say(f"{error}\nThe objects are not to blame; when that is over, the same command goes on from here.")
            return FAILED
        if plan.counts.failed:
            n_failed, place = plan.counts.failed, failures.place
            _say(f"{n_failed} failed, listed with their reasons in {place}; run again to try them again")
        return FAILED if plan.counts.failed else AGREE


def _findings(
    request: Request,
    share: Share,
    bucket: storage.Bucket,
    client: firestore.Client,
    settings: Settings,
    calls: Calls,
) -> Iterator[Finding]:
    """Compare all, or this task's share: there, one task alone looks for what is gone, as it takes every document."""
    uploads = list_uploads(bucket, request.prefix, calls)
    if share.count > 1:
        mine = (upload for upload in uploads if upload.blob_name in share)
        yield from compare_share(mine, client, settings, calls)
        if not (request.prune and share.index == 0):
            return
        uploads = list_uploads(bucket, request.prefix, calls)
    collections = map(client.collection, (settings.sounds_collection, settings.rejections_collection))
    sounds, rejections = (list_documents(collection, bucket.name, request.prefix, calls) for collection in collections)
    for finding in compare(uploads, sounds, rejections, settings):
        if share.count == 1 or finding.state is State.GONE:
            yield finding


def _mend(plan: Plan, request: Request, settings: Settings, share: Share, failures: FailureList) -> None:
    """Analyse the objects of the plan, and keep its counts as what has been done changes them."""
    plan.counts.bytes = 0
    if plan.witness is None:
        return
    pace = IN_THE_CLOUD if is_task() else AT_HOME
    writes_per_s = WRITES_PER_S / share.count
    crew = mend_all(plan.objects(), settings, request.processes, pace, plan.witness, writes_per_s)
    with closing(crew) as mended_objects:
        for finding, mended in counted(mended_objects, "analysed", plan.n_objects):
            plan.counts.bytes += (finding.upload and finding.upload.size) or 0
            _record(plan, finding, mended, failures)


def _record(plan: Plan, finding: Finding, mended: Mended, failures: FailureList) -> None:
    """Count what became of an object; a stale sound that cannot be made anew stays, and has failed."""
    if mended.kind == "failed" or (finding.state is State.STALE and mended.kind == "kept"):
        plan.counts.failed += 1
        failures.add(finding, mended.message)
        return
    plan.counts.add(finding.state, -1)
    was_deleted = mended.kind == "gone" and finding.kept is not None
    plan.counts.add(State.GONE if was_deleted else STATES[mended.kind])


def _prune(
    plan: Plan, bucket: storage.Bucket, client: firestore.Client, settings: Settings, failures: FailureList
) -> None:
    for finding in counted(plan.documents(), "removed", plan.n_documents) if plan.n_documents else ():
        if finding.kept is None:
            continue
        try:
            why_not = prune(finding.kept, bucket, client, settings)
        except GoogleAPIError as error:
            plan.counts.failed += 1
            failures.add(finding, f"{type(error).__name__}: {error}")
            continue
        if why_not:
            _say(f"kept: {finding.kept.collection}/{finding.kept.uid}: {why_not}")
        else:
            plan.counts.gone -= 1


def _end(request: Request, plan: Plan, status: int) -> int:
    if request.json or not request.dry_run:
        print_summary(plan.counts, as_json=request.json)
    return status


def _tell(request: Request, text: str) -> None:
    """Say something to a person: on stderr where stdout is for a program."""
    print(text, file=sys.stderr if request.json else sys.stdout, flush=True)


def _say(text: str) -> None:
    print(f"backfill.sh: {text}", file=sys.stderr, flush=True)


def _confirmed() -> bool:
    print("Do it? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _advice(error: Exception) -> str:
    """Return what to do about an error that ended the comparison."""
    if isinstance(error, GoogleAuthError):
        return "Sign in: gcloud auth application-default login"
    if isinstance(error, ValueError):
        return "Give the settings that the deployed function has."
    return "Check --project and --bucket, and that you may list the bucket's objects and read the database's documents."
