"""The documents that fill a database have the fields of real ones."""

from analysis.document import REJECTION_FIELDS, SOUND_FIELDS
from bench.documents import make_document, make_rejection


def test_made_sounds_have_every_field() -> None:
    """A made sound has the fields of analysis/document.py, all but optional ones that are asked for, and no other."""
    made = list(make_document("kick.wav"))

    names = [field.name for field in SOUND_FIELDS]
    assert [name for name in made if name not in names] == []
    assert made == [field.name for field in SOUND_FIELDS if field.name in made or not field.is_optional]
    assert list(make_document("kick.wav", added_by_somebody=1)) == [*made, "added_by_somebody"]


def test_made_rejections_have_every_field() -> None:
    """A made rejection has the fields of analysis/document.py, and no other."""
    assert set(make_rejection("kick.wav")) == {field.name for field in REJECTION_FIELDS}
