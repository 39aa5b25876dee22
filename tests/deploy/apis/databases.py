"""Firestore's administration: databases and composite indexes."""

from typing import Any

from tests.deploy.apis.answering import Request, State, exists, not_found, route
from tests.deploy.apis.services import need

_DATABASE = "/firestore/v1/projects/{project}/databases/{database}"


@route("GET", _DATABASE)
def _get(state: State, _request: Request, names: dict[str, str]) -> Any:
    need(state, "firestore")
    if names["database"] not in state.databases:
        raise not_found(f"The database {names['database']}")
    return state.databases[names["database"]]


@route("POST", "/firestore/v1/projects/{project}/databases")
def _make(state: State, request: Request, _names: dict[str, str]) -> Any:
    need(state, "firestore")
    name = request.query["databaseId"]
    if name in state.databases:
        raise exists(name)
    state.databases[name] = {"name": f"projects/{state.project}/databases/{name}", **request.body}
    return _operation(state, name, state.databases[name])


@route("GET", _DATABASE + "/collectionGroups/{collection}/indexes")
def _indexes(state: State, _request: Request, names: dict[str, str]) -> Any:
    need(state, "firestore")
    if names["database"] not in state.databases:
        raise not_found(f"The database {names['database']}")
    return {"indexes": list(state.indexes.values())}


@route("POST", _DATABASE + "/collectionGroups/{collection}/indexes")
def _make_index(state: State, request: Request, names: dict[str, str]) -> Any:
    group = f"projects/{state.project}/databases/{names['database']}/collectionGroups/{names['collection']}"
    name = f"{group}/indexes/index{len(state.indexes)}"
    state.indexes[name] = {"name": name, "state": "CREATING", **request.body}
    return _operation(state, names["database"], state.indexes[name])


@route("DELETE", _DATABASE + "/collectionGroups/{collection}/indexes/{index}")
def _remove_index(state: State, request: Request, names: dict[str, str]) -> Any:
    for name in list(state.indexes):
        if name.endswith(f"/indexes/{names['index']}"):
            del state.indexes[name]
            return {}
    raise not_found(request.path)


_FIELD = _DATABASE + "/collectionGroups/{collection}/fields/{field}"


@route("GET", _FIELD)
def _field(state: State, _request: Request, names: dict[str, str]) -> Any:
    if names["database"] not in state.databases:
        raise not_found(f"The database {names['database']}")
    group = f"projects/{state.project}/databases/{names['database']}/collectionGroups/{names['collection']}"
    orders = [{"order": order, "queryScope": "COLLECTION"} for order in ("ASCENDING", "DESCENDING")]
    usual = {"indexConfig": {"usesAncestorConfig": True, "indexes": orders}}
    return {"name": f"{group}/fields/{names['field']}", **state.fields.get(names["field"], usual)}


@route("PATCH", _FIELD)
def _change_field(state: State, request: Request, names: dict[str, str]) -> Any:
    # An empty list of indexes is an exemption; without one the field goes back to the defaults.
    state.fields.pop(names["field"], None)
    if "indexConfig" in request.body:
        state.fields[names["field"]] = {"indexConfig": request.body["indexConfig"]}
    return _operation(state, names["database"], _field(state, request, names))


@route("GET", _DATABASE + "/operations/{name}")
def _done(state: State, _request: Request, names: dict[str, str]) -> Any:
    return _operation(state, names["database"], state.databases[names["database"]])


def _operation(state: State, database: str, response: dict[str, Any]) -> dict[str, Any]:
    name = f"projects/{state.project}/databases/{database}/operations/done"
    metadata = {"state": "SUCCESSFUL", "startTime": "2026-01-01T00:00:00Z"}
    return {"name": name, "done": True, "metadata": metadata, "response": response}
