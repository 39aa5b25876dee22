"""Who may call a 2nd-gen function: its trigger's account, and nobody else."""

from deploy.deployment import Deployment
from deploy.gcloud import Gcloud
from deploy.rights import members

INVOKE = "roles/run.invoker"


def ensure_only_invoker(gcloud: Gcloud, deployment: Deployment, region: str) -> None:
    """Let the trigger's account invoke the function's service, and take that from whoever else was given it there."""
    service = ("run", "services")
    place = (deployment.name, f"--region={region}")
    given = members(gcloud.read(*service, "get-iam-policy", *place))
    wanted = (f"serviceAccount:{deployment.run_account}", INVOKE)
    if wanted not in given:
        gcloud.run(*service, "add-iam-policy-binding", *place, f"--member={wanted[0]}", f"--role={INVOKE}")
    for member, role in sorted(given - {wanted}):
        if role == INVOKE:
            gcloud.run(*service, "remove-iam-policy-binding", *place, f"--member={member}", f"--role={INVOKE}")
