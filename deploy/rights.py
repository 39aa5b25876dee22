"""Who may do what: the least that works.

Source: Google's "Custom service account for Cloud Build" for the account that builds, Eventarc's "Roles and permissions
for Cloud Run" for the trigger of a 2nd-gen function.
"""

from typing import Any

from deploy.deployment import Deployment
from deploy.gcloud import Gcloud

READ_OBJECTS = "roles/storage.objectViewer"
PUBLISH = "roles/pubsub.publisher"

_RUN = ("roles/datastore.user",)
_RECEIVE = ("roles/eventarc.eventReceiver",)
_BUILD = ("roles/artifactregistry.writer", "roles/logging.logWriter", READ_OBJECTS)


def accounts_rights(deployment: Deployment, generation: int) -> list[tuple[str, str]]:
    """Return the (member, role) pairs on the project that the function's own accounts have."""
    run = (*_RUN, *_RECEIVE) if generation == 2 else _RUN
    return [
        *((f"serviceAccount:{deployment.run_account}", role) for role in run),
        *((f"serviceAccount:{deployment.build_account}", role) for role in _BUILD),
    ]


def storage_agent(project: str, number: str | None) -> str:
    """Return the member that publishes the events of a project's buckets; without a number, with the command for it."""
    number = number or f"$(gcloud projects describe {project} --format='value(projectNumber)')"
    return f"serviceAccount:service-{number}@gs-project-accounts.iam.gserviceaccount.com"


def ensure_project_rights(gcloud: Gcloud, deployment: Deployment, number: str | None) -> None:
    """Give the rights on the project that are not given yet."""
    agent = (storage_agent(deployment.project, number), PUBLISH)
    wanted = [*accounts_rights(deployment, deployment.generation), *([agent] if deployment.generation == 2 else [])]
    given = members(gcloud.read("projects", "get-iam-policy", gcloud.project))
    for member, role in wanted:
        if (member, role) in given:
            continue
        if (member, role) == agent:
            # A project has no storage agent until somebody asks for it.
            gcloud.run("storage", "service-agent")
        flags = f"--member={member}", f"--role={role}", "--condition=None"
        gcloud.run("projects", "add-iam-policy-binding", gcloud.project, *flags)


def ensure_bucket_rights(gcloud: Gcloud, deployment: Deployment) -> None:
    """Let the function read this one bucket."""
    bucket, right = f"gs://{deployment.bucket}", (f"serviceAccount:{deployment.run_account}", READ_OBJECTS)
    if right not in members(gcloud.read("storage", "buckets", "get-iam-policy", bucket)):
        flags = f"--member={right[0]}", f"--role={right[1]}"
        gcloud.run("storage", "buckets", "add-iam-policy-binding", bucket, *flags)


def members(policy: dict[str, Any] | None) -> set[tuple[str, str]]:
    """Return the (member, role) pairs that a policy gives without a condition."""
    return {
        (member, binding["role"])
        for binding in (policy or {}).get("bindings", [])
        if "condition" not in binding
        for member in binding["members"]
    }
