"""What to do about an answer of Google's."""

import re

# The first pattern that is found in the answer has the advice.
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
    r"Build failed|Build error": "the build's log, named above, says which package could not be installed",
    r"recently started to use Eventarc": "Google is still giving its own agent its rights: wait a few minutes",
    r"\b409\b|ABORTED|in progress|ALREADY_EXISTS": "something else is changing it right now: wait until that is done",
    r"\b429\b|RESOURCE_EXHAUSTED|quota": "the project has used up that quota for now: wait a minute, or have it raised",
    r"\b5\d\d\b|UNAVAILABLE|INTERNAL|no answer within": "a fault at Google's side: https://status.cloud.google.com",
}


def advice(answer: str, project: str, roles: tuple[str, ...]) -> str:
    """Return what to do about this answer to a step that takes these roles."""
    for pattern, text in _ADVICE.items():
        if re.search(pattern, answer, re.IGNORECASE):
            commands = "".join(
                f"\n  gcloud projects add-iam-policy-binding {project} --member=user:YOU --role={role}"
                for role in roles
            )
            return text.format(project=project, roles=" and ".join(roles), commands=commands)
    return "what Google answered says what is wrong"
