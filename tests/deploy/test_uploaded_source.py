"""What gcloud really uploaded: unpacked, installed from its own lock alone, and served as the cloud serves it."""

import http.client
import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore as firestore_client
from google.cloud import storage as storage_client

from deploy.deployment import Deployment
from deploy.forgetting import desired_forgetting
from deploy.gcloud import Gcloud
from deploy.location import locate
from deploy.reconcile import desired_function, ensure_function
from local import program
from local.object_event import Event, shape_event
from local.ports import choose_port
from local.program import Program
from tests.deploy.apis.console import opened
from tests.deploy.apis.terminal import BUCKET, PROJECT, ROOT, needs_gcloud

APIS = ("artifactregistry", "cloudbuild", "cloudfunctions", "eventarc", "iam", "pubsub", "run")
INSTALL_S = 300
CALL_S = 60

# The flags of Google's buildpack; there it is --user, into a directory of its own, what is a venv here.
# https://github.com/GoogleCloudPlatform/buildpacks/blob/main/pkg/python/python.go
INSTALL = "--upgrade --upgrade-strategy only-if-needed --no-warn-script-location --no-warn-conflicts --force-reinstall"

# Root without any capability is held to the permissions of files like anybody else.
UNPRIVILEGED = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"] if os.geteuid() == 0 else []

pytestmark = [
    needs_gcloud,
    pytest.mark.skipif(bool(UNPRIVILEGED) and not shutil.which("setpriv"), reason="root, and setpriv is not installed"),
]


@dataclass(frozen=True)
class Deployed:
    """What the cloud was given.

    Attributes:
        functions: as the API was asked for them, by generation and entry point.
        archive: the source archive that gcloud uploaded.
    """

    functions: dict[tuple[int, str], dict[str, Any]]
    archive: bytes


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """Deploy both functions of each generation, and keep what the cloud got."""
    with opened(tmp_path_factory.mktemp("deployed")) as console, pytest.MonkeyPatch.context() as patch:
        for name, value in console.environment().items():
            patch.setenv(name, value)
        console.cloud.state.services.update(f"{api}.googleapis.com" for api in APIS)
        functions = {}
        for generation in (1, 2):
            deployment = Deployment(PROJECT, BUCKET, generation=generation, name=f"analyze-{generation}", forget=True)
            location = locate(None, None)
            for goal in (desired_function(deployment, location), desired_forgetting(deployment, location, {})):
                ensure_function(Gcloud(PROJECT), goal, None)
                functions[generation, goal.entry_point] = next(iter(console.cloud.state.functions.values()))
                console.cloud.state.functions.clear()
        first, *others = console.cloud.state.archives.values()
    assert [_contents(other) for other in others] == [_contents(first)] * 3
    return Deployed(functions, first)


@pytest.fixture(scope="module")
def source(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Unpack the archive and install what it says it needs, where nothing can be written any more."""
    source = tmp_path_factory.mktemp("source")
    with zipfile.ZipFile(io.BytesIO(deployed.archive)) as archive:
        archive.extractall(source)
    subprocess.run([sys.executable, "-m", "venv", source / "packages"], check=True, timeout=INSTALL_S)
    pip = [source / "packages" / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--quiet"]
    requirements = ["install", "--requirement", source / "requirements.txt", *INSTALL.split(), "--no-compile"]
    subprocess.run([*pip, *requirements], check=True, timeout=INSTALL_S)
    subprocess.run([*pip, "check"], check=True, timeout=INSTALL_S)
    _set_writable(source, writable=False)
    yield source
    _set_writable(source, writable=True)


def test_only_the_function_is_uploaded(tmp_path: Path):
    """.gcloudignore lets main.py, requirements.txt and analysis/ through, and nothing else that may lie about."""
    source = tmp_path / "source"
    shutil.copytree(ROOT / "analysis", source / "analysis", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".gcloudignore", "main.py", "requirements.txt"):
        shutil.copy(ROOT / name, source)
    for name in (
        "key.json",
        ".env",
        "deploy.sh",
        "sound.wav",
        "analysis/__pycache__/x.pyc",
        "tests/main.py",
        ".venv/a",
    ):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text("x")
    builder = f"--build-service-account=projects/{PROJECT}/serviceAccounts/b@{PROJECT}.iam.gserviceaccount.com"
    others = [
        builder,
        "--runtime=python312",
        f"--trigger-bucket={BUCKET}",
        f"--project={PROJECT}",
        "--region=us-central1",
    ]

    with opened(tmp_path) as console:
        console.cloud.state.services.update(f"{api}.googleapis.com" for api in APIS)
        console.run("gcloud", "functions", "deploy", "f", "--no-gen2", f"--source={source}", *others)
        (archive,) = console.cloud.state.archives.values()

    modules = [path.relative_to(ROOT) for path in (ROOT / "analysis").rglob("*.py")]
    folders = {f"{module.parent}/" for module in modules}
    assert set(_contents(archive)) == {"main.py", "requirements.txt", *folders, *map(str, modules)}


@pytest.mark.parametrize("generation", [1, 2])
def test_what_was_uploaded_makes_a_document_of_a_sound_and_forgets_it(
    deployed: Deployed,
    source: Path,
    tmp_path: Path,
    firestore: Program,
    storage: Program,
    generation: int,
    write_sound: Any,
):
    """The deployed source, without rights to write, makes a document of an upload, and beside it forgets it."""
    name = f"{uuid4()}.wav"
    with closing(_connected(storage_client, "STORAGE_EMULATOR_HOST", storage.url)) as client:
        bucket = client.create_bucket(f"uploads-{uuid4()}")
        blob = bucket.blob(name)
        blob.upload_from_filename(write_sound([0.5, -0.5] * 11025))
        resource = blob._properties | {"kind": "storage#object"}
        events = [Event("1", blob._properties["timeCreated"], resource, kind) for kind in ("finalize", "delete")]
        shape = {1: "legacy", 2: "binary"}[generation]
        functions = [deployed.functions[generation, entry_point] for entry_point in ("analyze", "forget")]
        with (
            closing(_connected(firestore_client, "FIRESTORE_EMULATOR_HOST", firestore.address)) as database,
            _served(functions[0], source, tmp_path / "1", firestore, storage) as analyzing,
            _served(functions[1], source, tmp_path / "2", firestore, storage) as forgetting,
        ):
            status = _post(analyzing.address, *shape_event(events[0], shape))
            (document,) = _documents_of(database, name)
            bucket.delete_blob(name)
            statuses = [_post(forgetting.address, *shape_event(events[1], shape))]
            left = _documents_of(database, name)
            statuses.append(_post(analyzing.address, *shape_event(events[0], shape)))

    assert status == 200, analyzing.tail()
    assert document["length"] == 22050
    assert len(document["mean_mfccs"]) == 12
    assert statuses == [200, 200], forgetting.tail()
    assert left == []


def _documents_of(database: Any, name: str) -> list[dict[str, Any]]:
    return [found for one in database.collection("sounds").get() if (found := one.to_dict())["blob_name"] == name]


def _connected(library: Any, variable: str, address: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(variable, address)
        return library.Client("deployed", AnonymousCredentials())


def _post(address: str, headers: dict[str, str], body: bytes) -> int:
    with closing(http.client.HTTPConnection(address, timeout=CALL_S)) as connection:
        connection.request("POST", "/", body, headers)
        return connection.getresponse().status


@contextmanager
def _served(
    function: dict[str, Any], source: Path, directory: Path, firestore: Program, storage: Program
) -> Iterator[Program]:
    """Serve the source with the settings of the deployed function, in an environment as bare as the cloud's."""
    port = choose_port(0)
    (directory / "temporary").mkdir(parents=True)
    entry_point, signature, settings = _recorded(function)
    environment = settings | {
        "FUNCTION_TARGET": entry_point,
        "FUNCTION_SIGNATURE_TYPE": signature,
        "PORT": str(port),
        "HOME": "/nonexistent",
        "TMPDIR": str(directory / "temporary"),
        "GOOGLE_CLOUD_PROJECT": "deployed",
        "FIRESTORE_EMULATOR_HOST": firestore.address,
        "STORAGE_EMULATOR_HOST": storage.url,
    }
    command = [*UNPRIVILEGED, source / "packages" / "bin" / "functions-framework"]
    with program.start("function", command, directory, port=port, environment=environment, cwd=source) as served:
        yield served.wait()


def _recorded(function: dict[str, Any]) -> tuple[str, str, dict[str, str]]:
    """Return entry point, signature and environment, as each version of the API has them."""
    assert "eventTrigger" in function
    if "buildConfig" in function:
        return function["buildConfig"]["entryPoint"], "cloudevent", function["serviceConfig"]["environmentVariables"]
    return function["entryPoint"], "event", function["environmentVariables"]


def _contents(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened_archive:
        return {name: opened_archive.read(name) for name in opened_archive.namelist()}


def _set_writable(directory: Path, *, writable: bool) -> None:
    mode = "u+w" if writable else "a-w"
    subprocess.run(["chmod", "-R", mode, directory], check=True, timeout=CALL_S)
