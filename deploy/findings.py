"""What a check finds, and the situation that all of them look at."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from deploy.deployment import Deployment
from deploy.location import Location, locate
from deploy.rest import Answer, Rest


class Status(StrEnum):
    """How a finding bears on a deployment."""

    FINE = "fine"
    WILL_BE_MADE = "will be made"
    UNKNOWN = "unknown"
    OBSTACLE = "obstacle"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: what was looked at, in a word or two.
        status: how it bears on a deployment.
        text: what was found.
        todo: what to do about it; empty where there is nothing to do.

    """

    subject: str
    status: Status
    text: str
    todo: str = ""

    def line(self) -> str:
        """Return the finding as it is printed; what to do stands in the line below."""
        todo = "".join(f"\n      {line}" for line in self.todo.splitlines())
        return f"{self.status:12} {self.subject}: {self.text}{todo}"

    def as_json(self) -> dict[str, str]:
        """Return the finding as it stands in JSON."""
        return {"subject": self.subject, "status": str(self.status), "text": self.text, "todo": self.todo}


@dataclass(frozen=True)
class Situation:
    """What is asked for, and what the checks ask more than once.

    Attributes:
        rest: the APIs, as the person sees them.
        deployment: what is asked for.
        project: the answer about the project.
        bucket: the answer about the bucket.
        location: where function and trigger are to be.
        function: the answer about the function.
        forgetting: the answer about the function that forgets.
        policy: the bindings of the project's policy; None where they cannot be read.
        apis: the enabled APIs; None where they cannot be read.

    """

    rest: Rest
    deployment: Deployment
    project: Answer
    bucket: Answer
    location: Location
    function: Answer
    forgetting: Answer
    policy: list[dict[str, Any]] | None = field(repr=False)
    apis: set[str] | None = field(repr=False)

    @property
    def number(self) -> str:
        """The project's number, or the command that tells it."""
        if self.project.ok:
            return str(self.project.content["projectNumber"])
        return f"$(gcloud projects describe {self.deployment.project} --format='value(projectNumber)')"

    def roles_of(self, email: str) -> set[str]:
        """Return the roles that a service account has on the project without a condition."""
        member = f"serviceAccount:{email}"
        bindings = [one for one in self.policy or [] if "condition" not in one]
        return {one["role"] for one in bindings if member in one.get("members", [])}

    def enabled(self, api: str) -> bool | None:
        """Return whether an API is enabled; None where that cannot be known."""
        return None if self.apis is None else f"{api}.googleapis.com" in self.apis

    def unknown(self, subject: str, answer: Answer, api: str) -> Finding:
        """Return that something cannot be asked; an API that is not enabled yet is the usual reason."""
        if self.enabled(api) is False:
            return Finding(subject, Status.UNKNOWN, f"cannot be asked before the API {api} is enabled")
        return Finding(subject, Status.UNKNOWN, f"cannot be asked: {answer.message}")


def look(rest: Rest, deployment: Deployment) -> Situation:
    """Ask what several checks need.

    Raises ConflictError if a region is asked for in which the bucket is not.
    """
    name = deployment.project
    project = rest.get("cloudresourcemanager", f"v1/projects/{name}")
    bucket = rest.get("storage", f"storage/v1/b/{deployment.bucket}")
    location = locate(bucket.content if bucket.ok else None, deployment.region)
    policy = rest.post(
        "cloudresourcemanager", f"v1/projects/{name}:getIamPolicy", {"options": {"requestedPolicyVersion": 3}}
    )
    place = f"projects/{name}/locations/{location.region}"
    listed, services = rest.items("serviceusage", f"v1/projects/{name}/services", "services", filter="state:ENABLED")
    return Situation(
        rest,
        deployment,
        project,
        bucket,
        location,
        _ask_function(rest, f"{place}/functions/{deployment.name}"),
        _ask_function(rest, f"{place}/functions/{deployment.forgetting}"),
        policy.content.get("bindings", []) if policy.ok else None,
        {one["config"]["name"] for one in services if one.get("state", "ENABLED") == "ENABLED"} if listed.ok else None,
    )


def _ask_function(rest: Rest, path: str) -> Answer:
    """Return the answer about a function: v2 knows those of both generations, v1 alone describes those of the first."""
    answer = rest.get("cloudfunctions", f"v2/{path}")
    if answer.ok and answer.content.get("environment") == "GEN_1":
        return rest.get("cloudfunctions", f"v1/{path}")
    return answer
