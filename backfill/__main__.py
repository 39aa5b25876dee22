"""What backfill.sh and each task of its Cloud Run job run: from the command line to the exit code."""

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from types import FrameType

from backfill.arguments import Arguments, parse
from backfill.share import is_task


def main(argv: Sequence[str]) -> int:
    """Do what the arguments ask for and return the exit code."""
    arguments = parse(argv)
    signal.signal(signal.SIGTERM, _leave)
    os.environ["GOOGLE_CLOUD_PROJECT"] = arguments.project  # all clients go by it
    try:
        return _as_task(arguments) if is_task() else _for_person(arguments)
    except KeyboardInterrupt:
        print("\nbackfill.sh: stopped; run the same command again and it goes on from here", file=sys.stderr)
        return 128 + signal.SIGINT


def _as_task(arguments: Arguments) -> int:
    from backfill.agreement import bring_about  # noqa: PLC0415 - its imports take a second, in which Ctrl-C is heard

    # One upload at a time, as the memory is the function's, which is measured for that.
    return bring_about(replace(arguments, processes=1), os.environ)


def _for_person(arguments: Arguments) -> int:
    # The same; and a task has neither backfill.cloud nor deploy.
    from backfill.agreement import bring_about  # noqa: PLC0415
    from backfill.cloud.deployed import find_deployed, look_for_deployed, settings_variables  # noqa: PLC0415
    from backfill.cloud.elsewhere import Elsewhere  # noqa: PLC0415
    from deploy.deployment import Deployment  # noqa: PLC0415
    from deploy.failures import FailedError  # noqa: PLC0415
    from deploy.gcloud import Gcloud  # noqa: PLC0415

    gcloud = Gcloud(arguments.project, dry_run=arguments.dry_run)
    deployment = Deployment(arguments.project, arguments.bucket, name=arguments.name)
    try:
        if arguments.n_tasks is None:
            function = None if "STORAGE_EMULATOR_HOST" in os.environ else look_for_deployed(gcloud, deployment)
            return bring_about(arguments, settings_variables(function, os.environ))
        with redirect_stdout(sys.stderr if arguments.json else sys.stdout):
            function = find_deployed(gcloud, deployment)
        variables = settings_variables(function, os.environ)
        elsewhere = Elsewhere(gcloud, arguments, deployment, function, variables)
        return bring_about(arguments, variables, elsewhere.carry_out)
    except FailedError as failed:
        print(f"backfill.sh: {failed}", file=sys.stderr)
        return 1


def _leave(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
