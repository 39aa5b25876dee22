"""The Firestore database and the index that nearest-neighbour queries over `fingerprint` need."""

from typing import Any

from deploy.failures import DisagreementError
from deploy.gcloud import Gcloud

DATABASE = "(default)"
COLLECTION = "sounds"
FIELD = "fingerprint"
DIMENSION = 12


def ensure_database(gcloud: Gcloud, region: str) -> None:
    """Make the database if there is none.

    Raises DisagreementError if there is one in Datastore mode.
    """
    database = gcloud.read("firestore", "databases", "describe", f"--database={DATABASE}")
    if database is None:
        gcloud.run(
            *("firestore", "databases", "create", f"--database={DATABASE}"),
            *(f"--location={region}", "--type=firestore-native"),
        )
    elif database["type"] != "FIRESTORE_NATIVE":
        raise DisagreementError(
            f"the database {DATABASE} of {gcloud.project} is in {database['type']}, and documents need native mode.\n"
            "An empty one can be changed (gcloud firestore databases update --type=firestore-native); else use another"
            " --project."
        )


def find_indexes(gcloud: Gcloud) -> list[str]:
    """Return the full names of the indexes that serve nearest-neighbour queries over all sounds; one is usual."""
    indexes = gcloud.read("firestore", "indexes", "composite", "list", f"--database={DATABASE}") or []
    return [index["name"] for index in indexes if _serves(index)]


def ensure_index(gcloud: Gcloud) -> None:
    """Make the vector index if there is none; it fills in the background, which may take minutes."""
    if not find_indexes(gcloud):
        gcloud.run(
            *("firestore", "indexes", "composite", "create", f"--database={DATABASE}"),
            *(f"--collection-group={COLLECTION}", "--query-scope=COLLECTION"),
            f'--field-config=field-path={FIELD},vector-config={{"dimension":"{DIMENSION}","flat":"{{}}"}}',
            "--async",
        )


def _serves(index: dict[str, Any]) -> bool:
    fields = [field for field in index["fields"] if field["fieldPath"] != "__name__"]
    return (
        f"/collectionGroups/{COLLECTION}/" in index["name"]
        and index["queryScope"] == "COLLECTION"
        and [field["fieldPath"] for field in fields] == [FIELD]
        and fields[0].get("vectorConfig", {}).get("dimension") == DIMENSION
    )
