"""Where the function and its trigger have to be, which follows from where the bucket is.

Source: Eventarc's "Understand locations": the trigger of a bucket is created in the bucket's location, which may be a
region, a dual-region or a multi-region. A function elsewhere would work, but every sound would cross regions.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from deploy.failures import ConflictError

DEFAULT_REGION = "us-central1"

# The regions that belong to a dual-region or a multi-region; the first is the default, and one that ends with a hyphen
# stands for all that begin so.
_REGIONS = {
    "us": (DEFAULT_REGION, "us-"),
    "eu": ("europe-west1", "europe-"),
    "asia": ("asia-east1", "asia-"),
    "nam4": ("us-central1", "us-east1"),
    "eur4": ("europe-west4", "europe-north1"),
    "eur5": ("europe-west1", "europe-west2"),
    "eur7": ("europe-west3", "europe-west2"),
    "eur8": ("europe-west3", "europe-west6"),
    "asia1": ("asia-northeast1", "asia-northeast2"),
}


@dataclass(frozen=True)
class Location:
    """Where a function and its trigger are.

    Attributes:
        region: of the function.
        trigger_location: of the trigger, always that of the bucket.

    """

    region: str
    trigger_location: str


def locate(bucket: dict[str, Any] | None, region: str | None) -> Location:
    """Return where the function is to be for a bucket as the Storage API describes it, or for one that is not made yet.

    Raises ConflictError if a region is asked for in which the bucket is not.
    """
    if bucket is None:
        region = region or DEFAULT_REGION
        return Location(region, region)
    location = bucket["location"].lower()
    allowed = _REGIONS.get(location, (location,))
    if region is None:
        return Location(allowed[0], location)
    if not any(region == one or (one.endswith("-") and region.startswith(one)) for one in allowed):
        raise ConflictError(
            f"bucket {bucket['name']} is in {location}, --region {region} is not.\n"
            "The trigger has to be where the bucket is; a function elsewhere would pull every sound across regions.\n"
            f"Use --region {allowed[0]} (or leave --region out), or another bucket; a bucket cannot be moved."
        )
    return Location(region, location)


def locate_schedule(offered: Iterable[str], region: str) -> str:
    """Return where the schedule of a job is to be: in its region, or nearby where Cloud Scheduler is not in that.

    `offered` are the regions of Cloud Scheduler; none where they are not known. Any of them will do, as a schedule
    posts to an address that is the same everywhere.
    """
    regions = sorted({*offered} - {""})
    if not regions or region in regions:
        return region
    continent = f"{region.partition('-')[0]}-"
    return next((one for one in regions if one.startswith(continent)), DEFAULT_REGION)
