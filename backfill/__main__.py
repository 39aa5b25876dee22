"""What backfill.sh and each task of its Cloud Run job run: from the command line to the exit code."""

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from types import FrameType

from backfill.request import Request, parse
from backfill.share import is_task


def main(argv: Sequence[str]) -> int:
    """Do what the request asks for and return the exit code."""
    request = parse(argv)
    signal.signal(signal.SIGTERM, _leave)
    os.environ["GOOGLE_CLOUD_PROJECT"] = request.project  # all clients go by it
    try:
        return _as_task(request) if is_task() else _for_person(request)
    except KeyboardInterrupt:
        print("\nbackfill.sh: stopped; run the same command again and it goes on from here", file=sys.stderr)
        return 128 + signal.SIGINT


def _as_task(request: Request) -> int:
    from backfill.agreement import bring_about  # noqa: PLC0415 - its imports take a second, in which Ctrl-C is heard

    # One upload at a time, as the memory is the function's, which is measured for that.
    return bring_about(replace(request, processes=1), os.environ)


def _for_person(request: Request) -> int:
    # The same; and a task has neither backfill.cloud nor deploy.
    from backfill.agreement import bring_about  # noqa: PLC0415
    from backfill.cloud.deployed import find_deployed, look_for_deployed, settings_variables  # noqa: PLC0415
    from backfill.cloud.elsewhere import Elsewhere  # noqa: PLC0415
    from deploy.deployment import Deployment  # noqa: PLC0415
    from deploy.failures import FailedError  # noqa: PLC0415
    from deploy.gcloud import Gcloud  # noqa: PLC0415

    gcloud = Gcloud(request.project, dry_run=request.dry_run)
    deployment = Deployment(request.project, request.bucket, name=request.name)
    try:
        if request.n_tasks is None:
            function = (
                None if "STORAGE_EMULATOR_HOST" in os.environ else look_for_deployed(gcloud, deployment, os.environ)
            )
            return bring_about(request, settings_variables(function, os.environ))
        with redirect_stdout(sys.stderr if request.json else sys.stdout):
            function = find_deployed(gcloud, deployment)
        variables = settings_variables(function, os.environ)
        elsewhere = Elsewhere(gcloud, request, deployment, function, variables)
        return bring_about(request, variables, elsewhere.carry_out)
    except FailedError as failed:
        print(f"backfill.sh: {failed}", file=sys.stderr)
        return 1


def _leave(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
