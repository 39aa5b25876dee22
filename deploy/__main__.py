"""`python -m deploy`: what deploy.sh runs."""

import shutil
import sys

from deploy.failures import FailedError, RefusedError
from deploy.gcloud import Gcloud
from deploy.options import Options, parse
from deploy.removing import remove
from deploy.setting_up import set_up


def main(arguments: list[str]) -> int:
    """Set up or remove; return the exit code."""
    options = parse(arguments)
    if shutil.which("gcloud") is None:
        print("deploy.sh: gcloud is not installed: https://cloud.google.com/sdk/docs/install", file=sys.stderr)
        return 1
    try:
        if options.delete and not (options.yes or options.dry_run or confirmed(options)):
            print("nothing was removed")
            return 1
        gcloud = reachable(options) if options.dry_run else Gcloud(options.project)
        (remove if options.delete else set_up)(gcloud, options)
    except FailedError as failed:
        print(f"deploy.sh: {failed}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("deploy.sh: stopped; run the same command again and it goes on from here", file=sys.stderr)
        return 130
    return 0


def reachable(options: Options) -> Gcloud:
    """Return a gcloud that changes nothing: one that reads the project or, where that is impossible, says so."""
    gcloud = Gcloud(options.project, dry_run=True)
    try:
        gcloud.read("projects", "describe", options.project)
    except RefusedError as refused:
        if options.delete:
            raise FailedError(f"cannot tell what there is to remove:\n{refused.answer}") from refused
        reason = next((line for line in refused.answer.splitlines() if line), "no answer")
        print(f"# Project {options.project} could not be read, so these are the commands for an empty one ({reason})")
        return Gcloud(options.project, dry_run=True, offline=True)
    print(f"# What is still to be done in project {options.project}, as it is now")
    return gcloud


def confirmed(options: Options) -> bool:
    """Ask whether the function is really to be removed; no answer is no."""
    print(f"Remove the function {options.name} that watches bucket {options.bucket} in project {options.project}?")
    print("The bucket and the documents stay. [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
