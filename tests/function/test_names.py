"""A blob's name is only a name: it comes back as it was uploaded, and forges nothing."""

import re

import pytest
from grpc import StatusCode

from local.object_event import SHAPES
from tests.fakes import firestore_proxy as commits
from tests.fakes.cloud import Cloud
from tests.fakes.firestore_proxy import FirestoreProxy

NAMES = {
    "composed": "caf\u00e9.wav",
    "decomposed": "cafe\u0301.wav",
    "right to left": "\u0635\u0648\u062a\u202e.wav",
    "line separator": "a\u2028b\u2029c\x85d.wav",
    "escaped slash": "a%2Fb%252F.wav",
    "dots": "../../../etc/./passwd/..",
    "leading and trailing slashes": "//a//b.wav//",
    "1024 bytes": "\u00e4" * 510 + ".wav",
    "quotes and braces": "\"'`{}[]<>{{0}}%s$(x)${y}\\.wav",
    "control characters": "a\x01\x1b[31m\x7f\t.wav",
    "emoji": "\U0001f3b5\u200d\ufe0f.wav",
    "hash and question mark": "a#1?b=c&d.wav",
    "document id": "__a__",
    "spaces": "  a  b  ",
}


@pytest.mark.parametrize("kind", NAMES)
def test_name_is_only_a_name(proxied: Cloud, sound: bytes, kind: str) -> None:
    """Any name comes back from the document as it was uploaded, and is neither a path nor a document's id."""
    resource = proxied.upload(sound, NAMES[kind])
    assert resource["name"] == NAMES[kind]

    assert {proxied.deliver(resource, shape) for shape in SHAPES} == {200}

    (document,) = proxied.documents()[0]
    assert (document["blob_name"], document["file_name"]) == (NAMES[kind], NAMES[kind])
    assert re.fullmatch(r"[0-9a-f-]{36}", document["uid"])
    assert [reference.id for reference in proxied.sounds.list_documents()] == [document["uid"]]
    assert {line["blob"] for line in proxied.log()[-8:]} == {NAMES[kind]}


def test_names_that_look_alike_are_two(proxied: Cloud, sound: bytes) -> None:
    """The normal forms of a name are two blobs, so two sounds."""
    for kind in ("composed", "decomposed"):
        proxied.deliver(proxied.upload(sound, NAMES[kind]))

    assert {document["blob_name"] for document in proxied.documents()[0]} == {NAMES["composed"], NAMES["decomposed"]}


def test_no_name_forges_a_line(proxied: Cloud, firestore_proxy: FirestoreProxy, sound: bytes) -> None:
    """Not even in the traceback of a rejection that could not be written does a name begin a line of the log."""
    forged = '{"severity": "CRITICAL", "message": "forged"}'
    name = f"a\n{forged}\r{forged}\u2028{forged}\n"
    resource = proxied.upload(sound, name)
    firestore_proxy.queue.append(commits.refused(StatusCode.PERMISSION_DENIED))
    logged = len(proxied.function.log.read_text())

    assert proxied.deliver(resource | {"size": "99999999999"}) == 500

    text = proxied.function.log.read_text()[logged:]
    assert "Traceback" in text
    assert not any(line.strip().startswith(forged) for line in text.splitlines())
    assert proxied.log()[-1]["blob"] == name
