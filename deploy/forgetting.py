"""The second function, which removes the documents of what is deleted: how it should be, and the role that it has.

It is the other entry point of the same source, with a trigger, an account and a role of its own.

Source: Firestore's "Security for server client libraries" for what a deletion needs; no predefined role has so little,
the narrowest is roles/datastore.user, which also reads and writes. IAM's "Create and manage custom roles" for the role:
when it is removed, its ID cannot be used again for 37 days, so it is left.
"""

from collections.abc import Mapping

from deploy.archive import digest
from deploy.database import COLLECTION, DATABASE
from deploy.deployment import Deployment
from deploy.failures import ConflictError
from deploy.function import DELETE_EVENTS, Function, read_function
from deploy.gcloud import Gcloud
from deploy.location import Location
from deploy.reconcile import RUNTIMES

ENTRY_POINT = "forget"
VARIABLE = "FORGET"  # of the function that analyses: it looks for each object once more

# Beside the imports of the storage and Firestore clients, 74 MB, nothing is held; a call may wait for 115 s at most.
MEMORY_MIB, TIMEOUT_S, MAX_INSTANCES = 512, 120, 5

ROLE, TITLE = "soundsForget", "Delete documents"
PERMISSIONS = ("datastore.entities.delete",)

# Where the documents are: the same for both functions, with what the settings have by default.
PLACES = {"SOUNDS_COLLECTION": COLLECTION, "REJECTIONS_COLLECTION": "rejections", "FIRESTORE_DATABASE": DATABASE}


def desired_forgetting(deployment: Deployment, location: Location, analyzing: Mapping[str, str]) -> Function:
    """Return the function as it should be beside one that analyses with these variables."""
    second = deployment.generation == 2
    return Function(
        generation=deployment.generation,
        name=deployment.forgetting,
        region=location.region,
        state="ACTIVE",
        source=digest(),
        runtime=RUNTIMES[deployment.generation],
        entry_point=ENTRY_POINT,
        bucket=deployment.bucket,
        event=DELETE_EVENTS[deployment.generation],
        retry=True,
        account=deployment.forget_account,
        build_account=deployment.build_account,
        memory_mib=MEMORY_MIB,
        timeout_s=TIMEOUT_S,
        instances=min(deployment.instances, MAX_INSTANCES),
        ingress="ALLOW_INTERNAL_ONLY",
        environment=places(analyzing),
        vcpus=1 if second else None,
        concurrency=1 if second else None,
        trigger_location=location.trigger_location if second else None,
        trigger_account=deployment.forget_account if second else None,
    )


def places(variables: Mapping[str, str]) -> dict[str, str]:
    """Return where a function with these variables has its documents."""
    return {name: variables.get(name, default) for name, default in PLACES.items()}


def find_forgetting(gcloud: Gcloud, deployment: Deployment, region: str) -> Function | None:
    """Return the function that forgets, or None.

    Raises ConflictError if there is another of its name.
    """
    answer = gcloud.read("functions", "describe", deployment.forgetting, f"--region={region}")
    if not answer:
        return None
    function = read_function(answer)
    if function.entry_point != ENTRY_POINT or function.bucket != deployment.bucket:
        raise ConflictError(
            f"{function.name} is there, and does not forget what is deleted from {deployment.bucket}.\n"
            f"Choose another --name, or remove it: gcloud functions delete {function.name} --region={region}"
            f" --project={deployment.project}"
        )
    return function


def refuse_forgetting(function: Function | None, deployment: Deployment) -> None:
    """Raise ConflictError if the function that is to analyse is one that forgets."""
    if function is not None and function.entry_point == ENTRY_POINT:
        raise ConflictError(
            f"{function.name} is there, and forgets what is deleted from {function.bucket}.\n"
            f"Name the function that analyses by --name, such as {deployment.name.removesuffix('-forget')}"
        )


def ensure_role(gcloud: Gcloud) -> None:
    """Make the role that may delete documents and nothing else, unless it is there as it should be."""
    role = gcloud.read("iam", "roles", "describe", ROLE)
    permissions = f"--permissions={','.join(PERMISSIONS)}"
    if role is None:
        gcloud.run("iam", "roles", "create", ROLE, f"--title={TITLE}", permissions, "--stage=GA")
        return
    if role.get("deleted"):
        gcloud.run("iam", "roles", "undelete", ROLE)
    if set(role.get("includedPermissions", [])) != set(PERMISSIONS):
        gcloud.run("iam", "roles", "update", ROLE, permissions)
