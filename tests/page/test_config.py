"""Where the page is found, and whether what it shows is emulated."""

import pytest

from analysis.settings import Settings
from page.config import Config, is_emulated


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("::", "http://[::1]:8080"),
        ("::1", "http://[::1]:8080"),
        ("[::1]", "http://[::1]:8080"),
        ("fe80::1", "http://[fe80::1]:8080"),
        ("studio.local", "http://studio.local:8080"),
    ],
)
def test_the_address_can_be_opened(host: str, url: str) -> None:
    """Wherever the page listens, its address is one that a browser on this machine can open."""
    assert Config("p", "b", Settings(), host).url == url


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"STORAGE_EMULATOR_HOST": "http://127.0.0.1:1"}, False),
        ({"FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"}, False),
        ({"STORAGE_EMULATOR_HOST": "", "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"}, False),
        ({"STORAGE_EMULATOR_HOST": "http://127.0.0.1:1", "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"}, True),
    ],
)
def test_only_both_emulators_are_a_local_stack(environment: dict[str, str], *, expected: bool) -> None:
    """Where one of the two is real, nothing is taken for emulated."""
    assert is_emulated(environment) == expected
