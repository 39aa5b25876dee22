"""The refusals of a first deployment, as the real gcloud tells them, one after another until the function is there."""

from collections.abc import Iterator
from itertools import pairwise, permutations

import pytest

from deploy import reconcile
from deploy.deployment import Deployment
from deploy.gcloud import Gcloud
from deploy.location import locate
from tests.deploy.apis.console import Console, opened
from tests.deploy.apis.deployed import NAME, deploy
from tests.deploy.apis.terminal import BUCKET, PROJECT, needs_gcloud
from tests.deploy.refusals import PASSING

pytestmark = needs_gcloud

CODES = {"eventarc": 403, "sources": 400, "repository": 403, "account": 404, "contention": 409, "logs": 400}
# So many of a deployment's ten minutes as are left for refusals, each of which is followed by a wait.
AT_ONCE = 11


def every_order() -> list[list[str]]:
    """Return rows of refusals in which each of the six follows each other one somewhere."""
    left = {name: [other for other in PASSING if other != name] for name in PASSING}
    circuit, path = [], [next(iter(PASSING))]
    while path:
        if left[path[-1]]:
            path.append(left[path[-1]].pop())
        else:
            circuit.append(path.pop())
    circuit.reverse()
    return [circuit[i : i + AT_ONCE] for i in range(0, len(circuit) - 1, AT_ONCE - 1)]


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """Open a console to a project in which all but the function is there."""
    with opened(tmp_path_factory.mktemp("first-contact")) as console:
        deploy(console.cloud.state)
        yield console


def test_the_rows_have_every_order_of_two():
    """Each of the six refusals follows each of the other five."""
    assert {pair for row in every_order() for pair in pairwise(row)} == set(permutations(PASSING, 2))


@pytest.mark.parametrize("row", every_order(), ids=lambda row: "-".join(name[0] for name in row))
def test_the_function_is_deployed_after_all_of_them(console: Console, row: list[str], monkeypatch: pytest.MonkeyPatch):
    """In whatever order Google refuses, the same command goes on and ends in a working function."""
    state = console.cloud.state
    state.functions.clear()
    console.cloud.faults.clear()
    for name in row:
        text = PASSING[name][0].partition("message=[")[2].rstrip("]") or PASSING[name][0]
        console.cloud.refuse("POST /cloudfunctions/.*/functions$", CODES[name], "X", text, times=1)
    for name, value in console.environment().items():
        monkeypatch.setenv(name, value)
    waits_s: list[float] = []
    deployment = Deployment(PROJECT, BUCKET)
    goal = reconcile.desired_function(deployment, locate(state.buckets[BUCKET], None))

    reconcile.ensure_function(Gcloud(PROJECT, sleep=waits_s.append), goal, None)

    assert state.functions[NAME]["state"] == "ACTIVE"
    assert len(waits_s) == len(row)
    assert sum(waits_s) <= 600
    assert [fault.times for fault in console.cloud.faults] == [0] * len(row)
