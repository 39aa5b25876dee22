"""Outcomes as text: a table for people, JSON for programs."""

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from local.outcome import Outcome

FIRST_FIELDS = ("uid", "blob_name", "file_name", "length", "mean_mfccs", "reason", "message")
NOTE_WIDTH, BPM_WIDTH = 4, 5  # of "A#-1" and "240.0"
COEFFICIENT_WIDTH = 7  # of "-1131.4", which digital silence has: hardly any sound has a longer one


def format_table(outcomes: Sequence[Outcome]) -> str:
    """Return a table with a line per upload: name, duration, note, tempo, mean MFCCs and how long the function took."""
    width = max(len(name) for name in ["sound", *(outcome.blob_name for outcome in outcomes)])
    documents = [outcome.document for outcome in outcomes if outcome.kind == "sound" and outcome.document]
    n_mfcc = max((len(document["mean_mfccs"]) for document in documents), default=0)
    coefficients = "".join(f"{f'mfcc {i}':>{COEFFICIENT_WIDTH + 1}}" for i in range(n_mfcc))
    found = f"{'note':>{NOTE_WIDTH}}  {'bpm':>{BPM_WIDTH}}"
    head = f"{'sound':{width}}  {'length':>9}  {found}{coefficients}  {'took':>7}"
    return "\n".join([head, *(format_row(outcome, width) for outcome in outcomes)])


def format_row(outcome: Outcome, width: int = 0) -> str:
    """Return the line of one upload."""
    name = f"{outcome.blob_name:{width}}"
    if outcome.kind != "sound" or outcome.document is None:
        return f"{name}  {outcome.kind}: {outcome.message}"
    note, tempo = outcome.document.get("note"), outcome.document.get("tempo")
    found = f"{note['name'] if note else '-':>{NOTE_WIDTH}}  {f'{tempo["bpm"]:.1f}' if tempo else '-':>{BPM_WIDTH}}"
    means = "".join(f" {mean:>{COEFFICIENT_WIDTH}.1f}" for mean in outcome.document["mean_mfccs"])
    return f"{name}  {outcome.document['duration']:7.2f} s  {found}{means}  {outcome.seconds:5.2f} s"


def format_kind(outcome: Outcome) -> str:
    """Return name, kind and message of one upload."""
    return f"{outcome.blob_name}: {outcome.kind}{': ' if outcome.message else ''}{outcome.message}"


def format_json(document: dict[str, Any]) -> str:
    """Return a document as a line of JSON: times in ISO 8601, bytes in base64, vectors as lists, FIRST_FIELDS first."""
    first = [field for field in FIRST_FIELDS if field in document]
    ordered = dict.fromkeys([*first, *sorted(document)])
    return json.dumps({field: document[field] for field in ordered}, default=_plain)


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case bytes():
            return b64encode(value).decode()
        case _:
            return list(value)
