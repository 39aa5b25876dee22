"""A schedule is refused before anything is made where Google would refuse it, and where it comes too often or never."""

import pytest

from backfill.cron import read_cron
from backfill.request import parse


@pytest.mark.parametrize(
    ("text", "runs_a_month"),
    [
        ("0 3 * * *", 30.44),
        ("  0   3 * * * ", 30.44),
        ("0 * * * *", 730.5),
        ("59 */2 * * *", 12 * 30.44),
        ("0 0-23/8 * * *", 3 * 30.44),
        ("0 3,15 * * *", 2 * 30.44),
        ("0 3 1 * *", 1),
        ("0 3 29 feb *", 2 / 8 / 12),
        ("0 3 * JAN-Mar,12 *", (31 + 28.25 + 31 + 31) / 12),
        ("0 3 * * MON-FRI", 30.44 * 5 / 7),
        ("0 3 * * 0", 30.44 / 7),
        ("0 3 * * 7", 30.44 / 7),
        ("0 3 * * 6-7", 30.44 * 2 / 7),
        ("0 3 1 * sun", 1 + 30.44 / 7 - 1 / 7),  # either is enough
        ("0 3 */2 * 1", 30.44 / 2 / 7),
    ],
)
def test_a_schedule_is_read_as_cron_reads_it(text: str, runs_a_month: float) -> None:
    """Numbers, names, ranges, lists and steps are what they are in cron, and say how often it comes."""
    assert read_cron(text).runs_a_month == pytest.approx(runs_a_month, rel=0.03)
    assert read_cron(text).text == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has 0 fields"),
        ("nightly", "has 1 fields"),
        ("@daily", "has 1 fields"),
        ("every 24 hours", "has 3 fields"),
        ("0 3 * * * *", "has 6 fields"),
        ("60 3 * * *", "'60' is no minute: accepted are 0 to 59,"),
        ("0 24 * * *", "'24' is no hour: accepted are 0 to 23,"),
        ("0 3 0 * *", "'0' is no day of the month"),
        ("0 3 L * *", "'L' is no day of the month"),
        ("0 3 * 13 *", "'13' is no month: accepted are 1 to 12 or JAN to DEC"),
        ("0 3 * * 8", "'8' is no day of the week"),
        ("0 3 * * MON#1", "'MON#1' is no day of the week"),
        ("0 3 ? * 1", "'?' is no day of the month"),
        ("0 5-3 * * *", "'5-3' is no hour"),
        ("0 */0 * * *", "'*/0' is no hour"),
        ("0 3/2 * * *", "'3/2' is no hour"),
        ("0 -1 * * *", "'-1' is no hour"),
        ("0 1, * * *", "'' is no hour"),
        ("² 3 * * *", "is no minute"),
        ("0 1000000000000000000000 * * *", "is no hour"),
        ("0 3 31 2,4 *", "never comes"),
        ("* * * * *", "comes 60 times an hour"),
        ("*/30 3 * * *", "comes 2 times an hour"),
    ],
)
def test_what_google_refuses_is_refused_before(text: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no schedule is one line that names what is accepted, and exit code 2, before anything is asked."""
    with pytest.raises(ValueError, match=r"fields|is no|never|times an hour"):
        read_cron(text)
    with pytest.raises(SystemExit) as ended:
        parse(["--project=p", "--bucket=b", f"--schedule={text}"], {})

    assert ended.value.code == 2
    assert words in (said := capsys.readouterr().err)
    assert said.count("\n") == 1
