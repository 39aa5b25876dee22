"""The seed of the random tests, the same in every run if --seed says nothing else, and the order of all tests."""

import random
from collections.abc import Iterator

import hypothesis
import pytest

FIXED = 0


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --seed and --reverse."""
    group = parser.getgroup("sounds")
    group.addoption(
        "--seed", type=_seed, default=FIXED, help=f"of the random tests: a number, or random to draw one ({FIXED})"
    )
    group.addoption("--reverse", action="store_true", help="the last test first: no test may depend on another")


def pytest_configure(config: pytest.Config) -> None:
    """Give hypothesis the seed; it keeps no examples, as what failed before is repeated by its seed."""
    seed = config.getoption("seed")
    # The same everywhere: hypothesis has another profile where CI is set, and limits the time of an example where not.
    hypothesis.settings.register_profile("ours", derandomize=seed == FIXED, deadline=None, database=None)
    hypothesis.settings.load_profile("ours")
    if seed != FIXED and config.getoption("hypothesis_seed") is None:
        config.option.hypothesis_seed = str(seed)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Turn the order round."""
    if config.getoption("reverse"):
        items.reverse()


def pytest_report_header(config: pytest.Config) -> str:
    """Print the seed."""
    return f"seed of the random tests: {config.getoption('seed')}"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The seed for what a test draws."""
    return request.config.getoption("seed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Say how to repeat a random test that failed."""
    report = yield
    if report.failed and "seed" in getattr(item, "fixturenames", ()):
        report.sections.append(("seed", f"--seed {item.config.getoption('seed')} repeats it"))
    return report


def _seed(text: str) -> int:
    return random.SystemRandom().randrange(1, 2**32) if text == "random" else int(text)
