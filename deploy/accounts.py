"""The function's own service accounts: Google's default ones carry Editor in old projects, and nothing in new ones."""

from deploy.gcloud import Gcloud
from deploy.options import Options


def purposes(options: Options) -> dict[str, str]:
    """Return what each account is there for, by its e-mail."""
    return {
        options.run_account: f"runs the function {options.name}",
        options.build_account: f"builds the function {options.name}",
    }


def exists(gcloud: Gcloud, account: str) -> bool:
    """Return whether there is this account."""
    return gcloud.read("iam", "service-accounts", "describe", account) is not None


def ensure_accounts(gcloud: Gcloud, options: Options) -> None:
    """Make those that are not there."""
    for account, purpose in purposes(options).items():
        if not exists(gcloud, account):
            name = account.partition("@")[0]
            gcloud.run("iam", "service-accounts", "create", name, f"--display-name={purpose}")
