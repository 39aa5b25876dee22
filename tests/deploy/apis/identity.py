"""Resource Manager and IAM: the project, its policy, its service accounts and its roles."""

from typing import Any

from tests.deploy.apis.answering import RefusalError, Request, State, exists, not_found, route
from tests.deploy.apis.services import need


@route("GET", "/cloudresourcemanager/v1/projects/{project}")
def _project(state: State, _request: Request, names: dict[str, str]) -> Any:
    if names["project"] != state.project:
        raise RefusalError(403, "PERMISSION_DENIED", "The caller does not have permission")
    parent = {"parent": state.parent} if state.parent else {}
    return {"projectId": state.project, "projectNumber": state.number, "lifecycleState": state.lifecycle, **parent}


@route("POST", "/cloudresourcemanager/v1/projects/{project}:getIamPolicy")
def _policy(state: State, _request: Request, _names: dict[str, str]) -> Any:
    return policy(state, "project")


@route("POST", "/cloudresourcemanager/v1/projects/{project}:setIamPolicy")
def _set_policy(state: State, request: Request, _names: dict[str, str]) -> Any:
    return set_policy(state, "project", request.body["policy"])


@route("POST", "/cloudresourcemanager/v1/projects/{project}:testIamPermissions")
def _test(state: State, request: Request, _names: dict[str, str]) -> Any:
    return {"permissions": [one for one in request.body["permissions"] if one not in state.lacking]}


@route("GET", "/cloudbilling/v1/projects/{project}/billingInfo")
def _billing(state: State, _request: Request, _names: dict[str, str]) -> Any:
    account = {"billingAccountName": "billingAccounts/0-1-2", "billingEnabled": True}
    return {"projectId": state.project, **(account if state.billing else {})}


@route("GET", "/orgpolicy/v2/projects/{project}/policies/{constraint}:getEffectivePolicy")
def _constraint(state: State, _request: Request, names: dict[str, str]) -> Any:
    path = f"projects/{state.number}/policies/{names['constraint']}"
    return {"name": path, "spec": {"rules": state.constraints.get(names["constraint"], [])}}


@route("GET", "/appengine/v1/apps/{project}")
def _app(state: State, _request: Request, _names: dict[str, str]) -> Any:
    if state.app_engine is None:
        raise not_found("Could not find Application")
    return {"id": state.project, "locationId": state.app_engine}


@route("GET", "/iam/v1/projects/{project}/serviceAccounts/{email}")
def _account(state: State, _request: Request, names: dict[str, str]) -> Any:
    need(state, "iam")
    if names["email"] not in state.accounts:
        raise RefusalError(404, "NOT_FOUND", f"Unknown service account {names['email']}")
    return state.accounts[names["email"]]


@route("POST", "/iam/v1/projects/{project}/serviceAccounts")
def _make_account(state: State, request: Request, _names: dict[str, str]) -> Any:
    need(state, "iam")
    email = f"{request.body['accountId']}@{state.project}.iam.gserviceaccount.com"
    if email in state.accounts:
        raise exists(email)
    state.accounts[email] = {"name": f"projects/{state.project}/serviceAccounts/{email}", "email": email}
    state.accounts[email] |= request.body["serviceAccount"]
    return state.accounts[email]


@route("DELETE", "/iam/v1/projects/{project}/serviceAccounts/{email}")
def _remove_account(state: State, _request: Request, names: dict[str, str]) -> Any:
    if not state.accounts.pop(names["email"], None):
        raise not_found(names["email"])
    return {}


_ROLE = "/iam/v1/projects/{project}/roles/{role}"


@route("GET", _ROLE)
def _role(state: State, _request: Request, names: dict[str, str]) -> Any:
    need(state, "iam")
    if names["role"] not in state.roles:
        raise not_found(f"The role named projects/{names['project']}/roles/{names['role']}")
    return state.roles[names["role"]]


@route("POST", "/iam/v1/projects/{project}/roles")
def _make_role(state: State, request: Request, names: dict[str, str]) -> Any:
    need(state, "iam")
    role = request.body["roleId"]
    if role in state.roles:
        raise exists(role)
    state.roles[role] = {**request.body["role"], "name": f"projects/{names['project']}/roles/{role}"}
    return state.roles[role]


@route("PATCH", _ROLE)
def _change_role(state: State, request: Request, names: dict[str, str]) -> Any:
    state.roles[names["role"]] |= {name: request.body[name] for name in request.query["updateMask"].split(",")}
    return state.roles[names["role"]]


@route("POST", _ROLE + ":undelete")
def _put_role_back(state: State, _request: Request, names: dict[str, str]) -> Any:
    del state.roles[names["role"]]["deleted"]
    return state.roles[names["role"]]


def policy(state: State, resource: str) -> dict[str, Any]:
    """Return the policy of a resource; one that nobody has set is empty."""
    return state.policies.get(resource, {"etag": "ACAB", "version": 1})


def set_policy(state: State, resource: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Set the policy of a resource; like Google's it knows no account or role that is not there."""
    for binding in wanted.get("bindings", []):
        own = binding["role"].partition(f"projects/{state.project}/roles/")[2]
        if own and (own not in state.roles or state.roles[own].get("deleted")):
            raise RefusalError(400, "INVALID_ARGUMENT", f"Role {binding['role']} does not exist.")
        for member in binding["members"]:
            email = member.partition(":")[2]
            if email.endswith(".iam.gserviceaccount.com") and email not in {*state.accounts, *state.agents}:
                raise RefusalError(400, "INVALID_ARGUMENT", f"Service account {email} does not exist.")
    state.policies[resource] = {**wanted, "etag": "ACAB"}
    return state.policies[resource]


def rights(state: State, resource: str) -> set[tuple[str, str]]:
    """Return the (member, role) pairs of a resource's policy."""
    bindings = policy(state, resource).get("bindings", [])
    return {(member, binding["role"]) for binding in bindings for member in binding["members"]}
