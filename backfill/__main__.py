"""What backfill.sh and each task of its Cloud Run job run: from the command line to the exit code."""

import os
import signal
import sys
from collections.abc import Sequence

from backfill.earlier_execution import UnknownError, find_earlier
from backfill.ending import handle_signals, ignore_signals, open_outputs
from backfill.request import Request, parse

EMULATORS = ("STORAGE_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST")


def main(argv: Sequence[str]) -> int:
    """Do what the request asks for and return the exit code."""
    request = parse(argv)
    handle_signals()
    os.environ["GOOGLE_CLOUD_PROJECT"] = request.project  # every client reads it
    try:
        return _run_as_task(request) if request.is_task else _run_for_person(request)
    except KeyboardInterrupt:
        print("\nbackfill.sh: stopped; run the same command again and it goes on from here", file=sys.stderr)
        return 128 + signal.SIGINT


def _run_as_task(request: Request) -> int:
    # This import takes a second, in which Ctrl-C already has to work.
    from backfill.reconciliation import reconcile  # noqa: PLC0415

    if request.unless_running and (earlier := _find_earlier(request)):
        print(f"backfill.sh: {earlier} still runs, so this execution ends; the next one goes on from there")
        return 0
    return reconcile(request, os.environ)


def _find_earlier(request: Request) -> str | None:
    try:
        return find_earlier(request.project, os.environ)
    except UnknownError as error:
        print(
            f"backfill.sh: whether an earlier execution still runs is not known, and does no harm: {error}",
            file=sys.stderr,
        )
        return None


def _run_for_person(request: Request) -> int:
    # The same; and the image of a task has neither backfill.cloud nor deploy.
    from analysis.login import count_requests_for  # noqa: PLC0415
    from backfill.cloud.deployed import describe_overridden, find_deployed, settings_variables  # noqa: PLC0415
    from backfill.cloud.job import ask_tasks  # noqa: PLC0415
    from backfill.cloud.job_runner import JobRunner  # noqa: PLC0415
    from backfill.reconciliation import reconcile  # noqa: PLC0415
    from deploy.deployment import Deployment  # noqa: PLC0415
    from deploy.failures import FailedError  # noqa: PLC0415
    from deploy.gcloud import Gcloud  # noqa: PLC0415

    if "STORAGE_EMULATOR_HOST" not in os.environ:
        count_requests_for(request.project, os.environ)
    gcloud = Gcloud(request.project, dry_run=request.dry_run)
    deployment = Deployment(request.project, request.bucket, name=request.name)
    try:
        is_local = any(name in os.environ for name in EMULATORS)
        if request.n_tasks is None and (is_local or request.defaults):
            return reconcile(request, settings_variables(None, os.environ))
        function = find_deployed(gcloud, deployment, is_job=request.n_tasks is not None)
        if overridden := describe_overridden(function, os.environ):
            print(f"backfill.sh: {overridden}", file=sys.stderr)
        variables = settings_variables(function, os.environ)
        if request.n_tasks is None:
            return reconcile(request, variables)
        tasks = ask_tasks(request.project, function, request.n_tasks)
        runner = JobRunner(gcloud, request, deployment, function, variables, tasks)
        return reconcile(request, variables, runner.run, tasks)
    except FailedError as failed:
        print(f"backfill.sh: {failed}", file=sys.stderr)
        return 1


def run() -> int:
    """Do what the command line asks for; where the last line of stdout could not be written, that is a failure."""
    outputs = open_outputs()
    status = main(sys.argv[1:])
    ignore_signals()
    sys.stdout.flush()
    lost = outputs[0].lost
    if lost is None or isinstance(lost, BrokenPipeError):  # of a pipe nobody wants to know the rest
        return status
    print(f"backfill.sh: the output is not whole: {lost}", file=sys.stderr, flush=True)
    return status or 1


if __name__ == "__main__":
    sys.exit(run())
