"""The page as a process of its own, over collections that a test has inserted, and a browser that looks at it."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore_v1.vector import Vector
from google.cloud.storage import Client

from analysis.definition import SR
from bench.documents import make_document, make_rejection
from local.program import HOST, Program
from local.servers import PROJECT, client_variables, start_page
from tests.fakes.cloud import connect_firestore
from tests.page import sample_sounds
from tests.page.browser import FLAGS, find_chromium
from tests.page.browsing import HOSTILE, SECONDS
from tests.page.served_page import Page

SOURCE = {"container": "WAV", "codec": "PCM_16", "sample_rate": 44100, "channels": 1, "complete": True}


@pytest.fixture(scope="session")
def serve_page(
    make_collections: Callable[..., Page], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Page]]:
    """Serve pages, each over a bucket and collections of its own; all end with the tests."""
    with ExitStack() as ends:

        def serve(*, uploads: bool = False, **more: str) -> Page:
            page = make_collections(**more)
            directory = tmp_path_factory.mktemp("page")
            program = start_page(directory, page.bucket.name, page.environment, uploads=uploads)
            return replace(page, port=ends.enter_context(program).wait().port)

        yield serve


@pytest.fixture(scope="session")
def make_collections(firestore: Program, storage: Program) -> Callable[..., Page]:
    """Make a bucket and collections that no process serves: for tests of what this process reads itself."""
    database = connect_firestore(firestore)
    files = Client(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": storage.url})

    def make(**more: str) -> Page:
        unique = uuid4().hex[:12]
        names = {"SOUNDS_COLLECTION": f"sounds-{unique}", "REJECTIONS_COLLECTION": f"rejections-{unique}"}
        environment = client_variables(storage, firestore) | names | more
        return Page(0, files.create_bucket(f"bucket-{unique}"), database, environment)

    return make


@pytest.fixture(scope="session")
def many(serve_page: Callable[..., Page]) -> Page:
    """A page over 120 sounds without files and one rejection, for tests that only read."""
    page = serve_page()
    page.insert(
        *sample_sounds.many_sounds(), rejections=[make_rejection(sample_sounds.HOSTILE, message="<b>damaged</b>")]
    )
    return page


@pytest.fixture(scope="session")
def shared(serve_page: Callable[..., Page]) -> Page:
    """A page for tests that insert a sound of their own and ask for it by its uid: the collection holds others' too."""
    return serve_page()


@pytest.fixture(scope="session")
def heard(serve_page: Callable[..., Page]) -> tuple[Page, dict[str, Any], bytes]:
    """A page over one real sound of three seconds, its document and its file."""
    page = serve_page()
    y = np.sin(np.arange(3 * SR) * 0.1).astype(np.float32) * 0.5
    content = sample_sounds.encode(y)
    fields = sample_sounds.describe(y) | sample_sounds.upload(page.bucket, "tone #1.wav", content)
    document = make_document("tone #1.wav", **fields)
    page.insert(document)
    return page, document, content


@pytest.fixture(scope="session")
def small(serve_page: Callable[..., Page]) -> tuple[Page, dict[str, str]]:
    """A page over four sounds that can be heard, one of them with a hostile name, and two that cannot: uids by name."""
    page = serve_page()
    y = (np.sin(np.arange(SECONDS * SR) * 0.1) * np.linspace(0.9, 0.1, SECONDS * SR)).astype(np.float32)
    files = {
        "tone.wav": (sample_sounds.encode(y), [0.0, 0.0, 0.0]),
        "quieter.flac": (sample_sounds.encode(y * 0.1, SR, "FLAC"), [0.0, 0.01, 0.0]),
        "other.wav": (sample_sounds.encode(y[::-1]), [5.0, 4.0, 0.0]),
        HOSTILE: (sample_sounds.encode(y[:SR]), [9.0, 0.0, 8.0]),
    }
    documents = [
        make_document(
            name,
            seed=seed,
            fingerprint=Vector(place),
            source=SOURCE | {"tags": {"comment": f"{HOSTILE} in a tag"}},
            **sample_sounds.describe(y),
            **sample_sounds.upload(page.bucket, name, content),
        )
        for seed, (name, (content, place)) in enumerate(files.items())
    ]
    gone = make_document("gone.wav", seed=9, bucket=page.bucket.name, fingerprint=Vector([1.0, 30.0, 2.0]))
    elsewhere = make_document("elsewhere.wav", seed=10, bucket="another", fingerprint=Vector([1.0, 30.0, 2.0]))
    hostile = make_rejection(HOSTILE, seed=1, reason="corrupt", message="<b onclick=alert(1)>damaged</b>")
    page.insert(*documents, gone, elsewhere, rejections=[hostile])
    return page, {document["blob_name"]: document["uid"] for document in [*documents, gone, elsewhere]}


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
