"""The bucket: made private where there is none, and left as it is where there is one."""

from typing import Any

from deploy.failures import ConflictError
from deploy.gcloud import Gcloud


def find_bucket(gcloud: Gcloud, name: str) -> dict[str, Any] | None:
    """Return the bucket as the Storage API describes it, or None."""
    bucket: dict[str, Any] | None = gcloud.read("storage", "buckets", "describe", f"gs://{name}", "--raw")
    return bucket


def refuse_foreign(bucket: dict[str, Any] | None, number: str | None) -> None:
    """Raise ConflictError if the bucket is in another project, as the trigger could not reach it there."""
    if bucket and number and str(bucket["projectNumber"]) != number:
        raise ConflictError(
            f"bucket {bucket['name']} belongs to another project (number {bucket['projectNumber']}, not {number}).\n"
            "A trigger needs a bucket of its own project: choose another --bucket or the --project that it is in."
        )


def ensure_bucket(gcloud: Gcloud, name: str, bucket: dict[str, Any] | None, region: str) -> None:
    """Make the bucket if there is none; about one that was there before, only say how it is less private than ours."""
    if bucket is None:
        gcloud.run(
            *("storage", "buckets", "create", f"gs://{name}", f"--location={region}"),
            *("--uniform-bucket-level-access", "--public-access-prevention"),
        )
        return
    access = bucket.get("iamConfiguration", {})
    update = f"gcloud storage buckets update gs://{name}"
    if access.get("publicAccessPrevention") != "enforced":
        gcloud.say(f"note: gs://{name} may be made public; to prevent it: {update} --public-access-prevention")
    if not access.get("uniformBucketLevelAccess", {}).get("enabled"):
        gcloud.say(
            f"note: gs://{name} has access lists per object; to end that: {update} --uniform-bucket-level-access"
        )
