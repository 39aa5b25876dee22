"""Cloud Build and Artifact Registry: archives come in, and an image is there; what is in it is in the archive."""

import re
from typing import Any

from tests.deploy.apis.answering import RefusalError, Request, State, exists, not_found, route
from tests.deploy.apis.services import need
from tests.deploy.apis.sounds import upload

_REPOSITORIES = "/artifactregistry/v1/projects/{project}/locations/{region}/repositories"
_BUILDS = "/cloudbuild/v1/projects/{project}/locations/{region}/builds"


@route("GET", f"{_REPOSITORIES}/{{name}}")
def _get(state: State, _request: Request, names: dict[str, str]) -> Any:
    need(state, "artifactregistry")
    if names["name"] not in state.repositories:
        raise not_found(f"Repository {names['name']}")
    return state.repositories[names["name"]]


@route("GET", f"{_REPOSITORIES}/{{name}}/packages/{{package}}/tags")
def _tags(state: State, request: Request, names: dict[str, str]) -> Any:
    paths = [image.split("/") for image in state.images]
    tags = [path[3].partition(":")[2] for path in paths if path[2] == names["name"]]
    if not tags:
        raise not_found(f"Package {names['package']}")
    return {"tags": [{"name": f"{request.path.partition('/v1/')[2]}/{tag}"} for tag in tags]}


@route("POST", _REPOSITORIES)
def _make(state: State, request: Request, names: dict[str, str]) -> Any:
    need(state, "artifactregistry")
    name = request.query["repositoryId"]
    if name in state.repositories:
        raise exists(name)
    path = f"projects/{names['project']}/locations/{names['region']}/repositories/{name}"
    state.repositories[name] = {"name": path, **request.body}
    return _operation(names, state.repositories[name])


@route("DELETE", f"{_REPOSITORIES}/{{name}}")
def _remove(state: State, _request: Request, names: dict[str, str]) -> Any:
    if not state.repositories.pop(names["name"], None):
        raise not_found(names["name"])
    state.images = {image for image in state.images if f"/{names['name']}/" not in image}
    return _operation(names, {})


@route("GET", "/artifactregistry/v1/projects/{project}/locations/{region}/operations/{name}")
def _done(_state: State, _request: Request, names: dict[str, str]) -> Any:
    return _operation(names, {})


@route("GET", "/storage/v1/b")
def _buckets(state: State, request: Request, _names: dict[str, str]) -> Any:
    prefix = request.query.get("prefix", "")
    return {"kind": "storage#buckets", "items": [one for name, one in state.buckets.items() if name.startswith(prefix)]}


@route("POST", "/upload/storage/v1/b/{bucket}/o")
def _upload(state: State, request: Request, names: dict[str, str]) -> Any:
    """Take a sound as it is, or an archive as gcloud sends a small one: two parts, what it is and its bytes."""
    if request.query.get("uploadType") == "media":
        return upload(state, request, names["bucket"])
    boundary = request.body.partition(b"\n")[0]
    content = request.body.split(boundary)[2].partition(b"\n\n")[2].removesuffix(b"\n")
    name = request.query["name"]
    state.archives[name] = content
    return {"bucket": names["bucket"], "name": name, "generation": "1", "size": str(len(content))}


@route("POST", _BUILDS)
def _build(state: State, request: Request, names: dict[str, str]) -> Any:
    need(state, "cloudbuild")
    build = {**request.body, "id": f"build-{len(state.builds)}", "status": "SUCCESS", "projectId": names["project"]}
    build["name"] = f"projects/{names['project']}/locations/{names['region']}/builds/{build['id']}"
    for image in build["images"]:
        name = re.sub(r"\$\{(\w+)\}", lambda found: build["substitutions"][found[1]], image)
        if name.split("/")[2] not in state.repositories:
            raise RefusalError(404, "NOT_FOUND", f"Repository of {name} was not found")
        state.images.add(name)
    state.builds[build["id"]] = build
    kind = "type.googleapis.com/google.devtools.cloudbuild.v1.BuildOperationMetadata"
    return {"name": f"operations/{build['id']}", "metadata": {"@type": kind, "build": build}, "done": False}


@route("GET", f"{_BUILDS}/{{id}}")
def _built(state: State, _request: Request, names: dict[str, str]) -> Any:
    return state.builds[names["id"]]


def _operation(names: dict[str, str], response: dict[str, Any]) -> dict[str, Any]:
    name = f"projects/{names['project']}/locations/{names['region']}/operations/done"
    return {"name": name, "done": True, "response": {"@type": "type.googleapis.com/x", **response}}
