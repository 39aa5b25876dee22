"""The proof of a real function: its requests to the real emulators, and the real way from the sound to its document."""

from dataclasses import replace
from pathlib import Path

import pytest

from deploy.deployment import Deployment
from deploy.proof import prove
from deploy.rest import Rest
from local.program import Program
from local.servers import PROJECT as LOCAL_PROJECT
from tests.deploy.apis.answering import Cloud as PlayedCloud
from tests.deploy.apis.deployed import NAME, deploy
from tests.deploy.apis.terminal import PROJECT, Terminal
from tests.fakes.cloud import start_cloud


def test_a_real_function_is_proved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, firestore: Program, storage: Program
):
    """A sound is uploaded, analysed by the function itself, found by the emulator's own search, and removed."""
    said: list[str] = []
    played = PlayedCloud()
    deploy(played.state)
    with start_cloud(firestore, storage, tmp_path) as cloud:
        service = played.state.functions[NAME]
        service["serviceConfig"]["environmentVariables"] = dict(cloud.environment)
        service["eventTrigger"]["eventFilters"][0]["value"] = cloud.bucket.name
        for name, value in Terminal(tmp_path, played).environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("CLOUDSDK_PROXY_ADDRESS")  # it leads to what is played alone
        monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN", f"{played.state.url}/run/")
        monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_FIRESTORE", f"{firestore.url}/")
        monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", f"{storage.url}/storage/v1/")
        deployment = replace(Deployment(PROJECT, cloud.bucket.name), project=LOCAL_PROJECT)

        def deliver(_seconds: float) -> None:
            """Stand in for the trigger: post the events of all objects, as often as it is waited."""
            for blob in cloud.bucket.list_blobs():
                cloud.deliver(dict(blob._properties) | {"kind": "storage#object"}, shape="binary")

        played.state.project = LOCAL_PROJECT
        played.state.functions = {NAME.replace(PROJECT, LOCAL_PROJECT): service}
        proved = prove(Rest("owner", LOCAL_PROJECT), deployment, said.append, deliver)
        played.stop()

        assert proved
        assert said[-1] == "it became a document and is found by its fingerprint"
        assert list(cloud.bucket.list_blobs()) == []
        assert cloud.documents() == ([], [])
