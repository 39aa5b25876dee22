"""deploy.sh from end to end: the real gcloud against the played APIs, and what these were asked."""

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

import pytest

from analysis.definition import N_FINGERPRINT
from tests.deploy.apis.answering import State
from tests.deploy.apis.console import Console, Run, opened
from tests.deploy.apis.identity import rights
from tests.deploy.apis.terminal import BUCKET, PROJECT, needs_gcloud

pytestmark = needs_gcloud

RUN = f"serviceAccount:analyze-run@{PROJECT}.iam.gserviceaccount.com"
BUILD = f"serviceAccount:analyze-build@{PROJECT}.iam.gserviceaccount.com"
AGENT = "serviceAccount:service-123456789012@gs-project-accounts.iam.gserviceaccount.com"
FUNCTION = f"projects/{PROJECT}/locations/us-central1/functions/analyze"


@dataclass(frozen=True)
class Story:
    """What happened until the function was deployed: the runs that were refused, the last, and their end."""

    console: Console
    refusals: dict[str, Run]
    last: Run
    state: State


# Each step of a 2nd-gen deployment, by a request of its own and the role that its failure has to name.
STEPS = {
    "look at the bucket": (r"GET /storage/v1/b/", "choose another --bucket"),
    "look for a function of this name": (r"GET /cloudfunctions/", "roles/cloudfunctions.admin"),
    "enable the APIs": (r"POST /serviceusage/", "roles/serviceusage.serviceUsageAdmin"),
    "look at the project": (r"GET /cloudresourcemanager/", "roles/browser"),
    "make the service accounts": (r"POST /iam/", "roles/iam.serviceAccountAdmin"),
    "give the accounts their rights on the project": (
        r"POST /cloudresourcemanager/.*:setIamPolicy",
        "roles/resourcemanager.projectIamAdmin",
    ),
    "make the bucket": (r"POST /storage/v1/b$", "roles/storage.admin"),
    "make the Firestore database": (r"POST /firestore/.*/databases$", "roles/datastore.owner"),
    "make the vector index": (r"POST /firestore/.*/indexes$", "roles/datastore.indexAdmin"),
    "keep the waveforms out of the indexes": (r"PATCH /firestore/.*/fields/peaks$", "roles/datastore.indexAdmin"),
    "let the function read the bucket": (r"PUT /storage/.*/iam", "roles/storage.admin"),
    "deploy the function": (r"POST /cloudfunctions/.*/functions$", "roles/iam.serviceAccountUser"),
    "let its trigger, and nobody else, invoke it": (r"POST /run/", "roles/run.admin"),
}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """From nothing: at each step in turn Google says no, until it no longer does."""
    with opened(tmp_path_factory.mktemp("second")) as console:
        refusals = {}
        for title, (pattern, _role) in STEPS.items():
            looking = "bucket" in title and "look" in title
            message = "Permission 'storage.buckets.get' denied" if looking else "no permission"
            console.cloud.refuse(pattern, 403, "PERMISSION_DENIED", message)
            refusals[title] = console.deployed()
            console.cloud.faults.clear()
        last = console.deployed()
        yield Story(console, refusals, last, deepcopy(console.cloud.state))


@pytest.fixture
def console(story: Story) -> Console:
    """Return the console to the cloud as the story left it, whatever other tests did to it."""
    story.console.cloud.restore(story.state)
    return story.console


@pytest.mark.parametrize("title", STEPS)
def test_a_refused_step_says_which_and_what_to_do(story: Story, title: str):
    """Where Google says no, the message has the step, the answer, the command, the role, and that one can go on."""
    done = story.refusals[title].done

    assert done.returncode == 1
    assert f"deploy.sh: could not {title}\n\nGoogle answered:\n" in done.stderr
    assert re.search(
        r"(?s)permission.*to:\n  gcloud .*What to do: .*" + re.escape(STEPS[title][1]), done.stderr, re.IGNORECASE
    )
    assert done.stderr.endswith("run the same command again and it goes on from here.\n")
    assert "Traceback" not in done.stderr


def test_after_a_refusal_it_goes_on_where_it_stopped(story: Story):
    """Over all the refused runs and the last, each thing is made once, in the order in which one needs the other."""
    writes = [write for run in [*story.refusals.values(), story.last] for write in run.writes]

    assert story.last.done.returncode == 0, story.last.done.stderr
    assert [
        re.sub(rf"projects/{PROJECT}|locations/us-central1", "-", f"{one.method} {one.path}") for one in writes
    ] == [
        "POST /serviceusage/v1/-/services:batchEnable",
        *["POST /iam/v1/-/serviceAccounts"] * 2,
        *["POST /cloudresourcemanager/v1/-:setIamPolicy"] * 6,
        "POST /storage/v1/b",
        "POST /firestore/v1/-/databases",
        "POST /firestore/v1/-/databases/(default)/collectionGroups/sounds/indexes",
        "PATCH /firestore/v1/-/databases/(default)/collectionGroups/sounds/fields/peaks",
        f"PUT /storage/v1/b/{BUCKET}/iam",
        "POST /cloudfunctions/v2/-/-/functions:generateUploadUrl",
        "PUT /upload/source-0.zip",
        "POST /cloudfunctions/v2/-/-/functions:generateUploadUrl",
        "PUT /upload/source-1.zip",
        "POST /cloudfunctions/v2/-/-/functions",
        "POST /run/v1/-/-/services/analyze:setIamPolicy",
    ]


def test_the_bucket_is_private(console: Console):
    """The bucket has uniform access, cannot be made public, and is where the function is."""
    bucket = console.cloud.state.buckets[BUCKET]

    assert bucket["iamConfiguration"] == {
        "publicAccessPrevention": "enforced",
        "uniformBucketLevelAccess": {"enabled": True},
    }
    assert bucket["location"] == "US-CENTRAL1"


def test_firestore_can_answer_for_neighbours(console: Console):
    """The database is in native mode, and its one index is over the numbers of a fingerprint; waveforms are in none."""
    (index,) = console.cloud.state.indexes.values()

    assert console.cloud.state.databases["(default)"]["type"] == "FIRESTORE_NATIVE"
    assert "/collectionGroups/sounds/" in index["name"]
    assert index["queryScope"] == "COLLECTION"
    assert index["fields"] == [{"fieldPath": "fingerprint", "vectorConfig": {"dimension": N_FINGERPRINT, "flat": {}}}]
    assert not console.cloud.state.fields["peaks"]["indexConfig"].get("indexes")


def test_nobody_has_more_rights_than_needed(console: Console):
    """These are all the rights that are given, to whom and on what."""
    state = console.cloud.state

    assert rights(state, "project") == {
        (RUN, "roles/datastore.user"),
        (RUN, "roles/eventarc.eventReceiver"),
        (BUILD, "roles/artifactregistry.writer"),
        (BUILD, "roles/logging.logWriter"),
        (BUILD, "roles/storage.objectViewer"),
        (AGENT, "roles/pubsub.publisher"),
    }
    assert rights(state, f"bucket {BUCKET}") == {(RUN, "roles/storage.objectViewer")}
    assert rights(state, "service analyze") == {(RUN, "roles/run.invoker")}
    assert len(state.policies) == 3


def test_a_second_generation_function_is_bounded_private_and_retried(console: Console):
    """The function that was asked for retries, is called by its trigger alone, and has bounds to what it may cost."""
    function = console.cloud.state.functions[FUNCTION]

    assert function["buildConfig"]["entryPoint"] == "analyze"
    assert function["buildConfig"]["runtime"] == "python313"
    assert function["buildConfig"]["serviceAccount"].endswith(BUILD.partition(":")[2])
    assert function["eventTrigger"] == {
        "eventFilters": [{"attribute": "bucket", "value": BUCKET}],
        "eventType": "google.cloud.storage.object.v1.finalized",
        "retryPolicy": "RETRY_POLICY_RETRY",
        "serviceAccountEmail": RUN.partition(":")[2],
        "triggerRegion": "us-central1",
    }
    assert function["serviceConfig"] == {
        "availableCpu": "1",
        "availableMemory": "2Gi",
        "environmentVariables": {"MAX_BYTES": str(1664 * 2**20)},
        "ingressSettings": "ALLOW_INTERNAL_ONLY",
        "maxInstanceCount": 10,
        "maxInstanceRequestConcurrency": 1,
        "service": FUNCTION.replace("/functions/", "/services/"),
        "serviceAccountEmail": RUN.partition(":")[2],
        "timeoutSeconds": 540,
    }


def test_run_again_it_changes_nothing(console: Console):
    """A second run makes no request that changes anything, and nor does a dry run, which then prints no command."""
    again = console.deployed()
    dry = console.deployed("--dry-run")

    assert (again.done.returncode, again.writes) == (0, [])
    assert (dry.done.returncode, dry.writes) == (0, [])
    assert dry.done.stdout == f"# What is still to be done in project {PROJECT}, as it is now\n"


def test_what_others_changed_is_put_back(console: Console):
    """A dropped retry policy, an invited public and another memory are what one run changes, and nothing else."""
    state = console.cloud.state
    state.functions[FUNCTION]["eventTrigger"]["retryPolicy"] = "RETRY_POLICY_DO_NOT_RETRY"
    state.policies["service analyze"]["bindings"][0]["members"].append("allUsers")

    run = console.deployed("--memory", "4GiB")

    function = state.functions[FUNCTION]
    assert run.done.returncode == 0, run.done.stderr
    assert "retry is False, not True; memory MiB is 2048, not 4096; MAX_BYTES is" in run.done.stdout
    assert function["eventTrigger"]["retryPolicy"] == "RETRY_POLICY_RETRY"
    assert function["serviceConfig"]["availableMemory"] == "4Gi"
    assert function["serviceConfig"]["environmentVariables"] == {"MAX_BYTES": str(3712 * 2**20)}
    assert rights(state, "service analyze") == {(RUN, "roles/run.invoker")}
    assert [request.method for request in run.writes] == ["POST", "PUT", "PATCH", "POST"]


def test_features_stay_until_others_are_asked_for(console: Console):
    """Features stay where the next run says nothing of them, and an empty list takes them away."""
    max_bytes = {"MAX_BYTES": str(1664 * 2**20)}

    for options, expected in (
        (["--features", "rms,mfcc:20"], {"FEATURES": "rms,mfcc:20"}),
        ([], {"FEATURES": "rms,mfcc:20"}),
        (["--memory", "2GiB", "--features", ""], {"FEATURES": ""}),
    ):
        run = console.deployed(*options)
        variables = console.cloud.state.functions[FUNCTION]["serviceConfig"]["environmentVariables"]
        assert run.done.returncode == 0, run.done.stderr
        assert variables == max_bytes | expected
        assert bool(run.writes) is bool(options)


def test_conditions_in_policies_are_left_beside_the_rights(console: Console):
    """Where the policies of project, bucket and service have conditions, rights are given and taken beside them."""
    state = console.cloud.state
    condition = {"title": "until 2030", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')"}
    others = {"members": [RUN], "condition": condition}
    for resource, role in (
        ("project", "roles/datastore.user"),
        (f"bucket {BUCKET}", "roles/storage.objectViewer"),
        ("service analyze", "roles/run.invoker"),
    ):
        bindings = [one for one in state.policies[resource]["bindings"] if one["role"] != role]
        state.policies[resource] = {"version": 3, "etag": "ACAB", "bindings": [*bindings, {"role": role, **others}]}

    run = console.deployed()

    assert run.done.returncode == 0, run.done.stderr
    for resource in ("project", f"bucket {BUCKET}", "service analyze"):
        bindings = state.policies[resource]["bindings"]
        (conditional,) = [one for one in bindings if "condition" in one]
        assert {"role": conditional["role"], "members": [RUN]} in bindings
        assert conditional["condition"] == condition


def test_an_index_of_version_1_is_left_beside_the_new_one(console: Console):
    """Upgrading from 1.0.0 makes the index of the longer fingerprints, and leaves and names the one of 12 numbers."""
    state = console.cloud.state
    (name,) = state.indexes
    state.indexes[name]["fields"][0]["vectorConfig"]["dimension"] = 12

    run = console.deployed()

    assert run.done.returncode == 0, run.done.stderr
    dimensions = [one["fields"][0]["vectorConfig"]["dimension"] for one in state.indexes.values()]
    assert dimensions == [12, N_FINGERPRINT]
    assert "holds the fingerprints of 12 numbers that another version wrote" in run.done.stdout


@pytest.mark.parametrize("database", [{"type": "DATASTORE_MODE"}, {"locationId": "europe-west1"}])
def test_a_database_that_is_there_is_taken_or_refused(console: Console, database: dict[str, str]):
    """A database elsewhere is taken as it is, one in Datastore mode refused with the way out."""
    console.cloud.state.databases["(default)"] |= database

    run = console.deployed()

    assert (run.done.returncode, run.writes) == (1 if "type" in database else 0, [])
    assert ("--type=firestore-native" in run.done.stderr) is ("type" in database)


def test_the_other_generation_is_recognised(console: Console):
    """A function of the other generation under the same name is left as it is, with the ways out."""
    run = console.deployed("--generation", "1")

    assert (run.done.returncode, run.writes) == (1, [])
    assert "analyze is there, as a function of generation 2" in run.done.stderr
    assert f"./deploy.sh --project {PROJECT} --bucket {BUCKET} --generation 1 --name analyze-1\n" in run.done.stderr


def test_the_wrong_region_is_refused(console: Console):
    """A region in which the bucket is not is refused before anything is changed."""
    run = console.deployed("--region", "europe-west1")

    assert (run.done.returncode, run.writes) == (1, [])
    assert "bucket my-sounds is in us-central1, --region europe-west1 is not." in run.done.stderr


def test_removing_asks_first(console: Console):
    """Without a yes nothing is removed."""
    run = console.deployed("--delete", answer="\n")

    assert (run.done.returncode, run.writes) == (1, [])
    assert run.done.stdout.endswith("[y/N] nothing was removed\n")


def test_removing_with_another_bucket_removes_nothing(console: Console):
    """Where the function watches another bucket than the one that is named, not even its backfill is touched."""
    run = console.deployed("--bucket", f"{BUCKET}-2", "--delete", "--yes")

    assert (run.done.returncode, run.writes) == (1, [])
    assert f"analyze watches bucket {BUCKET}" in run.done.stderr


def test_removed_without_a_trace_but_bucket_and_data(console: Console):
    """After `--delete` there are the bucket, the database and the APIs, as it says, and nothing to remove once more."""
    state = console.cloud.state
    dry = console.deployed("--delete", "--dry-run")
    commands, refused = console.lint(dry.done.stdout)

    run = console.deployed("--delete", answer="y\n")
    again = console.deployed("--delete", "--yes")

    assert (dry.done.returncode, dry.writes) == (0, [])
    assert (len(commands), refused) == (12, [])
    assert run.done.returncode == 0, run.done.stderr
    assert f"What is left:\n  the bucket gs://{BUCKET} and the sounds in it\n" in run.done.stdout
    assert (state.functions, state.triggers, state.accounts, state.indexes, state.fields) == ({}, {}, {}, {}, {})
    assert [rights(state, resource) for resource in state.policies] == [set(), set()]
    assert (set(state.buckets), set(state.databases)) == ({BUCKET}, {"(default)"})
    assert (again.done.returncode, again.writes) == (0, [])
