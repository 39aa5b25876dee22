"""Uploading from CI: the line of the example, run by the real gsutil, and the commands in its header."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from local.instructions import BOTO
from local.program import Program
from tests.deploy.apis.terminal import ROOT, Terminal, needs_gcloud

EXAMPLE = (ROOT / "examples" / "upload-from-ci.yml").read_text()
(UPLOAD,) = re.findall(r"- run: (.+)", EXAMPLE)
TIMEOUT_S = 120

needs_gsutil = pytest.mark.usefixtures("gsutil")


@dataclass
class Runner(Terminal):
    """A CI machine with a checkout, whose gsutil is led to a local bucket."""

    storage: Program | None = None

    def environment(self) -> dict[str, str]:
        """Return what the job and its runner set, and what leads gsutil here."""
        assert self.storage
        boto = self.directory / "boto"
        boto.write_text(
            BOTO.format(host=self.storage.host, port=self.storage.https_port) + f"state_dir = {self.directory}\n"
        )
        return super().environment() | {
            "BUCKET": "from-ci",
            "GITHUB_REPOSITORY": "owner/repo",
            "GITHUB_RUN_ID": "17",
            "GITHUB_RUN_ATTEMPT": "2",
            "BOTO_CONFIG": str(boto),
            "CLOUDSDK_CORE_PASS_CREDENTIALS_TO_GSUTIL": "false",
        }

    def upload(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line as GitHub runs it."""
        return subprocess.run(
            ["bash", "-e", "-c", line],
            cwd=self.directory,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )


@pytest.fixture
def runner(tmp_path: Path, storage: Program) -> Runner:
    """Check out a repository with sounds, one in a folder with an odd name, one large."""
    for name, content in {"a.wav": b"RIFF", "b/ü ?.flac": b"fLaC", "large.wav": bytes(9_000_000)}.items():
        (tmp_path / "sounds" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sounds" / name).write_bytes(content)
    bucket = Request(
        f"{storage.url}/storage/v1/b?project=p", b'{"name": "from-ci"}', {"content-type": "application/json"}
    )
    urlopen(bucket, timeout=TIMEOUT_S).close()
    return Runner(tmp_path, storage=storage)


@needs_gsutil
def test_the_example_uploads_a_folder_of_sounds(runner: Runner, storage: Program):
    """The example's line puts each sound below a folder of this run, and asks nothing but to create objects."""
    done = runner.upload(UPLOAD.replace("gsutil ", "gsutil -D "))

    with urlopen(f"{storage.url}/storage/v1/b/from-ci/o", timeout=TIMEOUT_S) as answer:
        sizes = {item["name"]: int(item["size"]) for item in json.load(answer)["items"]}
    assert done.returncode == 0, done.stderr
    assert sizes == {
        "owner/repo/17-2/sounds/a.wav": 4,
        "owner/repo/17-2/sounds/b/ü ?.flac": 4,
        "owner/repo/17-2/sounds/large.wav": 9_000_000,
    }
    asked = re.findall(r"\b(GET|POST|PUT|PATCH|DELETE) (/\S*storage/v1/b\S*?)[?\\]", done.stdout + done.stderr)
    assert set(asked) == {("POST", "/upload/storage/v1/b/from-ci/o"), ("PUT", "/upload/storage/v1/b/from-ci/o")}


@needs_gcloud
def test_the_uploader_is_set_up_by_commands_that_gcloud_knows(tmp_path: Path):
    """Gcloud's own linter finds every command and flag of the example's header, which give one right on one bucket."""
    header = "\n".join(re.findall(r"^#   (gcloud .*)$", EXAMPLE, re.MULTILINE))

    commands, refused = Terminal(tmp_path).lint(header.replace("=P", "=sounds-test"))

    assert (len(commands), refused) == (6, [])
    assert re.findall(r"--role=(\S+)", header) == ["roles/storage.objectCreator", "roles/iam.workloadIdentityUser"]
    assert "projects add-iam-policy-binding" not in header
