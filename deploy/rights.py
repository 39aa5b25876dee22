"""The function's own service accounts, and who may do what: the least that works.

Google's default service accounts carry the role Editor in old projects, and no role in new ones; so none is used.

Source: Google's "Custom service account for Cloud Build" for the account that builds, Eventarc's "Roles and permissions
for Cloud Run" for the trigger of a 2nd-gen function.
"""

from deploy.deployment import Deployment
from deploy.forgetting import ROLE
from deploy.gcloud import Gcloud
from deploy.policy import Policy, Right, policy_of_bucket, policy_of_project, right_of_account

_READ_OBJECTS = "roles/storage.objectViewer"
_PUBLISH = "roles/pubsub.publisher"
_INVOKE = "roles/run.invoker"

# Roles on the project.
_TO_RUN = ("roles/datastore.user",)
_TO_RECEIVE_EVENTS = ("roles/eventarc.eventReceiver",)
_TO_BUILD = ("roles/artifactregistry.writer", "roles/logging.logWriter", _READ_OBJECTS)


def purposes(deployment: Deployment) -> dict[str, str]:
    """Return what each of the service accounts is there for, by its e-mail."""
    forgetting = {deployment.forget_account: f"runs the function {deployment.forgetting}"}
    return {
        deployment.run_account: f"runs the function {deployment.name}",
        deployment.build_account: f"builds the function {deployment.name}",
        **(forgetting if deployment.forget else {}),
    }


def account_exists(gcloud: Gcloud, account: str) -> bool:
    """Return whether there is a service account with this e-mail."""
    return gcloud.read("iam", "service-accounts", "describe", account) is not None


def rights_on_project(deployment: Deployment, generation: int) -> list[Right]:
    """Return the rights on the project that the service accounts of a function of this generation have."""
    receive = _TO_RECEIVE_EVENTS if generation == 2 else ()
    forget = (role_to_forget(deployment.project), *receive) if deployment.forget else ()
    return [
        *(right_of_account(deployment.run_account, role) for role in (*_TO_RUN, *receive)),
        *(right_of_account(deployment.build_account, role) for role in _TO_BUILD),
        *(right_of_account(deployment.forget_account, role) for role in forget),
    ]


def role_to_forget(project: str) -> str:
    """Return the role of the function that forgets: to delete documents, and nothing else."""
    return f"projects/{project}/roles/{ROLE}"


def rights_to_read(deployment: Deployment) -> list[Right]:
    """Return the rights of the functions to read objects; they are given on their bucket alone."""
    accounts = [deployment.run_account, *([deployment.forget_account] if deployment.forget else [])]
    return [right_of_account(account, _READ_OBJECTS) for account in accounts]


def right_to_publish(project: str, number: str | None) -> Right:
    """Return the right of a project's storage agent to publish the events of its buckets.

    The agent is named after the number of the project; without it, after the command that tells the number.
    """
    number = number or f"$(gcloud projects describe {project} --format='value(projectNumber)')"
    return right_of_account(f"service-{number}@gs-project-accounts.iam.gserviceaccount.com", _PUBLISH)


def ensure_accounts(gcloud: Gcloud, deployment: Deployment) -> None:
    """Make the service accounts that are not there."""
    for account, purpose in purposes(deployment).items():
        ensure_account(gcloud, account, purpose)


def ensure_account(gcloud: Gcloud, account: str, purpose: str) -> None:
    """Make a service account if there is none with this e-mail."""
    if not account_exists(gcloud, account):
        name = account.partition("@")[0]
        gcloud.run("iam", "service-accounts", "create", name, f"--display-name={purpose}")


def remove_account(gcloud: Gcloud, account: str) -> None:
    """Remove a service account if it is there."""
    if account_exists(gcloud, account):
        gcloud.run("iam", "service-accounts", "delete", account)


def ensure_project_rights(gcloud: Gcloud, deployment: Deployment, number: str | None) -> None:
    """Give the rights on the project that are not given yet."""
    policy, publishing = policy_of_project(gcloud.project), right_to_publish(gcloud.project, number)
    given = policy.rights(gcloud)
    for right in rights_on_project(deployment, deployment.generation):
        if right not in given:
            policy.give(gcloud, right)
    if deployment.generation == 2 and publishing not in given:
        gcloud.run("storage", "service-agent")  # a project has no storage agent until somebody asks for it
        policy.give(gcloud, publishing)


def ensure_bucket_rights(gcloud: Gcloud, deployment: Deployment) -> None:
    """Let the functions read this one bucket."""
    for right in rights_to_read(deployment):
        ensure_right(gcloud, policy_of_bucket(deployment.bucket), right)


def ensure_only_invoker(gcloud: Gcloud, policy: Policy, account: str) -> None:
    """Let an account invoke a service or a job of Cloud Run, and take that right from everybody else."""
    invoking = right_of_account(account, _INVOKE)
    given = policy.rights(gcloud)
    if invoking not in given:
        policy.give(gcloud, invoking)
    for right in sorted(given - {invoking}):
        if right.role == _INVOKE:
            policy.take(gcloud, right)


def ensure_right(gcloud: Gcloud, policy: Policy, right: Right) -> None:
    """Give a right on a resource unless it is given."""
    if right not in policy.rights(gcloud):
        policy.give(gcloud, right)
