"""The function that is there already under the name that is asked for, and what it cannot become."""

from typing import Any

from deploy.failures import DisagreementError
from deploy.gcloud import Gcloud
from deploy.observed import generation, observed
from deploy.options import Options


def find_function(gcloud: Gcloud, options: Options, region: str) -> dict[str, Any] | None:
    """Return the function as its API describes it, or None.

    Raises DisagreementError if there is one of this name in another region: both would answer every upload.
    """
    function: dict[str, Any] | None = gcloud.read("functions", "describe", options.name, f"--region={region}")
    for name in (one["name"] for one in ([] if function else gcloud.read("functions", "list", "--v2") or [])):
        if name.endswith(f"/functions/{options.name}"):
            there = name.split("/")[3]
            raise DisagreementError(
                f"{options.name} is in {there}, not {region}: use --region {there} or another --name, or remove it:\n"
                f"  ./deploy.sh --project {options.project} --bucket {options.bucket} --region {there}"
                f" --name {options.name} --delete"
            )
    return function


def refuse_other_generation(function: dict[str, Any] | None, options: Options) -> None:
    """Raise DisagreementError if the function of this name is of the other generation: that cannot be changed."""
    if function is None or generation(function) == options.generation:
        return
    command = f"./deploy.sh --project {options.project} --bucket {options.bucket}"
    raise DisagreementError(
        f"{options.name} is there, as a function of generation {generation(function)}, and that cannot be changed.\n"
        "Deploy beside it, so that no upload is missed, then remove it; a sound that both see is one document:\n"
        f"  {command} --generation {options.generation} --name {options.name}-{options.generation}\n"
        f"  {command} --name {options.name} --delete\n"
        f"or keep it: {command} --name {options.name} --generation {generation(function)}"
    )


def refuse_other_bucket(function: dict[str, Any] | None, options: Options) -> None:
    """Raise DisagreementError if the function of this name watches another bucket or none: one function watches one."""
    if function is None or observed(function)["bucket"] == options.bucket:
        return
    bucket = observed(function)["bucket"]
    if not bucket:
        raise DisagreementError(
            f"{options.name} is there and watches no bucket, so it is another's.\n"
            f"Choose another --name, or remove it: gcloud functions delete {options.name} --project={options.project}"
        )
    raise DisagreementError(
        f"{options.name} watches bucket {bucket}, and one function watches one bucket.\n"
        f"Choose another --name for {options.bucket}, or remove this one: ./deploy.sh --project {options.project}"
        f" --bucket {bucket} --name {options.name} --delete"
    )
