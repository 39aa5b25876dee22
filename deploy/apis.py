"""The project: its number, and the APIs that have to be enabled in it."""

from collections.abc import Iterable

from deploy.gcloud import Gcloud

# What a function of either generation needs, what its trigger needs, and what the 2nd generation needs besides.
_BOTH = ("artifactregistry", "cloudbuild", "cloudfunctions", "cloudresourcemanager", "firestore", "iam", "logging")
_TRIGGER = ("pubsub", "storage")
_SECOND = ("eventarc", "run")

# What alerts by e-mail need besides.
APIS_OF_ALERTS = ("monitoring",)


def project_number(gcloud: Gcloud) -> str | None:
    """Return the number of the project, after which Google names its own accounts there; None without a project."""
    project = gcloud.read("projects", "describe", gcloud.project)
    return project and str(project["projectNumber"])


def apis_of_function(generation: int) -> tuple[str, ...]:
    """Return the APIs that a function of this generation needs."""
    return (*_BOTH, *_TRIGGER, *(_SECOND if generation == 2 else ()))


def ensure_apis(gcloud: Gcloud, names: Iterable[str]) -> None:
    """Enable those of these APIs that are not enabled yet."""
    enabled = {service["config"]["name"] for service in gcloud.read("services", "list", "--enabled") or []}
    missing = [name for name in (f"{name}.googleapis.com" for name in sorted(names)) if name not in enabled]
    if missing:
        gcloud.enable(missing)
