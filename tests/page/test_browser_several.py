"""Several sounds are selected in a real browser and taken along."""

import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bench.documents import make_document
from tests.page import sample_sounds
from tests.page.browsing import row, wait_for_page
from tests.page.served_page import Page

N_SOUNDS = 60  # more than a page lists
N_LISTED = 50


@pytest.fixture(scope="module")
def page(serve_page: Callable[..., Page]) -> Page:
    """A page over sounds that fill more than one page of the list."""
    page = serve_page()
    page.insert(
        *(
            make_document(name, seed=seed, **sample_sounds.upload(page.bucket, name, name.encode()))
            for seed, name in enumerate(f"{'kit' if seed % 2 else 'takes'}/{seed:02}.wav" for seed in range(N_SOUNDS))
        )
    )
    return page


def download(tab: Any, button: str, directory: Path) -> dict[str, bytes]:
    """Press a button and return what is in the ZIP file that comes."""
    with tab.expect_download() as started:
        tab.get_by_role("button", name=button, exact=True).click()
    started.value.save_as(directory / "sounds.zip")
    with zipfile.ZipFile(directory / "sounds.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_selected_rows_come_as_a_zip_file(tab: Any, page: Page, tmp_path: Path) -> None:
    """Rows are selected one by one, and with Shift all between; what plays goes on, and the list stays."""
    tab.goto(page.url)
    tab.evaluate("window.stays = true")
    assert tab.locator("#several-actions").is_hidden()
    row(tab, "kit/59.wav").get_by_role("checkbox").check()
    assert tab.locator("#several-count").inner_text() == "1 selected"
    row(tab, "kit/55.wav").get_by_role("checkbox").click(modifiers=["Shift"])
    row(tab, "takes/56.wav").get_by_role("checkbox").uncheck()
    assert tab.locator("#several-count").inner_text() == "4 selected"

    found = download(tab, "ZIP", tmp_path)
    names = ["kit/55.wav", "kit/57.wav", "takes/58.wav", "kit/59.wav"]
    assert found == {name: name.encode() for name in names}
    assert tab.evaluate("window.stays")
    assert tab.locator("#several-count").inner_text() == "4 selected"


def test_all_that_a_search_finds_come(tab: Any, page: Page, tmp_path: Path) -> None:
    """Also those of later pages, and no others."""
    tab.goto(f"{page.url}/?q=wav")
    tab.get_by_label("Select all 60").check()
    assert tab.locator("#several-count").inner_text() == "60 selected"
    assert len(download(tab, "ZIP", tmp_path)) == N_SOUNDS
    tab.get_by_role("link", name="kit/", exact=True).click()
    wait_for_page(tab, "**/?*folder=kit*")
    assert tab.get_by_label("Select all").is_hidden()
    tab.get_by_label("Select these").check()

    assert sorted(download(tab, "ZIP", tmp_path)) == [f"kit/{seed:02}.wav" for seed in range(1, N_SOUNDS, 2)]


def test_names_and_the_command_are_copied(tab: Any, page: Page) -> None:
    """A press puts the names, or the command that copies the files, into the clipboard."""
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.goto(page.url)
    tab.get_by_label("Select these").check()
    assert tab.locator("#several-count").inner_text() == f"{N_LISTED} selected"
    tab.get_by_role("button", name="Copy names").click()
    tab.locator("#several-told", has_text="Copied: names.").wait_for()
    names = tab.evaluate("navigator.clipboard.readText()").splitlines()
    assert names == tab.locator("li.sound").evaluate_all("(rows) => rows.map((row) => row.dataset.name)")
    tab.get_by_role("button", name="Copy gcloud command").click()
    tab.locator("#several-told", has_text="Copied: gcloud command.").wait_for()

    command = tab.evaluate("navigator.clipboard.readText()")
    assert command.count(f"gs://{page.bucket.name}/") == N_LISTED
    assert "mkdir -p ./kit/ &&" in command


def test_where_nothing_can_be_copied_the_text_is_selected(tab: Any, page: Page) -> None:
    """A browser that gives no clipboard, as it does for http from another machine, shows what to copy."""
    tab.add_init_script("Object.defineProperty(Navigator.prototype, 'clipboard', { get: () => undefined });")
    tab.goto(page.url)
    row(tab, "kit/59.wav").get_by_role("checkbox").check()
    tab.get_by_role("button", name="Copy names").click()
    tab.locator("#several-told", has_text="press Ctrl-C").wait_for()

    assert tab.locator("#several-text").input_value() == "kit/59.wav\n"
    assert tab.evaluate("document.activeElement.id") == "several-text"


def test_a_selection_outlives_what_arrives(tab: Any, page: Page) -> None:
    """A row that is written anew stays selected, and a new one is not."""
    sound = make_document("again.wav", seed=100, uploaded_at=datetime.now(UTC))
    page.insert(sound)
    tab.goto(page.url)
    row(tab, "again.wav").get_by_role("checkbox").check()
    page.insert(
        sound | {"duration": 187.0, "analyzed_at": datetime.now(UTC)},
        make_document("newer.wav", seed=101, uploaded_at=datetime.now(UTC)),
    )
    row(tab, "again.wav").locator(".f-duration", has_text="3:07").wait_for()
    row(tab, "newer.wav").wait_for()

    assert row(tab, "again.wav").get_by_role("checkbox").is_checked()
    assert tab.locator("#several-count").inner_text() == "1 selected"
    tab.get_by_label("Select these").check()
    assert row(tab, "newer.wav").get_by_role("checkbox").is_checked()


def test_it_works_without_scripts(chromium: Any, page: Page, tmp_path: Path) -> None:
    """The form alone brings the ZIP file of what is selected."""
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(page.url)
    row(tab, "kit/59.wav").get_by_role("checkbox").check()

    assert download(tab, "ZIP", tmp_path) == {"kit/59.wav": b"kit/59.wav"}
    context.close()
