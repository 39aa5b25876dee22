"""Files dropped onto the page of ./local.sh go the whole way: bucket, function, database, and back to the eye."""

import http.client
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import numpy as np
import pytest
import soundfile
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from analysis.settings import Settings
from bench.documents import make_document, make_rejection
from local.servers import PROJECT
from page import export, listing
from page.rendering import Pages
from page.scope import Scope
from tests.fakes.local_sh import Up
from tests.fakes.waiting import wait_until
from tests.page import orchestra, planting
from tests.page.served import Page

MAX_BYTES = 2_000_000
DROP = """async ([name, bytes]) => {
  const dropped = new DataTransfer();
  dropped.items.add(new File([new Uint8Array(bytes)], name));
  for (const kind of ["dragover", "drop"])
    document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: dropped, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def up(
    emulators: None,  # noqa: ARG001  it starts them itself
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Up]:
    """The local stack, with a limit that a test can pass."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MAX_BYTES", str(MAX_BYTES))
        with Up(tmp_path_factory.mktemp("up") / "printed") as up:
            yield up


@pytest.fixture
def address(up: Up) -> str:
    """Where the page is."""
    return re.search(r"http://\S+", up.printed().partition("drop files, at")[2])[0]


def row(tab: Any, name: str) -> Any:
    """The row of a sound in the list."""
    return tab.locator("#list li").filter(has_text=name)


def test_the_address_is_printed_first(up: Up, address: str) -> None:
    """Of all that is printed for people to use, the page comes first, and it is there."""
    printed = up.printed()

    assert printed.index(address) < printed.index("# Any client finds the stack with:")
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
    connection.request("GET", "/")
    assert connection.getresponse().status == 200
    connection.close()


def test_a_dropped_file_arrives_and_can_be_heard(tab: Any, address: str, tmp_path: Path) -> None:
    """It is uploaded and analysed, is on top of the list without a reload, and plays."""
    soundfile.write(tmp_path / "bell.wav", orchestra.bell(440, 2), orchestra.SR)
    tab.goto(address)
    tab.evaluate("window.notReloaded = true")
    tab.evaluate(DROP, ["bell.wav", list((tmp_path / "bell.wav").read_bytes())])

    tab.locator("#uploads li", has_text="bell.wav").wait_for()
    row(tab, "bell.wav").wait_for()
    tab.locator("#uploads .there").wait_for()
    assert tab.evaluate("window.notReloaded")
    row(tab, "bell.wav").get_by_role("button").click()
    tab.wait_for_function("() => parseFloat(document.getElementById('deck-time').textContent.slice(2)) >= 1")


def test_a_folder_keeps_its_names_and_what_is_no_sound_says_why(tab: Any, address: str, tmp_path: Path) -> None:
    """Each file of a folder is named by its way; a text is rejected with its reason, here and in the other list."""
    kit = tmp_path / "kit"
    (kit / "deep").mkdir(parents=True)
    for name, seed in (("one.wav", 1), ("deep/two.wav", 2)):
        soundfile.write(kit / name, orchestra.snare(np.random.default_rng(seed)), orchestra.SR)
    (kit / "notes <b>.txt").write_text("these are words\n")
    tab.goto(address)
    tab.locator("#choose-folder").set_input_files(kit)

    row(tab, "kit/one.wav").wait_for()
    row(tab, "kit/deep/two.wav").wait_for()
    failed = tab.locator("#uploads .failed")
    failed.wait_for()
    assert "rejected: not_audio" in failed.inner_text()
    assert "kit/notes <b>.txt" in failed.inner_text()
    failed.get_by_role("button").click()
    assert failed.count() == 0
    tab.get_by_role("link", name="Rejections").click()
    row(tab, "notes <b>.txt").filter(has_text="not_audio").wait_for()


# Of what is written, the list does not read these: it shows none of them.
NOT_LISTED = {"file_name", "length", "mean_mfccs", "sample_rate", "fingerprint", "event_id"}
# The page of a sound shows these elsewhere than among its fields, or not at all: the name and the bucket stand in its
# heading, the rate is always the same, and the others are drawn.
NOT_FIELDS = {"file_name", "bucket", "sample_rate", "mean_mfccs", "fingerprint", "peaks"}


class Asked(dict[str, Any]):
    """A document that notes which of its fields are asked for."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__(document)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.names.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field."""
        self.names.add(name)
        return super().get(name, default)


@pytest.fixture
def written(up: Up, post: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The document that the function has really written of a sound."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", re.search(r"FIRESTORE_EMULATOR_HOST=(\S+)", up.printed())[1])
    name = f"{uuid4().hex}.wav"
    assert post(name, planting.encode(np.tile(orchestra.pluck(440, 0.5), 8), orchestra.SR)) == 201
    collection = firestore.Client(PROJECT).collection("sounds")
    query = collection.where(filter=FieldFilter("blob_name", "==", name))
    wait_until(query.get, seconds=60)
    return query.get()[0].to_dict()


def test_no_field_that_is_written_is_missing_anywhere(written: dict[str, Any]) -> None:
    """Each field that the function writes is in the export, the list, the page of a sound and fakes, or named here."""
    cleaned = export.clean(written)
    fake = export.clean(make_document("fake.wav"))
    sound = Asked(written)
    Pages(Scope("p", "b", Settings())).render("sound.html", sound=sound, waveform=None, document="")

    assert set(export.SCHEMA.names) == set(written), "page/export.py"
    assert cleaned | {"fingerprint": list(written["fingerprint"])} == written | {
        "fingerprint": cleaned["fingerprint"]
    }, "the types in page/export.py"
    assert set(listing.SOUND_FIELDS) == set(written) - NOT_LISTED, "page/listing.py"
    assert set(listing.SAMPLE_FIELDS) <= set(written), "page/listing.py"
    assert set(make_document("fake.wav")) == set(written), "bench/documents.py"
    assert {name: type(value) for name, value in fake.items()} == {name: type(cleaned[name]) for name in fake}, (
        "the types in bench/documents.py"
    )
    assert sound.names & set(written) == set(written) - NOT_FIELDS, "page/templates/sound.html"


def test_the_same_sound_in_another_format_is_its_neighbour(tab: Any, address: str, tmp_path: Path) -> None:
    """A sound that is dropped again, quieter and as FLAC, is the first among those that sound like it."""
    rng = np.random.default_rng(5)
    bird = orchestra.birds(rng, 4)
    files = {
        "bird.wav": bird,
        "bird, quieter.flac": bird * 0.1,
        "rain.wav": orchestra.rain(rng, 3),
        "kick.wav": orchestra.kick(rng),
        "vowel.wav": orchestra.vowel(1, 1),
    }
    for name, y in files.items():
        soundfile.write(tmp_path / name, y, orchestra.SR)
    tab.goto(address)
    tab.locator("#choose-files").set_input_files([tmp_path / name for name in files])
    for name in files:
        row(tab, name).wait_for()
    row(tab, "bird.wav").get_by_role("link").click()
    first = tab.locator(".neighbours li").first
    first.wait_for()

    assert "bird, quieter.flac" in first.inner_text()
    assert "the same sound again" in first.inner_text()
    assert tab.locator(".neighbours .same").count() == 1


def test_what_is_too_large_is_refused(tab: Any, address: str, tmp_path: Path) -> None:
    """More than the function would analyse is not even uploaded, and says what would be."""
    (tmp_path / "large.wav").write_bytes(bytes(MAX_BYTES + 1))
    tab.goto(address)
    tab.locator("#choose-files").set_input_files(tmp_path / "large.wav")

    tab.locator("#uploads .failed", has_text=f"at most MAX_BYTES={MAX_BYTES}").wait_for()
    assert tab.locator("#status").inner_text().startswith("large.wav: not uploaded. ")


def test_the_fate_of_a_file_is_said_aloud(tab: Any, serve_page: Callable[..., Page]) -> None:
    """Who does not see the list hears that no answer has come for a minute, and why a file was rejected."""
    page = serve_page(uploads=True)  # where no function runs
    tab.clock.install()
    tab.goto(page.url)
    with tab.expect_response("**/uploads?*") as uploaded:
        tab.evaluate(DROP, ["words.txt", [1, 2, 3]])
    uid = uploaded.value.json()["uid"]
    tab.locator("#uploads", has_text="analysing").wait_for()
    tab.clock.fast_forward(60_000)

    tab.locator("#status", has_text="words.txt: no answer yet: the window of local.sh").wait_for()
    rejection = make_rejection("words.txt", reason="not_audio", message="no sound", rejected_at=datetime.now(UTC))
    page.plant(rejections=[rejection | {"uid": uid}])
    tab.locator("#status", has_text="words.txt: rejected: not_audio. no sound").wait_for()


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_another_site_cannot_upload(post: Callable[..., int], origin: str) -> None:
    """Only the page itself, or a program that is no browser, puts something into the bucket."""
    assert post("fine.wav", Origin=origin) == 403
    assert post("fine.wav", **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert post("fine.wav", Host="evil.example") == 403


def test_a_program_may_upload(post: Callable[..., int], address: str) -> None:
    """What has no origin, or the page's own, is taken."""
    assert post("fine 1.wav") == 201
    assert post("fine 2.wav", Origin=address) == 201


@pytest.fixture
def post(address: str) -> Callable[..., int]:
    """Post a file as a program would, and return the status."""

    def send(name: str, body: bytes = b"RIFF", **headers: str) -> int:
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
        try:
            connection.request("POST", f"/uploads?name={quote(name, safe='')}", body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    return send
