"""Google's REST APIs, asked with gcloud's token and the standard library alone.

The environment's CLOUDSDK_API_ENDPOINT_OVERRIDES_* and CLOUDSDK_PROXY_* are honoured as gcloud honours them.
"""

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

from deploy.gcloud import call

# How long one request may take.
TIMEOUT_S = 60


@dataclass(frozen=True)
class Answer:
    """What an API answered.

    Attributes:
        status: of HTTP; 0: no answer.
        content: the body as JSON, or as text where it is none.

    """

    status: int
    content: Any

    @property
    def ok(self) -> bool:
        """Whether the request was answered with what it asked for."""
        return 200 <= self.status < 300

    @property
    def message(self) -> str:
        """What the API says is wrong, in one line."""
        error = self.content[0] if isinstance(self.content, list) and self.content else self.content
        error = error.get("error", {}) if isinstance(error, dict) else {}
        text = error.get("message", "") if isinstance(error, dict) else str(error)
        return f"{self.status} {text or str(self.content)[:200]}".replace("\n", " ").strip()


class Rest:
    """Google's APIs as a person with this token sees them.

    Attributes:
        token: an access token.
        project: id of the project that the requests are counted for.

    """

    def __init__(self, token: str, project: str) -> None:
        self.token = token
        self.project = project
        self._opener = urllib.request.build_opener(*_proxy())

    def get(self, api: str, path: str, **query: str | list[str]) -> Answer:
        """Return the answer to a GET of `https://{api}.googleapis.com/{path}`."""
        return self._ask("GET", api, path, query, None)

    def post(self, api: str, path: str, body: Any, **query: str | list[str]) -> Answer:
        """Return the answer to a POST of JSON, or of bytes as they are."""
        return self._ask("POST", api, path, query, body)

    def delete(self, api: str, path: str, **query: str | list[str]) -> Answer:
        """Return the answer to a DELETE."""
        return self._ask("DELETE", api, path, query, None)

    def patch(self, api: str, path: str, body: Any, **query: str | list[str]) -> Answer:
        """Return the answer to a PATCH of JSON."""
        return self._ask("PATCH", api, path, query, body)

    def items(self, api: str, path: str, name: str, **query: str | list[str]) -> tuple[Answer, list[Any]]:
        """Return the last answer to a listing, and the things of this name of all its pages."""
        items: list[Any] = []
        page = ""
        while True:
            answer = self.get(api, path, **query, **({"pageToken": page} if page else {}))
            if not answer.ok:
                return answer, items
            items += answer.content.get(name, [])
            page = answer.content.get("nextPageToken", "")
            if not page:
                return answer, items

    def _ask(self, method: str, api: str, path: str, query: dict[str, str | list[str]], body: Any) -> Answer:
        url = base_url(api) + urllib.parse.quote(path, safe="/:()%~@!$&'*,;=+")
        if query:
            url += "?" + urllib.parse.urlencode(query, doseq=True)
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        kind = "audio/wav" if isinstance(body, bytes) else "application/json"
        headers = {"authorization": f"Bearer {self.token}", "x-goog-user-project": self.project, "content-type": kind}
        request = urllib.request.Request(url, content, headers, method=method)  # noqa: S310  # http only where an override says so
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                return Answer(response.status, _parsed(response.read()))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, _parsed(error.read()))
        except OSError as error:
            return Answer(0, f"no answer from {api}: {error}")


def signed_in(project: str) -> Rest:
    """Return the APIs as the person who is signed in to gcloud sees them.

    Raises RefusedError if nobody is.
    """
    return Rest(call(["gcloud", "auth", "print-access-token", "--quiet"]).strip(), project)


def base_url(api: str) -> str:
    """Return the address of an API, which the environment may override, with a slash at its end."""
    override = os.environ.get(f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api.upper()}")
    # gcloud's address of Cloud Storage has a part of the path that other addresses of that service lack
    return override.removesuffix("storage/v1/") if override else f"https://{api}.googleapis.com/"


def _proxy() -> list[urllib.request.BaseHandler]:
    """Return gcloud's proxy where its variables name one; else the usual variables count."""
    address, port = os.environ.get("CLOUDSDK_PROXY_ADDRESS"), os.environ.get("CLOUDSDK_PROXY_PORT")
    if not address or not port:
        return []
    return [urllib.request.ProxyHandler(dict.fromkeys(("http", "https"), f"http://{address}:{port}"))]


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content) if content else {}
    except ValueError:
        return content.decode(errors="replace")
