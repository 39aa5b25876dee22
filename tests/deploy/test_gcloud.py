"""How gcloud is called: what is waited for, how long, what is taken for absent, and what a dry run prints."""

from collections.abc import Iterable
from itertools import chain, permutations, repeat
from pathlib import Path

import pytest

from deploy.failures import RefusedError
from deploy.gcloud import Gcloud, joined
from tests.deploy.apis.terminal import PROJECT
from tests.deploy.refusals import ALSO_PASSING, PASSING

TEXTS = {name: text for name, (text, *_) in PASSING.items()} | ALSO_PASSING
DEPLOY = ("functions", "deploy", "analyze")
NUMBER = '{"projectNumber": "123456789012"}'


class FakeGcloud:
    """A gcloud on the path that refuses with these texts, one a call, and then answers; it writes down its calls."""

    def __init__(self, directory: Path, refusals: Iterable[str]) -> None:
        self.calls_file = directory / "calls"
        for number, text in enumerate(refusals):
            (directory / f"refusal-{number}").write_text(text)
        (directory / "number").write_text(NUMBER)
        program = directory / "gcloud"
        program.write_text(
            "#!/bin/sh\n"
            f'cd "{directory}"\n'
            'echo "$@" >>calls\n'
            'case "$1 $2" in\n'
            '  "projects describe") cat number; exit;;\n'
            '  "projects add-iam-policy-binding") exit;;\n'
            "esac\n"
            'echo >>counted; text="refusal-$(($(wc -l <counted) - 1))"\n'
            'if [ -e "$text" ]; then cat "$text" >&2; exit 1; fi\n'
            'echo "[\\"done\\"]"\n'
        )
        program.chmod(0o755)

    def calls(self, *words: str) -> list[str]:
        """Return the calls that begin with these words."""
        return [call for call in self.calls_file.read_text().splitlines() if call.startswith(" ".join(words))]


class Clock:
    """A clock that is moved by whoever sleeps."""

    def __init__(self) -> None:
        self.waits_s: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.waits_s.append(seconds)


@pytest.fixture
def clock() -> Clock:
    """Return a clock that nobody waits for."""
    return Clock()


def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusals: Iterable[str]) -> FakeGcloud:
    """Put a gcloud that refuses so onto the path."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return FakeGcloud(tmp_path, refusals)


@pytest.mark.each_value
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("name", TEXTS)
def test_what_passes_by_itself_is_waited_for(
    name: str,
    times: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
    capsys: pytest.CaptureFixture[str],
):
    """A command that meets a refusal that passes is run again until it is done, and each wait says what for."""
    gcloud = fake(tmp_path, monkeypatch, repeat(TEXTS[name], times))

    done = Gcloud(PROJECT, sleep=clock.sleep).run(*DEPLOY)

    assert done == '["done"]\n'
    assert clock.waits_s == [2, 4, 8][:times]
    assert len(gcloud.calls("functions deploy")) == times + 1
    assert capsys.readouterr().out.count("  waiting: ") == times


@pytest.mark.parametrize("name", PASSING)
def test_a_wait_says_what_it_waits_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock, capsys: pytest.CaptureFixture[str]
):
    """The line of a wait has the reason of the refusal and the seconds."""
    text, reason, _grant = PASSING[name]
    fake(tmp_path, monkeypatch, [text])

    Gcloud(PROJECT, sleep=clock.sleep).run(*DEPLOY)

    (line,) = (line for line in capsys.readouterr().out.splitlines() if "waiting" in line)
    assert reason in line
    assert line.endswith("asking again in 2 s")


@pytest.mark.parametrize(("first", "second"), list(permutations(PASSING, 2)))
def test_one_refusal_after_another_is_waited_for(
    first: str, second: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
):
    """Whichever of the refusals comes after whichever other, the function is deployed in the end."""
    fake(tmp_path, monkeypatch, [TEXTS[first], TEXTS[first], TEXTS[second], TEXTS[second]])

    assert Gcloud(PROJECT, sleep=clock.sleep).run(*DEPLOY) == '["done"]\n'
    assert len(clock.waits_s) == 4


@pytest.mark.each_value
@pytest.mark.parametrize(("command", "minutes"), [(DEPLOY, 10), (("firestore", "indexes", "composite", "create"), 5)])
@pytest.mark.parametrize("name", TEXTS)
def test_waiting_has_an_end(
    name: str, command: tuple[str, ...], minutes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
):
    """A refusal that stays is given up after ten minutes of a function's deployment, and five of anything else."""
    fake(tmp_path, monkeypatch, repeat(TEXTS[name], 20))

    with pytest.raises(RefusedError) as refused:
        Gcloud(PROJECT, sleep=clock.sleep).run(*command)

    assert refused.value.answer == TEXTS[name]
    assert sum(clock.waits_s) == minutes * 60


@pytest.mark.parametrize("name", PASSING)
def test_the_grant_that_helps_is_made_once(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock):
    """A refusal that stays for five minutes is taken for one that will: the account that needs a role gets it."""
    text, _reason, grant = PASSING[name]
    gcloud = fake(tmp_path, monkeypatch, repeat(text, 12))

    Gcloud(PROJECT, sleep=clock.sleep).run(*DEPLOY)

    made = gcloud.calls("projects add-iam-policy-binding")
    assert made == (
        [
            (
                f"projects add-iam-policy-binding {PROJECT} --member=serviceAccount:{grant[0]} --role={grant[1]}"
                f" --condition=None --project={PROJECT} --quiet"
            )
        ]
        if grant
        else []
    )


def test_what_passes_in_time_needs_no_grant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock):
    """Nobody gets a right for a refusal that passes by itself within five minutes."""
    gcloud = fake(tmp_path, monkeypatch, repeat(TEXTS["eventarc"], 9))

    Gcloud(PROJECT, sleep=clock.sleep).run(*DEPLOY)

    assert gcloud.calls("projects") == []


def test_what_does_not_pass_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock):
    """A refusal for another reason ends the command at once."""
    fake(tmp_path, monkeypatch, ["PERMISSION_DENIED: The caller does not have permission"])

    with pytest.raises(RefusedError, match="PERMISSION_DENIED"):
        Gcloud(PROJECT, sleep=clock.sleep).run(*DEPLOY)
    assert clock.waits_s == []


DISABLED = "API [eventarc.googleapis.com] not enabled on project [12]. SERVICE_DISABLED"


@pytest.mark.parametrize(
    "answer",
    ["HTTPError 404: The specified bucket does not exist.", "NOT_FOUND: x", "Cannot find service [x]", DISABLED],
)
def test_what_is_not_there_is_none(answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock):
    """What Google says is not there, or cannot be because its API is disabled, is read as None."""
    fake(tmp_path, monkeypatch, [answer])

    assert Gcloud(PROJECT, sleep=clock.sleep).read("storage", "buckets", "describe", "x") is None
    assert clock.waits_s == []


@pytest.mark.parametrize("answer", ["status=[403], or it may not exist", "PERMISSION_DENIED", "status=[503]"])
def test_what_may_be_there_is_not_none(answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock):
    """An answer that leaves open whether there is such a thing is an error, as making it again would be wrong."""
    fake(tmp_path, monkeypatch, [answer])

    with pytest.raises(RefusedError):
        Gcloud(PROJECT, sleep=clock.sleep).read("storage", "buckets", "describe", "x")


def test_after_enabling_an_api_a_disabled_one_is_not_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
):
    """What is read while an API is still coming is waited for, as it may be there: it would be made again."""
    fake(tmp_path, monkeypatch, chain([], []))
    gcloud = Gcloud(PROJECT, sleep=clock.sleep)
    gcloud.enable(["eventarc.googleapis.com"])
    propagating = f"{DISABLED} wait a few minutes for the action to propagate to our systems and retry."
    for number, text in enumerate(("", propagating, propagating)):
        if text:
            (tmp_path / f"refusal-{number}").write_text(text)

    assert gcloud.read("eventarc", "triggers", "list") == ["done"]
    assert len(clock.waits_s) == 2


def test_an_api_that_stays_disabled_after_enabling_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
):
    """An API that was enabled and is said to be disabled for another reason does not mean that there is nothing."""
    fake(tmp_path, monkeypatch, [])
    gcloud = Gcloud(PROJECT, sleep=clock.sleep)
    gcloud.enable(["eventarc.googleapis.com"])
    (tmp_path / "refusal-1").write_text(DISABLED)

    with pytest.raises(RefusedError):
        gcloud.read("eventarc", "triggers", "list")


@pytest.mark.parametrize(
    ("parts", "expected"), [(["a", "b"], "a,b"), (["a,b", "c"], "^|^a,b|c"), (["^a", "b"], "^,^^a,b"), ([], "")]
)
def test_a_list_is_separated_by_what_is_in_none_of_its_parts(parts: list[str], expected: str):
    """A value with a comma, or that begins like gcloud's own escape, arrives as it is."""
    assert joined(parts) == expected
