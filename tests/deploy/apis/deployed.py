"""A project in which everything is as deploy.sh makes it, without the minute that it takes to make it."""

from copy import deepcopy
from typing import Any

from analysis.definition import N_FINGERPRINT
from deploy.apis import apis_of_function
from deploy.deployment import Deployment
from deploy.forgetting import PERMISSIONS, ROLE, places
from deploy.function import read_function
from deploy.rights import right_to_publish, rights_on_project
from deploy.scheduled_job import image_of
from tests.deploy.apis.answering import State
from tests.deploy.apis.terminal import BUCKET, PROJECT

NAME = f"projects/{PROJECT}/locations/us-central1/functions/analyze"
FORGETTING = f"{NAME}-forget"
TRIGGER = f"projects/{PROJECT}/locations/us-central1/triggers/analyze-1"
SUBSCRIPTION = f"projects/{PROJECT}/subscriptions/analyze-1"
JOB = "analyze-backfill-scheduled"
INDEX = f"projects/{PROJECT}/databases/(default)/collectionGroups/sounds/indexes/index0"

# What Google gives its own accounts in a project whose APIs are in use.
AGENTS = {
    "gcp-sa-eventarc": "roles/eventarc.serviceAgent",
    "gcf-admin-robot": "roles/cloudfunctions.serviceAgent",
    "gcp-sa-pubsub": "roles/pubsub.serviceAgent",
}


def deploy(state: State) -> None:
    """Put everything into the state that a deployment with the defaults makes."""
    deployment = Deployment(PROJECT, BUCKET)
    state.services |= {f"{name}.googleapis.com" for name in apis_of_function(2)}
    state.accounts = {
        email: {"name": f"projects/{PROJECT}/serviceAccounts/{email}", "email": email}
        for email in (deployment.run_account, deployment.build_account)
    }
    give_agents(state)
    for right in [*rights_on_project(deployment, 2), right_to_publish(PROJECT, state.number)]:
        give(state, "project", right.member, right.role)
    state.buckets[BUCKET] = {"name": BUCKET, "projectNumber": state.number, "location": "US-CENTRAL1"}
    give(state, f"bucket {BUCKET}", f"serviceAccount:{deployment.run_account}", "roles/storage.objectViewer")
    database = {"type": "FIRESTORE_NATIVE", "locationId": "us-central1"}
    state.databases["(default)"] = {"name": f"projects/{PROJECT}/databases/(default)", **database}
    vector = {"dimension": N_FINGERPRINT, "flat": {}}
    fields = [{"fieldPath": "fingerprint", "vectorConfig": vector}]
    state.indexes[INDEX] = {"name": INDEX, "state": "READY", "queryScope": "COLLECTION", "fields": fields}
    state.functions[NAME] = {
        "name": NAME,
        "environment": "GEN_2",
        "state": "ACTIVE",
        "buildConfig": {"runtime": "python313", "entryPoint": "analyze"},
        "eventTrigger": {
            "eventType": "google.cloud.storage.object.v1.finalized",
            "eventFilters": [{"attribute": "bucket", "value": BUCKET}],
            "retryPolicy": "RETRY_POLICY_RETRY",
            "triggerRegion": "us-central1",
            "serviceAccountEmail": deployment.run_account,
        },
        "serviceConfig": {
            "service": NAME.replace("/functions/", "/services/"),
            "serviceAccountEmail": deployment.run_account,
            "availableMemory": "2Gi",
            "availableCpu": "1",
            "environmentVariables": {"MAX_BYTES": str(deployment.max_bytes)},
        },
    }
    state.triggers[NAME] = {
        "name": TRIGGER,
        "eventFilters": [{"attribute": "type", "value": "google.cloud.storage.object.v1.finalized"}],
        "serviceAccount": deployment.run_account,
        "transport": {"pubsub": {"subscription": SUBSCRIPTION}},
    }
    state.subscriptions[SUBSCRIPTION] = {"ackDeadlineSeconds": 600}
    give(state, "service analyze", f"serviceAccount:{deployment.run_account}", "roles/run.invoker")


def make_job(
    state: State, *, memory: str = "2Gi", image: str = "", cron: dict[str, Any] | None = None, **change: str
) -> None:
    """Let there be a scheduled job that is what the function is, but for what is given."""
    function = read_function(state.functions[NAME])
    env = [{"name": name, "value": value} for name, value in (function.environment | change).items()]
    container = {
        "image": image or image_of(Deployment(PROJECT, BUCKET), function),
        "env": env,
        "args": [f"--project={PROJECT}", f"--bucket={BUCKET}", "--prefix=a b/", "--unless-running", "--here", "--yes"],
        "resources": {"limits": {"memory": memory, "cpu": "1"}},
    }
    task = {"serviceAccountName": function.account, "containers": [container]}
    state.jobs[JOB] = {"spec": {"template": {"spec": {"taskCount": 5, "template": {"spec": task}}}}}
    state.services.add("cloudscheduler.googleapis.com")
    name = f"projects/{PROJECT}/locations/us-central1/jobs/{JOB}"
    if cron is not None:
        state.schedules[name] = {"name": name, "schedule": "0 3 * * *"} | cron


def deploy_forgetting(state: State) -> None:
    """Put what `--forget` adds into the state that `deploy` made."""
    deployment = Deployment(PROJECT, BUCKET, forget=True)
    account = deployment.forget_account
    state.accounts[account] = {"name": f"projects/{PROJECT}/serviceAccounts/{account}", "email": account}
    state.roles[ROLE] = {"name": f"projects/{PROJECT}/roles/{ROLE}", "includedPermissions": [*PERMISSIONS]}
    for right in rights_on_project(deployment, 2):
        if account in right.member:
            give(state, "project", right.member, right.role)
    give(state, f"bucket {BUCKET}", f"serviceAccount:{account}", "roles/storage.objectViewer")
    state.functions[NAME]["serviceConfig"]["environmentVariables"]["FORGET"] = "true"
    function = deepcopy(state.functions[NAME]) | {"name": FORGETTING}
    function["buildConfig"]["entryPoint"] = "forget"
    function["eventTrigger"] |= {
        "eventType": "google.cloud.storage.object.v1.deleted",
        "serviceAccountEmail": account,
    }
    function["serviceConfig"] |= {
        "service": FORGETTING.replace("/functions/", "/services/"),
        "serviceAccountEmail": account,
        "environmentVariables": places({}),
    }
    state.functions[FORGETTING] = function
    state.triggers[FORGETTING] = {
        "name": f"{TRIGGER.removesuffix('-1')}-forget-1",
        "eventFilters": [{"attribute": "type", "value": "google.cloud.storage.object.v1.deleted"}],
        "serviceAccount": account,
        "transport": {"pubsub": {"subscription": f"{SUBSCRIPTION}-forget"}},
    }
    state.subscriptions[f"{SUBSCRIPTION}-forget"] = {"ackDeadlineSeconds": 600}
    give(state, "service analyze-forget", f"serviceAccount:{account}", "roles/run.invoker")


def give_agents(state: State) -> None:
    """Give Google's own accounts the roles that Google gives them."""
    for domain, role in AGENTS.items():
        email = f"service-{state.number}@{domain}.iam.gserviceaccount.com"
        state.agents.add(email)
        give(state, "project", f"serviceAccount:{email}", role)
    state.agents.add(f"service-{state.number}@gs-project-accounts.iam.gserviceaccount.com")


def give(state: State, resource: str, member: str, role: str) -> None:
    """Give a member a role on a resource."""
    policy = state.policies.setdefault(resource, {"etag": "ACAB", "version": 1, "bindings": []})
    policy["bindings"].append({"role": role, "members": [member]})


def take(state: State, resource: str, role: str, account: str = "") -> None:
    """Take a role on a resource from whoever has it whose name holds the text."""
    policy = state.policies[resource]
    policy["bindings"] = [one for one in policy["bindings"] if one["role"] != role or account not in one["members"][0]]
