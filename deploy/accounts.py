"""The function's own service accounts: Google's default ones carry Editor in old projects, and nothing in new ones."""

from deploy.deployment import Deployment
from deploy.gcloud import Gcloud


def purposes(deployment: Deployment) -> dict[str, str]:
    """Return what each account is there for, by its e-mail."""
    return {
        deployment.run_account: f"runs the function {deployment.name}",
        deployment.build_account: f"builds the function {deployment.name}",
    }


def exists(gcloud: Gcloud, account: str) -> bool:
    """Return whether there is this account."""
    return gcloud.read("iam", "service-accounts", "describe", account) is not None


def ensure_accounts(gcloud: Gcloud, deployment: Deployment) -> None:
    """Make those that are not there."""
    for account, purpose in purposes(deployment).items():
        if not exists(gcloud, account):
            name = account.partition("@")[0]
            gcloud.run("iam", "service-accounts", "create", name, f"--display-name={purpose}")
