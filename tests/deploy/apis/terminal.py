"""A terminal in which the real gcloud, and deploy.sh with it, talks to the played APIs and to nobody else."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.deploy.apis import (
    buckets,
    builds,
    databases,
    functions,
    identity,
    jobs,
    monitoring,
    running,
    schedules,
    services,
)
from tests.deploy.apis.answering import Cloud

ROOT = Path(__file__).resolve().parents[3]
PROJECT = "sounds-test"
BUCKET = "my-sounds"
TIMEOUT_S = 300

needs_gcloud = pytest.mark.usefixtures("gcloud")

# Importing these registers what they play.
PLAYED = (buckets, builds, databases, functions, identity, jobs, monitoring, running, schedules, services)
_PREFIXES = {
    **{name: name for name in ("cloudfunctions", "cloudresourcemanager", "eventarc", "firestore", "iam", "run")},
    **{name: name for name in ("artifactregistry", "cloudbuild", "cloudscheduler", "logging", "serviceusage")},
    **{name: name for name in ("appengine", "cloudbilling", "monitoring", "orgpolicy", "pubsub")},
    "storage": "storage/v1",
}


@dataclass
class Terminal:
    """Runs commands in an environment of its own, signed in to a played cloud or, without one, not at all."""

    directory: Path
    cloud: Cloud | None = None
    path: str = os.environ["PATH"]

    def run(self, *command: str, answer: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command of this repository to its end, with more variables in its environment."""
        return subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment() | variables,
            input=answer,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )

    def deploy(self, *options: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        """Run deploy.sh for the project and the bucket of these tests."""
        return self.run("./deploy.sh", "--project", PROJECT, "--bucket", BUCKET, *options, answer=answer)

    def lint(self, text: str) -> tuple[list[str], list[str]]:
        """Return the gcloud commands of a text, and those that gcloud's own linter does not let pass."""
        commands = [line for line in text.splitlines() if line.startswith("gcloud ")]
        listed = self.directory / "commands.json"
        listed.write_text(json.dumps([{"command_string": command} for command in commands]))
        verdicts = json.loads(self.run("gcloud", "meta", "lint-gcloud-commands", f"--commands-file={listed}").stdout)
        return commands, [verdict["command_string"] for verdict in verdicts if not verdict["success"]]

    def environment(self) -> dict[str, str]:
        """Return this machine's environment without its gcloud settings, and with those that lead to the cloud."""
        theirs = ("CLOUDSDK_", "GOOGLE_", "BOTO_")
        ours = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
        ours |= {
            "PATH": self.path,
            "CLOUDSDK_CONFIG": str(self.directory / "gcloud"),
            "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
            "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
            "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        }
        if self.cloud is None:
            return ours
        token = self.directory / "token"
        token.write_text("played")
        addresses = {name: f"{self.cloud.state.url}/{prefix}/" for name, prefix in _PREFIXES.items()}
        # gcloud puts the region before Cloud Run's server, so that has to be a name, which only the proxy knows
        addresses["run"] = "http://played/run/"
        overrides = {f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name.upper()}": url for name, url in addresses.items()}
        proxy = urlsplit(self.cloud.state.url)
        overrides |= {
            "CLOUDSDK_PROXY_TYPE": "http",
            "CLOUDSDK_PROXY_ADDRESS": str(proxy.hostname),
            "CLOUDSDK_PROXY_PORT": str(proxy.port),
            "SSL_CERT_FILE": os.devnull,  # nobody else is believed, and no certificates are read at each start
        }
        return ours | overrides | {"CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(token)}
