"""What the project, its organisation, its quotas and Google's own accounts in it allow."""

from collections.abc import Iterator
from typing import Any

from deploy.advice import BUILD_REGIONS
from deploy.apis import apis_of_function
from deploy.findings import Finding, Situation, Status
from deploy.quota import instances_covered, limit_of, read_quotas
from deploy.reconcile import RUNTIMES
from deploy.retry import AGENTS

# What a person needs for each step of a deployment, and the role that has it.
PERMISSIONS = {
    "serviceusage.services.enable": "roles/serviceusage.serviceUsageAdmin",
    "resourcemanager.projects.get": "roles/browser",
    "resourcemanager.projects.setIamPolicy": "roles/resourcemanager.projectIamAdmin",
    "iam.serviceAccounts.create": "roles/iam.serviceAccountAdmin",
    "iam.serviceAccounts.actAs": "roles/iam.serviceAccountUser",
    "storage.buckets.create": "roles/storage.admin",
    "storage.buckets.setIamPolicy": "roles/storage.admin",
    "datastore.databases.create": "roles/datastore.owner",
    "datastore.indexes.create": "roles/datastore.indexAdmin",
    "cloudfunctions.functions.create": "roles/cloudfunctions.admin",
    "run.services.setIamPolicy": "roles/run.admin",
}
TO_FORGET = {"iam.roles.create": "roles/iam.roleAdmin"}

# Constraints that are on or off, and what is wrong where they are on.
FORBIDDING = {
    "iam.disableServiceAccountCreation": "no service accounts can be made",
    "cloudfunctions.requireVPCConnector": "every function needs a VPC connector",
}

# Constraints with lists of values, and the value that a deployment needs.
ALLOWING = {
    "cloudfunctions.allowedIngressSettings": "ALLOW_INTERNAL_ONLY",
    "run.allowedIngress": "internal",
    "cloudfunctions.restrictAllowedGenerations": "2ndGen",
}

# Constraints whose values only Google can resolve: said where they are set, with what they may stop.
UNRESOLVED = {
    "iam.allowedPolicyMemberDomains": "rights for accounts of other domains",
    "gcp.restrictServiceUsage": "some of the APIs",
    "gcp.restrictNonCmekServices": "buckets and databases without keys of your own",
}

# The role by which each of Google's agents does its work; the storage agent is given its own by the deployment.
AGENT_ROLES = {
    "eventarc": ("eventarc", "roles/eventarc.serviceAgent"),
    "functions": ("cloudfunctions", "roles/cloudfunctions.serviceAgent"),
}
# Projects in which Pub/Sub was enabled before 2021-04-08 lack the second, and the agent then needs the first.
TOKEN_CREATOR, PUBSUB_AGENT = "roles/iam.serviceAccountTokenCreator", "roles/pubsub.serviceAgent"
PUBLISHER = "roles/pubsub.publisher"


def check_project(situation: Situation) -> Iterator[Finding]:
    """Look at the project itself, its billing, the person's permissions and the APIs."""
    project, name = situation.project, situation.deployment.project
    if not project.ok:
        todo = f"check the name; else have an owner of {name} give you roles/browser"
        yield Finding("project", Status.OBSTACLE, f"{name} cannot be seen: {project.message}", todo)
    elif project.content.get("lifecycleState", "ACTIVE") != "ACTIVE":
        state = project.content["lifecycleState"]
        yield Finding("project", Status.OBSTACLE, f"{name} is {state}", f"gcloud projects undelete {name}")
    else:
        yield Finding("project", Status.FINE, f"{name}, number {project.content['projectNumber']}")
    yield _billing(situation)
    yield _permissions(situation)
    if situation.apis is None:
        yield Finding("APIs", Status.UNKNOWN, "which are enabled cannot be asked")
        return
    needed = apis_of_function(situation.deployment.generation)
    missing = [api for api in needed if not situation.enabled(api)]
    if missing:
        yield Finding("APIs", Status.WILL_BE_MADE, f"will be enabled: {', '.join(missing)}")
    else:
        yield Finding("APIs", Status.FINE, "all are enabled")


def check_organisation(situation: Situation) -> Iterator[Finding]:
    """Look at the effective policies of the organisation that bear on a deployment."""
    subject = "organisation policies"
    if situation.project.ok and not situation.project.content.get("parent"):
        yield Finding(subject, Status.FINE, "the project is in no organisation")
        return
    found: list[Finding] = []
    for constraint in ("gcp.resourceLocations", *FORBIDDING, *ALLOWING, *UNRESOLVED):
        path = f"v2/projects/{situation.deployment.project}/policies/{constraint}:getEffectivePolicy"
        answer = situation.rest.get("orgpolicy", path)
        if answer.status == 404:
            continue
        if not answer.ok:
            yield situation.unknown(subject, answer, "orgpolicy")
            return
        rules = answer.content.get("spec", {}).get("rules", [])
        if problem := _violated(constraint, rules, situation):
            found.append(problem)
    yield from found or [Finding(subject, Status.FINE, "none stands in the way")]


def check_runtime(situation: Situation) -> Iterator[Finding]:
    """Look whether the runtime is offered in the region, and whether a new project may build there."""
    deployment, region = situation.deployment, situation.location.region
    runtime, environment = RUNTIMES[deployment.generation], f"GEN_{deployment.generation}"
    path = f"v2/projects/{deployment.project}/locations/{region}/runtimes"
    answer, runtimes = situation.rest.items("cloudfunctions", path, "runtimes")
    offered = [one for one in runtimes if (one["name"], one.get("environment")) == (runtime, environment)]
    stage = offered[0].get("stage", "GA") if offered else "missing"
    if not answer.ok:
        yield situation.unknown("runtime", answer, "cloudfunctions")
    elif not offered or stage in {"DECOMMISSIONED", "DEPRECATED"}:
        text = f"{runtime} of generation {deployment.generation} is {stage} in {region}"
        yield Finding("runtime", Status.OBSTACLE, text, "take a bucket in another region, or a newer version of this")
    else:
        yield Finding("runtime", Status.FINE, f"{runtime} is offered in {region}")
    yield _build_region(situation)


def check_quota(situation: Situation) -> Iterator[Finding]:
    """Look whether Cloud Run's quota in the region covers all instances at once."""
    deployment, region = situation.deployment, situation.location.region
    if deployment.generation == 1:
        return
    covered = instances_covered(situation.rest, deployment.project, region, deployment.vcpus, deployment.memory_mib)
    if covered is None:
        yield Finding("quota", Status.UNKNOWN, f"what Cloud Run allows in {region} cannot be asked; {_need(situation)}")
    elif not covered:
        yield Finding("quota", Status.UNKNOWN, f"Cloud Run does not say what it allows in {region}; {_need(situation)}")
    elif min(covered.values()) < deployment.instances:
        at_most, scarce = min((number, name) for name, number in covered.items())
        page = (
            f"https://console.cloud.google.com/iam-admin/quotas?project={deployment.project}&service=run.googleapis.com"
        )
        todo = f"--max-instances {at_most}, or less --memory, or have it raised: {page}"
        if at_most == 0:
            todo = f"have it raised: {page}"
        yield Finding(
            "quota", Status.OBSTACLE, f"{scarce} in {region} covers {at_most} instances; {_need(situation)}", todo
        )
    else:
        yield Finding("quota", Status.FINE, f"covers {min(covered.values())} instances in {region}; {_need(situation)}")


def check_agents(situation: Situation) -> Iterator[Finding]:
    """Look whether Google's own accounts in the project have the roles by which they do their work."""
    if situation.deployment.generation == 1:
        return
    if situation.policy is None:
        yield Finding("service agents", Status.UNKNOWN, "the project's policy cannot be read")
        return
    for agent, (api, role) in AGENT_ROLES.items():
        yield _agent(situation, agent, api, {role}, role)
    yield _agent(situation, "pubsub", "pubsub", {TOKEN_CREATOR, PUBSUB_AGENT}, TOKEN_CREATOR)
    storage = AGENTS["storage"].format(number=situation.number)
    if PUBLISHER in situation.roles_of(storage):
        yield Finding("storage agent", Status.FINE, f"has {PUBLISHER}")
    elif situation.function.ok:
        yield _lacking(situation, "storage agent", storage, PUBLISHER, "no upload becomes an event")
    else:
        yield Finding("storage agent", Status.WILL_BE_MADE, f"will get {PUBLISHER}")


def _billing(situation: Situation) -> Finding:
    name = situation.deployment.project
    answer = situation.rest.get("cloudbilling", f"v1/projects/{name}/billingInfo")
    if not answer.ok:
        return situation.unknown("billing", answer, "cloudbilling")
    if answer.content.get("billingEnabled"):
        return Finding("billing", Status.FINE, f"is paid by {answer.content.get('billingAccountName', 'an account')}")
    page = f"https://console.cloud.google.com/billing/linkedaccount?project={name}"
    return Finding("billing", Status.OBSTACLE, "no billing account is linked, or it is closed", f"link one: {page}")


def _permissions(situation: Situation) -> Finding:
    name = situation.deployment.project
    makes_role = situation.deployment.forget and not situation.forgetting.ok
    wanted = PERMISSIONS | (TO_FORGET if makes_role else {})
    path = f"v1/projects/{name}:testIamPermissions"
    answer = situation.rest.post("cloudresourcemanager", path, {"permissions": list(wanted)})
    if not answer.ok:
        return situation.unknown("your permissions", answer, "cloudresourcemanager")
    missing = [one for one in wanted if one not in answer.content.get("permissions", [])]
    if not missing:
        return Finding("your permissions", Status.FINE, "all that a deployment needs")
    roles = dict.fromkeys(wanted[one] for one in missing)
    commands = (f"gcloud projects add-iam-policy-binding {name} --member=user:YOU --role={role}" for role in roles)
    text = f"on {name} you lack {', '.join(missing)}"
    return Finding("your permissions", Status.OBSTACLE, text, "\n".join(("have an owner run", *commands)))


def _build_region(situation: Situation) -> Finding:
    """Return whether a new project may build in the region; Cloud Build's quota there says so, if it can be asked."""
    region, name = situation.location.region, situation.deployment.project
    metrics = read_quotas(situation.rest, name, "cloudbuild")
    limit = limit_of(metrics or [], "cloudbuild.googleapis.com/concurrent_public_pool_build_cpus", region)
    page = f"https://console.cloud.google.com/iam-admin/quotas?project={name}&service=cloudbuild.googleapis.com"
    if limit == 0:
        others = f"use a bucket in {', '.join(BUILD_REGIONS)}, or ask for quota: {page}"
        return Finding("build region", Status.OBSTACLE, f"Cloud Build may not build in {region}", others)
    if limit is not None or region in BUILD_REGIONS:
        return Finding("build region", Status.FINE, f"builds run in {region}")
    return Finding(
        "build region",
        Status.UNKNOWN,
        f"new projects may build in {', '.join(BUILD_REGIONS)} only, older ones in {region} too",
    )


def _need(situation: Situation) -> str:
    deployment = situation.deployment
    cores = f"{deployment.vcpus} vCPU{'s' if deployment.vcpus > 1 else ''}"
    return f"{deployment.instances} of {cores} and {deployment.memory} are asked for"


def _violated(constraint: str, rules: list[dict[str, Any]], situation: Situation) -> Finding | None:
    """Return what is wrong with a policy whose rules are these; None where it lets a deployment pass."""
    unconditional = [rule for rule in rules if "condition" not in rule]
    todo = (
        f"have the administrator of your organisation allow it for {situation.deployment.project}"
        f" (constraints/{constraint}), or use a project outside"
    )
    subject = "organisation policies"
    if constraint in FORBIDDING:
        if any(rule.get("enforce") for rule in unconditional):
            return Finding(subject, Status.OBSTACLE, f"{constraint}: {FORBIDDING[constraint]}", todo)
        return None
    allowed = [value for rule in unconditional for value in rule.get("values", {}).get("allowedValues", [])]
    denied = [value for rule in unconditional for value in rule.get("values", {}).get("deniedValues", [])]
    deny_all = any(rule.get("denyAll") for rule in unconditional)
    if constraint in UNRESOLVED:
        if allowed or denied or deny_all:
            return Finding(subject, Status.UNKNOWN, f"{constraint} is set and may stop {UNRESOLVED[constraint]}", todo)
        return None
    region = situation.location.region
    needed = region if constraint == "gcp.resourceLocations" else ALLOWING[constraint]
    if constraint == "cloudfunctions.restrictAllowedGenerations" and situation.deployment.generation == 1:
        needed = "1stGen"
    names = _groups(needed) if constraint == "gcp.resourceLocations" else {needed, f"is:{needed}"}
    if deny_all or (allowed and not names & {*allowed}) or names & {*denied}:
        return Finding(subject, Status.OBSTACLE, f"{constraint} does not allow {needed}", todo)
    return None


def _groups(region: str) -> set[str]:
    """Return the names under which a policy may speak of a region: itself, and Google's groups that hold it."""
    continent = region.partition("-")[0]
    groups = {
        "us": ("us", "northamerica"),
        "northamerica": ("northamerica", "canada"),
        "europe": ("europe", "eu"),
        "asia": ("asia",),
        "australia": ("australia",),
        "southamerica": ("southamerica",),
        "me": ("me",),
        "africa": ("africa",),
    }
    names = {region, f"is:{region}", f"in:{region}-locations"}
    return names | {f"in:{group}-locations" for group in groups.get(continent, (continent,))}


def _agent(situation: Situation, agent: str, api: str, sufficient: set[str], role: str) -> Finding:
    """Return whether an agent has one of the roles that suffice; Google gives them when the API is first used."""
    email = AGENTS[agent].format(number=situation.number)
    if given := sufficient & situation.roles_of(email):
        return Finding(f"{agent} agent", Status.FINE, f"has {min(given)}")
    if situation.function.ok or (agent == "pubsub" and situation.enabled(api)):
        effect = "every delivery is refused in silence" if agent == "pubsub" else "its part of the way does not happen"
        return _lacking(situation, f"{agent} agent", email, role, effect)
    return Finding(f"{agent} agent", Status.WILL_BE_MADE, f"Google gives it {role} when the API is first used")


def _lacking(situation: Situation, subject: str, email: str, role: str, effect: str) -> Finding:
    name = situation.deployment.project
    binding = f'--member="serviceAccount:{email}" --role={role} --condition=None'
    todo = f"gcloud projects add-iam-policy-binding {name} {binding}"
    return Finding(subject, Status.OBSTACLE, f"{email} lacks {role}: {effect}", todo)
