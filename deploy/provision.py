"""From an empty project to a working trigger: each step reads, and changes only what is not yet as it should be."""

from deploy.alerts import ensure_alerts
from deploy.apis import APIS_OF_ALERTS, apis_of_function, ensure_apis, project_number
from deploy.bucket import ensure_bucket, find_bucket, refuse_foreign
from deploy.database import ensure_database, ensure_exemption, ensure_index
from deploy.deployment import Deployment
from deploy.forgetting import desired_forgetting, ensure_role, find_forgetting, refuse_forgetting
from deploy.function import Function
from deploy.gcloud import Gcloud
from deploy.location import locate
from deploy.policy import policy_of_service
from deploy.proof import prove
from deploy.reconcile import (
    desired_function,
    ensure_function,
    find_function,
    refuse_other_bucket,
    refuse_other_generation,
    say_neighbours,
)
from deploy.rest import Rest, signed_in
from deploy.rights import ensure_accounts, ensure_bucket_rights, ensure_only_invoker, ensure_project_rights
from deploy.scheduled_job import (
    ask_schedule,
    ask_scheduled_job,
    describe_differences,
    differences_from,
    read_scheduled_job,
    renewal,
)
from deploy.step import step


def provision(gcloud: Gcloud, deployment: Deployment) -> None:
    """Make what a bucket of sounds needs, in the order in which one thing needs the other.

    Raises FailedError at the first step that cannot be done.
    """
    with step(gcloud, "look at the bucket", "roles/storage.admin"):
        bucket = find_bucket(gcloud, deployment.bucket)
        location = locate(bucket, deployment.region)
    with step(gcloud, "look for a function of this name", "roles/cloudfunctions.admin"):
        function = find_function(gcloud, deployment, location.region)
        refuse_other_generation(function, deployment)
        refuse_other_bucket(function, deployment)
        refuse_forgetting(function, deployment)
        forgetting = find_forgetting(gcloud, deployment, location.region) if deployment.forget else None
        say_neighbours(gcloud, deployment)
    with step(gcloud, "enable the APIs", "roles/serviceusage.serviceUsageAdmin"):
        ensure_apis(gcloud, (*apis_of_function(deployment.generation), *(APIS_OF_ALERTS if deployment.notify else ())))
    with step(gcloud, "look at the project", "roles/browser"):
        number = project_number(gcloud)
        refuse_foreign(bucket, number)
    with step(gcloud, "make the service accounts", "roles/iam.serviceAccountAdmin"):
        ensure_accounts(gcloud, deployment)
    if deployment.forget:
        with step(gcloud, "make the role that may delete documents, and nothing else", "roles/iam.roleAdmin"):
            ensure_role(gcloud)
    with step(gcloud, "give the accounts their rights on the project", "roles/resourcemanager.projectIamAdmin"):
        ensure_project_rights(gcloud, deployment, number)
    with step(gcloud, "make the bucket", "roles/storage.admin"):
        ensure_bucket(gcloud, deployment.bucket, bucket, location.region)
    with step(gcloud, "make the Firestore database", "roles/datastore.owner"):
        ensure_database(gcloud, location.region)
    with step(gcloud, "make the vector index", "roles/datastore.indexAdmin"):
        ensure_index(gcloud)
    with step(gcloud, "keep the waveforms out of the indexes", "roles/datastore.indexAdmin"):
        ensure_exemption(gcloud)
    with step(gcloud, "let the function read the bucket", "roles/storage.admin"):
        ensure_bucket_rights(gcloud, deployment)
    with step(gcloud, "deploy the function", "roles/cloudfunctions.admin", "roles/iam.serviceAccountUser"):
        ensure_function(gcloud, desired_function(deployment, location), function)
    if deployment.generation == 2:
        with step(gcloud, "let its trigger, and nobody else, invoke it", "roles/run.admin"):
            ensure_only_invoker(gcloud, policy_of_service(deployment.name, location.region), deployment.run_account)
    if deployment.forget:
        variables = function.environment if function else {}
        _deploy_forgetting(gcloud, deployment, desired_forgetting(deployment, location, variables), forgetting)
    if deployment.notify:
        _make_alerts(gcloud, deployment, location.region)
    if gcloud.dry_run:
        return
    say_scheduled_job(gcloud, signed_in(gcloud.project), deployment, location.region)
    if not deployment.no_proof:
        gcloud.begin("prove that a sound becomes a document")
        prove(signed_in(gcloud.project), deployment, gcloud.say, gcloud.sleep)
    print(f"done: put a sound into gs://{deployment.bucket}, and see the collection sounds in Firestore")


def say_scheduled_job(gcloud: Gcloud, rest: Rest, deployment: Deployment, region: str) -> None:
    """Say where the scheduled backfill is not what the function is now, and the command that renews it."""
    answer = ask_scheduled_job(rest, deployment, region)
    function = find_function(gcloud, deployment, region) if answer.ok else None
    if function is None:
        return
    job = read_scheduled_job(answer.content)
    if different := differences_from(function, job, deployment):
        schedule = ask_schedule(rest, deployment, region)
        cron = schedule.content.get("schedule") if schedule.ok else None
        gcloud.begin("the scheduled backfill goes on as it was made")
        gcloud.say(f"{describe_differences(different, deployment)}; this renews it:")
        print(f"  {renewal(deployment, job, cron)}")


def _deploy_forgetting(gcloud: Gcloud, deployment: Deployment, goal: Function, found: Function | None) -> None:
    """Deploy the second function, which forgets what is deleted; it has its documents where the first has them."""
    with step(gcloud, "deploy the function that forgets", "roles/cloudfunctions.admin", "roles/iam.serviceAccountUser"):
        ensure_function(gcloud, goal, found)
    if deployment.generation == 2:
        with step(gcloud, "let its own trigger, and nobody else, invoke that", "roles/run.admin"):
            ensure_only_invoker(gcloud, policy_of_service(goal.name, goal.region), deployment.forget_account)


def _make_alerts(gcloud: Gcloud, deployment: Deployment, region: str) -> None:
    gcloud.begin("make the alerts")
    if gcloud.dry_run:
        gcloud.say(f"a channel to {deployment.notify} and its alerts are made by Cloud Monitoring's REST API")
    else:
        ensure_alerts(gcloud, signed_in(gcloud.project), deployment, region)
