"""The lists in a real browser: what is written while one looks, searched, filtered and gone back to."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.documents import FIRST_MOMENT, make_document, make_rejection
from page.web.app import PAGE_SIZE
from tests.page.browsing import row, wait_for_page
from tests.page.served_page import Page


def test_new_sounds_and_rejections_appear_by_themselves(tab: Any, serve_page: Callable[..., Page]) -> None:
    """What is written while one looks is on top of the list, said aloud, and there after a reload."""
    page = serve_page()
    tab.goto(page.url)
    tab.get_by_text("No sounds yet").wait_for()
    now = datetime.now(UTC)
    page.insert(make_document("fresh.wav", bucket=page.bucket.name, uploaded_at=now))

    row(tab, "fresh.wav").wait_for()
    assert "fresh.wav" in tab.locator("#status").inner_text()
    assert tab.get_by_text("No sounds yet").count() == 0
    page.insert(make_document("fresher.wav", bucket=page.bucket.name, seed=1, uploaded_at=datetime.now(UTC)))
    row(tab, "fresher.wav").wait_for()
    assert "fresher.wav" in tab.locator("li.sound").first.inner_text()
    tab.reload()
    assert "fresher.wav" in tab.locator("li.sound").first.inner_text()
    assert tab.locator("li.sound").count() == 2
    tab.goto(f"{page.url}/rejections")
    page.insert(rejections=[make_rejection("bad.wav", rejected_at=datetime.now(UTC))])
    tab.locator(".rejection", has_text="bad.wav").wait_for()


def test_a_sound_of_a_later_page_is_not_inserted(tab: Any, serve_page: Callable[..., Page]) -> None:
    """What is older than all that is listed is not shown behind it where a later page has it, what is newer is."""
    page = serve_page()
    page.insert(*(make_document(f"{seed:02}.wav", seed=seed) for seed in range(PAGE_SIZE + 1)))
    tab.goto(page.url)
    row(tab, "50.wav").wait_for()
    now = datetime.now(UTC)
    page.insert(make_document("older.wav", seed=60, uploaded_at=FIRST_MOMENT - timedelta(days=9), analyzed_at=now))
    between = FIRST_MOMENT + timedelta(seconds=30.5)
    page.insert(make_document("between.wav", seed=61, uploaded_at=between, analyzed_at=now + timedelta(seconds=1)))
    row(tab, "between.wav").wait_for()

    names = [text.split("\n")[0] for text in tab.locator("li.sound .base").all_inner_texts()]
    assert names == [
        *(f"{seed}.wav" for seed in range(50, 30, -1)),
        "between.wav",
        *(f"{seed:02}.wav" for seed in range(30, 0, -1)),
    ]


def test_what_is_analysed_anew_takes_its_own_row(tab: Any, serve_page: Callable[..., Page]) -> None:
    """A sound whose document is written again is listed once, as it is now."""
    page = serve_page()
    sound = make_document("again.wav")
    page.insert(sound)
    tab.goto(page.url)
    row(tab, "again.wav").wait_for()
    page.insert(sound | {"duration": 187.0, "analyzed_at": datetime.now(UTC)})
    tab.locator("li.sound .f-duration", has_text="3:07").wait_for()

    assert tab.locator("li.sound").count() == 1


def test_snare_finds_all_and_the_filters_stay(tab: Any, serve_page: Callable[..., Page]) -> None:
    """What is searched finds all, in any case and form; order, filter, back and reload keep what was asked for."""
    page = serve_page()
    names = ["drums/Snare 1.wav", "drums/SNARE 2.wav", "takes/my snare\u0301.wav", "takes/kick.wav"]
    page.insert(*(make_document(name, seed=seed, duration=1.0 + seed) for seed, name in enumerate(names)))
    tab.goto(page.url)
    tab.locator("#q").fill("sn\u00e4re")
    tab.locator("#q").press("Enter")
    tab.get_by_role("heading", name="3 sounds").wait_for()
    tab.locator("#sort").select_option("longest")
    wait_for_page(tab, "**/?q=*&sort=longest")
    tab.get_by_role("link", name="drums/", exact=True).click()
    tab.get_by_role("heading", name="2 sounds").wait_for()
    tab.get_by_text("Length, level, note, tempo").click()
    tab.get_by_label("Note").select_option("C")
    tab.get_by_role("button", name="Apply").click()
    tab.get_by_text("No sounds match.").wait_for()
    tab.go_back()
    tab.get_by_role("heading", name="2 sounds").wait_for()
    tab.reload()

    rows = tab.locator("li.sound .base").all_inner_texts()
    assert rows == ["SNARE 2.wav", "Snare 1.wav"]
    assert tab.locator("#q").input_value() == "sn\u00e4re"
    assert tab.locator("#sort").input_value() == "longest"
