"""Back to what was there before, except for the bucket and the data, which are not ours to remove."""

from dataclasses import replace

from deploy.alerts import remove_alerts
from deploy.apis import project_number
from deploy.archive import LABEL
from deploy.bucket import find_bucket
from deploy.database import COLLECTION, DATABASE, find_indexes, remove_exemption
from deploy.deployment import Deployment
from deploy.forgetting import ROLE, find_forgetting, refuse_forgetting
from deploy.gcloud import Gcloud
from deploy.location import locate, locate_schedule
from deploy.policy import policy_of_bucket, policy_of_project
from deploy.reconcile import find_function, refuse_other_bucket
from deploy.rest import signed_in
from deploy.rights import purposes, remove_account, right_to_publish, rights_on_project, rights_to_read
from deploy.step import step


def teardown(gcloud: Gcloud, deployment: Deployment) -> None:
    """Remove what `provision` made, the trigger first, and say what is left.

    Raises FailedError at the first step that cannot be done.
    """
    deployment = replace(deployment, forget=True)  # whether it is there is seen
    with step(gcloud, "look at the bucket", "roles/storage.admin"):
        bucket = find_bucket(gcloud, deployment.bucket)
        region = locate(bucket, deployment.region).region
    with step(gcloud, "look for a function of this name", "roles/cloudfunctions.admin"):
        function = find_function(gcloud, deployment, region)
        refuse_other_bucket(function, deployment)
        refuse_forgetting(function, deployment)
        forgetting = find_forgetting(gcloud, deployment, region)
    with step(
        *(gcloud, "remove the backfill's schedule, jobs and image", "roles/cloudscheduler.admin", "roles/run.admin"),
        "roles/artifactregistry.admin",
    ):
        _remove_backfill(gcloud, deployment, region)
    gcloud.begin("remove the alerts")
    remove_alerts(gcloud, signed_in(gcloud.project), deployment)
    with step(gcloud, "remove the function and its trigger", "roles/cloudfunctions.admin"):
        for one in (function, forgetting):
            if one:
                gcloud.run("functions", "delete", one.name, f"--region={region}")
    with step(gcloud, "take back the right to read the bucket", "roles/storage.admin"):
        _remove_bucket_rights(gcloud, deployment)
    with step(gcloud, "take back the rights on the project", "roles/resourcemanager.projectIamAdmin"):
        remove_project_rights(gcloud, deployment)
    with step(gcloud, "remove the service accounts", "roles/iam.serviceAccountAdmin"):
        for account in purposes(deployment):
            remove_account(gcloud, account)
    with step(gcloud, "remove the vector index", "roles/datastore.indexAdmin"):
        remove_indexes(gcloud, deployment)
    has_role = gcloud.read("iam", "roles", "describe", ROLE) is not None
    for line in _left(deployment, bucket_exists=bucket is not None, has_role=has_role):
        print(f"# {line}" if gcloud.dry_run else line)


def _remove_backfill(gcloud: Gcloud, deployment: Deployment, region: str) -> None:
    """Remove what backfill.sh made, so far as it is there: schedule, jobs, image, and the account of the schedule."""
    offered = gcloud.read("scheduler", "locations", "list") or []
    location = locate_schedule((one.get("locationId", "") for one in offered), region)
    schedule = ("scheduler", "jobs"), (deployment.scheduled_job, f"--location={location}")
    jobs = [
        (("run", "jobs"), (job, f"--region={region}")) for job in (deployment.scheduled_job, deployment.backfill_job)
    ]
    repository = ("artifacts", "repositories"), (deployment.repository, f"--location={region}")
    for kind, resource in (schedule, *jobs, repository):
        if gcloud.read(*kind, "describe", *resource) is not None:
            gcloud.run(*kind, "delete", *resource)
    remove_account(gcloud, deployment.schedule_account)


def _remove_bucket_rights(gcloud: Gcloud, deployment: Deployment) -> None:
    policy = policy_of_bucket(deployment.bucket)
    given = policy.rights(gcloud)
    for right in rights_to_read(deployment):
        if right in given:
            policy.take(gcloud, right)


def remove_project_rights(gcloud: Gcloud, deployment: Deployment) -> None:
    """Take the rights on the project back; the storage agent keeps its own while another trigger needs it."""
    policy, publishing = policy_of_project(gcloud.project), right_to_publish(gcloud.project, project_number(gcloud))
    given = policy.rights(gcloud)
    for right in rights_on_project(deployment, generation=2):
        if right in given:
            policy.take(gcloud, right)
    if publishing in given and not _another_storage_trigger(gcloud, deployment):
        policy.take(gcloud, publishing)


def remove_indexes(gcloud: Gcloud, deployment: Deployment) -> None:
    """Remove the vector indexes and the exemption, unless another function of ours writes sounds."""
    indexes = find_indexes(gcloud)
    if indexes and _another_function(gcloud, deployment):
        gcloud.say("kept: another function writes sounds")
        return
    for index in indexes:
        gcloud.run("firestore", "indexes", "composite", "delete", index.name, f"--database={DATABASE}")
    remove_exemption(gcloud)


def _another_storage_trigger(gcloud: Gcloud, deployment: Deployment) -> bool:
    triggers = gcloud.read("eventarc", "triggers", "list", "--location=-") or []
    ours = (deployment.run_account, deployment.forget_account)
    return any(
        one["value"].startswith("google.cloud.storage.") and trigger.get("serviceAccount") not in ours
        for trigger in triggers
        for one in trigger["eventFilters"]
    )


def _another_function(gcloud: Gcloud, deployment: Deployment) -> bool:
    functions = gcloud.read("functions", "list", "--v2") or []
    ours = (f"/{deployment.name}", f"/{deployment.forgetting}")
    return any(LABEL in function.get("labels", {}) and not function["name"].endswith(ours) for function in functions)


def _left(deployment: Deployment, *, bucket_exists: bool, has_role: bool) -> list[str]:
    return [
        "What is left:",
        *([f"  the bucket gs://{deployment.bucket} and the sounds in it"] if bucket_exists else []),
        f"  the Firestore database {DATABASE} and the documents in {COLLECTION} and rejections",
        *([f"  the role {ROLE}, as a role's ID cannot be used again for 37 days; it gives nobody anything"] * has_role),
        "  the enabled APIs, as other things may use them",
        "  what Google keeps of builds: the repository gcf-artifacts, the buckets gcf-v2-sources-* or gcf-sources-*",
    ]
