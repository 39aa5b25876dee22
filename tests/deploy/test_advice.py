"""What deploy.sh advises: each advice for the texts that it is meant for, and for no other."""

import re
from pathlib import Path

import pytest

from deploy.advice import ADVICE, Advice, advice, name_of
from tests.deploy.apis.terminal import PROJECT, Terminal, needs_gcloud
from tests.deploy.printed_commands import commands_in
from tests.deploy.refusals import ALSO_PASSING, PASSING, STAYING

EVERY_TEXT = [*STAYING, *(text for text, *_ in PASSING.values()), *ALSO_PASSING.values()]
# These match whatever else a text says, so they stand last and only for what no other advice knows.
GENERAL = {"rights", "name taken", "busy", "quota", "fault", "build", "api"}


@pytest.mark.parametrize("text", STAYING)
def test_each_text_gets_its_own_advice(text: str):
    """What Google answers is met by the advice for it, with project, roles and what the text names filled in."""
    name, expected = STAYING[text]

    assert name_of(text) == name
    assert expected in advice(text, "p", ("roles/a",))


@pytest.mark.parametrize("one", [one for one in ADVICE if one.name not in GENERAL], ids=lambda one: one.name)
def test_each_advice_is_for_its_own_texts_alone(one: Advice):
    """The pattern of a particular advice is in no text of another, wherever it stands in the list."""
    found = {text for text in EVERY_TEXT if re.search(one.pattern, text, re.IGNORECASE | re.DOTALL)}
    meant = {text for text, (name, _expected) in STAYING.items() if name == one.name}

    shadowed = {text for text in found - meant if any(text == passing[0] for passing in PASSING.values())}
    assert found - shadowed == meant
    assert not any(name_of(text) == one.name for text in shadowed)


@pytest.mark.parametrize("one", ADVICE, ids=lambda one: one.name)
def test_each_advice_is_tried(one: Advice):
    """There is a text for each advice; without one nobody knows whether it comes."""
    assert one.name in {name for name, _expected in STAYING.values()}


@pytest.mark.parametrize("name", PASSING)
def test_a_refusal_that_stays_names_the_grant_that_helps(name: str):
    """What should pass by itself and does not is met by its reason and, where one helps, the command that grants it."""
    text, reason, grant = PASSING[name]
    told = advice(text, "sounds-test", ("roles/a",))

    assert reason in told
    assert "run the same command again" in told
    assert ("add-iam-policy-binding" in told) is (grant is not None)
    if grant:
        agent = grant[0].replace(
            "123456789012", "$(gcloud projects describe sounds-test --format='value(projectNumber)')"
        )
        assert f'--member="serviceAccount:{agent}" --role={grant[1]} --condition=None' in told


def test_every_text_that_passes_is_known_as_one():
    """Each text of a new project's first minutes is one of the refusals that are waited for, and none that stays is."""
    assert all((name_of(text) or "").startswith("passing") for text in ALSO_PASSING.values())
    assert all((name_of(text) or "").startswith("passing") for text, *_ in PASSING.values())
    assert not any((name_of(text) or "").startswith("passing") for text in STAYING)


@needs_gcloud
def test_every_command_of_an_advice_is_one_that_gcloud_knows(tmp_path: Path):
    """The linter of gcloud itself finds the command and every flag of what is advised for each text of Google's."""
    commands = commands_in(advice(text, PROJECT, ("roles/run.admin", "roles/browser")) for text in EVERY_TEXT)

    linted, refused = Terminal(tmp_path).lint("\n".join([*commands, "gcloud auth login --frobnicate"]))

    assert len(linted) > 12
    assert refused == ["gcloud auth login --frobnicate"]
