"""What backfill.sh makes for a function goes with the function."""

from deploy.deployment import Deployment
from deploy.gcloud import Gcloud
from deploy.rights import remove_account


def remove_backfill(gcloud: Gcloud, deployment: Deployment, region: str) -> None:
    """Remove the schedule, the jobs, the account of the schedule and the image, so far as they are there."""
    schedule = ("scheduler", "jobs"), (deployment.scheduled_job, f"--location={region}")
    jobs = [
        (("run", "jobs"), (job, f"--region={region}")) for job in (deployment.scheduled_job, deployment.backfill_job)
    ]
    repository = ("artifacts", "repositories"), (deployment.repository, f"--location={region}")
    for kind, resource in (schedule, *jobs, repository):
        if gcloud.read(*kind, "describe", *resource) is not None:
            gcloud.run(*kind, "delete", *resource)
    remove_account(gcloud, deployment.schedule_account)
