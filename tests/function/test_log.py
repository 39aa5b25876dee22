"""Every answer is one line of the log, which says what became of the upload."""

import json
from typing import Any

import pytest

import main
from analysis.pipeline import Answer
from analysis.upload import Upload

UPLOAD = Upload("b", "takes/one.wav", 7, event_id="e")
LINES: dict[str, tuple[Answer, dict[str, Any]]] = {
    "a sound": (
        Answer("sound", "u", length=5, seconds={"write": 0.1}),
        {"severity": "INFO", "message": "sound", "length": 5, "seconds": {"write": 0.1}},
    ),
    "a rejection": (
        Answer("rejection", "u", "no bytes", "empty"),
        {"severity": "WARNING", "message": "rejected: no bytes", "reason": "empty"},
    ),
    "a sound that is kept": (
        Answer("kept", "u", "too long", "too_long"),
        {"severity": "WARNING", "message": "skipped: a sound already; too long", "reason": "too_long"},
    ),
    "nothing": (Answer("skipped", "u", "a folder"), {"severity": "INFO", "message": "skipped: a folder"}),
    "gone": (Answer("gone", "u", "deleted"), {"severity": "INFO", "message": "skipped: deleted"}),
}


@pytest.mark.parametrize("name", LINES)
def test_answer_is_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The line has the answer's severity, message and facts, beside what tells which upload it was."""
    answered, expected = LINES[name]

    main._log_answer(UPLOAD, answered)

    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    which = {name: line.pop(name) for name in ("bucket", "blob", "generation", "event_id", "uid")}
    assert line == expected
    assert (which["bucket"], which["blob"], which["generation"], which["event_id"]) == ("b", "takes/one.wav", 7, "e")
