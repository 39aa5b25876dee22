"""What would keep a deployment from succeeding, found out by reading alone.

Every question is a GET, or one of the two POSTs that change nothing: `testIamPermissions`, and `getIamPolicy`, by which
alone the policy of a project can be read. What cannot be asked is unknown, which is no obstacle.
"""

import json
from collections.abc import Callable, Iterator

from deploy.check_function import check_forgetting, check_function
from deploy.check_project import check_agents, check_organisation, check_project, check_quota, check_runtime
from deploy.check_storage import check_bucket, check_credentials, check_database
from deploy.deployment import Deployment
from deploy.failures import ConflictError, RefusedError
from deploy.findings import Finding, Situation, Status, look
from deploy.rest import signed_in

# Exit codes.
FINE, OBSTACLE = 0, 3

CHECKS: tuple[Callable[[Situation], Iterator[Finding]], ...] = (
    check_project,
    check_organisation,
    check_bucket,
    check_runtime,
    check_quota,
    check_database,
    check_agents,
    check_function,
    check_forgetting,
    check_credentials,
)


def check(deployment: Deployment) -> int:
    """Print what was found, a line each or as JSON, and return the exit code: 3 where there is an obstacle."""
    findings = list(find(deployment))
    if deployment.json:
        print(
            json.dumps(
                {"obstacles": _count(findings, Status.OBSTACLE), "findings": [one.as_json() for one in findings]}
            )
        )
    else:
        for one in findings:
            print(one.line())
        print(_summary(findings))
    return OBSTACLE if _count(findings, Status.OBSTACLE) else FINE


def find(deployment: Deployment) -> Iterator[Finding]:
    """Return what there is to say about a deployment before it is tried."""
    try:
        rest = signed_in(deployment.project)
    except RefusedError as refused:
        reason = refused.answer.splitlines()[0] if refused.answer else "no answer"
        yield Finding("login", Status.OBSTACLE, f"gcloud is not signed in: {reason}", "gcloud auth login")
        return
    try:
        situation = look(rest, deployment)
    except ConflictError as conflict:
        first, _, rest_of_it = str(conflict).partition("\n")
        yield Finding("bucket", Status.OBSTACLE, first, rest_of_it)
        return
    for one in CHECKS:
        yield from one(situation)


def _count(findings: list[Finding], status: Status) -> int:
    return sum(one.status == status for one in findings)


def _summary(findings: list[Finding]) -> str:
    obstacles, unknown = _count(findings, Status.OBSTACLE), _count(findings, Status.UNKNOWN)
    if obstacles:
        return f"{obstacles} obstacle{'s' if obstacles > 1 else ''}: see what to do above"
    return f"nothing stands in the way{f', as far as can be seen ({unknown} unknown)' if unknown else ''}"
