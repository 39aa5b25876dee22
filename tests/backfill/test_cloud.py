"""backfill.sh in the cloud: the real gcloud against the played APIs, and what was uploaded really run, task by task."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore as google_firestore
from google.cloud import storage as google_storage

from backfill.plan import Counts
from local.program import Program
from tests.deploy.apis.answering import State
from tests.deploy.apis.console import Console, Run, opened
from tests.deploy.apis.identity import rights
from tests.deploy.apis.terminal import BUCKET, PROJECT, ROOT, needs_gcloud
from tests.fakes.synthetic import encode, tone

JOB, SCHEDULED = "analyze-backfill", "analyze-backfill-scheduled"
RUN = f"analyze-run@{PROJECT}.iam.gserviceaccount.com"
BUILD = f"analyze-build@{PROJECT}.iam.gserviceaccount.com"
CRON = f"analyze-cron@{PROJECT}.iam.gserviceaccount.com"
FUNCTION = f"projects/{PROJECT}/locations/us-central1/functions/analyze"
IMAGE = re.compile(rf"us-central1-docker\.pkg\.dev/{PROJECT}/analyze-backfill/backfill:python313-\w{{40}}")
INSTALL_S, TASK_S = 300, 120
# Root without any capability is held to the permissions of files like anybody else.
UNPRIVILEGED = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"] if os.geteuid() == 0 else []

pytestmark = [
    needs_gcloud,
    pytest.mark.skipif(bool(UNPRIVILEGED) and not shutil.which("setpriv"), reason="root, and setpriv is not installed"),
]


@dataclass(frozen=True)
class Project:
    """A project with a function, whose bucket and database are the emulators'."""

    console: Console
    bucket: google_storage.Bucket
    sounds: google_firestore.CollectionReference
    hosts: dict[str, str]

    def backfill(self, *options: str, answer: str = "") -> Run:
        """Run backfill.sh."""
        words = ("./backfill.sh", "--project", PROJECT, "--bucket", BUCKET, "--grace=0", *options)
        return self.console.changing(self.console.run, *words, answer=answer, **self.hosts)

    def upload(self, *names: str) -> None:
        """Put sounds into the bucket."""
        for name in names:
            self.bucket.blob(name).upload_from_string(encode(tone(0.1)))

    @property
    def function(self) -> dict[str, Any]:
        """The variables of the function."""
        variables: dict[str, Any] = self.console.cloud.state.functions[FUNCTION]["serviceConfig"][
            "environmentVariables"
        ]
        return variables


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, firestore: Program, storage: Program) -> Iterator[Project]:
    """Deploy a function, set something of it, and fill the bucket; then the fixtures below tell one story."""
    unique = uuid4().hex[:12]
    hosts = {"STORAGE_EMULATOR_HOST": storage.url, "FIRESTORE_EMULATOR_HOST": firestore.address}
    with opened(tmp_path_factory.mktemp("cloud")) as console, pytest.MonkeyPatch.context() as patch:
        deployed = console.deployed()
        assert deployed.done.returncode == 0, deployed.done.stderr
        for name, value in hosts.items():
            patch.setenv(name, value)
        client = google_storage.Client(PROJECT, AnonymousCredentials())
        database = google_firestore.Client(PROJECT, AnonymousCredentials())
        project = Project(console, client.bucket(BUCKET), database.collection(f"kept-{unique}"), hosts)
        project.bucket.create()
        project.function["SOUNDS_COLLECTION"] = project.sounds.id
        project.function["REJECTIONS_COLLECTION"] = f"refused-{unique}"
        project.function["EXCLUDE_NAMES"] = "*.txt,*.tmp"
        project.function["OF_ANOTHER"] = "1"
        project.upload(*(f"takes/{number}.wav" for number in range(12)))
        project.bucket.blob("notes.txt").upload_from_string(b"words")
        project.bucket.blob("bad.wav").upload_from_string(b"This is no sound. " * 20)
        yield project
        project.bucket.delete(force=True)
        client.close()
        database.close()


# The story: each fixture does what comes next and keeps what the tests look at, so the tests may run in any order.


@dataclass(frozen=True)
class Scheduled:
    """The backfill was put on a schedule, then again with the same and with another time."""

    run: Run
    state: State
    again: Run
    later: Run
    schedule_later: str


@dataclass(frozen=True)
class Executed:
    """The job was executed: with all objects missing, with none, with one and with another number of tasks."""

    first: Run
    n_sounds: int
    nothing: Run
    same: Run
    other: Run
    n_sounds_later: int


@pytest.fixture(scope="module")
def dry_runs(project: Project) -> tuple[Run, Run, Run]:
    """With all objects missing: of names that there are not, of a job, of a schedule."""
    return (
        project.backfill("--tasks", "3", "--stale", "--prefix", "a,b", "--dry-run"),
        project.backfill("--tasks", "3", "--rejected", "--dry-run"),
        project.backfill("--schedule", "0 3 * * *", "--prune", "--dry-run"),
    )


@pytest.fixture(scope="module")
def unconfirmed(project: Project, dry_runs: object) -> Run:
    """Press Enter where it asks."""
    assert dry_runs
    return project.backfill("--tasks", "3", answer="\n")


@pytest.fixture(scope="module")
def scheduled(project: Project, unconfirmed: Run) -> Scheduled:
    """Put the backfill on a schedule."""
    assert unconfirmed
    run = project.backfill("--schedule", "0 3 * * *", "--prefix", "takes/", answer="y\n")
    state = deepcopy(project.console.cloud.state)
    again = project.backfill("--schedule", "0 3 * * *", "--prefix", "takes/", "--yes")
    later = project.backfill("--schedule", "0 4 * * *", "--prefix", "takes/", "--yes")
    (schedule,) = project.console.cloud.state.schedules.values()
    return Scheduled(run, state, again, later, schedule["schedule"])


@pytest.fixture(scope="module")
def image(project: Project, scheduled: Scheduled, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Unpack the archive that was uploaded and do what its Dockerfile says, then let nothing be written any more."""
    assert scheduled.run.done.returncode == 0, scheduled.run.done.stderr
    (source,) = [archive for name, archive in project.console.cloud.state.archives.items() if name.endswith(".tgz")]
    context, image = tmp_path_factory.mktemp("context"), tmp_path_factory.mktemp("image")
    with tarfile.open(fileobj=io.BytesIO(source)) as archive:
        archive.extractall(context, filter="data")
    subprocess.run([sys.executable, "-m", "venv", image / "python"], check=True, timeout=INSTALL_S)
    python = image / "python" / "bin" / "python"
    for line in (context / "backfill" / "image" / "Dockerfile").read_text().splitlines():
        instruction, _, rest = line.partition(" ")
        if instruction == "RUN":
            subprocess.run([python, "-m", *json.loads(rest)], cwd=image, check=True, timeout=INSTALL_S)
        elif instruction == "COPY":
            pattern, target = rest.split()
            for path in context.glob(pattern):
                if path.is_dir():
                    shutil.copytree(path, image / target)
                else:
                    (image / target).mkdir(exist_ok=True)
                    shutil.copy(path, image / target)
        elif instruction == "ENTRYPOINT":
            (image / "entrypoint.json").write_text(rest)
    subprocess.run(["chmod", "-R", "a-w", image], check=True, timeout=TASK_S)
    yield image
    subprocess.run(["chmod", "-R", "u+w", image], check=True, timeout=TASK_S)


@pytest.fixture(scope="module")
def executed(project: Project, image: Path, tmp_path_factory: pytest.TempPathFactory) -> Executed:
    """Execute the job, whose tasks really run."""
    with tasks(project, image, tmp_path_factory.mktemp("tasks")):
        first = project.backfill("--tasks", "3", "--yes", "--json")
        n_sounds = len(list(project.sounds.stream()))
        nothing = project.backfill("--tasks", "3", "--yes")
        project.upload("late/1.wav")
        same = project.backfill("--tasks", "3", "--yes")
        project.upload("late/2.wav")
        other = project.backfill("--tasks", "2", "--yes")
    return Executed(first, n_sounds, nothing, same, other, len(list(project.sounds.stream())))


@pytest.fixture(scope="module")
def failed(project: Project, executed: Executed) -> Run:
    """Execute the job, of whose two tasks one fails."""
    assert executed
    project.upload("late/3.wav")

    def fail(execution: dict[str, Any], ended: dict[str, Any]) -> None:
        name = execution["metadata"]["name"]
        counts = asdict(Counts())
        project.console.cloud.state.log += [entry(name, n, json.dumps(counts | {"failed": n})) for n in range(2)]
        execution["status"] = ended | {"succeededCount": 1, "failedCount": 1}

    project.console.cloud.state.run_tasks = fail
    run = project.backfill("--tasks", "2", "--yes")
    project.console.cloud.state.run_tasks = None
    return run


@pytest.fixture(scope="module")
def without_function(project: Project, failed: Run) -> Run:
    """Ask for a job with the settings of a function that is not there."""
    assert failed
    return project.backfill("--tasks", "2", "--name", "other")


@dataclass(frozen=True)
class Removed:
    """All was removed: first as a dry run, then really, then once more."""

    dry: Run
    commands: list[str]
    refused: list[str]
    run: Run
    again: Run
    state: State


@pytest.fixture(scope="module")
def removed(project: Project, without_function: Run) -> Removed:
    """Remove the function and all that backfill.sh made."""
    assert without_function
    dry = project.console.deployed("--delete", "--dry-run")
    commands, refused = project.console.lint(dry.done.stdout)
    run = project.console.deployed("--delete", "--yes")
    again = project.console.deployed("--delete", "--yes")
    return Removed(dry, commands, refused, run, again, project.console.cloud.state)


@contextmanager
def tasks(project: Project, image: Path, directory: Path) -> Iterator[None]:
    """Run the tasks of each execution as the job has them, in an environment as bare as the cloud's."""

    def run(execution: dict[str, Any], ended: dict[str, Any]) -> None:
        name, n_tasks = execution["metadata"]["name"], execution["spec"]["taskCount"]
        (container,) = execution["spec"]["template"]["spec"]["containers"]
        _, *entrypoint = json.loads((image / "entrypoint.json").read_text())
        command = [*UNPRIVILEGED, image / "python" / "bin" / "python", *entrypoint, *container["args"]]
        n_failed = 0
        for index in range(n_tasks):
            environment = {variable["name"]: variable["value"] for variable in container["env"]} | project.hosts
            environment |= {"CLOUD_RUN_JOB": JOB, "CLOUD_RUN_EXECUTION": name, "CLOUD_RUN_TASK_ATTEMPT": "0"}
            environment |= {"CLOUD_RUN_TASK_INDEX": str(index), "CLOUD_RUN_TASK_COUNT": str(n_tasks)}
            environment |= {"HOME": "/nonexistent", "TMPDIR": str(directory)}
            done = subprocess.run(
                command, cwd=image, env=environment, capture_output=True, text=True, check=False, timeout=TASK_S
            )
            n_failed += done.returncode != 0
            for line in (done.stdout + done.stderr).splitlines():
                project.console.cloud.state.log.append(entry(name, index, line))
        execution["status"] = ended | {"succeededCount": n_tasks - n_failed, "failedCount": n_failed}

    project.console.cloud.state.run_tasks = run
    yield
    project.console.cloud.state.run_tasks = None


def entry(execution: str, index: int, line: str) -> dict[str, Any]:
    """Return a line as Cloud Logging keeps it."""
    labels = {"run.googleapis.com/execution_name": execution, "run.googleapis.com/task_index": str(index)}
    try:
        return {"labels": labels, "jsonPayload": json.loads(line)}
    except ValueError:
        return {"labels": labels, "textPayload": line}


def test_a_dry_run_compares_and_prints_the_commands(project: Project, dry_runs: tuple[Run, Run, Run]):
    """With --dry-run it says what there is to do and prints commands that gcloud knows, and changes nothing."""
    once, some, nightly = dry_runs

    assert (once.done.returncode, once.writes) == (0, [])
    assert "gcloud" not in once.done.stdout  # nothing has that prefix, so there is nothing to do
    for run, n_commands in ((some, 4), (nightly, 8)):
        commands, refused = project.console.lint(run.done.stdout)
        assert (run.done.returncode, run.writes) == (3, []), run.done.stderr
        assert (len(commands), refused) == (n_commands, [])
    assert "To analyse: 13 objects" in some.done.stdout
    assert "--rejected|--grace=0|--here|--yes|--json" in some.done.stdout.replace(",", "|")
    assert "gcloud scheduler jobs create http analyze-backfill-scheduled" in nightly.done.stdout


def test_it_asks_first(unconfirmed: Run):
    """Without a yes nothing is made."""
    assert (unconfirmed.done.returncode, unconfirmed.writes) == (1, [])
    assert "nothing was done" in unconfirmed.done.stderr


def test_what_is_put_on_a_schedule(scheduled: Scheduled):
    """A job of its own with the function's account, limits and settings, which one account alone may run."""
    state = scheduled.state
    (schedule,) = state.schedules.values()
    execution = state.jobs[SCHEDULED]["spec"]["template"]["spec"]
    task = execution["template"]["spec"]
    (container,) = task["containers"]
    (build,) = state.builds.values()

    assert scheduled.run.done.returncode == 0, scheduled.run.done.stderr
    assert state.executions == {}
    assert schedule["schedule"] == "0 3 * * *"
    assert schedule["httpTarget"] == {
        "httpMethod": "POST",
        "oauthToken": {"serviceAccountEmail": CRON},
        "uri": f"https://run.googleapis.com/v2/projects/{PROJECT}/locations/us-central1/jobs/{SCHEDULED}:run",
    }
    assert rights(state, f"job {SCHEDULED}") == {
        (f"serviceAccount:{CRON}", "roles/run.invoker"),
        (f"serviceAccount:{RUN}", "roles/run.viewer"),
    }
    assert CRON not in json.dumps(state.policies["project"])
    assert (task["serviceAccountName"], task["maxRetries"], task["timeoutSeconds"]) == (RUN, 2, "86400")
    assert (execution["taskCount"], execution["parallelism"]) == (1, 1)
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "2048Mi"}
    assert {variable["name"]: variable["value"] for variable in container["env"]} == {
        name: value for name, value in settings_of(state).items() if name != "OF_ANOTHER"
    }
    assert container["args"][2:] == ["--prefix=takes/", "--grace=0", "--unless-running", "--here", "--yes", "--json"]
    assert IMAGE.fullmatch(container["image"])
    assert build["serviceAccount"] == f"projects/{PROJECT}/serviceAccounts/{BUILD}"
    assert build["substitutions"] == {"_IMAGE": container["image"], "_PYTHON": "3.13"}


def settings_of(state: State) -> dict[str, str]:
    """Return the variables of the function, as it was when the job was made."""
    variables: dict[str, str] = state.functions[FUNCTION]["serviceConfig"]["environmentVariables"]
    return variables


def test_a_schedule_changes_only_with_what_is_asked_for(scheduled: Scheduled):
    """The same once more changes nothing; another time changes the schedule, and nothing else."""
    assert (scheduled.again.done.returncode, scheduled.again.writes) == (0, []), scheduled.again.done.stderr
    assert [request.method for request in scheduled.later.writes] == ["PATCH"]
    assert scheduled.schedule_later == "0 4 * * *"


def test_only_what_a_task_needs_is_in_the_image(image: Path):
    """The image has the analysis, its lock and the backfill, and nothing that could make a job or a task."""
    files = {str(path.relative_to(image)) for path in image.rglob("*") if path.is_file()}
    own = {name for name in files if not name.startswith("python/") and not name.endswith((".pyc", "entrypoint.json"))}

    paths = [*(ROOT / "analysis").rglob("*.py"), *(ROOT / "backfill").glob("*.py")]
    assert own == {str(path.relative_to(ROOT)) for path in paths} | {"requirements.txt"}


def test_the_tasks_do_it_and_are_added_up(executed: Executed):
    """The job's tasks, really run, make a document of every object, and the summary is that of all of them."""
    run = executed.first

    assert run.done.returncode == 0, run.done.stderr
    summary = json.loads(run.done.stdout)
    expected = {"objects": 14, "sounds": 12, "rejections": 1, "skipped": 1}
    assert {name: n for name, n in summary.items() if n and name != "bytes"} == expected
    assert executed.n_sounds == 12
    assert [request.path.rpartition("/")[2] for request in run.writes] == ["jobs", f"{JOB}:run"]


def test_run_again_only_what_differs_is_changed(executed: Executed):
    """With nothing missing nothing is executed; the job changes with the number of tasks, and only then."""
    nothing, same, other = executed.nothing, executed.same, executed.other

    assert (nothing.done.returncode, nothing.writes) == (0, []), nothing.done.stderr
    assert "Nothing to do" in nothing.done.stdout
    assert [request.method for request in same.writes] == ["POST"]
    assert [request.method for request in other.writes] == ["PUT", "POST"]
    assert "tasks: 3, to be 2; parallelism: 3, to be 2" in other.done.stdout
    assert (same.done.returncode, other.done.returncode) == (0, 0), other.done.stderr
    assert executed.n_sounds_later == 14


def test_what_failed_is_said_with_where_the_reasons_are(failed: Run):
    """Where a task failed, the exit code says so, and the message how to find the reasons."""
    assert failed.done.returncode == 1
    assert "1 tasks and 1 objects failed; why:\n  gcloud logging read " in failed.done.stderr
    assert f'"{JOB}-' in failed.done.stderr


def test_the_function_has_to_be_there(without_function: Run):
    """Without a function there is no account and no limit for a job, and the message says what to do."""
    assert (without_function.done.returncode, without_function.writes) == (1, [])
    assert "there is no function other in project" in without_function.done.stderr
    assert "gs://my-sounds is watched by analyze\nOr give its name by --name." in without_function.done.stderr


def test_removed_with_the_function(removed: Removed):
    """deploy.sh --delete removes the schedule, both jobs, the account and the image, and then has nothing to remove."""
    state = removed.state

    assert removed.run.done.returncode == 0, removed.run.done.stderr
    assert (removed.dry.writes, removed.refused) == ([], [])
    assert any("scheduler jobs delete analyze-backfill-scheduled" in command for command in removed.commands)
    assert (state.schedules, state.jobs, state.repositories, state.images, state.accounts) == ({}, {}, {}, set(), {})
    assert (removed.again.done.returncode, removed.again.writes) == (0, [])
