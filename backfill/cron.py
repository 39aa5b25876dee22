"""A schedule in cron's syntax, as Cloud Scheduler reads it, and how often it comes.

Source: Cloud Scheduler's "Configure cron job schedules". Where a day of the month and a day of the week are given,
either is enough, as in other crons.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

# Over so many days every date comes that there is, the 29th of February too.
FIRST_DAY, N_DAYS, N_YEARS = date(2024, 1, 1), 8 * 365 + 2, 8


@dataclass(frozen=True, slots=True)
class Field:
    """One of the five fields.

    Attributes:
        name: what it says.
        first: least value.
        last: greatest value.
        names: what stands for a value, the first for the least.
    """

    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()


FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of the month", 1, 31),
    Field("month", 1, 12, MONTHS),
    Field("day of the week", 0, 7, WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """A schedule.

    Attributes:
        text: in cron's syntax, with single spaces.
        runs_a_month: how often it comes in a month, on the average of some years.
    """

    text: str
    runs_a_month: float


def read_cron(text: str) -> Cron:
    """Read a schedule.

    Raises ValueError if Cloud Scheduler would not take it, if it never comes, and if it comes more than once an hour:
    each run lists the whole bucket.
    """
    parts = text.split()
    if len(parts) != len(FIELDS):
        raise ValueError(f"{text!r} has {len(parts)} fields, not five: minute, hour, day, month and day of the week")
    minutes, hours, days, months, weekdays = (_read_field(*each) for each in zip(parts, FIELDS, strict=True))
    if len(minutes) > 1:
        raise ValueError(f"{text!r} comes {len(minutes)} times an hour; accepted is one minute, such as '0 * * * *'")
    weekdays = {day % 7 for day in weekdays}  # both 0 and 7 are Sunday
    either = not (parts[2].startswith("*") or parts[4].startswith("*"))
    n_days = 0
    for number in range(N_DAYS):
        day = FIRST_DAY + timedelta(number)
        matches = day.day in days, (day.weekday() + 1) % 7 in weekdays
        n_days += day.month in months and (any(matches) if either else all(matches))
    if not n_days:
        raise ValueError(f"{text!r} never comes: no month of these has such a day")
    return Cron(" ".join(parts), n_days * len(hours) / N_YEARS / 12)


def _read_field(text: str, field: Field) -> set[int]:
    values: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"(\*|\w+(?:-\w+)?)(?:/(\d+))?", part, re.ASCII)
        whole, step = (match[1], match[2]) if match else ("", None)
        begin, is_range, end = (str(field.first), "-", str(field.last)) if whole == "*" else whole.partition("-")
        first, last = _read_value(begin, field), _read_value(end or begin, field)
        if first is None or last is None or first > last or (step and not (int(step) and is_range)):
            names = f" or {field.names[0]} to {field.names[-1]}" if field.names else ""
            raise ValueError(
                f"{part!r} is no {field.name}: accepted are {field.first} to {field.last}{names}, a range such as"
                f" {field.first}-{field.last}, a list of these with commas, and * or a range with a step, such as */2"
            )
        values.update(range(first, last + 1, int(step or 1)))
    return values


def _read_value(text: str, field: Field) -> int | None:
    if text.upper() in field.names:
        return field.names.index(text.upper()) + field.first
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(field.last))
    return int(text) if is_number and field.first <= int(text) <= field.last else None
