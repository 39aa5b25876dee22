"""Every state of the page that people see, each with what leads to it in a browser."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from google.cloud.firestore_v1.vector import Vector

from analysis.definition import N_FINGERPRINT, SR
from analysis.document import make_uid
from analysis.settings import Settings
from analysis.upload import Upload
from bench.documents import make_document, make_rejection
from local.servers import PROJECT
from page.catalog.following import Progress
from page.config import Config
from page.web.problems import Problem
from page.web.rendering import Templates
from tests.fakes.waiting import wait_until
from tests.page import sample_sounds
from tests.page.browsing import HOSTILE, SECONDS, SEEN, wait_for_map
from tests.page.served_page import Page

UNBROKEN = f"{'Field-recording_without_any_space_' * 6}.wav"
WORDS = f"{'a long name of many words, as a sentence ' * 4}, take 12.wav"
DEEP = f"{'/'.join(f'folder {depth} of an archive' for depth in range(8))}/deep.wav"
RTL = "\u0645\u0642\u0637\u0639/\u0635\u0648\u062a \u0637\u0648\u064a\u0644.wav"
LONG_S = 300
REJECTED = make_rejection(UNBROKEN, seed=1, reason="too_many_channels", message=f"{'word ' * 60}{'x' * 300}")
FILLING = Progress(is_filled=False, is_asking=False, count=8, total=98_000, reads=8, as_of=None, problem=None)
PROBLEM = Problem(
    503, "You may not read this", f"The page asks with your own rights: {UNBROKEN}", f"gcloud {'login ' * 30}"
)
SETTLED = """() => {
  const svg = document.querySelector("#seek svg");
  return svg.dataset.key && svg.viewBox.baseVal.x > -1 && document.getElementById("busy").hidden;
}"""
NO_CLIPBOARD = "() => { navigator.clipboard.write = () => Promise.reject(); }"


@dataclass(frozen=True)
class Pages:
    """The pages over which the states are.

    Attributes:
        various: sounds with hard names, of every kind; their uids by name are ``uids``.
        uploads: has a sound, and takes files; what becomes of them the test says.
        empty: has neither sounds nor rejections.
    """

    various: Page
    uploads: Page
    empty: Page
    uids: dict[str, str]

    def sound(self, name: str) -> str:
        """The address of a sound's page."""
        return f"{self.various.url}/sounds/{self.uids[name]}"


def make_pages(serve_page: Callable[..., Page]) -> Pages:
    """Fill what the states need."""
    various, uploads = serve_page(), serve_page(uploads=True)
    uploads.insert(make_document("old.wav", **sample_sounds.upload(uploads.bucket, "old.wav", b"RIFF")))
    return Pages(various, uploads, serve_page(), fill(various))


def fill(page: Page) -> dict[str, str]:
    """Insert sounds of every kind, with hard names, and rejections; return the sounds' uids by name."""
    t = np.arange(SECONDS * 8000) / 8000
    y = (np.sin(t * 2000) * np.linspace(0.9, 0.05, len(t))).astype(np.float32)
    hour = np.tile(y, LONG_S // SECONDS)
    tone = sample_sounds.encode(y, 8000)
    files = {
        "tone.wav": tone,
        "short.wav": sample_sounds.encode(y[:2480], 8000),
        "silent.wav": sample_sounds.encode(0 * y, 8000),
        "long.flac": sample_sounds.encode(hour, 8000, "FLAC"),
        "converted.aiff": sample_sounds.encode(y, 8000, "AIFF"),
        **dict.fromkeys((UNBROKEN, WORDS, DEEP, RTL, HOSTILE, f"copies/{UNBROKEN}"), tone),
    }
    rng = np.random.default_rng(0)
    documents = []
    for seed, (name, content) in enumerate(files.items()):
        about = sample_sounds.analyse(content)
        if name == "silent.wav":
            about |= {"note": None, "tempo": None}
        place = Vector((rng.normal(0, 1, N_FINGERPRINT) if content != tone else np.zeros(N_FINGERPRINT)).tolist())
        about["source"]["tags"] = {"title": name, "comment": f"{UNBROKEN} {HOSTILE}"}
        about |= {"fingerprint": place} | sample_sounds.upload(page.bucket, name, content)
        documents.append(make_document(name, seed=seed, **about))
    del documents[2]["fingerprint"]
    gone = make_document("gone.wav", seed=99, bucket=page.bucket.name)
    rejections = [
        REJECTED,
        make_rejection(HOSTILE, seed=2, reason="corrupt", message="<b onclick=alert(1)>damaged</b>"),
        make_rejection(WORDS, seed=3, reason="not_audio", message="its first bytes are text: " + "0f " * 60),
        make_rejection("empty.wav", seed=4, reason="empty", message="no samples"),
        make_rejection("saved.wav", **sample_sounds.upload(page.bucket, "saved.wav", b"no sound")),
    ]
    page.insert(*documents, gone, rejections=rejections)
    return {document["blob_name"]: document["uid"] for document in [*documents, gone]}


def open_list(tab: Any, pages: Pages, query: str = "") -> None:
    """Open the list of hard names."""
    tab.goto(f"{pages.various.url}/{query}")
    tab.locator("#pick-these:not([hidden])" if "nothing" not in query else "#empty").wait_for()


def open_with_notice(problem: Problem | None) -> Callable[[Any, Pages], None]:
    """Open a list of a collection that is being read, or cannot be: as reading few takes no time, the page is told."""

    def open_it(tab: Any, pages: Pages) -> None:
        macros = Templates(Config(PROJECT, "", Settings()))._environment.get_template("macros.html").module
        told = macros.status(FILLING, problem)
        tab.route("**/", lambda route: answer_with(route, told))
        tab.route(
            "**/catalog.json", lambda route: route.fulfill(json={"is_filled": False, "count": 9, "total": 98_000})
        )
        tab.goto(pages.various.url)
        tab.locator(".notice").wait_for()

    return open_it


def answer_with(route: Any, told: str) -> None:
    """Answer with a page that says something before its heading."""
    body = route.fetch().text()
    route.fulfill(
        body=body.replace('<div class="heading">', f'{told}<div class="heading">', 1), content_type="text/html"
    )


def open_empty(tab: Any, pages: Pages) -> None:
    """Open a list without sounds."""
    tab.goto(pages.empty.url)
    tab.get_by_text("No sounds yet").wait_for()


def select(tab: Any, pages: Pages) -> None:
    """Select rows, and copy their names where the clipboard is closed."""
    open_list(tab, pages)
    tab.evaluate(NO_CLIPBOARD)
    for row in range(3):
        tab.locator(".pick").nth(row).check()
    tab.get_by_role("button", name="Copy names").click()
    tab.locator("#several-text").wait_for()


def play(tab: Any, pages: Pages) -> None:
    """Play the sound of a row, its name being long."""
    open_list(tab, pages)
    tab.locator("li.sound", has_text=UNBROKEN).first.locator("[data-play]").click()
    tab.locator("li.sound .playing").wait_for()


def see_arrive(tab: Any, pages: Pages) -> None:
    """Look at a list in which a sound arrives."""
    tab.goto(pages.uploads.url)
    tab.locator("#list[data-since]").wait_for()
    name = f"fresh {datetime.now(UTC).timestamp()}.wav"
    pages.uploads.insert(make_document(name, bucket=pages.uploads.bucket.name, uploaded_at=datetime.now(UTC)))
    tab.locator("li.new").wait_for()


def miss(tab: Any, pages: Pages, query: str = "", *, is_offline: bool = False) -> None:
    """Come back to a list in which a sound has arrived meanwhile, where there may be no connection any more."""
    page = pages.uploads
    with tab.expect_response("**/events?*"):
        tab.goto(f"{page.url}/{query}")
    tab.evaluate(SEEN, arg=False)
    now = datetime.now(UTC)
    page.insert(make_document(f"missed {now.timestamp()}.wav", bucket=page.bucket.name, uploaded_at=now))
    tab.context.set_offline(offline=is_offline)
    tab.evaluate(SEEN, arg=True)
    tab.locator("#missed.notice").wait_for()


def offer(tab: Any, pages: Pages, count: int) -> list[str]:
    """Offer files with hard names for an upload; the page does not get them."""
    tab.goto(pages.uploads.url)
    names = [UNBROKEN, WORDS, "bad\x01.wav", *(f"file {number}.wav" for number in range(count - 3))]
    tab.locator("[data-takes-drops] #choose-files").set_input_files(
        [{"name": name, "mimeType": "audio/wav", "buffer": f"RIFF {name}".encode()} for name in names]
    )
    return names


def ask_before_upload(tab: Any, pages: Pages) -> None:
    """Offer so many files that the page asks first."""
    offer(tab, pages, 25)
    tab.locator("#uploads-question").wait_for()


def upload(tab: Any, pages: Pages) -> None:
    """Upload files: some are analysed, the others wait behind one that is not answered."""
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    tab.route("**/uploads?*file*", hold)
    offer(tab, pages, 8)
    tab.locator("#uploads-told", has_text="2 being analysed").wait_for()
    wait_until(lambda: tab.evaluate("true") and len(held) == 3, seconds=20)


def fail_to_upload(tab: Any, pages: Pages) -> None:
    """Upload files of which one is rejected, one refused, and one not sent."""
    tab.route("**/uploads?*file*", lambda route: route.abort())
    page = pages.uploads
    names = offer(tab, pages, 4)
    tab.locator("#uploads-told", has_text="2 not uploaded, 2 being analysed").wait_for()
    uids = [
        make_uid(Upload(page.bucket.name, blob.name, int(blob.generation)))
        for blob in page.bucket.list_blobs()
        if blob.name in names
    ]
    now = datetime.now(UTC)
    message = f"its first bytes are text: {'0f ' * 40}"
    page.insert(rejections=[make_rejection("x", rejected_at=now, message=message) | {"uid": uid} for uid in uids])
    tab.locator("#uploads-told", has_text="2 rejected").wait_for()
    tab.locator("#uploads-close:visible").wait_for()


def open_sound(tab: Any, pages: Pages, name: str, query: str = "") -> None:
    """Open the page of a sound, and wait until all of it is there."""
    tab.goto(pages.sound(name) + query)
    tab.locator("#spectrogram img, #spectrogram .loading:not(:text('drawing'))").first.wait_for()
    tab.locator("[data-part][aria-busy]").first.wait_for(state="detached")


def zoom(tab: Any, pages: Pages) -> None:
    """Open a long sound, and zoom in."""
    open_sound(tab, pages, "long.flac", "#t=151")
    tab.locator("#seek").focus()
    for _ in range(6):
        tab.keyboard.press("+")
    tab.wait_for_function(SETTLED)


def show_in_db(tab: Any, pages: Pages) -> None:
    """Open a sound, and draw its waveform in dB."""
    open_sound(tab, pages, UNBROKEN)
    tab.get_by_label("Waveform in dB").check()
    tab.locator("#levels:not([hidden])").wait_for()


def convert(tab: Any, pages: Pages) -> None:
    """Play what a browser does not."""
    open_sound(tab, pages, "converted.aiff")
    tab.locator(".one [data-play]").click()
    tab.locator(".one .playing").wait_for()


def fail_to_play(tab: Any, pages: Pages) -> None:
    """Open a sound whose file is gone, and play it."""
    open_sound(tab, pages, "gone.wav")
    tab.locator(".one [data-play]").click()
    tab.locator("#player-problem:visible").wait_for()


def repeat(tab: Any, pages: Pages) -> None:
    """Repeat a part of a sound, and hold it there."""
    open_sound(tab, pages, "tone.wav", "#t=10")
    tab.locator(".one [data-play]").click()
    tab.locator(".one .playing").wait_for()
    tab.keyboard.press("l")
    tab.keyboard.press("r")
    tab.keyboard.press(".")
    tab.keyboard.press("r")
    tab.locator("#player-part[data-state=whole]").wait_for()
    tab.keyboard.press("p")
    tab.locator("#player-play:not(.playing)").wait_for()


def search_like(tab: Any, pages: Pages, content: bytes | None = None) -> None:
    """Open what finds sounds like a file; where there is a file, choose it."""
    tab.goto(f"{pages.various.url}/similar")
    tab.locator("#similar[data-takes-drops]").wait_for()
    if content is None:
        return
    file = {"name": UNBROKEN, "mimeType": "audio/wav", "buffer": content}
    tab.locator("#similar-file").set_input_files([file])
    tab.locator("#similar-result h2").first.wait_for()


def search_like_and_wait(tab: Any, pages: Pages) -> None:
    """Choose a file whose answer does not come."""
    held: list[Any] = []
    tab.route("**/similar", lambda route: held.append(route) if route.request.method == "POST" else route.continue_())
    search_like(tab, pages, b"RIFF")


def search_like_a_tone(tab: Any, pages: Pages) -> None:
    """Choose a sound."""
    search_like(tab, pages, sample_sounds.encode(np.sin(np.arange(2 * SR) * 0.1).astype(np.float32)))
    tab.locator("#yours").wait_for()


def search_like_no_sound(tab: Any, pages: Pages) -> None:
    """Choose what is no sound."""
    search_like(tab, pages, b"no sound at all")
    tab.locator("#similar-result .problem").wait_for()


def see_duplicates(tab: Any, pages: Pages) -> None:
    """Open the duplicates, and one of their commands."""
    tab.goto(f"{pages.various.url}/duplicates")
    tab.locator(".group summary").first.click()
    tab.locator(".group pre").first.wait_for()


def open_map(tab: Any, pages: Pages) -> None:
    """Open the map, and go to a sound whose name is shown."""
    tab.goto(f"{pages.various.url}/map")
    wait_for_map(tab)
    tab.keyboard.press("Tab")
    tab.locator("#map-plane").focus()
    tab.locator("#map-tip:visible").wait_for()


def zoom_map(tab: Any, pages: Pages) -> None:
    """Zoom into the map, play what is there, and name all of it in the lists."""
    open_map(tab, pages)
    for key in ("ArrowRight", "+", "+", "Enter"):
        tab.keyboard.press(key)
    tab.locator("#map-here .sound").first.wait_for()
    tab.locator("#map-list summary").click()
    tab.locator("#map-list li").first.wait_for()
    tab.locator("#map-now:visible").wait_for()


def see_map_being_drawn(tab: Any, pages: Pages) -> None:
    """Open a map that is being drawn."""
    told = {"count": 60, "comparable": 60, "laid_out": 0, "kept": None, "sounds": [], "is_being_drawn": True}
    tab.route("**/map.json", lambda route: route.fulfill(json=told | {"problem": None}))
    tab.goto(f"{pages.various.url}/map")
    tab.locator("#map", has_text="being drawn").wait_for()


def see_too_small_map(tab: Any, pages: Pages) -> None:
    """Open the map of no sounds."""
    tab.goto(f"{pages.empty.url}/map")
    tab.locator("#map", has_text="Too few").wait_for()


def see_keys(tab: Any, pages: Pages) -> None:
    """Open the list of keys."""
    open_list(tab, pages)
    tab.locator("#show-keys").click()
    tab.locator("#keys[open]").wait_for()


def go(path: str) -> Callable[[Any, Pages], None]:
    """Open an address."""
    return lambda tab, pages: tab.goto(pages.various.url + path)


def refuse(tab: Any, pages: Pages) -> None:
    """Open the page under a name that is not its own."""
    tab.goto(f"http://sounds.localhost:{pages.various.port}/")


STATES: dict[str, Callable[[Any, Pages], None]] = {
    "list": open_list,
    "list, empty": open_empty,
    "list, being filled": open_with_notice(None),
    "list, not read": open_with_notice(PROBLEM),
    "list, nothing found": lambda tab, pages: open_list(tab, pages, "?q=nothing"),
    "list, filtered": lambda tab, pages: open_list(tab, pages, "?min_s=1&max_db=-3&folder=copies/"),
    "list, selected": select,
    "list, playing": play,
    "list, arriving": see_arrive,
    "list, missed": miss,
    "list, missed in another order": lambda tab, pages: miss(tab, pages, "?sort=oldest"),
    "list, no connection": lambda tab, pages: miss(tab, pages, is_offline=True),
    "list, keys": see_keys,
    "uploads, question": ask_before_upload,
    "uploads, running": upload,
    "uploads, failed": fail_to_upload,
    "sound, short": lambda tab, pages: open_sound(tab, pages, "short.wav"),
    "sound, silent": lambda tab, pages: open_sound(tab, pages, "silent.wav", "?q=wav"),
    "sound, zoomed": zoom,
    "sound, dB": show_in_db,
    "sound, converted": convert,
    "sound, gone": fail_to_play,
    "sound, repeated part": repeat,
    "similar": search_like,
    "similar, busy": search_like_and_wait,
    "similar, found": search_like_a_tone,
    "similar, refused": search_like_no_sound,
    "duplicates": see_duplicates,
    "map": open_map,
    "map, zoomed": zoom_map,
    "map, being drawn": see_map_being_drawn,
    "map, too few": see_too_small_map,
    "rejections": go("/rejections"),
    "error": go("/no"),
    "error, rejected": go(f"/sounds/{REJECTED['uid']}"),
    "refused name": refuse,
}
