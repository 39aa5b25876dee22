"""The rejections in a real browser: read whole on a narrow screen, and their files are saved."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.documents import make_rejection
from tests.page import sample_sounds
from tests.page.served_page import Page

MARKUP = b"<!doctype html><title>shown</title><script>document.title = 'run'</script>"
LONG = "moov_" * 200
# Whether a line of the message is cut off anywhere.
IS_CUT = """(message) => {
  for (let element = message; element; element = element.parentElement) {
    const { overflow, textOverflow, webkitLineClamp } = getComputedStyle(element);
    if (element.scrollWidth > element.clientWidth && element !== document.body.parentElement) return true;
    if (overflow === "hidden" || textOverflow === "ellipsis" || webkitLineClamp !== "none") return true;
  }
  return document.documentElement.scrollWidth > innerWidth;
}"""


@pytest.fixture
def page(serve_page: Callable[..., Page]) -> Page:
    """A page over three rejections: of HTML, with a long message; of a file elsewhere; and of one that was deleted."""
    page = serve_page()
    stored = sample_sounds.upload(page.bucket, "kit/evil.html", MARKUP)
    kept = {field: stored[field] for field in ("bucket", "generation")}
    message = f"no audio in {LONG}: WAV, FLAC and others are accepted, such as {LONG}"
    gone = make_rejection("gone.wav", bucket=page.bucket.name)  # written long ago, so its file is looked for
    page.insert(
        rejections=[
            make_rejection("kit/evil.html", seed=1, message=message, reason="not_audio", **kept),
            make_rejection("there.wav", seed=2, bucket="another-bucket-with-quite-a-long-name"),
            gone,
        ]
    )
    return page


@pytest.mark.parametrize("width", [1100, 320])
def test_a_message_is_read_whole(tab: Any, page: Page, width: int) -> None:
    """However long a message is, and though it has no spaces, nothing of it is cut off, nor does the page scroll."""
    tab.set_viewport_size({"width": width, "height": 700})
    tab.goto(f"{page.url}/rejections")
    message = tab.locator(".rejection", has_text="evil.html").locator(".message")

    assert message.inner_text().count(LONG) == 2
    assert not message.evaluate(IS_CUT)


def test_the_file_of_a_rejection_is_saved(tab: Any, page: Page, tmp_path: Path) -> None:
    """A press saves the file under its name; though it is a page of HTML, the list stays and no script of it runs."""
    tab.goto(f"{page.url}/rejections")
    with tab.expect_download() as started:
        tab.get_by_role("link", name="Download the file kit/evil.html").click()
    started.value.save_as(tmp_path / "saved")

    assert (tmp_path / "saved").read_bytes() == MARKUP
    assert started.value.suggested_filename == "evil.html"
    assert tab.url == f"{page.url}/rejections"
    assert tab.title().startswith("Rejections")


def test_what_is_gone_is_said(tab: Any, page: Page) -> None:
    """A row has no link where its file is gone, or elsewhere; one that goes while one looks is told at the press."""
    tab.goto(f"{page.url}/rejections?gone=1")
    row = tab.locator(".rejection", has_text="gone.wav")
    assert "Its file was deleted or overwritten" in row.inner_text()
    assert not row.get_by_role("link").count()
    tab.goto(f"{page.url}/rejections?q=there")
    assert not tab.locator(".rejection").get_by_role("link").count()
    tab.goto(f"{page.url}/rejections?q=evil")
    page.bucket.blob("kit/evil.html").delete()
    tab.locator(".rejection").get_by_role("link").click()

    tab.get_by_role("heading", name="The file is no longer in the bucket").wait_for()
