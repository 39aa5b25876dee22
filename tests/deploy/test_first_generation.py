"""deploy.sh for the 1st generation: its dry run pasted into a shell, and what the script makes of the result."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy

import pytest

from deploy.archive import LABEL
from tests.deploy.apis.answering import State
from tests.deploy.apis.console import Console, Run, opened
from tests.deploy.apis.identity import rights
from tests.deploy.apis.terminal import BUCKET, PROJECT, Terminal, needs_gcloud

pytestmark = needs_gcloud

RUN = f"serviceAccount:analyze-run@{PROJECT}.iam.gserviceaccount.com"
AGENT = "serviceAccount:service-123456789012@gs-project-accounts.iam.gserviceaccount.com"
APIS = ("cloudfunctions", "cloudresourcemanager", "firestore", "iam", "serviceusage", "storage")
FUNCTION = f"projects/{PROJECT}/locations/us-central1/functions/analyze"


@pytest.fixture(scope="module", autouse=True)
def down(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[Run]]:
    """Deploy to a cloud that is down, beside the other tests: gcloud asks again for half a minute."""
    directory = tmp_path_factory.mktemp("down")  # not in the thread: two at once may make two base directories

    def deployed() -> Run:
        with opened(directory) as console:
            console.cloud.refuse(r"GET /storage/", 503, "UNAVAILABLE", "down for now")
            return console.deployed()

    with ThreadPoolExecutor() as pool:
        yield pool.submit(deployed)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Console, Run, State]]:
    """Paste what a dry run without access prints into a shell that has access, and gcloud as a user has it."""
    with opened(tmp_path_factory.mktemp("first")) as console:
        recipe = Terminal(tmp_path_factory.mktemp("nowhere")).deploy("--generation", "1", "--dry-run").stdout
        shell = Terminal(console.directory, console.cloud)
        run = Run(shell.run("bash", "-euc", recipe), console.cloud.writes)
        yield console, run, deepcopy(console.cloud.state)


@pytest.fixture
def pasted(story: tuple[Console, Run, State]) -> Run:
    """Return the run of the pasted commands."""
    return story[1]


@pytest.fixture
def console(story: tuple[Console, Run, State]) -> Console:
    """Return the console to the cloud as those commands left it, whatever other tests did to it."""
    console, _run, state = story
    console.cloud.restore(state)
    return console


def test_a_dry_run_can_be_pasted(console: Console, pasted: Run):
    """A shell runs the printed commands to their end, and then the script finds nothing to change."""
    for api in APIS:
        console.cloud.refuse(f"GET /{api}/|POST /{api}/.*:getIamPolicy", 503, "UNAVAILABLE", "try again", times=1)
    again = console.deployed("--generation", "1")

    # Each API failed once on the way, and gcloud asked again.
    assert [fault.times for fault in console.cloud.faults] == [0] * len(APIS)
    assert pasted.done.returncode == 0, pasted.done.stderr
    assert len(pasted.writes) == 15
    assert (again.done.returncode, again.writes) == (0, []), again.done.stdout


def test_a_first_generation_function_is_bounded_and_retried(console: Console):
    """The function that was asked for retries, may be called by nobody, and has bounds to what it may cost."""
    function = console.cloud.state.functions[FUNCTION]

    assert function["entryPoint"] == "analyze"
    assert function["runtime"] == "python312"
    assert function["eventTrigger"] == {
        "eventType": "google.storage.object.finalize",
        "resource": f"projects/_/buckets/{BUCKET}",
        "failurePolicy": {"retry": {}},
    }
    assert function["serviceAccountEmail"] == RUN.partition(":")[2]
    assert function["buildServiceAccount"].endswith(f"/analyze-build@{PROJECT}.iam.gserviceaccount.com")
    assert (function["availableMemoryMb"], function["timeout"], function["maxInstances"]) == (2048, "540s", 10)
    assert function["ingressSettings"] == "ALLOW_INTERNAL_ONLY"
    assert function["environmentVariables"] == {"MAX_BYTES": str(1664 * 2**20)}
    assert {role for member, role in rights(console.cloud.state, "project") if member == RUN} == {
        "roles/datastore.user"
    }


def test_a_dropped_retry_policy_is_put_back(console: Console):
    """A function that somebody deployed without `--retry` gets it back, and what else they set stays."""
    function = console.cloud.state.functions[FUNCTION]
    del function["eventTrigger"]["failurePolicy"]
    function["environmentVariables"]["EXCLUDE_NAMES"] = "*.txt"

    run = console.deployed("--generation", "1")

    function = console.cloud.state.functions[FUNCTION]
    assert "retry is False, not True\n" in run.done.stdout
    assert function["eventTrigger"]["failurePolicy"] == {"retry": {}}
    assert function["environmentVariables"]["EXCLUDE_NAMES"] == "*.txt"
    assert [request.method for request in run.writes] == ["POST", "PUT", "PATCH"]


def test_what_two_functions_share_stays_with_the_other(console: Console):
    """While another function lives, removing one leaves the index and the right to publish events, and says so."""
    state = console.cloud.state
    other = f"serviceAccount:other-run@{PROJECT}.iam.gserviceaccount.com"
    state.functions[f"{FUNCTION}-other"] = {"name": f"{FUNCTION}-other", "labels": {LABEL: "1"}, "environment": "GEN_2"}
    state.triggers["other"] = {
        "eventFilters": [{"attribute": "type", "value": "google.cloud.storage.object.v1.finalized"}],
        "serviceAccount": other.partition(":")[2],
    }
    state.agents.add(AGENT.partition(":")[2])
    state.services.add("eventarc.googleapis.com")
    state.policies["project"]["bindings"].append({"role": "roles/pubsub.publisher", "members": [AGENT]})
    for api in ("cloudfunctions", "cloudresourcemanager", "iam", "storage"):
        console.cloud.refuse(rf"(POST|PUT|DELETE) /{api}/(?!.*:getIamPolicy)", 503, "UNAVAILABLE", "try again", times=1)

    run = console.deployed("--delete", "--yes")

    # On the way each API refused to change something once, and gcloud asked again.
    assert [fault.times for fault in console.cloud.faults] == [0] * 4
    assert run.done.returncode == 0, run.done.stderr
    assert "  kept: another function writes sounds\n" in run.done.stdout
    assert len(state.indexes) == 1
    assert rights(state, "project") == {(AGENT, "roles/pubsub.publisher")}
    assert (state.accounts, set(state.functions)) == ({}, {f"{FUNCTION}-other"})


def test_a_stranger_s_project_is_not_written_to(console: Console):
    """A bucket that belongs to another project is refused, with both numbers."""
    console.cloud.state.buckets["theirs"] = {"name": "theirs", "projectNumber": "99", "location": "US"}

    done = console.run("./deploy.sh", "--project", PROJECT, "--bucket", "theirs", "--name", "theirs")

    assert done.returncode == 1
    assert "bucket theirs belongs to another project (number 99, not 123456789012)" in done.stderr


def test_a_fault_that_stays_is_named(down: Future[Run]):
    """A fault on Google's side that does not pass is given up by gcloud, and named as what it is."""
    run = down.result()

    assert (run.done.returncode, run.writes) == (1, [])
    assert "could not look at the bucket\n" in run.done.stderr
    assert "a fault at Google's side" in run.done.stderr
