"""The steps of deploy.sh, each on its own."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from analysis.definition import N_FINGERPRINT
from analysis.settings import Settings
from deploy import archive
from deploy.bucket import ensure_bucket, refuse_foreign
from deploy.database import ensure_database, ensure_index
from deploy.deployment import MEMORIES_MIB, Deployment
from deploy.failures import ConflictError
from deploy.function import read_function
from deploy.gcloud import Gcloud
from deploy.location import Location, locate
from deploy.policy import Right, policy_of_service, right_of_account
from deploy.reconcile import find_function, refuse_other_bucket, region_of_function, say_neighbours
from deploy.rights import ensure_only_invoker
from deploy.teardown import remove_indexes, remove_project_rights
from tests.deploy.apis.terminal import BUCKET, PROJECT, ROOT, needs_gcloud

NAME = f"projects/{PROJECT}/locations/us-central1/functions/analyze"
VECTOR = {"vectorConfig": {"dimension": N_FINGERPRINT, "flat": {}}}


@pytest.mark.parametrize("memory", MEMORIES_MIB)
def test_an_upload_fits_in_memory(memory: str):
    """MAX_BYTES is a value that the function accepts, and leaves the function itself what it was measured to take."""
    settings = Settings.from_environment({"MAX_BYTES": str(Deployment(PROJECT, BUCKET, memory=memory).max_bytes)})

    assert 0 < settings.max_bytes <= (MEMORIES_MIB[memory] - 204) * 2**20


@pytest.mark.parametrize("memory", MEMORIES_MIB)
def test_a_new_project_s_quota_covers_all_instances(memory: str):
    """By default no more run at once than 20 vCPU and 40 GiB are enough for, and as many as that up to ten."""
    deployment = Deployment(PROJECT, BUCKET, memory=memory)
    n = deployment.instances

    assert n * deployment.vcpus <= 20
    assert n * deployment.memory_mib <= 40 * 1024
    assert n == 10 or (n + 1) * deployment.vcpus > 20 or (n + 1) * deployment.memory_mib > 40 * 1024
    assert Deployment(PROJECT, BUCKET, memory=memory, max_instances=3).instances == 3


@pytest.mark.parametrize(
    ("location", "region", "expected"),
    [
        (None, None, Location("us-central1", "us-central1")),
        (None, "europe-west3", Location("europe-west3", "europe-west3")),
        ("EUROPE-WEST3", None, Location("europe-west3", "europe-west3")),
        ("EUROPE-WEST3", "europe-west3", Location("europe-west3", "europe-west3")),
        ("US", None, Location("us-central1", "us")),
        ("US", "us-east4", Location("us-east4", "us")),
        ("EU", None, Location("europe-west1", "eu")),
        ("ASIA", "asia-south1", Location("asia-south1", "asia")),
        ("NAM4", "us-east1", Location("us-east1", "nam4")),
    ],
)
def test_the_function_is_where_its_bucket_is(location: str | None, region: str | None, expected: Location):
    """The trigger is in the bucket's location and the function in it or in a region of it."""
    bucket = location and {"name": BUCKET, "location": location}

    assert locate(bucket or None, region) == expected


@pytest.mark.parametrize(
    ("location", "region"),
    [("EUROPE-WEST3", "us-central1"), ("US", "europe-west1"), ("NAM4", "us-west1"), ("EUR4", "europe-west1")],
)
def test_a_region_without_the_bucket_is_refused_with_the_reason(location: str, region: str):
    """A region in which the bucket is not is refused, with where the bucket is and a region that would do."""
    with pytest.raises(ConflictError, match=f"(?s)is in {location.lower()}, --region {region} is not.*Use --region"):
        locate({"name": BUCKET, "location": location}, region)


@needs_gcloud
def test_only_another_source_has_another_digest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The digest follows what is uploaded, name and content, and nothing that merely lies beside it."""
    shutil.copytree(ROOT / "analysis", tmp_path / "analysis", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".gcloudignore", "main.py", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setattr(archive, "ROOT", tmp_path)
    before = archive.digest()

    (tmp_path / "README.md").write_text("x")
    assert archive.digest() == before
    (tmp_path / "main.py").write_text("x")
    changed = archive.digest()
    (tmp_path / "main.py").rename(tmp_path / "analysis" / "main.py")
    assert len({before, changed, archive.digest()}) == 3


@pytest.mark.parametrize(
    "answer",
    [
        {"environment": "GEN_2", "eventTrigger": {"eventFilters": [{"attribute": "bucket", "value": "other"}]}},
        {"eventTrigger": {"resource": "projects/_/buckets/other"}},
    ],
)
def test_one_function_watches_one_bucket(answer: dict[str, Any]):
    """A function of the same name that watches another bucket is neither taken over nor removed."""
    with pytest.raises(
        ConflictError, match=r"(?s)analyze watches bucket other.*--bucket other --name analyze --delete"
    ):
        refuse_other_bucket(read_function({"name": NAME, **answer}), Deployment(PROJECT, BUCKET))


@pytest.mark.parametrize(
    "answer", [{"environment": "GEN_2"}, {}, {"eventTrigger": {"resource": f"projects/{PROJECT}/topics/{BUCKET}"}}]
)
def test_a_function_that_watches_no_bucket_is_another_s(answer: dict[str, Any]):
    """A function of the same name without a bucket is not taken over, even where its topic has the bucket's name."""
    with pytest.raises(ConflictError, match="analyze is there and watches no bucket"):
        refuse_other_bucket(read_function({"name": NAME, **answer}), Deployment(PROJECT, BUCKET))


def test_a_function_in_another_region_is_recognised(monkeypatch: pytest.MonkeyPatch):
    """Where the function is in another region, no second one is made beside it, and nothing of it is removed."""
    there = [{"name": f"projects/{PROJECT}/locations/us-east1/functions/analyze"}]
    monkeypatch.setattr(Gcloud, "read", lambda _self, *words: there if "list" in words else None)

    with pytest.raises(ConflictError, match="analyze is in us-east1, not us-central1: use --region us-east1"):
        find_function(Gcloud(PROJECT), Deployment(PROJECT, BUCKET), "us-central1")


def test_a_bucket_that_was_there_is_left_as_it_is(capsys: pytest.CaptureFixture[str]):
    """What is open about somebody's bucket is said, with the commands to close it, and not changed."""
    gcloud = Gcloud(PROJECT)

    ensure_bucket(gcloud, BUCKET, {"name": BUCKET, "iamConfiguration": {}}, "us-central1")

    assert gcloud.changes == 0
    assert capsys.readouterr().out == (
        "  note: gs://my-sounds may be made public; to prevent it:"
        " gcloud storage buckets update gs://my-sounds --public-access-prevention\n"
        "  note: gs://my-sounds has access lists per object; to end that:"
        " gcloud storage buckets update gs://my-sounds --uniform-bucket-level-access\n"
    )


@pytest.mark.parametrize(
    ("change", "made"),
    [
        ({}, 0),
        ({"queryScope": "COLLECTION_GROUP"}, 1),
        ({"name": "projects/p/databases/d/collectionGroups/others/indexes/i"}, 1),
        ({"fields": [{"fieldPath": "length", "order": "ASCENDING"}, {"fieldPath": "fingerprint", **VECTOR}]}, 1),
        ({"fields": [{"fieldPath": "fingerprint", "vectorConfig": {"dimension": N_FINGERPRINT + 1, "flat": {}}}]}, 1),
        ({"fields": [{"fieldPath": "fingerprint", "order": "ASCENDING"}]}, 1),
    ],
)
def test_only_an_index_that_finds_neighbours_is_taken_for_one(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], made: int
):
    """An index of another collection, field, kind or dimension is left as it is, and ours is made beside it."""
    usual = {
        "name": "projects/p/databases/d/collectionGroups/sounds/indexes/i",
        "queryScope": "COLLECTION",
        "fields": [{"fieldPath": "__name__", "order": "ASCENDING"}, {"fieldPath": "fingerprint", **VECTOR}],
    }
    monkeypatch.setattr(Gcloud, "read", lambda *_: [usual | change])
    gcloud = Gcloud(PROJECT, dry_run=True)

    ensure_index(gcloud)

    assert gcloud.changes == made


def test_a_database_in_datastore_mode_is_refused(monkeypatch: pytest.MonkeyPatch):
    """A database that cannot hold documents is refused, with the way out."""
    monkeypatch.setattr(Gcloud, "read", lambda *_: {"type": "DATASTORE_MODE"})

    with pytest.raises(ConflictError, match=r"(?s)is in DATASTORE_MODE.*databases update --type=firestore-native"):
        ensure_database(Gcloud(PROJECT), "us-central1")


def test_an_index_of_another_version_is_told_of(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """An index of fingerprints of another length is left, and it is said when and how to remove it."""
    fields = [{"fieldPath": "fingerprint", "vectorConfig": {"dimension": 12, "flat": {}}}]
    old = {"name": "projects/p/databases/d/collectionGroups/sounds/indexes/i", "queryScope": "COLLECTION"}
    monkeypatch.setattr(Gcloud, "read", lambda *_: [old | {"fields": fields}])

    ensure_index(Gcloud(PROJECT, dry_run=True))

    told, made = capsys.readouterr().out.splitlines()
    assert "the index i holds the fingerprints of 12 numbers that another version wrote" in told
    assert told.endswith("remove it: gcloud firestore indexes composite delete i")
    assert f'"dimension":"{N_FINGERPRINT}"' in made


class Answers(Gcloud):
    """A gcloud that reads what a test says, by gcloud's words, and prints what it would run."""

    def __init__(self, **answers: Any) -> None:
        super().__init__(PROJECT, dry_run=True)
        self.answers = {name.replace("_", " "): answer for name, answer in answers.items()}

    def read(self, *arguments: str) -> Any:
        """Return the answer for the longest words that the arguments begin with."""
        words = " ".join(arguments)
        found = [name for name in self.answers if words.startswith(name)]
        return self.answers[max(found, key=len)] if found else None


@pytest.mark.parametrize("name", ["my-analyze", "analyze-2", "analyze2"])
def test_a_function_whose_name_ends_alike_is_another(name: str):
    """A function is known by its whole name: one whose name only ends or begins alike is not taken for it."""
    functions = [{"name": f"projects/{PROJECT}/locations/us-east1/functions/{name}"}]
    gcloud = Answers(functions_list=functions)

    assert region_of_function(functions, "analyze") is None
    assert find_function(gcloud, Deployment(PROJECT, BUCKET), "us-central1") is None


def test_another_function_of_the_bucket_is_said(capsys: pytest.CaptureFixture[str]):
    """Other functions that watch the bucket are said, with what that means; those of other buckets are not."""
    there: list[dict[str, Any]] = [
        {"name": NAME, "eventTrigger": {"eventFilters": [{"attribute": "bucket", "value": BUCKET}]}},
        {"name": f"{NAME}-x", "eventTrigger": {"eventFilters": [{"attribute": "bucket", "value": BUCKET}]}},
        {"name": f"{NAME}-y", "eventTrigger": {"eventFilters": [{"attribute": "bucket", "value": "other"}]}},
        {"name": f"{NAME}-z", "labels": {archive.LABEL: "1"}, "eventTrigger": {}},
    ]
    there[1]["labels"] = {archive.LABEL: "1"}

    say_neighbours(Answers(functions_list=there), Deployment(PROJECT, BUCKET))

    assert capsys.readouterr().out == (
        "# note: the function analyze-x watches gs://my-sounds too"
        " (the same function, so each upload is analysed twice)\n"
    )


OURS = {"name": NAME, "labels": {archive.LABEL: "1"}}
INDEX = {
    "name": "projects/p/databases/d/collectionGroups/sounds/indexes/i",
    "queryScope": "COLLECTION",
    "fields": [{"fieldPath": "fingerprint", **VECTOR}],
}


@pytest.mark.parametrize(
    ("name", "labels", "kept"),
    [
        ("analyze", {archive.LABEL: "1"}, False),
        ("my-analyze", {archive.LABEL: "1"}, True),
        ("analyze-2", {archive.LABEL: "1"}, True),
        ("my-analyze", {}, False),
        ("analyze-forget", {archive.LABEL: "1"}, False),
        ("my-analyze-forget", {archive.LABEL: "1"}, True),
    ],
)
def test_the_index_stays_while_another_function_writes_sounds(
    name: str, labels: dict[str, str], *, kept: bool, capsys: pytest.CaptureFixture[str]
):
    """Removing a function leaves the index to another of ours, though its name may end alike, and to no stranger's."""
    there = [OURS, {"name": NAME.replace("/analyze", f"/{name}"), "labels": labels}]
    gcloud = Answers(functions_list=there, firestore_indexes_composite=[INDEX])

    remove_indexes(gcloud, Deployment(PROJECT, BUCKET))

    assert ("composite delete i " in capsys.readouterr().out) is not kept


def trigger(event: str, account: str) -> dict[str, Any]:
    """Return a trigger of Eventarc."""
    return {"eventFilters": [{"attribute": "type", "value": event}], "serviceAccount": account}


FINALIZED = "google.cloud.storage.object.v1.finalized"


@pytest.mark.parametrize(
    ("event", "account", "kept"),
    [
        (FINALIZED, Deployment(PROJECT, BUCKET).run_account, False),
        (FINALIZED, f"my-{Deployment(PROJECT, BUCKET).run_account}", True),
        ("google.cloud.storage.object.v1.deleted", Deployment(PROJECT, BUCKET).forget_account, False),
        ("google.cloud.storage.object.v1.deleted", "other@p", True),
        ("google.cloud.firestore.document.v1.created", "other@p", False),
    ],
)
def test_the_right_to_publish_stays_while_another_trigger_needs_it(
    event: str, account: str, *, kept: bool, capsys: pytest.CaptureFixture[str]
):
    """The storage agent keeps its right for another bucket's trigger, and loses it with the last."""
    agent = "serviceAccount:service-1@gs-project-accounts.iam.gserviceaccount.com"
    gcloud = Answers(
        projects_describe={"projectNumber": 1},
        eventarc_triggers=[trigger(event, account)],
    )
    gcloud.answers["projects get-iam-policy"] = {"bindings": [{"role": "roles/pubsub.publisher", "members": [agent]}]}

    remove_project_rights(gcloud, Deployment(PROJECT, BUCKET))

    assert ("remove-iam-policy-binding" in capsys.readouterr().out) is not kept


def test_a_bucket_of_another_project_is_refused():
    """A bucket whose number is not the project's is refused, also where one number begins with the other."""
    bucket = {"name": BUCKET, "projectNumber": "1234"}

    refuse_foreign(bucket, "1234")
    with pytest.raises(ConflictError, match="belongs to another project"):
        refuse_foreign(bucket, "123")


RUN = right_of_account("analyze-run@p.iam.gserviceaccount.com", "roles/run.invoker")
EXPIRING = {"title": "until 2027", "expression": 'request.time < timestamp("2027-01-01T00:00:00Z")'}


def test_a_right_under_a_condition_is_not_given():
    """A binding with a condition, which may expire or hold for some objects only, does not count as the right."""
    bindings = [
        {"role": RUN.role, "members": [RUN.member], "condition": EXPIRING},
        {"role": "roles/browser", "members": [RUN.member, "allUsers"]},
    ]
    gcloud = Answers(run_services={"bindings": bindings})

    given = policy_of_service("analyze", "us-central1").rights(gcloud)

    assert given == {Right(RUN.member, "roles/browser"), Right("allUsers", "roles/browser")}


def test_nobody_else_keeps_the_right_to_invoke(capsys: pytest.CaptureFixture[str]):
    """Whoever else may invoke the service loses that right, and no other right of theirs."""
    others = ["allUsers", "user:x@example.org"]
    bindings = [{"role": RUN.role, "members": [*others, RUN.member]}, {"role": "roles/run.viewer", "members": others}]
    gcloud = Answers(run_services={"bindings": bindings})

    ensure_only_invoker(gcloud, policy_of_service("analyze", "us-central1"), RUN.member.partition(":")[2])

    lines = capsys.readouterr().out.splitlines()
    assert [line.split("--member=")[1].split(" ")[0] for line in lines] == others
    assert all("remove-iam-policy-binding" in line and "--role=roles/run.invoker" in line for line in lines)
