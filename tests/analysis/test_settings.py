"""The environment becomes Settings, or an error that says what is wrong with it."""

import pytest

from analysis.definition import OPTIONAL_FEATURES
from analysis.settings import Settings


def test_defaults_are_the_documented_ones() -> None:
    """An empty environment gives the documented defaults."""
    assert Settings.from_environment({}) == Settings(
        sounds_collection="sounds",
        rejections_collection="rejections",
        firestore_database="(default)",
        include_names=(),
        exclude_names=(),
        max_bytes=1073741824,
        max_duration_s=43200,
        max_channels=32,
        min_sample_rate=2000,
        max_sample_rate=768000,
        max_event_age_s=21600,
        forget=False,
    )


def test_every_setting_is_read() -> None:
    """Each attribute is read from the variable of its name in capitals; other variables do not matter."""
    environment = {
        "SOUNDS_COLLECTION": "s",
        "REJECTIONS_COLLECTION": "r",
        "FIRESTORE_DATABASE": "my-database",
        "INCLUDE_NAMES": "*.wav, *.mp3 ,",
        "EXCLUDE_NAMES": "drafts/*",
        "FEATURES": "spectral_centroid, mfcc:20,,spectral_centroid",
        "MAX_BYTES": "9223372036854775807",
        "MAX_DURATION_S": "0.5",
        "MAX_CHANNELS": "2",
        "MIN_SAMPLE_RATE": "8000",
        "MAX_SAMPLE_RATE": "8000",
        "MAX_EVENT_AGE_S": "60",
        "FORGET": "true",
        "HOME": "",
    }

    assert Settings.from_environment(environment) == Settings(
        "s",
        "r",
        "my-database",
        ("*.wav", "*.mp3"),
        ("drafts/*",),
        ("spectral_centroid", "mfcc:20"),
        2**63 - 1,
        0.5,
        2,
        8000,
        8000,
        60,
        True,  # noqa: FBT003
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *(("SOUNDS_COLLECTION", value) for value in ["", "a/b", ".", "..", "__x__", "x" * 1501]),
        *(("REJECTIONS_COLLECTION", value) for value in ["", "a/b", "sounds"]),
        *(("FIRESTORE_DATABASE", value) for value in ["", "(Default)", "9abc", "abc", "a" * 64, "My-database"]),
        *(("FEATURES", value) for value in ["tempogram", "mfcc", "mfcc:12", "rms;zero_crossing_rate", "RMS", "rms,x"]),
        ("FEATURES", "mfcc:20,mfcc:40"),
        *(("MAX_BYTES", value) for value in ["", "0", "-1", "1e9", "1 GiB", "１", "9223372036854775808"]),
        *(("MAX_DURATION_S", value) for value in ["", "0", "-1", "nan", "inf", "12h"]),
        *(("MAX_CHANNELS", value) for value in ["", "0", "two"]),
        *(("MIN_SAMPLE_RATE", value) for value in ["0", "44.1", "768001"]),
        *(("MAX_SAMPLE_RATE", value) for value in ["1999", "hi-fi"]),
        *(("MAX_EVENT_AGE_S", value) for value in ["0", "6h"]),
        *(("FORGET", value) for value in ["", "1", "yes", "True"]),
    ],
)
def test_wrong_setting_is_refused(variable: str, value: str) -> None:
    """A wrong value is refused with the variable's name, the value and what is accepted."""
    with pytest.raises(ValueError, match=r"accepted is .+") as refused:
        Settings.from_environment({variable: value})

    assert variable != "FEATURES" or all(name in str(refused.value) for name in OPTIONAL_FEATURES)
    assert f"{variable}={value}" in str(refused.value) or f"{variable}={value!r}" in str(refused.value)
