"""What the page is about: one project, one bucket, its collections, and where the page listens."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.settings import Settings

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Scope:
    """What the page shows and to whom.

    Attributes:
        project: the project of the database.
        bucket_name: the only bucket that is read; a document may name any.
        settings: the function's own, for the names of the collections and its limits.
        host: the address that the page listens on.
        port: its port.
        uploads: whether files may be dropped onto the page: on the local stack only.
    """

    project: str
    bucket_name: str
    settings: Settings
    host: str = LOOPBACK
    port: int = 8080
    uploads: bool = False

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the page."""
        host = {"0.0.0.0": LOOPBACK, "::": "[::1]"}.get(self.host, self.host)  # noqa: S104  compared, not bound
        return f"http://{f'[{host}]' if ':' in host.strip('[]') and host[0] != '[' else host}:{self.port}"


def is_emulated(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether bucket and database are the local stack's, so that writing costs and spoils nothing."""
    return bool(environment.get("STORAGE_EMULATOR_HOST") and environment.get("FIRESTORE_EMULATOR_HOST"))
