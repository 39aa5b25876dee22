"""The README says what is true: its commands print what it shows, and its numbers are those of docs/numbers.md."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from analysis.document import SOUND_FIELDS
from tests.fakes.waiting import wait_until
from tests.rewrite import shown_names

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
NUMBERS = (ROOT / "docs/numbers.md").read_text()
VARYING = {"analyzed_at", "uploaded_at", "event_id", "generation", "uid"}
UNSHOWN = {field.name for field in SOUND_FIELDS} - set(shown_names())
COMPUTED = {field.name for field in SOUND_FIELDS if field.type in ("double", "doubles")}
# Of each row of the README's table, the table and the row of docs/numbers.md, and the columns there with their units.
EVENT = "| from the post of an event to its answer |"
HEADLINES = [
    (
        f"an hour of stereo {name}, the whole event",
        EVENT,
        f"1 h stereo 44.1 kHz, {full_name}",
        {"wall s, {}": "s", "MB above what it held, {}": "MB"},
    )
    for name, full_name in (("WAV", "16-bit WAV"), ("Opus", "OGG Opus"))
] + [("process start to the first document", "| s | plain |", "process start to first document", {"{}": "s"})]
# Ctrl-C in a terminal sends each process of gunicorn a SIGINT, and gunicorn its worker a SIGQUIT; where the two meet in
# the pool's lock the worker hangs (once in 60 under load), until the 30 s of gunicorn's graceful_timeout are over.
END_S = 60
TOOK = re.compile(r" +[\d.]+ s$", re.MULTILINE)  # the last column


def shown_document() -> dict[str, Any]:
    """The document that the README shows."""
    (text,) = re.findall(r"<!-- document -->\n```json\n(.*?)```", README, re.DOTALL)
    return json.loads(text)


def run_local(*arguments: str) -> str:
    """What local.sh prints."""
    command = [ROOT / "local.sh", *arguments]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True, timeout=300).stdout


def test_readme_is_one_page() -> None:
    """The README has at most 120 lines: what is longer has a page in docs/."""
    assert len(README.splitlines()) <= 120


@pytest.mark.usefixtures("emulators")
def test_first_command_prints_what_is_shown() -> None:
    """The README's first command prints the README's table, however long the function took."""
    (shown,) = re.findall(r"^\$ \./local\.sh local/sample\.wav\n(.*?)^\$ ", README, re.DOTALL | re.MULTILINE)

    assert TOOK.sub("", run_local("local/sample.wav")) == TOOK.sub("", shown)


@pytest.mark.usefixtures("emulators")
def test_document_is_what_the_command_prints() -> None:
    """The command that the README gives for it prints the README's document."""
    document = json.loads(run_local("--json", "local/sample.wav"))

    shown = shown_document()
    assert document.keys() == shown.keys() | UNSHOWN
    for name in COMPUTED:
        assert document[name] == pytest.approx(shown[name], abs=1e-3)
    assert {k: document[k] for k in document if k not in VARYING | UNSHOWN | COMPUTED} == {
        k: shown[k] for k in shown if k not in VARYING | COMPUTED
    }


def test_headline_numbers_are_measured_ones() -> None:
    """Each number of the README's table is the one of that row and that column in docs/numbers.md, with its unit."""
    shown = {row[""]: (row["the tutorial"], row["this function"]) for row in rows_of(README, "| | the tutorial | this")}

    expected = {}
    for headline, header, label, columns in HEADLINES:
        row = row_of(header, label)
        expected[headline] = tuple(
            ", ".join(f"{row[column.format(whose)]} {unit}" for column, unit in columns.items())
            for whose in ("plain", "ours")
        )
    assert shown == expected


def test_headline_cost_is_the_sum() -> None:
    """What the README says a million sounds cost is what docs/numbers.md adds up, rounded to a dollar."""
    row = row_of("| | compute | other |", "one million sounds of 5 s")

    (said,) = re.findall(r"A million sounds of 5 s cost about \$(\d+) ", README)
    assert int(said) == round(sum(map(float, re.findall(r"\$([\d.]+)", row["compute"] + row["other"]))))


def test_times_faster_are_quotients() -> None:
    """Where docs/numbers.md says how many times faster ours is, that is plain's number divided by ours."""
    compared = 0
    for header in re.findall(r"^\|.*times faster.*$", NUMBERS, re.MULTILINE):
        for row in rows_of(NUMBERS, header):
            for times, plain, ours in zip(list(row)[3:], list(row)[1:], list(row)[2:], strict=False):
                if "times" in times and "plain" in plain and row[times]:
                    half = 0.5 * 10 ** -len(row[times].partition(".")[2])  # what rounding takes, and the medians 3 %
                    quotient = float(row[plain]) / float(row[ours])
                    assert float(row[times]) == pytest.approx(quotient, rel=0.03, abs=half), row
                    compared += 1

    assert compared > 10


def rows_of(text: str, header: str) -> list[dict[str, str]]:
    """The rows of the table whose header begins so, each by the names of its columns.

    A column that is called ours belongs to the one before it: after "wall s, plain" it is "wall s, ours".
    """
    lines = text[text.index(f"\n{header}") + 1 :].split("\n\n", maxsplit=1)[0].splitlines()
    names, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    names = [
        before.replace("plain", "ours") if name == "ours" else name
        for before, name in zip(["", *names], names, strict=False)
    ]
    assert len(set(names)) == len(names)
    return [dict(zip(names, row, strict=True)) for row in rows]


def row_of(header: str, label: str) -> dict[str, str]:
    """The row of docs/numbers.md that has this label, in the table whose header begins so."""
    (row,) = [row for row in rows_of(NUMBERS, header) if next(iter(row.values())).startswith(label)]
    return row


@pytest.mark.usefixtures("gcloud")
def test_commands_by_hand(tmp_path: Path) -> None:
    """What the README lists for four terminals, typed into four terminals, ends with the sample's document."""
    (text,) = re.findall(r"<!-- by hand -->\n```bash\n(.*?)```", README, re.DOTALL)
    ports = {port: free_port() for port in sorted(set(re.findall(r"127\.0\.0\.1:(\d+)", text)))}
    text = re.sub(r"\b\d{4}\b", lambda found: str(ports.get(found[0], found[0])), text)
    *servers, client = re.split(r"^# Terminal \d: .*\n", text, flags=re.MULTILINE)[1:]

    with ExitStack() as terminals:
        logs = [tmp_path / f"terminal-{number}.log" for number, _ in enumerate(servers, 1)]
        database, *_ = [terminals.enter_context(terminal(typed, log)) for typed, log in zip(servers, logs, strict=True)]
        wait_until(lambda: all(map(listens, ports.values())) or database.poll() is not None, 60)
        if database.poll() is not None and (lacking := re.search(".*(component|JRE).*", logs[0].read_text())):
            pytest.skip(f"gcloud cannot start the emulator: {lacking[0]}")
        done = subprocess.run(
            ["bash", "-euc", client], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr  # here, where the terminals add what they showed

    document = json.loads(done.stdout[done.stdout.index('{\n  "documents"') :])["documents"][0]["fields"]
    assert document["length"] == {"integerValue": str(shown_document()["length"])}


@contextmanager
def terminal(commands: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A terminal in which these commands run, until Ctrl-C."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["bash", "-c", commands],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    except AssertionError as error:
        raise AssertionError(f"{commands}\n{log.read_text()}") from error
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        process.wait(END_S)


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port: int) -> bool:
    """Whether something listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
