"""The page as a process of its own, over collections that a test has planted, and a browser that looks at it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore, storage

from local.part import HOST, Part
from local.parts import PROJECT
from local.ports import choose_port
from tests.page.served import Page

ROOT = Path(__file__).resolve().parent.parent.parent
START_S = 60


@pytest.fixture(scope="session")
def serve_page(
    firestore: Part, storage: Part, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Page]]:
    """Serve pages, each over a bucket and collections of its own; all end with the tests."""
    processes = []

    def serve(*arguments: str, **more: str) -> Page:
        unique, port = uuid4().hex[:12], choose_port()
        environment = {
            "FIRESTORE_EMULATOR_HOST": firestore.address,
            "STORAGE_EMULATOR_HOST": storage.url,
            "SOUNDS_COLLECTION": f"sounds-{unique}",
            "REJECTIONS_COLLECTION": f"rejections-{unique}",
        } | more
        clients = _connect(firestore, storage)
        bucket = clients[1].create_bucket(f"bucket-{unique}")
        page = Page(port, bucket, clients[0], environment)
        command = [sys.executable, "-m", "page", "--project", PROJECT, "--bucket", bucket.name, "--port", str(port)]
        log = tmp_path_factory.mktemp("page") / "log"
        with log.open("wb") as written:
            processes.append(
                subprocess.Popen(
                    [*command, *arguments],
                    cwd=ROOT,
                    env=os.environ | environment,
                    stdin=subprocess.DEVNULL,
                    stdout=written,
                    stderr=subprocess.STDOUT,
                )
            )
        _wait(page, processes[-1], log)
        return page

    yield serve
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(10)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's browser, without a screen; without it the test is skipped by name."""
    program = shutil.which("chromium")
    if not program:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  not needed where there is no browser

    flags = "--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update"
    flags += " --disable-sync"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=flags.split(), chromium_sandbox=os.geteuid() != 0
        )
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Any) -> Iterator[Any]:
    """A tab in which no script may fail, and nothing may be asked of anybody else."""
    context = chromium.new_context(viewport={"width": 1100, "height": 900})
    context.set_default_timeout(20_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None)
    page.on(
        "request",
        lambda asked: None if f"//{HOST}:" in asked.url or asked.url[:5] == "data:" else errors.append(asked.url),
    )
    yield page
    context.close()
    assert errors == []


def _connect(firestore_part: Part, storage_part: Part) -> tuple[firestore.Client, storage.Client]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FIRESTORE_EMULATOR_HOST", firestore_part.address)
        database = firestore.Client(PROJECT)
    files = storage.Client(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": storage_part.url})
    return database, files


def _wait(page: Page, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            if page.ask("/static/icon.svg")[0].status == 200:
                return
        except OSError:
            time.sleep(0.05)
