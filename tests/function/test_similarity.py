"""What docs/similarity.md shows finds the neighbours of a sound."""

import json
import re
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import pytest

from analysis.features import extract
from local.program import Program
from local.servers import PROJECT
from tests.fakes.cloud import Cloud
from tests.fakes.synthetic import encode, tone

PAGE = (Path(__file__).parents[2] / "docs/similarity.md").read_text()
FOUND = ["loud.wav", "quiet.wav", "noise.wav"]


def shown(name: str, cloud: Cloud) -> str:
    """A block of code of the page, which asks the collection of this test."""
    (block,) = re.findall(rf"<!-- {name} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert block.count('"sounds"') == 1
    return block.replace('"sounds"', json.dumps(cloud.sounds.id))


@pytest.fixture
def uid(proxied: Cloud) -> str:
    """A sound that is there twice, the second time quieter and with silence around, beside another one and silence."""
    y = tone(1, 22050)
    late = np.concatenate([np.zeros((9000, 2)), y * 0.1, np.zeros((50_000, 2))])
    noise = np.random.default_rng(1).normal(0, 0.1, (22050, 2))
    sounds = {"noise.wav": noise, "quiet.wav": late, "loud.wav": y, "silence.wav": np.zeros((5000, 2))}
    for name, samples in sounds.items():
        assert proxied.deliver(proxied.upload(encode(samples, 22050), name)) == 200
    documents, _ = proxied.documents()
    assert {document["blob_name"] for document in documents if "fingerprint" not in document} == {"silence.wav"}
    return next(document["uid"] for document in documents if document["blob_name"] == "loud.wav")


def test_python_finds_neighbours(
    uid: str, proxied: Cloud, firestore: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page's lines of Python print the neighbours, nearest first, and how far they are."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore.address)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", PROJECT)

    exec(shown("python", proxied), {"uid": uid})

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [name for name, _ in lines] == FOUND
    distances = [float(distance) for _, distance in lines]
    assert distances[0] == 0
    assert distances[1] < 1 < distances[2]


def test_rest_finds_the_same_sound(uid: str, proxied: Cloud, firestore: Program) -> None:
    """The page's request finds the sounds that are the same sound again, and no other."""
    request = json.loads(shown("rest", proxied))
    fingerprint = extract([tone(1, 22050).mean(axis=1).astype(np.float32)])["fingerprint"]
    vector = request["structuredQuery"]["findNearest"]["queryVector"]["mapValue"]["fields"]["value"]["arrayValue"]
    vector["values"] = [{"doubleValue": number} for number in fingerprint]
    url = f"http://{firestore.address}/v1/projects/{PROJECT}/databases/(default)/documents:runQuery"

    with urlopen(
        Request(url, json.dumps(request).encode(), {"content-type": "application/json"}), timeout=30
    ) as answer:
        answers = json.load(answer)

    assert [one["document"]["fields"]["blob_name"]["stringValue"] for one in answers] == FOUND[:2], uid
