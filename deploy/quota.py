"""What Cloud Run's quota of a project covers in a region.

Source: the REST reference of Service Usage v1beta1 (consumerQuotaMetrics), and Cloud Run's "Quotas and limits".
"""

from typing import Any

from deploy.rest import Rest


def instances_covered(rest: Rest, project: str, region: str, vcpus: float, memory_mib: int) -> dict[str, int] | None:
    """Return how many instances at once the CPU and the memory of the quota cover, where Google says what it is.

    None if Google does not answer.
    """
    metrics = read_quotas(rest, project, "run")
    if metrics is None:
        return None
    each = {
        "CPU": (limit_of(metrics, "run.googleapis.com/cpu_allocation", region), vcpus * 1000),
        "memory": (limit_of(metrics, "run.googleapis.com/mem_allocation", region), memory_mib * 2**20),
    }
    return {
        name: int(limit // of_one)
        for name, (limit, of_one) in each.items()
        if limit is not None and limit >= 0  # -1 is no limit
    }


def read_quotas(rest: Rest, project: str, api: str) -> list[dict[str, Any]] | None:
    """Return the quotas of an API; None if Google does not answer."""
    path = f"v1beta1/projects/{project}/services/{api}.googleapis.com/consumerQuotaMetrics"
    answer, metrics = rest.items("serviceusage", path, "metrics", view="FULL")
    return metrics if answer.ok else None


def limit_of(metrics: list[dict[str, Any]], name: str, region: str) -> int | None:
    """Return the limit of a metric in a region; what is said of the region counts before what is said of all."""
    buckets = [
        bucket
        for metric in metrics
        if metric.get("metric") == name
        for limit in metric.get("consumerQuotaLimits", [])
        for bucket in limit.get("quotaBuckets", [])
    ]
    of_region = [one for one in buckets if one.get("dimensions", {}).get("region") == region]
    of_all = [one for one in buckets if not one.get("dimensions", {}).get("region")]
    chosen = of_region or of_all
    return min((int(one["effectiveLimit"]) for one in chosen if "effectiveLimit" in one), default=None)
