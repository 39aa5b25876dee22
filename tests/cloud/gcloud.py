"""The environment in which the real gcloud, and deploy.sh with it, talks to the played APIs and nobody else."""

import os
from pathlib import Path

from cloud import firestore, functions, identity, running, services, storage
from cloud.server import Cloud

# What registers the handlers; storage's address ends as its own does.
PLAYED = (firestore, functions, identity, running, services, storage)
_PREFIXES = {
    **{name: name for name in ("cloudfunctions", "cloudresourcemanager", "eventarc", "firestore", "iam", "run")},
    "serviceusage": "serviceusage",
    "storage": "storage/v1",
}


def environment(cloud: Cloud, directory: Path) -> dict[str, str]:
    """Return an environment without this machine's gcloud settings, signed in to the played cloud."""
    token = directory / "token"
    token.write_text("played")
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("CLOUDSDK_", "GOOGLE_", "BOTO_"))
    }
    overrides = {
        f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name.upper()}": f"{cloud.state.url}/{prefix}/"
        for name, prefix in _PREFIXES.items()
    }
    return (
        inherited
        | overrides
        | {
            "CLOUDSDK_CONFIG": str(directory / "gcloud"),
            "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(token),
            "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
            "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
            "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        }
    )
