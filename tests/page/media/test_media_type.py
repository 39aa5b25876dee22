"""The media type of a sound, by its first bytes."""

import pytest

from page.media.media_type import UNKNOWN, sniff
from tests.fakes.synthetic import EVERY_FORMAT, sound_of


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_every_format_is_sniffed(name: str) -> None:
    """What the function reads is told to the browser as sound; a W64 is nothing that any browser plays."""
    media_type = sniff(sound_of(name)[:64])

    assert media_type.startswith("audio/") or name.startswith("W64"), name
    assert sniff(b"<html>") == sniff(b"") == UNKNOWN
