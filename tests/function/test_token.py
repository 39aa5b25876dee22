"""The token that opens the bucket stays out of the log."""

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.fakes import storage_proxy as downloads
from tests.fakes.cloud import Cloud
from tests.fakes.serving import Quiet, serving
from tests.fakes.storage_proxy import StorageProxy, answer, cut

TOKEN = "ya29.the-secret-of-the-function"


class Metadata(Quiet, BaseHTTPRequestHandler):
    """The metadata server of a machine in the cloud, as far as the clients ask it."""

    def do_GET(self) -> None:
        """Answer who the function is, and with its token."""
        answers: dict[str, Any] = {
            "/computeMetadata/v1/project/project-id": "local-sounds",
            "/computeMetadata/v1/universe/universe-domain": "googleapis.com",
            "/computeMetadata/v1/instance/service-accounts/default/": {"email": "f@example.com", "scopes": ["x"]},
        }
        path = self.path.partition("?")[0]
        token = {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}
        content: Any = token if path.endswith("/token") else answers.get(path, "")
        body = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(200)
        self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Type", "application/text" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_no_token_is_logged(proxied: Cloud, storage_proxy: StorageProxy, sound: bytes, tmp_path: Path) -> None:
    """The token that goes with every request to the bucket is in no line of the log, whatever fails."""
    sent: list[str] = []

    def refuse(download: downloads.Download) -> None:
        sent.append(download.headers["Authorization"])
        answer(403)(download)

    with serving(Metadata) as port:
        metadata = f"127.0.0.1:{port}"
        environment = {"GCE_METADATA_HOST": metadata, "GCE_METADATA_IP": metadata, "GCE_METADATA_ROOT": metadata}
        environment |= {"STORAGE_EMULATOR_HOST": "", "API_ENDPOINT_OVERRIDE": storage_proxy.url}
        environment |= {"HOME": str(tmp_path), "CLOUDSDK_CONFIG": str(tmp_path), "GOOGLE_APPLICATION_CREDENTIALS": ""}
        with proxied.another(tmp_path, **environment) as cloud:
            resource = cloud.upload(sound)
            storage_proxy.queue += [refuse, answer(400), downloads.corrupted, cut(1000), answer(503)]

            assert [cloud.deliver(resource) for _ in range(4)] == [500, 500, 500, 200]

            log = cloud.function.log.read_text()
    assert sent == [f"Bearer {TOKEN}"]
    assert log.count("failed, to be retried") == 3
    assert "ya29" not in log
    assert "Bearer" not in log
