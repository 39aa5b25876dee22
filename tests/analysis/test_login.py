"""Whether a login has ended, and which project its requests count for."""

import json
from pathlib import Path

import pytest
from google.api_core.exceptions import ServiceUnavailable

from analysis.login import count_requests_for, has_ended, read_login
from analysis.store import RETRY

ENDED = [
    (
        "Getting metadata from plugin failed with error: Reauthentication is needed. Please run `gcloud auth"
        " application-default login` to reauthenticate."
    ),
    (
        "Getting metadata from plugin failed with error: ('invalid_grant: Token has been expired or revoked.',"
        " {'error': 'invalid_grant', 'error_description': 'Token has been expired or revoked.'})"
    ),
    "Getting metadata from plugin failed with error: ('invalid_grant: Bad Request', {'error_subtype': 'invalid_rapt'})",
]
OUTAGES = [
    "failed to connect to all addresses; last error: UNKNOWN: Connection refused",
    "Getting metadata from plugin failed with error: ('Connection aborted.', ConnectionResetError(104, 'reset'))",
    (
        "Getting metadata from plugin failed with error: HTTPSConnectionPool(host='oauth2.googleapis.com', port=443):"
        " Max retries exceeded with url: /token"
    ),
    (
        "Getting metadata from plugin failed with error: ('Failed to retrieve http://metadata.google.internal/"
        "computeMetadata/v1/instance/service-accounts/default/token from the Google Compute Engine"
        " metadata service', 503)"
    ),
    "The service is currently unavailable.",
]


@pytest.mark.parametrize("text", ENDED)
def test_an_ended_login_is_no_outage(text: str):
    """What gRPC says of an ended login, as 503, is known for what it is, and never tried again."""
    error = ServiceUnavailable(text)
    calls = []

    def call() -> None:
        calls.append(1)
        raise error

    assert has_ended(error)
    with pytest.raises(ServiceUnavailable):
        RETRY(call)()
    assert calls == [1]


@pytest.mark.parametrize("text", OUTAGES)
def test_an_outage_is_no_ended_login(text: str):
    """An outage, also of the network on the way to a token, may be over at the next attempt."""
    error = ServiceUnavailable(text)
    calls = []

    def call() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise error
        return "answer"

    assert not has_ended(error)
    assert RETRY.with_delay(initial=0.001)(call)() == "answer"


@pytest.mark.parametrize(
    ("login", "before", "after"),
    [
        ({"type": "authorized_user", "quota_project_id": "other"}, {}, "p"),
        ({"type": "authorized_user"}, {}, "p"),
        ({"type": "authorized_user"}, {"GOOGLE_CLOUD_QUOTA_PROJECT": "mine"}, "mine"),
        ({"type": "service_account"}, {}, None),
        ([], {}, None),
        (None, {}, None),
    ],
)
def test_a_person_s_requests_count_for_the_project(
    tmp_path: Path, login: object, before: dict[str, str], after: str | None
):
    """A person's requests count for the project that is named, unless they said another; a service account's do not."""
    if login is not None:
        (tmp_path / "application_default_credentials.json").write_text(json.dumps(login))
    environment = {"CLOUDSDK_CONFIG": str(tmp_path), **before}

    count_requests_for("p", environment)

    assert environment.get("GOOGLE_CLOUD_QUOTA_PROJECT") == after


def test_the_login_may_be_another_file(tmp_path: Path):
    """GOOGLE_APPLICATION_CREDENTIALS names another file than gcloud's own; one that is no JSON is none."""
    named = tmp_path / "login.json"
    named.write_text('{"type": "authorized_user"}')
    broken = tmp_path / "broken.json"
    broken.write_text("{")

    assert read_login({"GOOGLE_APPLICATION_CREDENTIALS": str(named)}) == {"type": "authorized_user"}
    assert read_login({"GOOGLE_APPLICATION_CREDENTIALS": str(broken)}) == {}
