"""What a page is started with: its project, its bucket, the settings of the function, and where it listens."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.settings import Settings

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Config:
    """What a page is started with.

    Attributes:
        project: the project of the database.
        bucket_name: the only bucket whose files are read, although a document can name any bucket.
        settings: those of the function: the names of the collections, and the limits of an upload.
        host: the address that the page listens on.
        port: the port that the page listens on.
        uploads: whether files can be uploaded through the page; only on the local stack.
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
    """Whether both bucket and database are emulators, so that writing to them harms nothing and costs nothing."""
    return bool(environment.get("STORAGE_EMULATOR_HOST") and environment.get("FIRESTORE_EMULATOR_HOST"))
