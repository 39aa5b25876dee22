"""A terminal to a cloud of its own, which tells what each run of deploy.sh changed there."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.apis import warm
from tests.deploy.apis.answering import Cloud, Request
from tests.deploy.apis.terminal import Terminal


@dataclass(frozen=True)
class Run:
    """One run of deploy.sh and what it was allowed to change."""

    done: subprocess.CompletedProcess[str]
    writes: list[Request]


@dataclass
class Console(Terminal):
    """A terminal and the cloud that it leads to."""

    cloud: Cloud

    def deployed(self, *options: str, answer: str = "") -> Run:
        """Run deploy.sh; a deployment without its proof, unless that is asked for."""
        modes = {"--delete", "--dry-run", "--check", "--prove", "--proof"}
        options = options if modes & {*options} else (*options, "--no-proof")
        return self.changing(self.deploy, *(one for one in options if one != "--proof"), answer=answer)

    def changing(self, run: Callable[..., subprocess.CompletedProcess[str]], *words: str, **more: str) -> Run:
        """Run something, and take down what it changes."""
        before = len(self.cloud.requests)
        done = run(*words, **more)
        return Run(done, [one for one in self.cloud.requests[before:] if one.writes and not one.refused])


@contextmanager
def opened(directory: Path) -> Iterator[Console]:
    """Open a console to a new and empty cloud, with a warm gcloud."""
    cloud = Cloud()
    console = Console(directory, cloud)
    bin_directory = directory / "bin"
    bin_directory.mkdir()
    process = warm.start(bin_directory, console.environment())
    console.path = f"{bin_directory}:{console.path}"
    try:
        yield console
    finally:
        if process:
            process.kill()
            process.wait()
        cloud.stop()
