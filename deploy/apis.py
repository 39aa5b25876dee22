"""The project: its number, and the APIs that have to be enabled in it."""

from deploy.gcloud import Gcloud

_BOTH = ("artifactregistry", "cloudbuild", "cloudfunctions", "cloudresourcemanager", "firestore", "iam", "logging")
_TRIGGER = ("pubsub", "storage")
_SECOND = ("eventarc", "run")


def project_number(gcloud: Gcloud) -> str | None:
    """Return the number that Google's own accounts in the project are named after, or None where it cannot be asked."""
    project = gcloud.read("projects", "describe", gcloud.project)
    return project and str(project["projectNumber"])


def ensure_apis(gcloud: Gcloud, generation: int) -> None:
    """Enable what is not enabled yet."""
    names = sorted((*_BOTH, *_TRIGGER, *(_SECOND if generation == 2 else ())))
    enabled = {service["config"]["name"] for service in gcloud.read("services", "list", "--enabled") or []}
    missing = [name for name in (f"{name}.googleapis.com" for name in names) if name not in enabled]
    if missing:
        gcloud.enable(missing)
