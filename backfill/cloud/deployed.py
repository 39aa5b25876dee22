"""The deployed function: the backfill has its settings, and its job also has its account and limits."""

from __future__ import annotations

import shutil
import sys
from dataclasses import fields
from typing import TYPE_CHECKING

from analysis.settings import Settings
from deploy.advice import advice
from deploy.failures import ConflictError, FailedError, RefusedError
from deploy.function import Function, read_function
from deploy.reconcile import refuse_other_bucket, region_of_function
from deploy.step import step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.deployment import Deployment
    from deploy.gcloud import Gcloud

VIEWER = "roles/cloudfunctions.viewer"
VARIABLES = tuple(field.name.upper() for field in fields(Settings))


def find_deployed(gcloud: Gcloud, deployment: Deployment) -> Function:
    """Return the function of this name.

    Raises FailedError if it cannot be read, if there is none, or if it watches another bucket.
    """
    with step(gcloud, "look at the function", VIEWER):
        return _read_deployed(gcloud, deployment)


def look_for_deployed(gcloud: Gcloud, deployment: Deployment, environment: Mapping[str, str]) -> Function | None:
    """Return the function of this name; without one, print a note and return None.

    Raises FailedError if Google refuses to answer and the environment has no setting: the run would have the default
    settings, and those may select other objects than the function's.
    """
    try:
        return _read_deployed(gcloud, deployment)
    except ConflictError as conflict:
        cause = str(conflict)
    except RefusedError as refused:
        cause = refused.answer or "no answer"
        if not any(name in environment for name in VARIABLES):
            raise FailedError(
                f"the settings of the function {deployment.name} cannot be read. Google answered:\n{cause}\n"
                f"What to do: {advice(refused.answer, deployment.project, (VIEWER,))}\n"
                f"Or set its settings in the environment: {VARIABLES[0]} and those that you changed."
            ) from refused
    print(
        f"backfill.sh: settings are those of the environment, else the defaults: {cause.splitlines()[0]}",
        file=sys.stderr,
    )
    return None


def settings_variables(function: Function | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are settings; the environment's take precedence over the function's."""
    deployed = function.environment if function else {}
    return {name: value for name, value in {**deployed, **environment}.items() if name in VARIABLES}


def _read_deployed(gcloud: Gcloud, deployment: Deployment) -> Function:
    if shutil.which("gcloud") is None:
        raise ConflictError("gcloud is not installed: https://cloud.google.com/sdk/docs/install")
    region = region_of_function(gcloud, deployment.name)
    answer = region and gcloud.read("functions", "describe", deployment.name, f"--region={region}")
    if not answer:
        raise ConflictError(
            f"there is no function {deployment.name} in project {deployment.project}.\n"
            f"If it has another name, give that by --name; else deploy it: {deployment.command}"
        )
    function = read_function(answer)
    refuse_other_bucket(function, deployment)
    return function
