"""Sounds like a file and duplicates, as people use them: in a real browser, by pointer and by keyboard."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.cloud.firestore_v1.vector import Vector

from analysis.definition import SR
from analysis.settings import Settings
from bench.documents import make_document
from page.similarity import example
from tests.page import sample_sounds
from tests.page.browsing import HOSTILE, PLAYING, row
from tests.page.served_page import Page

DROP = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
  const dropped = new DataTransfer();
  dropped.items.add(new File([bytes], name, { type: "audio/wav" }));
  for (const type of ["dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(type, { dataTransfer: dropped, bubbles: true, cancelable: true }));
  }
}"""
RESULT = "#similar-result:not([aria-busy])"
MAX_BYTES = 3_000_000
TONE = sample_sounds.encode((np.sin(np.arange(20 * SR) * 0.1) * 0.5).astype(np.float32))


@pytest.fixture(scope="module")
def page(serve_page: Callable[..., Page], tmp_path_factory: pytest.TempPathFactory) -> Page:
    """A page over a tone that can be heard, its copy, and another sound; its list takes files to be stored."""
    page = serve_page(uploads=True, MAX_BYTES=str(MAX_BYTES))
    file = tmp_path_factory.mktemp("tone") / "tone.wav"
    file.write_bytes(TONE)
    tone = example.analyse(file.open("rb"), "tone.wav", Settings())
    kept = {name: tone[name] for name in ("length", "duration", "note", "tempo", "peaks", "source")}
    place = Vector(tone["fingerprint"])
    page.insert(
        *(
            make_document(name, seed=seed, fingerprint=place, **kept | sample_sounds.upload(page.bucket, name, TONE))
            for seed, name in enumerate(("tone.wav", "backup/tone.wav"))
        ),
        make_document("other.wav", seed=9),
    )
    return page


def drop(tab: Any, name: str, content: bytes) -> None:
    """Drop a file onto the page, and wait until something is said of it."""
    tab.locator("#similar[data-takes-drops]").wait_for()
    tab.evaluate(DROP, [name, base64.b64encode(content).decode()])
    tab.locator(f"{RESULT} h2").first.wait_for()


def test_a_file_is_dropped_and_its_neighbours_are_played(tab: Any, page: Page) -> None:
    """What is dropped takes the place of what was before, its neighbours play, and no page is loaded anew.

    Nothing is stored, although the list before it takes files for the bucket.
    """
    sent = []
    tab.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    tab.goto(page.url)
    tab.get_by_role("link", name="Sounds like …").click()
    tab.evaluate("window.isTheSame = true")
    drop(tab, HOSTILE, TONE)

    assert HOSTILE in tab.locator(f"{RESULT} h2").first.inner_text()
    assert tab.title() != "run"
    assert tab.evaluate("document.activeElement.id") == "yours"
    row(tab, "tone.wav").first.get_by_role("button").click()
    tab.locator(PLAYING).first.wait_for()
    drop(tab, "no.wav", b"no sound at all")
    assert "not_audio" in tab.locator(RESULT).inner_text()
    assert tab.locator("li.sound").count() == 0
    assert tab.locator("#player-play.playing").count() == 1
    assert tab.evaluate("window.isTheSame")
    assert sent == [f"{page.url}/similar"] * 2


def test_a_file_is_chosen(tab: Any, page: Page, tmp_path: Path) -> None:
    """The keyboard leads to a choice of files; one that is too large is told without being sent."""
    for name, content in (("mine.wav", TONE), ("large.wav", bytes(MAX_BYTES + 1))):
        (tmp_path / name).write_bytes(content)
    tab.on("filechooser", lambda _: None)  # listens from now on: a listener is there some time after it was asked for
    tab.goto(page.url)
    tab.get_by_role("link", name="Sounds like …").click()
    tab.locator("#similar[data-takes-drops]").wait_for()
    sent = []
    tab.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    tab.locator("#similar-file").focus()
    with tab.expect_file_chooser() as chooser:
        tab.keyboard.press("Enter")
    chooser.value.set_files(tmp_path / "large.wav")
    tab.get_by_text(f"At most {MAX_BYTES} bytes").wait_for()
    assert sent == []
    tab.locator("#similar-file").set_input_files(tmp_path / "mine.wav")

    tab.get_by_text("the same file").first.wait_for()
    assert sent == [f"{page.url}/similar"]


def test_it_works_without_scripts(chromium: Any, page: Page, tmp_path: Path) -> None:
    """The form sends a file where no script runs, and its answer is a page."""
    (tmp_path / "mine.wav").write_bytes(TONE)
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{page.url}/similar")
    tab.locator("#similar-file").set_input_files(tmp_path / "mine.wav")
    tab.get_by_role("button", name="Find").click()
    tab.locator(RESULT).get_by_text("the same file").first.wait_for(timeout=60_000)

    assert tab.locator(RESULT).get_by_role("heading", name="mine.wav").count() == 1
    context.close()


def test_duplicates_are_heard_and_opened(tab: Any, page: Page) -> None:
    """A copy is played where it stands in its group; the command is there when it is asked for."""
    tab.goto(page.url)
    tab.get_by_role("link", name="Duplicates").click()
    row(tab, "backup/").get_by_role("button").click()

    tab.locator(PLAYING).first.wait_for()
    assert not tab.get_by_text("gcloud storage rm").is_visible()
    tab.get_by_text("The command that deletes all but the oldest").click()
    assert "backup/tone.wav#" in tab.locator("pre").inner_text()
    row(tab, "backup/").get_by_role("link").click()
    tab.get_by_role("heading", level=1, name="backup/tone.wav").wait_for()
