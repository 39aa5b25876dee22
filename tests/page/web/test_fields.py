"""The rows of a sound's page: each field with a label and a unit."""

from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from hypothesis import example, given

from analysis import document
from analysis.document import SOUND_FIELDS, Field
from bench.documents import make_document
from page.web import fields
from page.web.fields import LABELS, LAST, SHOWN_ELSEWHERE, Row, make_rows
from tests.page.test_display import ANYTHING

UPLOADED_AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def test_a_sound_is_read_row_by_row() -> None:
    """What was found in the sound comes first, what the upload and the run were last, in the units of people."""
    sound = make_document(
        "a.wav",
        length=66150,
        rms_db=-20.04,
        peak_db=-1,
        silence=0.25,
        content_type="audio/x-wav",
        md5_hash="md5=",
        size=132344,
        generation=1790000000000000,
        event_id="17",
        analysis_version=3,
        uploaded_at=UPLOADED_AT,
        analyzed_at=UPLOADED_AT,
    )

    expected = [
        ("Length", "66\u202f150 samples at 22\u202f050 Hz"),
        ("Duration", "3.0 s"),
        ("Source", "WAV PCM_16, 44.1 kHz, mono"),
        ("Complete", "yes"),
        ("Note", "A#3, 57.98"),
        ("Tempo", "120.5 BPM"),
        ("Peak", "\u22121.0 dB"),
        ("Level", "\u221220.0 dB"),
        ("Silence", "25 % below \u221260 dB"),
        ("Declared as", "audio/x-wav"),
        ("Size", "132 kB"),
        ("MD5", "md5="),
        ("CRC32C", "tyENxw=="),
        ("Generation", "1790000000000000"),
        ("Event", "17"),
        ("Analysis", "version 3"),
        ("uid", sound["uid"]),
        ("Uploaded", UPLOADED_AT),
        ("Analysed", UPLOADED_AT),
    ]
    rows = [(row.label, row.value) for row in make_rows(sound)]
    known = {label for label, _ in expected}
    assert [row for row in rows if row[0] in known] == expected  # a field that is added has a row of its own


def test_what_is_null_says_why() -> None:
    """Digital silence has no level, a composite object no MD5; a document that lacks the field has a dash."""
    nulls = dict.fromkeys(("rms_db", "peak_db", "note", "tempo", "md5_hash"))
    rows = {row.label: row.value for row in make_rows(make_document("a.wav", **nulls))}
    assert (rows["Level"], rows["Peak"]) == ("digital silence", "digital silence")
    assert (rows["Note"], rows["Tempo"]) == ("no single pitch", "no beat")
    assert rows["MD5"] == "none: a composite object"

    rows = {row.label: row.value for row in make_rows({"uid": "x"})}
    assert rows.pop("uid") == "x"
    assert set(rows.values()) == {"\u2013"}


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        (Field("onset_strength", "double", "", ""), 1.23456, "1.235"),
        (Field("spectral_centroid", "double", "", "Hz"), 2345.678, "2346 Hz"),
        (Field("loudness", "double", "", "dBFS"), -3.0, "\u22123.0 dB"),
        (Field("attack", "double", "", "s"), 0.25, "0.25 s"),
        (Field("beats", "integer", "", ""), -12345, "\u221212\u202f345"),
        (Field("key", "string", ""), "C minor", "C minor"),
        (Field("chroma", "doubles", "", n=3), [1.0, 0.5, -2], "1 0.5 \u22122"),
        (Field("embedding", "vector", "", n=2), Vector([1.0, 0.5]), "1 0.5"),
        (Field("picture", "bytes", ""), bytes(2000), "2 kB"),
        (Field("recorded_at", "timestamp", ""), UPLOADED_AT, UPLOADED_AT),
        (
            Field("contrast", "doubles", "", "dB", n=13),
            [*map(float, range(12)), -1.5],
            "13 numbers from \u22121.5 to 11",
        ),
        (Field("flatness", "double", "", "0 to 1"), 0.5, "0.5"),
    ],
)
def test_a_field_that_is_new_has_a_row(monkeypatch: pytest.MonkeyPatch, field: Field, value: Any, text: Any) -> None:
    """A field of any type and unit is shown as soon as the document has it, under its own name."""
    monkeypatch.setattr(fields, "SOUND_FIELDS", (*SOUND_FIELDS, field))
    label = field.name.replace("_", " ").capitalize()

    assert Row(label, text) in make_rows({field.name: value})
    assert Row(label, "\u2013") in make_rows({field.name: None})
    assert Row(label, "\u2013") in make_rows({field.name: object()})


def test_a_map_has_a_row_for_each_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a map that is new each part that the sound has is shown under its own name."""
    parts = (Field("bars", "double", ""), Field("rolloff", "double", "", "Hz", is_optional=True))
    monkeypatch.setattr(fields, "SOUND_FIELDS", (Field("rhythm", "map", "", fields=parts, is_optional=True),))

    assert make_rows({}) == []
    assert make_rows({"rhythm": {"bars": 120.0}}) == [Row("Bars", "120")]
    assert make_rows({"rhythm": {"bars": 120.0, "rolloff": 5.0}}) == [Row("Bars", "120"), Row("Rolloff", "5 Hz")]
    assert make_rows({"rhythm": None}) == [Row("Rhythm", "\u2013")]


def test_what_a_format_leaves_out_has_rows() -> None:
    """What the file says of itself is one row, and what more is known of it has rows of its own: nothing is hidden."""
    source = {"container": "WAV", "codec": "PCM_16", "sample_rate": 8000, "channels": 2}
    rows = make_rows({"source": source | {"complete": False, "problem": "cut off at 3.2 s"}})

    first = rows.index(Row("Source", "WAV PCM_16, 8 kHz, stereo"))
    assert rows[first + 1 : first + 3] == [Row("Complete", "no"), Row("Problem", "cut off at 3.2 s")]
    for field in SOUND_FIELDS:
        if field.fields and field.name in fields.FORMATS:
            assert fields.SUMMED_UP[field.name] <= {part.name for part in field.fields}


def test_tags_are_rows() -> None:
    """What somebody wrote into the file has a row for each, behind what the file is; what is no text has a dash."""
    source = {"container": "WAV", "codec": "PCM_16", "sample_rate": 8000, "channels": 2, "complete": True}
    rows = make_rows({"source": source | {"tags": {"title": "<b>Take</b>", "origination_time": 7, "stranger": "x"}}})

    first = rows.index(Row("Complete", "yes"))
    assert rows[first + 1 : first + 4] == [
        Row("Title", "<b>Take</b>"),
        Row("Origination time", "\u2013"),
        Row("Note", "\u2013"),
    ]


def test_no_name_of_a_field_is_out_of_date() -> None:
    """What this module says of a field is of one that a document has."""
    names = {field.name for field in document.SOUND_FIELDS}

    assert {*LABELS, *LAST, *SHOWN_ELSEWHERE, *fields.FORMATS, *fields.IF_NULL} <= names
    assert set(fields.BY_UNIT) <= {field.unit for field in document.SOUND_FIELDS}
    assert fields.IF_NULL.keys() <= {field.name for field in document.SOUND_FIELDS if field.is_nullable}


def test_the_silence_of_the_page_is_that_of_the_document() -> None:
    """The level that the page names is the one below which the document counts."""
    meaning = next(field.meaning for field in SOUND_FIELDS if field.name == "silence")

    assert "below -60 dBFS" in meaning


@given(ANYTHING)
@example(float("nan"))
def test_no_value_breaks_the_page(value: Any) -> None:
    """Whatever a field holds, the rows are text or time."""
    for row in make_rows(dict.fromkeys((field.name for field in SOUND_FIELDS), value)):
        assert isinstance(row.value, str | datetime)


def test_what_people_have_added_comes_first() -> None:
    """Fields that are not ours are shown under their own names, whatever they hold."""
    added = {"rating": 5, "place": "Rooftop", "tags": ["dry", "close"], "is_ok": True, "by": {"name": "E"}, "no": None}
    added |= {"at": GeoPoint(53.5, -2), "cover": bytes(2000), "days": [UPLOADED_AT]}
    rows = make_rows(make_document("a.wav") | added)

    assert rows[:9] == [
        Row("at", "53.5, -2"),
        Row("by", '{"name": "E"}'),
        Row("cover", "2 kB"),
        Row("days", '["2026-11-24T09:00:00+00:00"]'),
        Row("is_ok", "yes"),
        Row("no", "\u2013"),
        Row("place", "Rooftop"),
        Row("rating", "5"),
        Row("tags", "dry, close"),
    ]
