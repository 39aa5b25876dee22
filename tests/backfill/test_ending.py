"""Whatever ends a run or refuses its output: no traceback, the exit code of the help, and the summary."""

import itertools
import json
import os
import re
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from threading import Event

import psutil
import pytest

from local.program import Program
from local.servers import PROJECT
from tests.backfill.place import BACKFILL_SH, CONTENTS, Place
from tests.fakes import storage_proxy as downloads
from tests.fakes.storage_proxy import StorageProxy

RUN_S = 200


def fill(place: Place, *contents: bytes) -> None:
    """Upload some objects."""
    for number, content in enumerate(contents):
        place.bucket.blob(f"{number}.wav").upload_from_string(content)


def run(
    place: Place, options: Sequence[str], shell: str = 'exec "$@"', cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run backfill.sh as a shell does that was told so."""
    command = [BACKFILL_SH, "--project", PROJECT, "--bucket", place.bucket.name, "--grace=0", *options]
    return subprocess.run(
        ["bash", "-c", shell, "bash", *command],
        env=os.environ | place.environment,
        cwd=cwd or place.directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_S,
    )


@pytest.mark.parametrize(
    "shell",
    [
        '("$@"; echo "ended with $?" >&2) 2>said | true; cat said >&2',
        '("$@"; echo "ended with $?" >ended) 2>&1 | true; cat ended >&2',
        '("$@" >&- 2>&-; echo "ended with $?" >ended); cat ended >&2',
        '("$@" >&- 2>&- <&-; echo "ended with $?" >ended); cat ended >&2',
        '("$@"; echo "ended with $?" >ended) 2>/dev/full; cat ended >&2',
    ],
    ids=["stdout closed early", "both closed early", "both closed", "all closed", "a full log"],
)
def test_output_that_nobody_takes_stops_nothing(place: Place, shell: str) -> None:
    """Where the reader has gone, all is done as ever, and the exit code is that of what was done."""
    fill(place, CONTENTS[0], CONTENTS[1])

    ended = run(place, ["--yes"], shell)

    assert "ended with 0" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Error" not in ended.stderr
    assert len(place.documents()) == 2


def test_a_summary_that_could_not_be_written_is_a_failure(place: Place) -> None:
    """Where there is no room for what was asked for, a line says so, and the exit code is not 0."""
    ended = run(place, ["--json", "--dry-run"], '"$@" >/dev/full')

    assert ended.returncode == 1
    assert "backfill.sh: the output is not whole: [Errno 28] No space left on device" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_directory_that_takes_no_file(place: Place, storage: Program) -> None:
    """What failed is listed on stderr where no file can be written, and the summary is there."""
    fill(place, CONTENTS[0], CONTENTS[0])
    with StorageProxy(storage).running() as proxy:
        forbidden = downloads.answer(403)
        proxy.default = lambda get: (forbidden if "/1.wav" in get.path else downloads.pass_on)(get)
        place.environment["STORAGE_EMULATOR_HOST"] = proxy.url
        ended = run(place, ["--yes", "--json"], cwd=Path("/proc"))

    assert ended.stdout, ended.stderr
    summary = json.loads(ended.stdout.splitlines()[-1])
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("{")]
    assert (ended.returncode, summary["failed"], summary["rejections"], summary["sounds"]) == (1, 1, 1, 1)
    assert json.loads(line)["blob_name"] == "1.wav"
    assert "cannot be written" in ended.stderr
    assert "listed with their reasons in these lines" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_room_for_the_plan(place: Place) -> None:
    """Where the plan does not fit into the temporary directory, nothing is done, and the way out is said."""
    fill(place, *[CONTENTS[0]] * 40)

    ended = run(place, ["--yes"], 'ulimit -f 4; exec "$@"')

    assert ended.returncode == 1
    assert "File too large" in ended.stderr
    assert "name another directory in TMPDIR" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert place.documents() == {}


def test_a_wrong_address_is_said(place: Place) -> None:
    """An address of the emulator without http:// ends the run with a line."""
    place.environment["STORAGE_EMULATOR_HOST"] = "127.0.0.1:1"

    ended = run(place, ["--dry-run"])

    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "STORAGE_EMULATOR_HOST" in ended.stderr


def hears(process: psutil.Process, number: signal.Signals) -> bool:
    """Whether a process neither blocks nor ignores a signal, where the system tells that."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return False
    masks = re.findall(r"^Sig(?:Blk|Ign):\s*([0-9a-f]+)$", status.read_text(), re.MULTILINE)
    return not any(int(mask, 16) >> (number - 1) & 1 for mask in masks)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_every_signal_ends_it_with_the_summary(place: Place, storage: Program, number: signal.Signals) -> None:
    """In the middle of the work the first signal ends it, however often it comes: no process and no word is left."""
    fill(place, *[CONTENTS[0]] * 12)
    reached, may_go_on, count = Event(), Event(), itertools.count()

    def hold(request: downloads.Download) -> None:
        if "alt=media" in request.path and next(count) >= 6:
            reached.set()
            may_go_on.wait(100)
        downloads.pass_on(request)

    with StorageProxy(storage).running() as proxy:
        proxy.default = hold
        process = place.start("--yes", STORAGE_EMULATOR_HOST=proxy.url)
        assert reached.wait(100)
        workers = psutil.Process(process.pid).children(recursive=True)
        assert not any(number is signal.SIGINT and hears(worker, number) for worker in workers)
        for _ in range(3):
            os.killpg(process.pid, number) if number is signal.SIGINT else process.send_signal(number)
        output, errors = process.communicate(timeout=100)
        _, alive = psutil.wait_procs(workers, timeout=60)
        may_go_on.set()

    summary = json.loads(output.splitlines()[-1])
    assert (process.returncode, alive) == (128 + number, []), errors
    assert "Traceback" not in errors
    assert summary["objects"] == 12
    assert summary["sounds"] + summary["missing"] == 12
    assert 0 < summary["sounds"] <= len(place.documents())
