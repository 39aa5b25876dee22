"""The proof: a sound goes the whole way and is removed again, or it is said which step did not happen."""

import io
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import soundfile

from analysis.document import make_uid
from analysis.upload import read_upload
from deploy.deployment import Deployment
from deploy.failures import FailedError
from deploy.function import read_function
from deploy.proof import choose_name, make_sound, prove, uid_of
from deploy.rest import Rest
from tests.deploy.apis.answering import Cloud, State
from tests.deploy.apis.console import opened
from tests.deploy.apis.deployed import FORGETTING, NAME, deploy, deploy_forgetting, take
from tests.deploy.apis.terminal import BUCKET, PROJECT, Terminal, needs_gcloud
from tests.deploy.printed_commands import commands_in, read_own


@dataclass
class Prover:
    """Proves the deployment in a played cloud, in which no time passes but what is slept."""

    cloud: Cloud
    said: list[str] = field(default_factory=list)
    waited_s: float = 0

    @property
    def state(self) -> State:
        """The state of the cloud."""
        return self.cloud.state

    def prove(self) -> bool:
        """Prove the deployment."""
        return prove(Rest("played", PROJECT), Deployment(PROJECT, BUCKET), self.said.append, self.sleep)

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.waited_s += seconds


@pytest.fixture
def prover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Prover]:
    """Return a prover of a deployed function."""
    cloud = Cloud()
    for name, value in Terminal(tmp_path, cloud).environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("deploy.proof.LOOK_S", 20)  # each look is two requests
    deploy(cloud.state)
    yield Prover(cloud)
    cloud.stop()


def assert_nothing_left(state: State) -> None:
    """Hold the cloud to having neither sound nor document of the proof."""
    assert (state.objects, state.documents) == ({}, {})


def test_a_sound_goes_the_whole_way(prover: Prover):
    """A sound is uploaded, becomes a document, is found by its fingerprint, and both are removed."""
    assert prover.prove()

    assert len(prover.state.uploaded) == 1
    assert prover.said[-1] == "it became a document and is found by its fingerprint"
    assert_nothing_left(prover.state)


def test_the_sound_is_one_that_is_analysed():
    """The sound is a WAV file of one second, mono, at the rate of the analysis, and not silent."""
    y, sr = soundfile.read(io.BytesIO(make_sound()))

    assert (sr, y.shape) == (22050, (22050,))
    assert 0.49 < abs(y).max() <= 0.5


def test_the_document_is_looked_for_under_its_own_id():
    """The id that is looked for is the one that the function gives to the upload."""
    event = {"bucket": BUCKET, "name": "a/b.wav", "generation": "7", "size": "1"}
    upload = read_upload({"type": "google.cloud.storage.object.v1.finalized", **event}, None)

    assert uid_of(BUCKET, "a/b.wav", "7") == make_uid(upload)


@pytest.mark.parametrize("lost", [1, 2])
def test_an_event_that_gets_lost_is_followed_by_another(prover: Prover, lost: int):
    """While a new trigger does not deliver yet, a further sound is uploaded every minute, and all are removed."""
    prover.state.lost_events = lost

    assert prover.prove()

    assert len(set(prover.state.uploaded)) == lost + 1
    assert prover.waited_s < 180
    assert_nothing_left(prover.state)


def test_an_index_that_is_being_built_is_waited_for(prover: Prover):
    """While the index is still being built, the search is repeated."""
    for index in prover.state.indexes.values():
        index["state"] = "CREATING"

    assert prover.prove()
    assert "found by its fingerprint" in prover.said[-1]


def test_an_index_that_takes_longer_is_said(prover: Prover):
    """An index that is not ready after three minutes does not fail the proof: it is said."""
    prover.state.index_ready_after = 10**6
    for index in prover.state.indexes.values():
        index["state"] = "CREATING"

    assert prover.prove()
    assert "the vector index is still being built" in prover.said[-1]
    assert_nothing_left(prover.state)


FAILURES: dict[str, tuple[Callable[[State], Any], str, str]] = {
    "no trigger": (
        lambda state: state.triggers.clear(),
        "no event reached the function",
        "the function has none\n  deploy it again",
    ),
    "no right to publish": (
        lambda state: take(state, "project", "roles/pubsub.publisher"),
        "no event reached the function",
        "no upload becomes an event\n  gcloud projects add-iam-policy-binding",
    ),
    "no right to invoke": (
        lambda state: take(state, "service analyze", "roles/run.invoker"),
        "the trigger may not invoke the function",
        "gcloud run services add-iam-policy-binding analyze",
    ),
    "crash at start": (
        lambda state: state.functions[NAME].update(crashes=True),
        "the function does not start",
        "the lines of the log say why",
    ),
    "no right to read": (
        lambda state: take(state, f"bucket {BUCKET}", "roles/storage.objectViewer"),
        "the function may not read the sound",
        "gcloud storage buckets add-iam-policy-binding",
    ),
    "no right to write": (
        lambda state: take(state, "project", "roles/datastore.user"),
        "the function may not write the document",
        "--role=roles/datastore.user",
    ),
    "an error of its own": (
        lambda state: state.functions[NAME].update(error="ValueError: an own change"),
        "the function ran into an error",
        "the lines of the log say why",
    ),
}


OTHER_FAILURES: tuple[tuple[Callable[[State], Any], str, str], ...] = (
    (lambda state: state.indexes.clear(), "no vector index", "run the same command again"),
    (lambda state: state.functions.clear(), "there is no function", "deploy it first"),
)


@pytest.mark.parametrize("name", FAILURES)
def test_a_step_that_did_not_happen_is_named(prover: Prover, name: str):
    """What keeps the sound from becoming a document is named, with the log and what to do, after three minutes."""
    plant, step, todo = FAILURES[name]
    plant(prover.state)

    with pytest.raises(FailedError) as failed:
        prover.prove()

    message = str(failed.value)
    assert f"did not become a document within 180 s: {step}\n" in message
    assert "The function's log says:\n  " in message
    assert todo in message.partition("What to do: ")[2]
    assert prover.waited_s == 180
    assert_nothing_left(prover.state)
    if prover.state.log:
        assert prover.state.log[0].get("textPayload", "")[:40] in message


@needs_gcloud
def test_every_command_that_a_failed_proof_tells_is_one(prover: Prover, tmp_path: Path):
    """Gcloud's own linter finds its commands, and our scripts read theirs, whatever kept the proof from succeeding."""
    messages: list[str] = []
    state = deepcopy(prover.state)
    for plant, _step, _todo in (*FAILURES.values(), *OTHER_FAILURES):
        prover.cloud.restore(state)
        plant(prover.state)
        with pytest.raises(FailedError) as failed:
            prover.prove()
        messages.append(str(failed.value))
    commands = commands_in(messages)
    own = [command for command in commands if not command.startswith("gcloud ")]
    (tmp_path / "lint").mkdir()

    linted, refused = Terminal(tmp_path / "lint").lint("\n".join(commands))

    assert (len(linted), refused) == (4, [])
    assert any("--prove" in command for command in own)
    for command in own:
        read_own(command)


def test_no_index_is_named(prover: Prover):
    """Without an index the sound becomes a document that nobody finds, and that is said at once."""
    prover.state.indexes.clear()

    with pytest.raises(FailedError, match="no vector index finds it: 400 Missing vector index"):
        prover.prove()
    assert prover.waited_s == 0
    assert_nothing_left(prover.state)


def test_a_sound_that_is_not_found_is_said(prover: Prover, monkeypatch: pytest.MonkeyPatch):
    """A sound that is a document, but not among its own neighbours, fails the proof."""
    monkeypatch.setattr(prover.cloud, "answer", another_neighbour(prover.cloud))

    with pytest.raises(FailedError, match="is not among its own 20 nearest"):
        prover.prove()
    assert_nothing_left(prover.state)


def another_neighbour(cloud: Cloud) -> Callable[[str, str, bytes], tuple[int, bytes]]:
    """Return what answers as the cloud does, but finds another sound whatever is looked for."""
    answer = cloud.answer
    other = b'[{"document": {"name": "x/documents/sounds/other"}}]'
    return lambda method, target, content: (
        (200, other) if target.endswith(":runQuery") else answer(method, target, content)
    )


def test_a_rejection_is_named(prover: Prover):
    """A sound of the proof that is rejected fails it, with the reason."""
    prover.state.functions[NAME]["rejects"] = True

    with pytest.raises(FailedError, match="was rejected: not_audio: no sound"):
        prover.prove()
    assert_nothing_left(prover.state)


def test_a_log_that_may_not_be_read_is_said(prover: Prover):
    """Where the log cannot be read, the rest is said all the same."""
    prover.state.triggers.clear()
    prover.cloud.refuse("/logging/", 403, "PERMISSION_DENIED", "no logging.logEntries.list")

    with pytest.raises(FailedError, match=r"it cannot be read: 403 no logging\.logEntries\.list"):
        prover.prove()


def test_a_person_who_may_not_upload_is_told(prover: Prover):
    """Without the right to upload nothing can be proved, and the role that is lacking is named."""
    prover.cloud.refuse("POST /upload/", 403, "PERMISSION_DENIED", "no storage.objects.create access")

    with pytest.raises(FailedError, match=r"(?s)no storage\.objects\.create.*roles/storage\.objectUser.*--no-proof"):
        prover.prove()


def test_a_person_who_may_not_read_documents_is_told(prover: Prover):
    """Documents that cannot be read are not taken for documents that are not there."""
    prover.cloud.refuse("GET /firestore/.*/documents/", 403, "PERMISSION_DENIED", "Missing permissions")

    with pytest.raises(FailedError, match=r"(?s)cannot be read by you: 403 Missing.*roles/datastore\.user"):
        prover.prove()


def test_a_sound_that_retention_keeps_is_named(prover: Prover):
    """Where the bucket's retention forbids to remove the sound, it is named, and the proof holds."""
    prover.state.buckets[BUCKET]["retentionPolicy"] = {"retentionPeriod": "3600"}

    assert prover.prove()

    (line,) = (line for line in prover.said if "left" in line)
    assert prover.state.uploaded[0] in line
    assert "retention policy" in line
    assert prover.state.documents == {}


def test_another_collection_and_database_are_looked_into(prover: Prover):
    """The document is looked for where the function's settings put it."""
    environment = prover.state.functions[NAME]["serviceConfig"]["environmentVariables"]
    environment |= {"SOUNDS_COLLECTION": "tones", "FIRESTORE_DATABASE": "other"}
    for name, index in list(prover.state.indexes.items()):
        index["name"] = name.replace("/sounds/", "/tones/")

    assert prover.prove()
    paths = {one.path for one in prover.cloud.requests if "/documents/" in one.path}
    assert all("/databases/other/documents/" in path for path in paths)
    assert any("/documents/tones/" in path for path in paths)


def test_without_a_function_there_is_nothing_to_prove(prover: Prover):
    """Where no function of the name is there, that is said, and nothing is uploaded."""
    prover.state.functions.clear()

    with pytest.raises(FailedError, match="there is no function analyze to prove in us-central1"):
        prover.prove()
    assert prover.state.uploaded == []


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ("", "", "deployment-proof-x.wav"),
        ("*.wav", "", "deployment-proof-x.wav"),
        ("in/*", "", "in/deployment-proof-x"),
        ("in/*.mp3, out/*", "in/*", "out/deployment-proof-x"),
        ("take-??-*.wav", "", "take-xx-deployment-proof-x.wav"),
        ("", "*.wav", "deployment-proof-x.flac"),
        ("", "*", None),
        ("[0-9].wav", "", None),
    ],
)
def test_the_name_is_one_that_the_filters_let_through(include: str, exclude: str, expected: str | None):
    """The name is made from the globs of the settings; where none passes, there is none."""
    settings = {"INCLUDE_NAMES": include, "EXCLUDE_NAMES": exclude}
    answer = {"name": NAME, "environment": "GEN_2", "serviceConfig": {"environmentVariables": settings}}

    assert choose_name(read_function(answer), "x") == expected


def test_filters_that_let_no_name_through_are_said(prover: Prover):
    """Where no name passes the filters, nothing is uploaded, and that is said."""
    prover.state.functions[NAME]["serviceConfig"]["environmentVariables"]["EXCLUDE_NAMES"] = "*"

    assert not prover.prove()
    assert "no name is let through by INCLUDE_NAMES= EXCLUDE_NAMES=*" in prover.said[0]
    assert prover.state.uploaded == []


@needs_gcloud
def test_a_deployment_ends_with_its_proof(tmp_path: Path):
    """From an empty project deploy.sh ends with the proof, `--prove` repeats it, and both leave nothing behind."""
    with opened(tmp_path) as console:
        first = console.deployed("--proof")
        again = console.deployed("--prove")
        console.cloud.state.indexes.clear()
        failed = console.deployed("--prove")

    assert first.done.returncode == 0, first.done.stdout + first.done.stderr
    assert "prove that a sound becomes a document\n  a sound of one second is in gs://my-sounds/" in first.done.stdout
    assert "found by its fingerprint\ndone: put a sound into" in first.done.stdout
    assert again.done.returncode == 0, again.done.stderr
    assert [one.method for one in again.writes] == ["POST", "DELETE", "DELETE", "DELETE"]
    assert failed.done.returncode == 1
    assert "no vector index finds it" in failed.done.stderr
    assert_nothing_left(console.cloud.state)


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_deleted_sound_is_forgotten(prover: Prover, lost: int):
    """Where a function forgets, the sound is deleted and its document goes; a lost event is followed by another."""
    deploy_forgetting(prover.state)
    prover.state.lost_deletions = lost

    assert prover.prove()

    assert prover.said[-1] == "its object was deleted, and its document was forgotten"
    assert len(prover.state.deleted) == lost + 1
    assert_nothing_left(prover.state)


@pytest.mark.parametrize(
    ("plant", "todo"),
    [
        (
            lambda state: take(state, "project", f"projects/{PROJECT}/roles/soundsForget"),
            "may not delete documents\n  gcloud projects add-iam-policy-binding",
        ),
        (lambda state: state.triggers.pop(FORGETTING), "the function has none\n  deploy it again"),
        (lambda state: setattr(state, "lost_deletions", 9), "a new trigger may take longer than this: ./deploy.sh"),
    ],
)
def test_a_sound_that_is_not_forgotten_is_named(prover: Prover, plant: Callable[[State], Any], todo: str):
    """A document that stays fails the proof after three minutes, with what to do, and nothing of the proof is left."""
    deploy_forgetting(prover.state)
    plant(prover.state)

    with pytest.raises(FailedError, match="was not removed within 180 s by analyze-forget") as failed:
        prover.prove()

    assert todo in str(failed.value)
    assert prover.waited_s == 180
    assert_nothing_left(prover.state)


def test_an_object_that_cannot_be_deleted_is_no_failure_of_forgetting(prover: Prover):
    """Where the bucket's retention keeps the object, forgetting is not proved, and that is said."""
    deploy_forgetting(prover.state)
    prover.state.buckets[BUCKET]["retentionPolicy"] = {"retentionPeriod": "60"}

    assert prover.prove()

    assert any(line.startswith("not proved that it is forgotten: its object cannot be") for line in prover.said)
