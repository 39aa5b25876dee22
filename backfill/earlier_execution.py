"""Whether an earlier execution of the same job still runs: a task asks Cloud Run, as the account that it runs as.

Source: Cloud Run's "Container runtime contract" for the variables and the metadata server, and the REST reference of
the Cloud Run Admin API v2 (Execution).
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

CALL_S = 20


class UnknownError(Exception):
    """Nobody says which executions there are."""


def find_earlier(project: str, environment: Mapping[str, str]) -> str | None:
    """Return the name of an execution of this task's job that began before the task's and has not ended, or None.

    Raises UnknownError if Cloud Run does not tell, such as where the account has no right to ask.
    """
    try:
        region = _ask_metadata("instance/region", environment).rpartition("/")[2]
        token = json.loads(_ask_metadata("instance/service-accounts/default/token", environment))["access_token"]
        server = environment.get("CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN", "https://run.googleapis.com/")
        job = f"projects/{project}/locations/{region}/jobs/{environment['CLOUD_RUN_JOB']}"
        begun = {one["name"].rpartition("/")[2]: one for one in _list(f"{server}v2/{job}/executions", token)}
        own = begun[environment["CLOUD_RUN_EXECUTION"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnknownError(f"{type(error).__name__}: {error}") from error
    place = own["createTime"], own["name"]
    earlier = (
        name
        for name, one in begun.items()
        if not one.get("completionTime") and (one["createTime"], one["name"]) < place
    )
    return next(earlier, None)


def _list(address: str, token: str) -> list[dict[str, Any]]:
    executions: list[dict[str, Any]] = []
    page = ""
    while True:
        query = f"?{urllib.parse.urlencode({'pageToken': page})}" if page else ""
        answer = json.loads(_get(address + query, {"Authorization": f"Bearer {token}"}))
        executions += answer.get("executions", [])
        page = answer.get("nextPageToken", "")
        if not page:
            return executions


def _ask_metadata(path: str, environment: Mapping[str, str]) -> str:
    host = environment.get("GCE_METADATA_HOST", "metadata.google.internal")
    return _get(f"http://{host}/computeMetadata/v1/{path}", {"Metadata-Flavor": "Google"})


def _get(address: str, headers: Mapping[str, str]) -> str:
    request = urllib.request.Request(address, headers=dict(headers))  # noqa: S310 - http is the metadata server's
    with urllib.request.urlopen(request, timeout=CALL_S) as response:  # noqa: S310 - the same
        return str(response.read().decode())
