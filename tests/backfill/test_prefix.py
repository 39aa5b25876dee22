"""A prefix that nothing has is said, with what was perhaps meant."""

import unicodedata

import pytest

from backfill.prefix import describe_no_match
from tests.backfill.place import Place

ACCENTED = "Prélude/1.wav"


@pytest.mark.parametrize(
    ("prefix", "said"),
    [
        ("/takes", "but with --prefix takes there are some"),
        ("gs://{bucket}/takes/", "but with --prefix takes/ there are some"),
        (unicodedata.normalize("NFD", "Prélude"), f"but with --prefix {'Prélude'!r} there are some"),
        ("Takes/", "; there are names that begin with takes/"),
        ("other", "; there are names that begin with Prélude/, a.wav, takes/"),
        ("takes/2027/", "; there are names that begin with takes/1.wav, takes/2026/"),
        ("none/2027/", "; there are names that begin with Prélude/, a.wav, takes/"),
    ],
)
def test_what_was_perhaps_meant_is_named(place: Place, prefix: str, said: str) -> None:
    """An address, a slash too many, another Unicode form or case, and a folder that there is not are each answered."""
    for name in ("takes/1.wav", "takes/2026/1.wav", "a.wav", ACCENTED):
        place.bucket.blob(name).upload_from_string(b"x")

    assert describe_no_match(place.bucket, prefix.format(bucket=place.bucket.name)).endswith(said)


def test_an_empty_bucket_has_no_prefix(place: Place) -> None:
    """Where there are no objects at all, that is what is said."""
    assert describe_no_match(place.bucket, "a").endswith("; it has no objects")


def test_a_run_says_it(place: Place) -> None:
    """A run whose prefix nothing has says so beside its summary, and a run whose prefix something has does not."""
    place.bucket.blob("takes/").upload_from_string(b"")

    runs = [place.start("--dry-run", "--prefix", prefix) for prefix in ("tokes/", "takes/")]
    said = [run.communicate(timeout=400)[1] for run in runs]

    assert [run.returncode for run in runs] == [0, 0], said
    assert ["begins with 'tokes/'; there are names that begin with takes/" in errors for errors in said] == [
        True,
        False,
    ]
    assert "no object of" not in said[1]
