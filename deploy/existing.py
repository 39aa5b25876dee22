"""The function that is there already under the name that is asked for, and what it cannot become."""

from dataclasses import replace

from deploy.deployment import Deployment
from deploy.failures import DisagreementError
from deploy.function import Function, read_function
from deploy.gcloud import Gcloud


def find_function(gcloud: Gcloud, deployment: Deployment, region: str) -> Function | None:
    """Return the function of this name, or None.

    Raises DisagreementError if there is one of this name in another region: both would answer every upload.
    """
    name = deployment.name
    answer = gcloud.read("functions", "describe", name, f"--region={region}")
    if answer:
        return read_function(answer)
    there = region_of_function(gcloud, name)
    if there:
        raise DisagreementError(
            f"{name} is in {there}, not {region}: use --region {there} or another --name, or remove it:\n"
            f"  {deployment.command} --region {there} --name {name} --delete"
        )
    return None


def region_of_function(gcloud: Gcloud, name: str) -> str | None:
    """Return the region in which there is a function of this name, or None."""
    paths = (function["name"] for function in gcloud.read("functions", "list", "--v2") or [])
    return next((path.split("/")[3] for path in paths if path.endswith(f"/functions/{name}")), None)


def refuse_other_generation(function: Function | None, deployment: Deployment) -> None:
    """Raise DisagreementError if the function of this name is of the other generation: that cannot be changed."""
    if function is None or function.generation == deployment.generation:
        return
    name, command = deployment.name, deployment.command
    raise DisagreementError(
        f"{name} is there, as a function of generation {function.generation}, and that cannot be changed.\n"
        "Deploy beside it, so that no upload is missed, then remove it; a sound that both see is one document:\n"
        f"  {command} --generation {deployment.generation} --name {name}-{deployment.generation}\n"
        f"  {command} --name {name} --delete\n"
        f"or keep it: {command} --name {name} --generation {function.generation}"
    )


def refuse_other_bucket(function: Function | None, deployment: Deployment) -> None:
    """Raise DisagreementError if the function of this name watches another bucket or none: one function watches one."""
    if function is None or function.bucket == deployment.bucket:
        return
    name, bucket = deployment.name, function.bucket
    if not bucket:
        raise DisagreementError(
            f"{name} is there and watches no bucket, so it is another's.\n"
            f"Choose another --name, or remove it: gcloud functions delete {name} --project={deployment.project}"
        )
    raise DisagreementError(
        f"{name} watches bucket {bucket}, and one function watches one bucket.\n"
        f"Choose another --name for {deployment.bucket}, or remove this one:"
        f" {replace(deployment, bucket=bucket).command} --name {name} --delete"
    )
