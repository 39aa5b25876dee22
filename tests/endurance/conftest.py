"""The outages, which are mostly waiting, pass while the other tests of this folder run."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from local.program import Program
from tests.endurance.outages import Outage, of_downloads, of_firestore, of_storage


@pytest.fixture(scope="session")
def outages(
    firestore: Program, storage: Program, sound: bytes, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Future[dict[str, Outage]]]]:
    """What comes of events during outages, a minute or two after this fixture is first asked for."""
    with ThreadPoolExecutor() as pool:
        yield [
            pool.submit(of_storage, firestore, storage, tmp_path_factory.mktemp("outage"), sound),
            pool.submit(of_downloads, firestore, storage, tmp_path_factory.mktemp("outage"), sound),
            pool.submit(of_firestore, storage, tmp_path_factory.mktemp("outage"), sound),
        ]


@pytest.fixture(scope="session", autouse=True)
def begin_outages(request: pytest.FixtureRequest) -> None:
    """Begin the outages with this folder's first test, if a later one asks for them, so that it hardly has to wait.

    Where pytest-xdist gives each file to a worker, the other workers go on meanwhile, and only one shall begin them.
    """
    if hasattr(request.config, "workerinput"):
        return
    if any("outages" in item.fixturenames for item in request.session.items if isinstance(item, pytest.Function)):
        request.getfixturevalue("outages")
