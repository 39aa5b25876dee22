"""`python -m deploy`: what deploy.sh runs."""

import shutil
import sys

from deploy.advice import advice
from deploy.check import check
from deploy.deployment import Deployment, parse
from deploy.failures import ConflictError, FailedError, RefusedError
from deploy.gcloud import Gcloud
from deploy.proof import prove
from deploy.provision import provision
from deploy.rest import signed_in
from deploy.teardown import teardown


def main(arguments: list[str]) -> int:
    """Set up or remove what the arguments name, and return the exit code."""
    deployment = parse(arguments)
    if shutil.which("gcloud") is None:
        print("deploy.sh: gcloud is not installed: https://cloud.google.com/sdk/docs/install", file=sys.stderr)
        return 1
    try:
        return run(deployment)
    except RefusedError as refused:
        print(f"deploy.sh: {refused.answer}\n{advice(refused.answer, deployment.project, ())}", file=sys.stderr)
        return 1
    except (ConflictError, FailedError) as failed:
        print(f"deploy.sh: {failed}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("deploy.sh: stopped; run the same command again and it goes on from here", file=sys.stderr)
        return 130


def run(deployment: Deployment) -> int:
    """Do what was asked for, and return the exit code."""
    if deployment.check:
        return check(deployment)
    if deployment.prove:
        return 0 if prove(signed_in(deployment.project), deployment) else 1
    if deployment.delete and not (deployment.yes or deployment.dry_run or confirmed(deployment)):
        print("nothing was removed")
        return 1
    gcloud = gcloud_for_dry_run(deployment) if deployment.dry_run else Gcloud(deployment.project)
    (teardown if deployment.delete else provision)(gcloud, deployment)
    return 0


def gcloud_for_dry_run(deployment: Deployment) -> Gcloud:
    """Return a gcloud that reads the project or, where it cannot be read, takes it for an empty one; print which."""
    gcloud = Gcloud(deployment.project, dry_run=True)
    try:
        gcloud.read("projects", "describe", deployment.project)
    except RefusedError as refused:
        if deployment.delete:
            raise FailedError(f"cannot tell what there is to remove:\n{refused.answer}") from refused
        reason = next((line for line in refused.answer.splitlines() if line), "no answer")
        print(f"# Project {gcloud.project} could not be read, so these are the commands for an empty one ({reason})")
        return Gcloud(gcloud.project, dry_run=True, offline=True)
    print(f"# What is still to be done in project {gcloud.project}, as it is now")
    return gcloud


def confirmed(deployment: Deployment) -> bool:
    """Ask whether the function is to be removed; every answer but y or yes is no."""
    name, bucket, project = deployment.name, deployment.bucket, deployment.project
    print(f"Remove the function {name} that watches bucket {bucket} in project {project}?")
    print("The bucket and the documents stay. [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
