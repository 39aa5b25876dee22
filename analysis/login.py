"""The login of the person who runs a script: whether it has ended, and to which project its requests are counted."""

import json
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

# google-auth prefers this variable to the quota project of the login.
QUOTA_PROJECT = "GOOGLE_CLOUD_QUOTA_PROJECT"

# Where gRPC gets no token, it reports an outage (503) whatever the cause; it is one only where the network failed.
_UNREACHED = "Getting metadata from plugin failed"
_OUTAGE = re.compile(
    r"TransportError|Connection|timed? ?out|Max retries|resolve|unreachable|\breset\b|metadata\.google\.internal"
    r"|Compute Engine|\b5\d\d\b(?! Getting)",
    re.IGNORECASE,
)


def has_ended(error: BaseException) -> bool:
    """Return whether an error that looks like an outage says that the login has ended, so that a retry cannot help."""
    text = str(error)
    return _UNREACHED in text and not _OUTAGE.search(text)


def count_requests_for(project: str, environment: MutableMapping[str, str]) -> None:
    """Have a person's requests counted to this project, not to the one that the login names.

    A service account needs no quota project, and a project that the environment names already stays.
    """
    if read_login(environment).get("type") == "authorized_user":
        environment.setdefault(QUOTA_PROJECT, project)


def read_login(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the content of the file of the application-default login; empty where it cannot be read."""
    directory = Path(environment.get("CLOUDSDK_CONFIG") or Path.home() / ".config" / "gcloud")
    named = environment.get("GOOGLE_APPLICATION_CREDENTIALS")
    try:
        login = json.loads(Path(named or directory / "application_default_credentials.json").read_text())
    except (OSError, ValueError):
        return {}
    return login if isinstance(login, dict) else {}
