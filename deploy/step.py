"""One step of a deployment: it says its name, and when it fails, what Google answered and what to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.failures import DisagreementError, FailedError, RefusedError
from deploy.gcloud import Gcloud, pasteable

# What to do about an answer of Google's: the advice of the first pattern that is found in it.
_ADVICE = {
    r"active account|Reauthentication|invalid_grant|\b401\b|UNAUTHENTICATED": "sign in: gcloud auth login",
    r"billing": "link a billing account: https://console.cloud.google.com/billing/linkedaccount?project={project}",
    r"SERVICE_DISABLED|has not been used in project": "the API was enabled just now, or is disabled: wait a little",
    r"storage\.buckets\.get|name is not available|bucket.*\b409\b": (
        "bucket names are shared by the whole world: if this one is not yours, choose another --bucket; if it is, you"
        " need {roles}"
    ),
    r"PERMISSION_DENIED|\b403\b|does not have permission|Permission .* denied|forbidden": (
        "check that {project} is the right project; then have an owner of it give {roles} to the account that"
        " `gcloud auth list` shows:{commands}"
    ),
    r"notification config": "a bucket takes ten per event: gcloud storage buckets notifications list shows them",
    r"Build failed|Build error|completed with status": "the build's log, named above, says which step failed",
    r"recently started to use Eventarc": "Google is still giving its own agent its rights: wait a few minutes",
    r"\b409\b|ABORTED|in progress|ALREADY_EXISTS": "something else is changing it right now: wait until that is done",
    r"\b429\b|RESOURCE_EXHAUSTED|quota": "the project has used up that quota for now: wait a minute, or have it raised",
    r"\b5\d\d\b|UNAVAILABLE|INTERNAL|no answer within": "a fault at Google's side: https://status.cloud.google.com",
}


@contextmanager
def step(gcloud: Gcloud, title: str, *roles: str) -> Iterator[None]:
    """Run the body as a step with this title, for which the person who runs it needs these roles.

    Raises FailedError with the whole story if it cannot be done.
    """
    gcloud.begin(title)
    try:
        yield
    except DisagreementError as disagreement:
        raise FailedError(str(disagreement)) from disagreement
    except RefusedError as refused:
        answer = "\n".join(f"  {line}" for line in refused.answer.splitlines())
        raise FailedError(
            f"could not {title}\n\n"
            f"Google answered:\n{answer}\n"
            f"to:\n  {pasteable(refused.command)}\n\n"
            f"What to do: {advice(refused.answer, gcloud.project, roles)}\n"
            "What is done stays done: run the same command again and it goes on from here."
        ) from refused
    if not gcloud.changes and not gcloud.dry_run:
        gcloud.say("nothing to change")


def advice(answer: str, project: str, roles: tuple[str, ...]) -> str:
    """Return what to do about an answer of Google's to a step for which one needs these roles."""
    for pattern, text in _ADVICE.items():
        if re.search(pattern, answer, re.IGNORECASE):
            commands = "".join(
                f"\n  gcloud projects add-iam-policy-binding {project} --member=user:YOU --role={role}"
                for role in roles
            )
            return text.format(project=project, roles=" and ".join(roles), commands=commands)
    return "what Google answered says what is wrong"
