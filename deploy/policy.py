"""Who may do what with one resource, as gcloud reads and changes it."""

from dataclasses import dataclass
from typing import NamedTuple

from deploy.gcloud import Gcloud

# Where the policy has conditions already, gcloud takes no change that does not say whether it has one.
_UNCONDITIONAL = ("--condition=None",)


class Right(NamedTuple):
    """What a member may do.

    Attributes:
        member: an account, with its kind, such as serviceAccount:E-MAIL.
        role: a set of permissions, such as roles/run.invoker.

    """

    member: str
    role: str


@dataclass(frozen=True)
class Policy:
    """The rights on one resource.

    Attributes:
        kind: gcloud's words for resources of this kind, such as storage buckets.
        resource: the name of the resource, and the flags that say where it is.
        flags: what gcloud needs to be told for a change besides the right.

    """

    kind: tuple[str, ...]
    resource: tuple[str, ...]
    flags: tuple[str, ...] = ()

    def rights(self, gcloud: Gcloud) -> set[Right]:
        """Return the rights that are given without a condition; none where there is no such resource."""
        policy = gcloud.read(*self.kind, "get-iam-policy", *self.resource) or {}
        return {
            Right(member, binding["role"])
            for binding in policy.get("bindings", [])
            if "condition" not in binding
            for member in binding["members"]
        }

    def give(self, gcloud: Gcloud, right: Right) -> None:
        """Add a right."""
        self._change(gcloud, "add-iam-policy-binding", right)

    def take(self, gcloud: Gcloud, right: Right) -> None:
        """Remove a right."""
        self._change(gcloud, "remove-iam-policy-binding", right)

    def _change(self, gcloud: Gcloud, change: str, right: Right) -> None:
        flags = f"--member={right.member}", f"--role={right.role}", *self.flags
        gcloud.run(*self.kind, change, *self.resource, *flags)


def right_of_account(email: str, role: str) -> Right:
    """Return the right of a service account."""
    return Right(f"serviceAccount:{email}", role)


def policy_of_project(project: str) -> Policy:
    """Return the policy of a project."""
    return Policy(("projects",), (project,), _UNCONDITIONAL)


def policy_of_bucket(bucket: str) -> Policy:
    """Return the policy of a bucket."""
    return Policy(("storage", "buckets"), (f"gs://{bucket}",), _UNCONDITIONAL)


def policy_of_service(name: str, region: str) -> Policy:
    """Return the policy of the Cloud Run service that a 2nd-gen function of this name is."""
    return Policy(("run", "services"), (name, f"--region={region}"), _UNCONDITIONAL)


def policy_of_job(name: str, region: str) -> Policy:
    """Return the policy of a Cloud Run job; gcloud knows no conditions there."""
    return Policy(("run", "jobs"), (name, f"--region={region}"))
