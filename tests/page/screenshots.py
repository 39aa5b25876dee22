"""Takes the pictures of docs/page.md: the page of ./local.sh, over sounds that went the whole way.

Usage: python -m tests.page.screenshots [DIRECTORY]

Needs chromium. The pictures are reduced to 256 colours, so that none is large.
"""

import http.client
import json
import random
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import sync_playwright

from local.command_line import parse
from local.program import Program
from local.stack import running
from tests.fakes.waiting import wait_until
from tests.page import instruments, sample_sounds
from tests.page.browser import FLAGS, find_chromium
from tests.page.browsing import wait_for_map

DIRECTORY = Path(__file__).parents[2] / "docs/page"
PATIENCE_MS = 60_000
FORMATS = {"wav": ("WAV", "PCM_16"), "flac": ("FLAC", "PCM_16"), "ogg": ("OGG", "VORBIS")}
# Each is the name of the file, the address or the name of a sound, the width and the scheme.
PICTURES = (
    ("list", "/", 1280, "light"),
    ("sound", "field/blackbird 1.wav", 1280, "dark"),
    ("map", "/map", 1280, "light"),
    ("phone", "bells/bell 3.ogg", 360, "light"),
)


def main() -> None:
    """Bring the stack up, fill it through the page, and take every picture."""
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else DIRECTORY
    directory.mkdir(parents=True, exist_ok=True)
    with running(parse([])) as stack, sync_playwright() as playwright:
        assert stack.page
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS, chromium_sandbox=False)
        fill(stack.page)
        for name, place, width, scheme in PICTURES:
            take(browser, stack.page.url, place, width, scheme, directory / f"{name}.png")
        browser.close()


def fill(page: Program) -> None:
    """Upload every sound of instruments.py, one after the other in random order, as the list shows the newest first."""
    sounds = list(instruments.all_sounds().items())
    random.Random(3).shuffle(sounds)
    for name, y in sounds:
        container, codec = FORMATS[name.rpartition(".")[2]]
        connection = http.client.HTTPConnection(page.host, page.port, timeout=PATIENCE_MS / 1000)
        connection.request(
            "POST", f"/uploads?name={quote(name)}", sample_sounds.encode(y, instruments.SR, container, codec)
        )
        answer = json.loads(connection.getresponse().read())
        connection.close()
        wait_until(lambda uid=answer["uid"]: is_listed(page, uid), seconds=PATIENCE_MS / 1000)


def is_listed(page: Program, uid: str) -> bool:
    """Whether an upload has become a sound that the list begins with."""
    connection = http.client.HTTPConnection(page.host, page.port, timeout=PATIENCE_MS / 1000)
    connection.request("GET", "/sounds.json?n=1")
    sounds = json.loads(connection.getresponse().read())["sounds"]
    connection.close()
    return [sound["uid"] for sound in sounds] == [uid]


def take(browser: Any, url: str, place: str, width: int, scheme: str, file: Path) -> None:
    """Take one picture, while a sound of the page is heard: of the list the second."""
    tab = browser.new_page(viewport={"width": width, "height": 860}, color_scheme=scheme, locale="en-GB")
    tab.set_default_timeout(PATIENCE_MS)
    tab.goto(url + (place if place.startswith("/") else f"/?q={place}"))
    if not place.startswith("/"):
        tab.locator("#list li a").first.click()
        tab.locator("#spectrogram img").wait_for()
        tab.locator(".neighbours li").first.wait_for()
    if place == "/map":
        wait_for_map(tab)
    else:
        for _ in range(2 if place == "/" else 1):
            tab.keyboard.press("j")
        tab.wait_for_timeout(1500)
    tab.screenshot(path=file)
    tab.close()
    with Image.open(file) as picture:
        picture.convert("RGB").quantize(256).save(file, optimize=True)


if __name__ == "__main__":
    main()
