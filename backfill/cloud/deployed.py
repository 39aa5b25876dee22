"""The deployed function: the backfill has its settings, and its job also has its account and limits."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from deploy.advice import advice
from deploy.failures import ConflictError, FailedError, RefusedError
from deploy.function import Function, read_function
from deploy.reconcile import list_functions, names_watching, region_of_function
from deploy.scheduled_job import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.deployment import Deployment
    from deploy.gcloud import Gcloud

VIEWER = "roles/cloudfunctions.viewer"


def find_deployed(gcloud: Gcloud, deployment: Deployment, *, is_job: bool) -> Function:
    """Return the function of this name, which watches the bucket.

    Raises FailedError, which names the ways out, if there is none, if it watches another bucket, or if it cannot be
    read: by other settings the run would analyse what the function skips, or skip what it analyses.
    """
    try:
        return _read_deployed(gcloud, deployment)
    except ConflictError as conflict:
        cause = str(conflict)
    except RefusedError as refused:
        cause = (
            f"the function {deployment.name} cannot be read. Google answered:\n{refused.answer or 'no answer'}\n"
            f"What to do: {advice(refused.answer, deployment.project, (VIEWER,))}"
        )
    ways_out = "" if is_job else ", or --defaults for the settings of the environment and else the defaults"
    raise FailedError(
        f"the settings are those of the deployed function, but {cause}\nOr give its name by --name{ways_out}."
    )


def settings_variables(function: Function | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are settings; the environment's take precedence over the function's."""
    deployed = function.environment if function else {}
    return {name: value for name, value in {**deployed, **environment}.items() if name in SETTINGS}


def describe_overridden(function: Function, environment: Mapping[str, str]) -> str | None:
    """Return which of the function's settings the environment overrides, as a line; None where it overrides none."""
    overridden = [
        f"{name}={environment[name]} instead of {function.environment.get(name, 'the default')}"
        for name in SETTINGS
        if name in environment and environment[name] != function.environment.get(name)
    ]
    if not overridden:
        return None
    return f"settings of the environment, not of the function {function.name}: {'; '.join(overridden)}"


def _read_deployed(gcloud: Gcloud, deployment: Deployment) -> Function:
    name, bucket = deployment.name, deployment.bucket
    if shutil.which("gcloud") is None:
        raise ConflictError("gcloud is not installed: https://cloud.google.com/sdk/docs/install")
    functions = list_functions(gcloud)
    watching = names_watching(functions, bucket)
    others = f"gs://{bucket} is watched by {' and '.join(watching)}" if watching else f"deploy it: {deployment.command}"
    region = region_of_function(functions, name)
    answer = region and gcloud.read("functions", "describe", name, f"--region={region}")
    if not answer:
        raise ConflictError(f"there is no function {name} in project {deployment.project}.\nWhat to do: {others}")
    function = read_function(answer)
    if function.bucket != bucket:
        watched = f"bucket {function.bucket}" if function.bucket else "no bucket"
        raise ConflictError(f"the function {name} watches {watched}, not {bucket}.\nWhat to do: {others}")
    return function
