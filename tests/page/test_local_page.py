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
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore, storage
from google.cloud.firestore_v1.base_query import FieldFilter

from bench.documents import make_document, make_rejection
from local.servers import PROJECT
from page.catalog import export
from page.display import DASH
from page.web.fields import SHOWN_ELSEWHERE, SUMMED_UP, in_short
from tests.fakes.local_sh import Up
from tests.fakes.waiting import wait_until
from tests.page import instruments, sample_sounds
from tests.page.browsing import LISTEN
from tests.page.sample_sounds import without_nulls
from tests.page.served_page import Page

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
    """The local stack, which forgets, with a limit that a test can pass."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MAX_BYTES", str(MAX_BYTES))
        environment.setenv("FEATURES", "spectral_centroid,chroma_stft")
        with Up(tmp_path_factory.mktemp("up") / "printed", "--forget") as up:
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
    soundfile.write(tmp_path / "bell.wav", instruments.bell(440, 2), instruments.SR)
    tab.goto(address)
    tab.evaluate("window.notReloaded = true")
    tab.locator("[data-takes-drops]").wait_for()
    tab.evaluate(DROP, ["bell.wav", list((tmp_path / "bell.wav").read_bytes())])

    tab.locator("#uploads li", has_text="bell.wav").wait_for()
    row(tab, "bell.wav").wait_for()
    tab.locator("#uploads .there").wait_for()
    assert tab.evaluate("window.notReloaded")
    row(tab, "bell.wav").get_by_role("button").click()
    tab.wait_for_function("() => parseFloat(document.getElementById('player-time').textContent.slice(2)) >= 1")


def test_a_folder_keeps_its_names_and_what_is_no_sound_says_why(tab: Any, address: str, tmp_path: Path) -> None:
    """Each file of a folder is named by its way; a text is rejected with its reason, here and in the other list."""
    kit = tmp_path / "kit"
    (kit / "deep").mkdir(parents=True)
    for name, seed in (("one.wav", 1), ("deep/two.wav", 2)):
        soundfile.write(kit / name, instruments.snare(np.random.default_rng(seed)), instruments.SR)
    (kit / "notes <b>.txt").write_text("these are words\n")
    tab.goto(address)
    tab.locator("[data-takes-drops] #choose-folder").set_input_files(kit)

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


def test_deleted_and_overwritten_sounds_leave_the_list(tab: Any, up: Up, address: str, tmp_path: Path) -> None:
    """What is deleted leaves the list without a reload; of what is overwritten the new sound stays."""
    sounds = {name: tmp_path / name for name in ("stays.wav", "goes.wav", "changes.wav")}
    for path, seed in zip(sounds.values(), (1, 2, 3), strict=True):
        soundfile.write(path, instruments.snare(np.random.default_rng(seed)), instruments.SR)
    server = re.search(r"STORAGE_EMULATOR_HOST=(\S+)", up.printed())[1]
    client = storage.Client(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": server})
    bucket = client.bucket("sounds")
    tab.goto(address)
    tab.locator("[data-takes-drops] #choose-files").set_input_files([*sounds.values()])
    for name in sounds:
        row(tab, name).wait_for()
    uid = row(tab, "changes.wav").get_attribute("data-uid")
    tab.evaluate("window.notReloaded = true")

    bucket.delete_blob("goes.wav")
    bucket.blob("changes.wav").upload_from_filename(sounds["stays.wav"])

    row(tab, "goes.wav").wait_for(state="detached")
    tab.locator(f'#list li[data-uid="{uid}"]').wait_for(state="detached")
    row(tab, "changes.wav").wait_for()
    assert row(tab, "stays.wav").count() == 1
    assert tab.evaluate("window.notReloaded")
    tab.reload()
    row(tab, "stays.wav").wait_for()
    assert (row(tab, "goes.wav").count(), row(tab, "changes.wav").count()) == (0, 1)
    up.wait_for(r"(?m)^goes\.wav  forgotten: generation \d+ was deleted$")
    client.close()


@pytest.fixture
def written(up: Up, post: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The document that the function has really written of a sound."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", re.search(r"FIRESTORE_EMULATOR_HOST=(\S+)", up.printed())[1])
    name = f"{uuid4().hex}.wav"
    sound = np.tile(instruments.pluck(440, 0.5), 8)  # which has a note and a tempo
    assert post(name, sample_sounds.encode(sound, instruments.SR)) == 201
    collection = firestore.Client(PROJECT).collection("sounds")
    query = collection.where(filter=FieldFilter("blob_name", "==", name))
    wait_until(query.get, seconds=60)
    return query.get()[0].to_dict()


def test_no_field_that_is_written_is_missing(written: dict[str, Any]) -> None:
    """Each field that the function writes is exported and listed as it is, and fake documents have it too."""
    fake = make_document("fake.wav", features=written["features"])
    exported, fake_exported = export.clean(written), export.clean(fake)

    assert set(written) == set(export.SCHEMA.names), "page/catalog/export.py"
    assert without_nulls(exported) == without_nulls(written | {"fingerprint": list(written["fingerprint"])}), (
        "its types"
    )
    assert set(in_short(written)) == set(written) - {"mean_mfccs", "fingerprint", "features", "peaks"}
    assert set(written) == set(fake), "bench/documents.py"
    types = {name: type(value) for name, value in exported.items() if name != "features"}
    assert types == {name: type(fake_exported[name]) for name in types}, "the types in bench/documents.py"


def test_no_field_that_is_written_is_missing_on_its_page(written: dict[str, Any], address: str) -> None:
    """The page of a sound has a row for each field, but for those that it shows in another place."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
    connection.request("GET", f"/sounds/{written['uid']}", headers={"Accept": "text/html"})
    html = connection.getresponse().read().decode().partition('<dl class="fields">')[2].partition("</dl>")[0]
    connection.close()
    rows = html.split("<dt>")[1:]

    parts = [
        name
        for field, value in written.items()
        if isinstance(value, dict)
        for name in value.keys() - SUMMED_UP.get(field, set())
    ]
    assert len(rows) == len(written.keys() - SHOWN_ELSEWHERE - {"features"}) + len(parts), "page/web/fields.py"
    assert [row for row in rows if f">{DASH}<" in row] == [], "page/web/fields.py shows nothing of a field"


def test_the_same_sound_in_another_format_is_its_neighbour(tab: Any, address: str, tmp_path: Path) -> None:
    """A sound that is dropped again, quieter and as FLAC, is the first among those that sound like it."""
    rng = np.random.default_rng(5)
    bird = instruments.birds(rng, 4)
    files = {
        "bird.wav": bird,
        "bird, quieter.flac": bird * 0.1,
        "rain.wav": instruments.rain(rng, 3),
        "kick.wav": instruments.kick(rng),
        "vowel.wav": instruments.vowel(1, 1),
    }
    for name, y in files.items():
        soundfile.write(tmp_path / name, y, instruments.SR)
    tab.goto(address)
    tab.locator("[data-takes-drops] #choose-files").set_input_files([tmp_path / name for name in files])
    for name in files:
        row(tab, name).wait_for()
    row(tab, "bird.wav").get_by_role("link").click()
    first = tab.locator(".neighbours li").first
    first.wait_for()

    assert "bird, quieter.flac" in first.inner_text()
    assert "the same sound" in first.inner_text()
    assert tab.locator(".neighbours .same").count() == 1


def test_what_is_too_large_is_refused(tab: Any, address: str, tmp_path: Path) -> None:
    """More than the function would analyse is not even uploaded, and says what would be."""
    (tmp_path / "large.wav").write_bytes(bytes(MAX_BYTES + 1))
    tab.goto(address)
    tab.locator("[data-takes-drops] #choose-files").set_input_files(tmp_path / "large.wav")

    tab.locator("#uploads .failed", has_text=f"at most MAX_BYTES={MAX_BYTES}").wait_for()
    assert tab.locator("#status").inner_text().startswith("large.wav: not uploaded. ")


def test_the_fate_of_a_file_is_said_aloud(tab: Any, serve_page: Callable[..., Page]) -> None:
    """Who does not see the list hears that no answer has come for a minute, and why a file was rejected."""
    page = serve_page(uploads=True)  # where no function runs
    page.wait_for_catalog()  # as the list is shown anew when it is filled
    tab.clock.install()
    tab.goto(page.url)
    tab.locator("[data-takes-drops]").wait_for()
    tab.evaluate(LISTEN)
    with tab.expect_response("**/uploads?*") as uploaded:
        tab.evaluate(DROP, ["display.txt", [1, 2, 3]])
    uid = uploaded.value.json()["uid"]
    tab.locator("#uploads", has_text="analysing").wait_for()
    tab.clock.fast_forward(60_000)

    tab.locator("#status", has_text="display.txt: no answer yet: the window of local.sh").wait_for()
    rejection = make_rejection("display.txt", reason="not_audio", message="no sound", rejected_at=datetime.now(UTC))
    page.insert(rejections=[rejection | {"uid": uid}])
    tab.wait_for_function("() => window.told.includes('display.txt: rejected: not_audio. no sound')")


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
