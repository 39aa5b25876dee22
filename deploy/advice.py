"""What to do about an answer of Google's: for each refusal that is known, its cause and its way out."""

import re
from dataclasses import dataclass

from deploy.retry import PASSING, passing

# Where a new project may build. Source: Cloud Build's "Locations", restricted regions for some projects.
BUILD_REGIONS = ("us-central1", "us-west2", "europe-west1", "asia-east1", "australia-southeast1", "southamerica-east1")

# How a command says the number of a project that it cannot know before it runs.
NUMBER = "$(gcloud projects describe {project} --format='value(projectNumber)')"


@dataclass(frozen=True)
class Advice:
    """What to do about a refusal that does not pass by itself.

    Attributes:
        name: a word for the refusal.
        pattern: what is found in Google's answer; its named groups may stand in `text`.
        text: what to do; may name {project}, {roles} that the step needs, and {commands} that give them.

    """

    name: str
    pattern: str
    text: str


# The first that matches is given, so what is particular stands before what is general.
ADVICE = (
    Advice(
        "login",
        r"active account|Reauthentication|invalid_grant|invalid_rapt|\b401\b|UNAUTHENTICATED"
        r"|metadata from plugin failed",
        "sign in: gcloud auth login",
    ),
    Advice(
        "billing",
        r"billing (account|to be enabled|must be enabled)|requires billing|billing is disabled|BILLING_DISABLED",
        "link a billing account: https://console.cloud.google.com/billing/linkedaccount?project={project}",
    ),
    Advice(
        "build region",
        r"cannot run builds in this region|due to quota restrictions",
        f"Cloud Build lets a new project build in {', '.join(BUILD_REGIONS)} only: use a bucket in one of these"
        " (or, for a bucket that spans regions, one of them as --region), or ask for quota:"
        " https://console.cloud.google.com/iam-admin/quotas?project={project}&service=cloudbuild.googleapis.com",
    ),
    Advice(
        "instances",
        r"maxScale may not exceed (?P<at_most>\d+)|set to (?P<or_fewer>\d+) or fewer"
        r"|Quota violated|AllocPerProjectRegion",
        "Cloud Run's quota of this project does not cover so many instances of this memory: run again with"
        " --max-instances {instances}, or with less --memory, or have the quota raised:"
        " https://console.cloud.google.com/iam-admin/quotas?project={project}&service=run.googleapis.com",
    ),
    Advice(
        "database location",
        r"Location must equal (?P<location>[\w-]+) because the App Engine app",
        "App Engine has fixed where the default database of this project is; it may be elsewhere than the bucket."
        " Make it there, then run the same command again:\n  gcloud firestore databases create '--database=(default)'"
        " --location={location} --type=firestore-native --project={project}",
    ),
    Advice(
        "organisation policy",
        r"constraints/[\w.]+|organi[sz]ation policy|violates constraint",
        "a policy of your organisation forbids this ({constraint}): ask its administrator for an exception for"
        " {project}, or use a project outside;"
        " `gcloud resource-manager org-policies list --project={project}` shows those that are set here",
    ),
    Advice(
        "quota project",
        r"quota project|USER_PROJECT_DENIED|serviceusage\.services\.use",
        "requests are counted for a quota project that you may not use:\n"
        "  gcloud auth application-default set-quota-project {project}\n  gcloud config unset billing/quota_project",
    ),
    Advice(
        "api",
        r"SERVICE_DISABLED|has not been used in project|API \[?[\w.]+\]? (is )?not enabled",
        "the API was enabled just now, or is disabled: wait a little",
    ),
    Advice(
        "condition",
        r"without specifying a condition|--condition=None",
        "the policy has conditions: say --condition=None for a right without one",
    ),
    Advice(
        "bucket",
        r"storage\.buckets\.get access|'storage\.buckets\.get'|bucket name is not available|bucket.*\b409\b",
        "bucket names are shared by the whole world: if this one is not yours, choose another --bucket; if it is, you"
        " need {roles}",
    ),
    Advice(
        "act as",
        r"iam\.serviceaccounts\.actAs.*?(?P<resource>[\w.-]+@[\w.-]+\w)",
        "you may not act as the service account {resource}: have an owner of {project} run\n"
        "  gcloud iam service-accounts add-iam-policy-binding {resource} --member=user:YOU"
        " --role=roles/iam.serviceAccountUser --project={project}",
    ),
    Advice(
        "permission",
        r"Permission '?(?P<permission>[a-z]\w+(\.\w+)+)'? denied (on|for) (resource )?[\"'(]*(?P<resource>[^\"'()\s]+)"
        r"|does not have (permission )?(?!storage\.buckets\.get )"
        r"(?P<needed>[a-z]\w+(\.\w+)+) (access|permission)( to| on)?(?P<on>[^.\n]*)",
        "you lack the permission {permission}{resource}; have an owner of {project} give {roles} to the account that"
        " `gcloud auth list` shows:{commands}",
    ),
    Advice(
        "rights",
        r"PERMISSION_DENIED|\b403\b|does not have permission|Permission .* denied|forbidden",
        "check that {project} is the right project; then have an owner of it give {roles} to the account that"
        " `gcloud auth list` shows:{commands}",
    ),
    Advice(
        "notifications",
        r"notification config",
        "a bucket takes ten per event: `gcloud storage buckets notifications list gs://BUCKET` shows them",
    ),
    Advice(
        "build",
        r"Build failed|Build error|completed with status",
        "the build's log, named above, says which step failed",
    ),
    Advice(
        "name taken",
        r"already exists|ALREADY_EXISTS",
        "somebody made it meanwhile: run the same command again and it is looked at once more",
    ),
    Advice(
        "busy",
        r"\b409\b|ABORTED|in progress",
        "something else is changing it right now: wait until that is done",
    ),
    Advice(
        "quota",
        r"\b429\b|RESOURCE_EXHAUSTED|quota",
        "the project has used up that quota for now: wait a minute, or have it raised",
    ),
    Advice(
        "fault",
        r"\b5\d\d\b|UNAVAILABLE|INTERNAL|no answer within",
        "a fault at Google's side: https://status.cloud.google.com",
    ),
)


def advice(answer: str, project: str, roles: tuple[str, ...]) -> str:
    """Return what to do about an answer of Google's to a step for which one needs these roles."""
    if staying := _staying(answer, project):
        return staying
    for one in ADVICE:
        if found := re.search(one.pattern, answer, re.IGNORECASE | re.DOTALL):
            return one.text.format(**_values(found, project, roles))
    return "what Google answered says what is wrong"


def name_of(answer: str) -> str | None:
    """Return the word for a refusal: which advice is given for it; None where none fits."""
    if known := passing(answer):
        return f"passing {PASSING.index(known)}"
    found = (one.name for one in ADVICE if re.search(one.pattern, answer, re.IGNORECASE | re.DOTALL))
    return next(found, None)


def _staying(answer: str, project: str) -> str | None:
    """Return what to do where a refusal that should pass by itself stays."""
    known = passing(answer)
    if known is None:
        return None
    text = f"this passes by itself ({known.reason}), though it may take longer: run the same command again in a while"
    if known.role is None:
        return text
    account = known.account(answer, NUMBER.format(project=project)) or "the account that builds"
    return (
        f"{text}; if it stays, this helps:\n"
        f'  gcloud projects add-iam-policy-binding {project} --member="serviceAccount:{account}" --role={known.role}'
        " --condition=None"
    )


def _values(found: re.Match[str], project: str, roles: tuple[str, ...]) -> dict[str, str]:
    """Return what may stand in braces in an advice."""
    groups = {name: value for name, value in found.groupdict().items() if value}
    resource = groups.get("resource") or groups.get("on", "").strip()
    if found.re.groupindex.keys() & {"permission"}:
        resource = f" on {resource.removeprefix('to ').removeprefix('the ')}" if resource else ""
    constraint = re.search(r"constraints/[\w.]+", found.string)
    return {
        "project": project,
        "roles": " and ".join(roles),
        "commands": "".join(
            f"\n  gcloud projects add-iam-policy-binding {project} --member=user:YOU --role={role}" for role in roles
        ),
        "instances": groups.get("at_most") or groups.get("or_fewer") or "N (fewer than now)",
        "location": groups.get("location") or "LOCATION",
        "constraint": constraint[0] if constraint else "it is named above",
        "permission": groups.get("permission") or groups.get("needed", ""),
        "resource": resource,
    }
