"""Commands to paste into another terminal while the stack is up."""

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from local.outcome import COLLECTIONS, DATABASE
from local.servers import PROJECT
from local.stack import BUCKET, Stack

SAMPLE = Path(__file__).resolve().parent / "sample.wav"
UPLOAD = (
    "from google.cloud import storage;"
    ' storage.Client().bucket("{bucket}").blob("from-python.wav").upload_from_filename({file})'
)
# There are no credentials in it, because gsutil would check them with the real cloud.
BOTO = """[Credentials]
gs_json_host = {host}
gs_json_port = {port}
[Boto]
https_validate_certificates = False
[GSUtil]
prefer_api = json
"""


def write_boto(stack: Stack) -> None:
    """Write the BOTO_CONFIG that makes gsutil use the stack; gsutil needs its https port."""
    storage = stack.storage
    (stack.directory / "boto").write_text(BOTO.format(host=storage.host, port=storage.https_port))


def format_instructions(stack: Stack) -> str:
    """Return the variables for any client, commands that upload, and one that shows the documents."""
    variables = stack.variables()
    python = {name: variables[name] for name in ("STORAGE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT")}
    gsutil = {"BOTO_CONFIG": variables["BOTO_CONFIG"], "CLOUDSDK_CORE_PASS_CREDENTIALS_TO_GSUTIL": "false"}
    gcloud = {
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": f"{stack.storage.url}/storage/v1/",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_PROJECT": PROJECT,
    }
    uploads = f"{stack.storage.url}/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name=from-curl.wav"
    lines = "new sound or rejection, and each deletion," if stack.forgetting else "new sound or rejection"
    documents = f"{stack.firestore.url}/v1/projects/{PROJECT}/databases/{DATABASE}/documents/{COLLECTIONS['sound']}"
    return "\n".join(
        [
            *([f"# See and hear the sounds, and drop files, at {stack.page.url}"] if stack.page else []),
            "# Any client finds the stack with:",
            f"export {_assign(variables)}",
            "# Each of these uploads a sound:",
            _command(gsutil, "gsutil", "cp", SAMPLE, f"gs://{BUCKET}/from-gsutil.wav"),
            _command(gcloud, "gcloud", "storage", "cp", SAMPLE, f"gs://{BUCKET}/from-gcloud.wav"),
            _command({}, "curl", "-sS", "-H", "Content-Type: audio/wav", "--data-binary", f"@{SAMPLE}", uploads),
            _command(python, sys.executable, "-c", UPLOAD.format(bucket=BUCKET, file=json.dumps(str(SAMPLE)))),
            "# And this shows the documents:",
            _command({}, "curl", "-sS", documents),
            f"# Each {lines} is a line below; Ctrl-C ends everything.",
        ]
    )


def _assign(variables: Mapping[str, str]) -> str:
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())


def _command(variables: Mapping[str, str], *words: str | Path) -> str:
    return f"{_assign(variables)} {shlex.join(map(str, words))}".lstrip()
