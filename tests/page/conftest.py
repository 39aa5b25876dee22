"""The page as a process of its own, over collections that a test has planted, and a browser that looks at it."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from local.program import HOST, Program
from local.servers import PROJECT, client_variables, start_page
from tests.fakes.cloud import connect_firestore
from tests.page.browser import FLAGS, find_chromium
from tests.page.served import Page


@pytest.fixture(scope="session")
def serve_page(
    firestore: Program, storage: Program, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Page]]:
    """Serve pages, each over a bucket and collections of its own; all end with the tests."""
    database = connect_firestore(firestore)
    files = Client(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": storage.url})
    with ExitStack() as ends:

        def serve(*, uploads: bool = False, **more: str) -> Page:
            unique = uuid4().hex[:12]
            names = {"SOUNDS_COLLECTION": f"sounds-{unique}", "REJECTIONS_COLLECTION": f"rejections-{unique}"}
            environment = client_variables(storage, firestore) | names | more
            bucket = files.create_bucket(f"bucket-{unique}")
            directory = tmp_path_factory.mktemp("page")
            program = ends.enter_context(start_page(directory, bucket.name, environment, uploads=uploads))
            return Page(program.wait().port, bucket, database, environment)

        yield serve


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's browser, without a screen; without it the test is skipped by name."""
    program = find_chromium()
    if not program:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  not needed where there is no browser

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS, chromium_sandbox=os.geteuid() != 0)
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
