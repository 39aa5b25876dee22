"""`deploy.sh --forget`: a second function beside the first, with its own trigger and few rights, and its removal."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest

from deploy.archive import LABEL
from deploy.deployment import Deployment
from deploy.failures import ConflictError
from deploy.forgetting import ensure_role, refuse_forgetting
from deploy.function import read_function
from deploy.gcloud import Gcloud
from deploy.reconcile import names_watching
from tests.deploy.apis.answering import State
from tests.deploy.apis.console import Console, Run, opened
from tests.deploy.apis.deployed import FORGETTING, NAME, deploy
from tests.deploy.apis.identity import rights
from tests.deploy.apis.terminal import BUCKET, PROJECT, needs_gcloud

FORGET = f"serviceAccount:analyze-erase@{PROJECT}.iam.gserviceaccount.com"
ROLE = f"projects/{PROJECT}/roles/soundsForget"
VARIABLES = {
    "SOUNDS_COLLECTION": "their-sounds",
    "REJECTIONS_COLLECTION": "rejections",
    "FIRESTORE_DATABASE": "(default)",
}


@dataclass(frozen=True)
class Story:
    """A deployed function, whose sounds are in another collection, and the run that added the one that forgets."""

    console: Console
    run: Run
    state: State


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Deploy with --forget over a function that was made without."""
    with opened(tmp_path_factory.mktemp("forgetting")) as console:
        deploy(console.cloud.state)
        variables = console.cloud.state.functions[NAME]["serviceConfig"]["environmentVariables"]
        variables["SOUNDS_COLLECTION"] = "their-sounds"
        yield Story(console, console.deployed("--forget"), deepcopy(console.cloud.state))


@pytest.fixture
def console(story: Story) -> Console:
    """Return the console to the cloud as the story left it, whatever other tests did to it."""
    story.console.cloud.restore(story.state)
    return story.console


@needs_gcloud
def test_the_second_function_gets_what_is_deleted_from_where_the_first_writes(story: Story):
    """It has the same source and region, the delete events of the bucket, retries, and the first one's collections."""
    assert story.run.done.returncode == 0, story.run.done.stderr
    first, second = story.state.functions[NAME], story.state.functions[FORGETTING]

    assert second["buildConfig"]["entryPoint"] == "forget"
    assert second["labels"][LABEL] == first["labels"][LABEL]
    assert second["eventTrigger"] == {
        "eventFilters": [{"attribute": "bucket", "value": BUCKET}],
        "eventType": "google.cloud.storage.object.v1.deleted",
        "retryPolicy": "RETRY_POLICY_RETRY",
        "serviceAccountEmail": FORGET.partition(":")[2],
        "triggerRegion": "us-central1",
    }
    assert second["serviceConfig"] == {
        "availableCpu": "1",
        "availableMemory": "512Mi",
        "environmentVariables": VARIABLES,
        "ingressSettings": "ALLOW_INTERNAL_ONLY",
        "maxInstanceCount": 5,
        "maxInstanceRequestConcurrency": 1,
        "service": FORGETTING.replace("/functions/", "/services/"),
        "serviceAccountEmail": FORGET.partition(":")[2],
        "timeoutSeconds": 120,
    }
    assert first["serviceConfig"]["environmentVariables"]["FORGET"] == "true"
    assert first["eventTrigger"]["eventType"] == "google.cloud.storage.object.v1.finalized"


@needs_gcloud
def test_it_may_delete_documents_and_read_the_bucket_and_nothing_else(story: Story):
    """These are all its rights; its role has the one permission that a deletion needs."""
    state = story.state
    given = {resource: rights(state, resource) for resource in state.policies}

    assert {(resource, role) for resource, pairs in given.items() for member, role in pairs if member == FORGET} == {
        ("project", ROLE),
        ("project", "roles/eventarc.eventReceiver"),
        (f"bucket {BUCKET}", "roles/storage.objectViewer"),
        ("service analyze-forget", "roles/run.invoker"),
    }
    assert given["service analyze-forget"] == {(FORGET, "roles/run.invoker")}
    assert state.roles["soundsForget"]["includedPermissions"] == ["datastore.entities.delete"]


@needs_gcloud
def test_run_again_it_changes_nothing_and_without_the_option_it_is_left(console: Console):
    """A second run changes nothing; one without --forget neither, and says that the function is left as it is."""
    again = console.deployed("--forget")
    without = console.deployed()

    assert (again.done.returncode, again.writes) == (0, []), again.done.stdout
    assert (without.done.returncode, without.writes) == (0, []), without.done.stdout
    assert "note: analyze-forget is left as it is; --forget brings it up, too\n" in without.done.stdout
    assert "is left as it is" not in again.done.stdout
    assert "watches gs://" not in again.done.stdout + without.done.stdout


@needs_gcloud
def test_it_is_removed_with_the_first(console: Console):
    """After --delete there is neither function, trigger, account nor right; the role is left, and that is said."""
    state = console.cloud.state

    run = console.deployed("--delete", "--yes")

    assert run.done.returncode == 0, run.done.stderr
    assert (state.functions, state.triggers, state.accounts, state.indexes) == ({}, {}, {}, {})
    assert [pair for one in state.policies for pair in rights(state, one) if "analyze-" in pair[0]] == []
    assert not [pair for pair in rights(state, "project") if pair[1] == "roles/pubsub.publisher"]
    assert "  the role soundsForget, as a role's ID cannot be used again for 37 days" in run.done.stdout
    assert set(state.roles) == {"soundsForget"}


@needs_gcloud
def test_another_function_of_that_name_is_refused(console: Console):
    """A function of the second's name that does something else is neither taken over nor removed."""
    console.cloud.state.functions[FORGETTING]["buildConfig"]["entryPoint"] = "other"

    runs = console.deployed("--forget"), console.deployed("--delete", "--yes")

    for run in runs:
        assert (run.done.returncode, run.writes) == (1, [])
        assert f"analyze-forget is there, and does not forget what is deleted from {BUCKET}.\n" in run.done.stderr


@needs_gcloud
def test_the_first_generation_gets_its_own_events(story: Story):
    """In the 1st generation the second function is made by its own kind of trigger, and is found again."""
    cloud, state = story.console.cloud, deepcopy(story.state)
    state.functions, state.triggers = {}, {}
    cloud.restore(state)

    made = story.console.deployed("--generation", "1", "--forget")
    again = story.console.deployed("--generation", "1", "--forget")

    assert made.done.returncode == 0, made.done.stderr
    function = cloud.state.functions[FORGETTING]
    assert (function["entryPoint"], function["runtime"]) == ("forget", "python312")
    assert function["eventTrigger"] == {
        "eventType": "google.storage.object.delete",
        "resource": f"projects/_/buckets/{BUCKET}",
        "failurePolicy": {"retry": {}},
    }
    assert cloud.state.functions[NAME]["eventTrigger"]["eventType"] == "google.storage.object.finalize"
    assert made.done.stdout.count("generation 1 can be made only") == 1
    assert (again.done.returncode, again.writes) == (0, []), again.done.stdout


class Roles(Gcloud):
    """A gcloud that has read a role, and prints what it would run."""

    def __init__(self, role: dict[str, Any] | None) -> None:
        super().__init__(PROJECT, dry_run=True)
        self.role = role

    def read(self, *_arguments: str) -> Any:
        """Return the role."""
        return self.role


@pytest.mark.parametrize(
    ("role", "commands"),
    [
        (None, ["create"]),
        ({"includedPermissions": ["datastore.entities.delete"]}, []),
        ({"includedPermissions": ["datastore.entities.delete"], "deleted": True}, ["undelete"]),
        ({"includedPermissions": ["datastore.entities.delete", "datastore.entities.get"]}, ["update"]),
        ({"deleted": True}, ["undelete", "update"]),
    ],
)
def test_the_role_is_made_put_back_or_changed(
    role: dict[str, Any] | None, commands: list[str], capsys: pytest.CaptureFixture[str]
):
    """A role that somebody has removed is put back, as its ID is taken; one with other permissions is changed."""
    ensure_role(Roles(role))

    assert [line.split()[3] for line in capsys.readouterr().out.splitlines()] == commands


def test_a_function_that_forgets_is_not_deployed_as_one_that_analyses():
    """Whoever names the second function by --name is told which is the first."""
    answer = {"name": FORGETTING, "environment": "GEN_2", "buildConfig": {"entryPoint": "forget"}}

    with pytest.raises(ConflictError, match=r"Name the function that analyses by --name, such as analyze$"):
        refuse_forgetting(read_function(answer), Deployment(PROJECT, BUCKET, name="analyze-forget"))


def test_who_gets_deletions_does_not_watch_uploads():
    """A function with a trigger for deletions does not count among those that analyse a bucket's uploads."""
    filters = [{"attribute": "bucket", "value": BUCKET}]
    kinds = {"analyze": "finalized", "analyze-forget": "deleted", "x-forget": "deleted"}
    functions = [
        {
            "name": f"projects/p/locations/l/functions/{name}",
            "eventTrigger": {"eventType": f"google.cloud.storage.object.v1.{kind}", "eventFilters": filters},
        }
        for name, kind in kinds.items()
    ]

    assert names_watching(functions, BUCKET) == ["analyze"]
