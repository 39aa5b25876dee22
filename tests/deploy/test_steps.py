"""The rooms behind deploy.sh, each on its own."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from analysis.definition import N_FINGERPRINT
from analysis.settings import Settings
from deploy import archive
from deploy.bucket import ensure_bucket
from deploy.database import ensure_database, ensure_index
from deploy.deployment import MEMORIES_MIB, Deployment
from deploy.existing import find_function, refuse_other_bucket
from deploy.failures import DisagreementError, RefusedError
from deploy.function import read_function
from deploy.gcloud import Gcloud, patiently
from deploy.place import Place, place
from deploy.step import advice
from tests.deploy.apis.terminal import BUCKET, PROJECT, ROOT, needs_gcloud

NAME = f"projects/{PROJECT}/locations/us-central1/functions/analyze"
VECTOR = {"vectorConfig": {"dimension": N_FINGERPRINT, "flat": {}}}


@pytest.mark.parametrize("memory", MEMORIES_MIB)
def test_an_upload_fits_in_memory(memory: str):
    """MAX_BYTES is a value that the function accepts, and leaves the function itself what it was measured to take."""
    settings = Settings.from_environment({"MAX_BYTES": str(Deployment(PROJECT, BUCKET, memory=memory).max_bytes)})

    assert 0 < settings.max_bytes <= (MEMORIES_MIB[memory] - 204) * 2**20


@pytest.mark.parametrize(
    ("location", "region", "expected"),
    [
        (None, None, Place("us-central1", "us-central1")),
        (None, "europe-west3", Place("europe-west3", "europe-west3")),
        ("EUROPE-WEST3", None, Place("europe-west3", "europe-west3")),
        ("EUROPE-WEST3", "europe-west3", Place("europe-west3", "europe-west3")),
        ("US", None, Place("us-central1", "us")),
        ("US", "us-east4", Place("us-east4", "us")),
        ("EU", None, Place("europe-west1", "eu")),
        ("ASIA", "asia-south1", Place("asia-south1", "asia")),
        ("NAM4", "us-east1", Place("us-east1", "nam4")),
    ],
)
def test_the_function_is_where_its_bucket_is(location: str | None, region: str | None, expected: Place):
    """The trigger is in the bucket's location and the function in it or in a region of it."""
    bucket = location and {"name": BUCKET, "location": location}

    assert place(bucket or None, region) == expected


@pytest.mark.parametrize(
    ("location", "region"),
    [("EUROPE-WEST3", "us-central1"), ("US", "europe-west1"), ("NAM4", "us-west1"), ("EUR4", "europe-west1")],
)
def test_a_region_without_the_bucket_is_refused_with_the_reason(location: str, region: str):
    """A region in which the bucket is not is refused, with where the bucket is and a region that would do."""
    with pytest.raises(
        DisagreementError, match=f"(?s)is in {location.lower()}, --region {region} is not.*Use --region"
    ):
        place({"name": BUCKET, "location": location}, region)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("You do not currently have an active account selected.", "gcloud auth login"),
        ("Billing account for project '12' is not found.", "linkedaccount?project=p"),
        ("HTTPError 403: x does not have storage.buckets.get access", "choose another --bucket"),
        ("HTTPError 409: The requested bucket name is not available.", "choose another --bucket"),
        ("PERMISSION_DENIED: The caller does not have permission", "--member=user:YOU --role=roles/a"),
        ("RESOURCE_EXHAUSTED: Quota exceeded", "quota"),
        ("ResponseError: status=[503]", "status.cloud.google.com"),
        ("something new", "says what is wrong"),
    ],
)
def test_an_answer_comes_with_what_to_do(answer: str, expected: str):
    """What Google answers is met by what to do about it, with the project and the roles of the step filled in."""
    assert expected in advice(answer, "p", ("roles/a",))


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were to be waited, without waiting."""
    waits: list[float] = []
    monkeypatch.setattr("deploy.gcloud.sleep", waits.append)
    return waits


def test_what_passes_by_itself_is_waited_for(waits: list[float], tmp_path: Path):
    """A command that meets something new that is not known everywhere yet is run again until it is known."""
    program = tmp_path / "refuses-twice"
    program.write_text(
        "#!/bin/sh\n"
        'echo >>"$0.calls"\n'
        'if [ "$(wc -l <"$0.calls")" -lt 3 ]; then echo "Service account a@p does not exist." >&2; exit 1; fi\n'
        "echo done\n"
    )
    program.chmod(0o755)

    assert patiently([str(program)]) == "done\n"
    assert waits == [2, 4]


@pytest.mark.parametrize(
    ("answer", "waited_s"), [("Service account a@p does not exist.", 300), ("PERMISSION_DENIED", 0)]
)
def test_waiting_has_an_end(waits: list[float], answer: str, waited_s: int):
    """A refusal that has not passed after five minutes is given up, and one that will not pass at once."""
    command = ["sh", "-c", 'echo "$0" >&2; exit 1', answer]

    with pytest.raises(RefusedError, match=answer):
        patiently(command)
    assert sum(waits) == waited_s


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
        DisagreementError, match=r"(?s)analyze watches bucket other.*--bucket other --name analyze --delete"
    ):
        refuse_other_bucket(read_function({"name": NAME, **answer}), Deployment(PROJECT, BUCKET))


@pytest.mark.parametrize(
    "answer", [{"environment": "GEN_2"}, {}, {"eventTrigger": {"resource": f"projects/{PROJECT}/topics/{BUCKET}"}}]
)
def test_a_function_that_watches_no_bucket_is_another_s(answer: dict[str, Any]):
    """A function of the same name without a bucket is not taken over, even where its topic has the bucket's name."""
    with pytest.raises(DisagreementError, match="analyze is there and watches no bucket"):
        refuse_other_bucket(read_function({"name": NAME, **answer}), Deployment(PROJECT, BUCKET))


def test_a_function_in_another_region_is_recognised(monkeypatch: pytest.MonkeyPatch):
    """Where the function is in another region, no second one is made beside it, and nothing of it is removed."""
    there = [{"name": f"projects/{PROJECT}/locations/us-east1/functions/analyze"}]
    monkeypatch.setattr(Gcloud, "read", lambda _self, *words: there if "list" in words else None)

    with pytest.raises(DisagreementError, match="analyze is in us-east1, not us-central1: use --region us-east1"):
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

    with pytest.raises(DisagreementError, match=r"(?s)is in DATASTORE_MODE.*databases update --type=firestore-native"):
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
