"""The media type of a sound, by its first bytes."""

import pytest

from page.media.media_type import UNKNOWN, sniff
from tests.fakes.synthetic import one_of_each


@pytest.mark.parametrize(("name", "content"), one_of_each().items())
def test_every_format_is_sniffed(name: str, content: bytes) -> None:
    """What the function reads is told to the browser as sound; a W64 is nothing that any browser plays."""
    media_type = sniff(content[:64])

    assert media_type.startswith("audio/") or name.startswith("W64"), name
    assert sniff(b"<html>") == sniff(b"") == UNKNOWN
