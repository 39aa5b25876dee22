"""The image of the backfill's jobs: built by Cloud Build from this repository, as the account that builds the function.

Source: Cloud Build's "Configure user-specified service accounts"; `gcloud run jobs deploy --source` takes none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.archive import ROOT
from deploy.scheduled_job import BUILD_DIRECTORY, PACKAGE, image_of

if TYPE_CHECKING:
    from deploy.deployment import Deployment
    from deploy.function import Function
    from deploy.gcloud import Gcloud


def ensure_repository(gcloud: Gcloud, deployment: Deployment, region: str) -> None:
    """Create the repository of the image if there is none."""
    where = deployment.repository, f"--location={region}"
    if gcloud.read("artifacts", "repositories", "describe", *where) is None:
        gcloud.run("artifacts", "repositories", "create", *where, "--repository-format=docker")


def ensure_image(gcloud: Gcloud, deployment: Deployment, function: Function) -> None:
    """Build the image, which takes minutes, unless the repository has it."""
    image = image_of(deployment, function)
    where = f"--repository={deployment.repository}", f"--location={function.region}"
    tags = gcloud.read("artifacts", "tags", "list", f"--package={PACKAGE}", *where) or []
    if any(tag["name"].rpartition("/")[2] == image.rpartition(":")[2] for tag in tags):
        return
    digits = function.runtime.removeprefix("python")  # of 3.13: 313
    gcloud.run(
        *("builds", "submit", str(ROOT), f"--region={function.region}"),
        *(f"--config={ROOT / BUILD_DIRECTORY / 'cloudbuild.yaml'}", f"--ignore-file={BUILD_DIRECTORY}/gcloudignore"),
        f"--service-account=projects/{deployment.project}/serviceAccounts/{deployment.build_account}",
        f"--substitutions=_IMAGE={image},_PYTHON={digits[0]}.{digits[1:]}",
    )
