"""The login of who runs page.sh or backfill.sh: whether it has ended, and which project its requests count for."""

import json
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

# What google-auth reads before the login's own quota project.
QUOTA_PROJECT = "GOOGLE_CLOUD_QUOTA_PROJECT"

# gRPC reports whatever keeps it from a token as an outage (503); of these only a network's fault is one.
_UNREACHED = "Getting metadata from plugin failed"
_OUTAGE = re.compile(
    r"TransportError|Connection|timed? ?out|Max retries|resolve|unreachable|\breset\b|metadata\.google\.internal"
    r"|Compute Engine|\b5\d\d\b(?! Getting)",
    re.IGNORECASE,
)


def has_ended(error: BaseException) -> bool:
    """Return whether an error says, in the guise of an outage, that the login has ended: a retry cannot help."""
    text = str(error)
    return _UNREACHED in text and not _OUTAGE.search(text)


def count_requests_for(project: str, environment: MutableMapping[str, str]) -> None:
    """Let a person's requests count for the project that they are about, not for the one that their login names.

    A service account needs no quota project, and one that is said in the environment stays.
    """
    if read_login(environment).get("type") == "authorized_user":
        environment.setdefault(QUOTA_PROJECT, project)


def read_login(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the application-default login as its file holds it; empty where there is none that can be read."""
    directory = Path(environment.get("CLOUDSDK_CONFIG") or Path.home() / ".config" / "gcloud")
    named = environment.get("GOOGLE_APPLICATION_CREDENTIALS")
    try:
        login = json.loads(Path(named or directory / "application_default_credentials.json").read_text())
    except (OSError, ValueError):
        return {}
    return login if isinstance(login, dict) else {}
