"""Of N tasks, each takes the objects whose names a hash gives it: an object is always the same task's."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """Which objects are this process's.

    Attributes:
        index: 0 to count - 1.
        count: how many tasks there are.
    """

    index: int = 0
    count: int = 1

    def __contains__(self, blob_name: str) -> bool:
        digest = hashlib.blake2b(blob_name.encode(), digest_size=8).digest()
        return int.from_bytes(digest) % self.count == self.index


def is_task(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether this process is a task of a Cloud Run job."""
    return "CLOUD_RUN_TASK_INDEX" in environment


def share_of_task(environment: Mapping[str, str] = os.environ) -> Share:
    """Return the share of this task of a Cloud Run job; outside of one, everything."""
    return Share(int(environment.get("CLOUD_RUN_TASK_INDEX", 0)), int(environment.get("CLOUD_RUN_TASK_COUNT", 1)))
