"""The command that removes copies: the real shell and the real gcloud remove what it names, and nothing else."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from page.catalog.catalog import Place
from page.web.removal import make_command, quote
from tests.page import sample_sounds
from tests.page.served_page import Page

NAMES = ("plain.wav", "a[1]*?.wav", "tone #1.wav", "$(touch run)`touch run`'\"\\ ;&|.wav", "-r.wav", "\u00e4\u202e.wav")
OTHERS = ("a1xx.wav", "a1.wav", "a[1]xx.wav", "plain.wav.bak", "tone", "r.wav")


def test_the_command_removes_just_what_it_names(
    gcloud: str, make_collections: Callable[..., Page], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Names with signs of the shell, with patterns of gcloud or that turn the direction are removed, no others."""
    page = make_collections()
    page.open_here(monkeypatch)
    places = [
        Place("", page.bucket.name, name, sample_sounds.upload(page.bucket, name, b"x")["generation"]) for name in NAMES
    ]
    for name in OTHERS:
        sample_sounds.upload(page.bucket, name, b"x")
    environment = page.process_environment() | {
        "PATH": f"{Path(gcloud).parent}:{os.environ['PATH']}",
        "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
    }
    command = make_command(places)
    ended = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    # The exit code says nothing: gcloud does not understand what the emulator answers to a deletion.
    assert sorted(blob.name for blob in page.bucket.list_blobs()) == sorted(OTHERS), ended.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["gcloud"]
    assert command.isascii()


@pytest.mark.parametrize("text", [*NAMES, "line\nbreak", "\x1b[201~rm -rf", "\u00a0", "'\x07", ""])
def test_a_text_is_one_word_of_the_shell(text: str) -> None:
    """Whatever a name holds, the shell takes it as it is, and nobody who copies it copies what cannot be seen."""
    quoted = quote(text)
    ended = subprocess.run(["bash", "-c", f"printf %s {quoted}"], capture_output=True, timeout=20, check=True)

    assert ended.stdout == text.encode()
    assert quoted.isprintable()


def test_what_has_no_place_is_not_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document that does not say which upload it is of is left out: without a generation another would be removed."""
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    unknown = [Place("", None, "a", 1), Place("", "b", "", 1), Place("", "b", "a", None)]

    assert make_command(unknown) == ""
    assert make_command([*unknown, Place("", "b", "a", 1)]) == "gcloud storage rm \\\n  'gs://b/a#1'"
