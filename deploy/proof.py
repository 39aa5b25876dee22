"""The proof of a deployment: a sound of one second goes the whole way, is found by its fingerprint, and is removed.

Where a function forgets what is deleted, the sound's object is deleted, and that function has to remove the document.

A trigger takes up to two minutes until it delivers, and what is uploaded before may bring no event at all (Eventarc's
"Known issues"). So a further sound is uploaded every minute until one has become a document, and deleted until one is
forgotten.
"""

import math
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cache
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from analysis.definition import SR
from deploy.check_function import check_forgetting
from deploy.database import FIELD
from deploy.deployment import Deployment
from deploy.diagnosis import diagnose
from deploy.failures import FailedError
from deploy.findings import Status, look
from deploy.function import Function, read_function
from deploy.rest import Answer, Rest

# How long a document is waited for, how long the index, how often is looked, and when a further sound is uploaded.
DOCUMENT_S = 180
INDEX_S = 180
LOOK_S = 3
AGAIN_S = 60

# How many sounds are deleted, until one is forgotten, and how long each is waited for: 180 s in all.
N_DELETIONS, FORGOTTEN_S = 3, 60

# The sound: A4 for a second at the rate of the analysis, loud enough to have a fingerprint.
PITCH_HZ, AMPLITUDE = 440.0, 0.5

# How many neighbours are asked for: the sound itself comes first, beside what sounds just like it.
N_NEIGHBOURS = 20


@dataclass
class Proof:
    """A proof under way.

    Attributes:
        rest: the APIs, as the person sees them.
        deployment: what was deployed.
        function: the function as it is.
        say: prints a line.
        sleep: waits so many seconds.
        uploads: the uids of the sounds that were uploaded, with their names and generations.

    """

    rest: Rest
    deployment: Deployment
    function: Function
    say: Callable[[str], None]
    sleep: Callable[[float], None]
    uploads: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def documents(self) -> str:
        """The path of the database's documents."""
        database = self.function.environment.get("FIRESTORE_DATABASE", "(default)")
        return f"v1/projects/{self.deployment.project}/databases/{database}/documents"

    @property
    def collections(self) -> tuple[str, str]:
        """The collections of sounds and of rejections."""
        environment = self.function.environment
        return environment.get("SOUNDS_COLLECTION", "sounds"), environment.get("REJECTIONS_COLLECTION", "rejections")


def prove(
    rest: Rest,
    deployment: Deployment,
    say: Callable[[str], None] = print,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Send a sound the whole way and remove it; return False, and say so, where the filters let no name through.

    Raises FailedError where it does not arrive, with the step that did not happen, the log and what to do.
    """
    situation = look(rest, deployment)
    if not situation.function.ok:
        raise FailedError(
            f"there is no function {deployment.name} to prove in {situation.location.region}:"
            f" {situation.function.message}\nDeploy it first: {deployment.command} --name {deployment.name}"
        )
    proof = Proof(rest, deployment, read_function(situation.function.content), say, sleep)
    if choose_name(proof.function, "x") is None:
        filters = [f"{key}={proof.function.environment.get(key, '')}" for key in ("INCLUDE_NAMES", "EXCLUDE_NAMES")]
        say(f"not proved: no name is let through by {' '.join(filters)}; put a sound there and look for its document")
        return False
    started = datetime.now(UTC)
    try:
        uid, document = _wait_for_document(proof, started)
        _find_nearest(proof, uid, document)
        if situation.forgetting.ok:
            _wait_until_forgotten(proof, uid)
    finally:
        _remove(proof)
    return True


def choose_name(function: Function, token: str) -> str | None:
    """Return a name for the sound that the filters of the function let through, made from their globs; or None."""
    include, exclude = (
        [one.strip() for one in function.environment.get(key, "").split(",") if one.strip()]
        for key in ("INCLUDE_NAMES", "EXCLUDE_NAMES")
    )
    stem = f"deployment-proof-{token}"
    names = [f"{stem}.wav", *(glob.replace("*", stem).replace("?", "x") for glob in include)]
    names += [f"{stem}.{ending}" for ending in ("flac", "mp3", "ogg")]  # the content decides, not the name
    return next(
        (
            name
            for name in names
            if (not include or any(fnmatchcase(name, glob) for glob in include))
            and not any(fnmatchcase(name, glob) for glob in exclude)
        ),
        None,
    )


@cache
def make_sound() -> bytes:
    """Return the sound as a WAV file: one channel, 16 bits."""
    y = (AMPLITUDE * math.sin(2 * math.pi * PITCH_HZ * i / SR) for i in range(SR))
    samples = b"".join(struct.pack("<h", round(32767 * value)) for value in y)
    header = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, SR, 2 * SR, 2, 16)
    return header + struct.pack("<4sI", b"data", len(samples)) + samples


def uid_of(bucket: str, name: str, generation: str) -> str:
    """Return the id of the document that an upload becomes, as `analysis.document.make_uid` makes it."""
    return str(uuid5(NAMESPACE_URL, f"gs://{bucket}/{name}#{generation}"))


def _wait_for_document(proof: Proof, started: datetime) -> tuple[str, dict[str, Any]]:
    """Upload sounds until one of them is a document, and return its id and the document."""
    uids: list[str] = []
    sounds, rejections = proof.collections
    refused: Answer | None = None
    for waited_s in range(0, DOCUMENT_S + 1, LOOK_S):
        if waited_s % AGAIN_S == 0 and waited_s < DOCUMENT_S:
            uids.append(_upload(proof))
        for uid in uids:
            answer = proof.rest.get("firestore", f"{proof.documents}/{sounds}/{uid}")
            if answer.ok:
                return uid, answer.content
            if answer.status != 404:
                refused = answer
            rejection = proof.rest.get("firestore", f"{proof.documents}/{rejections}/{uid}")
            if rejection.ok:
                fields = rejection.content.get("fields", {})
                reason, message = (fields.get(key, {}).get("stringValue", "") for key in ("reason", "message"))
                raise FailedError(f"the sound of the proof was rejected: {reason}: {message}")
        if waited_s < DOCUMENT_S:
            proof.sleep(LOOK_S)
    if refused is not None:
        raise FailedError(
            f"the documents cannot be read by you: {refused.message}\n"
            f"What to do: have an owner of {proof.deployment.project} give you roles/datastore.user, then run"
            f" {proof.deployment.command} --name {proof.deployment.name} --prove"
        )
    raise FailedError(diagnose(proof.rest, proof.deployment, started, DOCUMENT_S))


def _upload(proof: Proof) -> str:
    """Upload a sound, and return the id of its document."""
    bucket, name = proof.deployment.bucket, choose_name(proof.function, uuid4().hex[:12]) or ""
    answer = proof.rest.post("storage", f"upload/storage/v1/b/{bucket}/o", make_sound(), uploadType="media", name=name)
    if not answer.ok:
        raise FailedError(
            f"the sound of the proof could not be put into gs://{bucket}: {answer.message}\n"
            f"What to do: you need roles/storage.objectUser on it, or leave the proof out: --no-proof"
        )
    generation = str(answer.content["generation"])
    if not proof.uploads:
        proof.say(f"a sound of one second is in gs://{bucket}/{name}; its document may take up to {DOCUMENT_S} s")
    uid = uid_of(bucket, name, generation)
    proof.uploads[uid] = (name, generation)
    return uid


def _find_nearest(proof: Proof, uid: str, document: dict[str, Any]) -> None:
    """Look for the sound by its fingerprint, waiting for an index that is being built."""
    collection, _ = proof.collections
    vector = document.get("fields", {}).get(FIELD)
    if vector is None:
        raise FailedError(f"the document {collection}/{uid} has no {FIELD}: an older version of the function made it")
    nearest = {
        "vectorField": {"fieldPath": FIELD},
        "queryVector": vector,
        "distanceMeasure": "EUCLIDEAN",
        "limit": N_NEIGHBOURS,
    }
    query = {"structuredQuery": {"from": [{"collectionId": collection}], "findNearest": nearest}}
    answer = Answer(0, "")
    for waited_s in range(0, INDEX_S + 1, LOOK_S):
        answer = proof.rest.post("firestore", f"{proof.documents}:runQuery", query)
        if answer.ok:
            break
        if "index" not in answer.message.lower():
            raise FailedError(f"the sound became a document, but cannot be looked for: {answer.message}")
        if not _has_index(proof, vector):
            raise FailedError(
                f"the sound became a document, but no vector index finds it: {answer.message}\n"
                f"What to do: run the same command again without --prove, which makes it: {proof.deployment.command}"
            )
        if waited_s < INDEX_S:
            proof.sleep(LOOK_S)
    if not answer.ok:
        proof.say(
            "  the sound became a document; the vector index is still being built, neighbours are found after that"
        )
        return
    found = [one["document"]["name"].rpartition("/")[2] for one in answer.content if "document" in one]
    if uid not in found:
        raise FailedError(f"the sound became a document, but is not among its own {N_NEIGHBOURS} nearest: {found}")
    proof.say("it became a document and is found by its fingerprint")


def _wait_until_forgotten(proof: Proof, uid: str) -> None:
    """Delete the sound's object, and further ones, until the document of one is gone."""
    collection, _ = proof.collections
    for n_deletions in range(N_DELETIONS):
        if n_deletions:
            uid, _document = _wait_for_document(proof, datetime.now(UTC))
        name, generation = proof.uploads[uid]
        removed = _delete_object(proof, name, generation)
        if not removed.ok:
            proof.say(f"not proved that it is forgotten: its object cannot be deleted: {removed.message}")
            return
        for waited_s in range(0, FORGOTTEN_S + 1, LOOK_S):
            if proof.rest.get("firestore", f"{proof.documents}/{collection}/{uid}").status == 404:
                proof.say("its object was deleted, and its document was forgotten")
                return
            if waited_s < FORGOTTEN_S:
                proof.sleep(LOOK_S)
    found = [*check_forgetting(look(proof.rest, proof.deployment))]
    known = next((one for one in found if one.status == Status.OBSTACLE), None)
    command = f"{proof.deployment.command} --name {proof.deployment.name} --prove"
    todo = f"{known.text}\n  {known.todo}" if known else f"a new trigger may take longer than this: {command}"
    raise FailedError(
        f"the sound became a document, but the document of a deleted sound was not removed within"
        f" {N_DELETIONS * FORGOTTEN_S} s by {proof.deployment.forgetting}\nWhat to do: {todo}"
    )


def _has_index(proof: Proof, vector: dict[str, Any]) -> bool:
    """Return whether there is an index for such vectors, ready or still being built."""
    path = f"{proof.documents.removesuffix('/documents')}/collectionGroups/{proof.collections[0]}/indexes"
    _answer, indexes = proof.rest.items("firestore", path, "indexes")
    values = vector.get("mapValue", {}).get("fields", {}).get("value", {}).get("arrayValue", {}).get("values", [])
    fields = [one for index in indexes for one in index.get("fields", []) if one.get("fieldPath") == FIELD]
    return any(one.get("vectorConfig", {}).get("dimension") == len(values) for one in fields)


def _remove(proof: Proof) -> None:
    """Remove the sounds of the proof and what became of them; name what cannot be removed."""
    bucket = proof.deployment.bucket
    for uid, (name, generation) in proof.uploads.items():
        removed = _delete_object(proof, name, generation)
        if not removed.ok and removed.status != 404:
            proof.say(f"left: gs://{bucket}/{name} cannot be removed: {removed.message}")
        for collection in proof.collections:
            removed = proof.rest.delete("firestore", f"{proof.documents}/{collection}/{uid}")
            if not removed.ok and removed.status != 404:
                proof.say(f"left: the document {collection}/{uid} cannot be removed: {removed.message}")


def _delete_object(proof: Proof, name: str, generation: str) -> Answer:
    path = f"storage/v1/b/{proof.deployment.bucket}/o/{name.replace('/', '%2F')}"
    return proof.rest.delete("storage", path, generation=generation)
