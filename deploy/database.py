"""The Firestore database, and the index without which no query finds the sounds nearest to a fingerprint."""

from dataclasses import dataclass
from typing import Any

from analysis.definition import N_FINGERPRINT
from deploy.failures import ConflictError
from deploy.gcloud import Gcloud

DATABASE = "(default)"
COLLECTION = "sounds"
FIELD = "fingerprint"
UNINDEXED = "peaks"  # longer than an index holds, and nothing to look for


@dataclass(frozen=True)
class VectorIndex:
    """An index with which a query finds the sounds whose `fingerprint` is nearest to a vector.

    Attributes:
        name: its id within the database, which Firestore chose.
        dimension: of the vectors that it holds.

    """

    name: str
    dimension: int


def ensure_database(gcloud: Gcloud, region: str) -> None:
    """Make the database if there is none.

    Raises ConflictError if there is one in Datastore mode.
    """
    database = gcloud.read("firestore", "databases", "describe", f"--database={DATABASE}")
    if database is None:
        gcloud.run(
            *("firestore", "databases", "create", f"--database={DATABASE}"),
            *(f"--location={region}", "--type=firestore-native"),
        )
    elif database["type"] != "FIRESTORE_NATIVE":
        raise ConflictError(
            f"the database {DATABASE} of {gcloud.project} is in {database['type']}, and documents need native mode.\n"
            "An empty one can be changed (gcloud firestore databases update --type=firestore-native); else use another"
            " --project."
        )


def find_indexes(gcloud: Gcloud) -> list[VectorIndex]:
    """Return the vector indexes over `fingerprint`, and over nothing else, of the collection `sounds`; one is usual."""
    indexes = gcloud.read("firestore", "indexes", "composite", "list", f"--database={DATABASE}") or []
    return [index for index in map(vector_index, indexes) if index]


def ensure_index(gcloud: Gcloud) -> None:
    """Make the index if there is none; Firestore fills it afterwards, which may take minutes.

    An index of another version's fingerprints is left, and said to be of no use once no document of it is.
    """
    indexes = find_indexes(gcloud)
    for index in indexes:
        if index.dimension != N_FINGERPRINT:
            gcloud.say(
                f"note: the index {index.name} holds the fingerprints of {index.dimension} numbers that another version"
                f" wrote: neighbours are looked for among those of {N_FINGERPRINT}. When no document has one of these,"
                f" remove it: gcloud firestore indexes composite delete {index.name}"
            )
    if not any(index.dimension == N_FINGERPRINT for index in indexes):
        gcloud.run(
            *("firestore", "indexes", "composite", "create", f"--database={DATABASE}"),
            *(f"--collection-group={COLLECTION}", "--query-scope=COLLECTION"),
            f'--field-config=field-path={FIELD},vector-config={{"dimension":"{N_FINGERPRINT}","flat":"{{}}"}}',
            "--async",
        )


def ensure_exemption(gcloud: Gcloud) -> None:
    """Keep the waveforms out of the indexes that Firestore makes of every field."""
    if not is_exempt(gcloud):
        _update_field(gcloud, "--disable-indexes")


def remove_exemption(gcloud: Gcloud) -> None:
    """Give the field back to Firestore's defaults."""
    if is_exempt(gcloud):
        _update_field(gcloud, "--clear-exemption")


def is_exempt(gcloud: Gcloud) -> bool:
    """Return whether the waveforms are kept out of the indexes."""
    found = gcloud.read(
        *("firestore", "indexes", "fields", "describe", UNINDEXED),
        *(f"--collection-group={COLLECTION}", f"--database={DATABASE}"),
    )
    settings = found["indexConfig"] if found else {"usesAncestorConfig": True}
    return not settings.get("usesAncestorConfig") and not settings.get("indexes")


def _update_field(gcloud: Gcloud, change: str) -> None:
    gcloud.run(
        *("firestore", "indexes", "fields", "update", UNINDEXED, change),
        *(f"--collection-group={COLLECTION}", f"--database={DATABASE}", "--async"),
    )


def vector_index(index: dict[str, Any]) -> VectorIndex | None:
    """Return a composite index as a vector index over `fingerprint`, or None if it is another."""
    fields = [field for field in index["fields"] if field["fieldPath"] != "__name__"]
    if (
        f"/collectionGroups/{COLLECTION}/" not in index["name"]
        or index["queryScope"] != "COLLECTION"
        or [field["fieldPath"] for field in fields] != [FIELD]
        or "vectorConfig" not in fields[0]
    ):
        return None
    return VectorIndex(index["name"].rpartition("/")[2], fields[0]["vectorConfig"].get("dimension", 0))
