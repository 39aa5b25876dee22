"""./local.sh brings a user's sounds through the real stack, and shows what became of them."""

import json
import math
import os
import re
import shutil
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile

from analysis.definition import N_FINGERPRINT, N_MFCC
from tests.fakes.local_sh import ROOT, SAMPLE, Up, run

pytestmark = pytest.mark.usefixtures("emulators")

PASTE_S = 60  # gsutil and gcloud retry for minutes


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Keep one stack up for all tests of this module."""
    with Up(tmp_path_factory.mktemp("up") / "printed") as up:
        yield up


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """Put a directory of every kind of file through the stack, and a file from elsewhere."""
    directory = tmp_path_factory.mktemp("files") / "my sounds"
    part = directory / "gsutil/tmp/parallel_composite_uploads/part"
    part.parent.mkdir(parents=True)
    for file in (directory / "ä #1?%.wav", directory / "deep/er/x.wav", part):
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SAMPLE, file)
    (directory / "text.wav").write_text("these are words\n")
    return run("my sounds", SAMPLE, cwd=directory.parent)


def test_json_is_exactly_the_document_and_agrees_with_librosa() -> None:
    """--json prints one document per line on stdout and nothing else, with a bare environment and no home."""
    bare = {"PATH": os.environ["PATH"], "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}

    done = run(SAMPLE, "--json", "--twice", "--generation", "2", "--shape", "legacy", env=bare)

    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1), done.stderr
    document = json.loads(done.stdout)
    y, sr = librosa.load(SAMPLE)
    means = librosa.feature.mfcc(y=y, sr=sr, n_mfcc=N_MFCC).mean(axis=1)
    assert list(document)[:5] == ["uid", "blob_name", "file_name", "length", "mean_mfccs"]
    assert document["length"] == len(y)
    assert document["mean_mfccs"] == pytest.approx(means.tolist(), abs=1e-3)
    assert len(document["fingerprint"]) == N_FINGERPRINT
    assert 800 <= len(b64decode(document["peaks"])) <= 1600
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", document["analyzed_at"])


def test_table_has_a_row_per_file_and_a_file_that_is_no_sound_makes_exit_code_1(
    table: subprocess.CompletedProcess[str],
) -> None:
    """A directory is all files below it; each is shown as sound, rejection with its reason, or skipped with the why."""
    head, *rows = table.stdout.splitlines()

    assert table.returncode == 1, table.stderr
    assert head.split()[:2] == ["sound", "length"]
    kinds = dict(
        re.fullmatch(r"(.+?)  +(3\.00 s|rejection: not_audio|skipped: a temporary part).*", row).groups()
        for row in rows
    )
    assert kinds == {
        "my sounds/deep/er/x.wav": "3.00 s",
        "my sounds/gsutil/tmp/parallel_composite_uploads/part": "skipped: a temporary part",
        "my sounds/text.wav": "rejection: not_audio",
        "my sounds/ä #1?%.wav": "3.00 s",
        "sample.wav": "3.00 s",
    }


def test_row_has_the_means_of_the_sound(table: subprocess.CompletedProcess[str]) -> None:
    """The row of a sound ends with its coefficients and the seconds it took."""
    y, sr = librosa.load(SAMPLE)
    means = librosa.feature.mfcc(y=y, sr=sr, n_mfcc=N_MFCC).mean(axis=1)

    row = next(row for row in table.stdout.splitlines() if row.startswith("sample.wav"))

    assert [float(cell) for cell in row.split()[5 : 5 + N_MFCC]] == pytest.approx(np.round(means, 1).tolist(), abs=0.11)
    assert math.isfinite(float(row.split()[5 + N_MFCC]))


def test_progress_is_on_stderr(table: subprocess.CompletedProcess[str]) -> None:
    """While the files are analysed, stderr tells how many are done."""
    assert re.search(r"^up in [\d.]+ s$", table.stderr, re.MULTILINE)
    assert [line[:6] for line in table.stderr.splitlines()[-5:]] == [f"{i} of 5" for i in range(1, 6)]


@pytest.mark.parametrize("client", ["gsutil", "gcloud", "curl", "python"])
def test_printed_line_makes_a_document_when_pasted(up: Up, client: str) -> None:
    """Each printed upload command works as it is, from anywhere, and its sound is a line on the screen."""
    if client in ("gsutil", "gcloud") and not shutil.which(client):
        pytest.skip(f"{client} is not installed")
    line = up.wait_for(rf"(?m)^.*\bfrom-{client}\.wav.*$")

    pasted = subprocess.run(["bash", "-c", line], cwd="/", capture_output=True, text=True, timeout=PASTE_S, check=False)

    assert pasted.returncode == 0, pasted.stderr
    assert up.wait_for(rf"(?m)^from-{client}\.wav +3\.00 s .*$")


def test_printed_variables_lead_plain_commands_to_the_stack(up: Up) -> None:
    """After the printed export line, a client's ordinary code writes and reads there, rejections included."""
    export = up.wait_for(r"(?m)^export .*$")
    code = (
        "from google.cloud import firestore, storage\n"
        "storage.Client().bucket('sounds').blob('words.wav').upload_from_string('words')\n"
        "firestore.Client().collection('sounds').limit(1).get()"
    )

    pasted = subprocess.run(
        ["bash", "-c", f'{export}\nexec "$@"', "bash", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=PASTE_S,
        check=False,
    )

    assert pasted.returncode == 0, pasted.stderr
    assert up.wait_for(r"(?m)^words\.wav +rejection: not_audio: .*$")


def test_nobody_else_can_read_the_stack(up: Up) -> None:
    """The temp dir, with the logs and the database, is its owner's alone."""
    assert up.directory.stat().st_mode & 0o777 == 0o700


def upload(up: Up, file: Path, name: str) -> str:
    """Upload by the printed line of curl, and return what is shown of it."""
    line = up.wait_for(r"(?m)^curl .*from-curl.*$").replace(str(SAMPLE), str(file)).replace("from-curl.wav", name)
    subprocess.run(["bash", "-c", line], check=True, capture_output=True, timeout=PASTE_S)
    return up.wait_for(rf"(?m)^{re.escape(name)} .*$")


def test_printed_query_shows_the_documents(up: Up) -> None:
    """The printed command that shows the documents does so."""
    upload(up, SAMPLE, "asked-for.wav")
    line = up.wait_for(r"(?m)^curl -sS 'http\S+documents/sounds'$")

    pasted = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=PASTE_S, check=False)

    documents = json.loads(pasted.stdout)["documents"]
    assert "asked-for.wav" in [document["fields"]["blob_name"]["stringValue"] for document in documents]


def test_an_overwritten_file_is_shown_as_it_is_now(up: Up, tmp_path: Path) -> None:
    """Of a name that is uploaded twice, each line is about the upload that it stands for."""
    soundfile.write(tmp_path / "one.wav", np.random.default_rng(0).uniform(-0.5, 0.5, 22050), 22050)

    first = upload(up, SAMPLE, "twice.wav")
    upload(up, tmp_path / "one.wav", "twice.wav")

    assert re.match(r"twice\.wav +3\.00 s", first)
    assert up.wait_for(r"(?m)^twice\.wav +1\.00 s .*$")


def test_kept_bucket_is_there_in_the_next_run(tmp_path: Path) -> None:
    """With --keep, a later stack serves what an earlier one was given, and asks for nothing twice."""
    assert run(SAMPLE, "--keep", tmp_path / "kept").returncode == 0

    with Up(tmp_path / "printed", "--keep", tmp_path / "kept") as again:
        url = re.search(r"STORAGE_EMULATOR_HOST=(\S+)", again.printed())[1]
        got = subprocess.run(
            ["curl", "-sS", f"{url}/storage/v1/b/sounds/o/sample.wav?alt=media"], capture_output=True, check=True
        )

    assert got.stdout == SAMPLE.read_bytes()


def test_function_that_fails_is_retried_and_given_up_loudly(tmp_path: Path) -> None:
    """A function that raises is called again and again; then its file is shown as failed, and the exit code is 1."""
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "local", copy / "local")
    shutil.copytree(ROOT / "page", copy / "page")
    for name in ("local.sh", "requirements.txt", ".python-version"):
        shutil.copy(ROOT / name, copy / name)
    (copy / ".venv").symlink_to(ROOT / ".venv")
    trigger = copy / "local/trigger.py"
    pauses = "PAUSES_S = (0.5, 1, 2, 4, 8)"
    assert pauses in trigger.read_text()
    trigger.write_text(trigger.read_text().replace(pauses, "PAUSES_S = (0.1, 0.1)"))
    (copy / "main.py").write_text("def analyze(event, context):\n    raise OSError('Firestore is away')\n")

    done = subprocess.run([copy / "local.sh", SAMPLE], capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 1
    assert re.search(
        r"^sample.wav +failed: given up after 3 attempts: the function answered 500", done.stdout, re.MULTILINE
    )


def test_setting_that_the_function_refuses_ends_the_stack_and_is_shown() -> None:
    """A function that does not start is named, with the end of its log."""
    done = run(SAMPLE, env=os.environ | {"MAX_BYTES": "many"})

    assert done.returncode == 1
    assert "local.sh: function ended with exit code" in done.stderr
    assert "MAX_BYTES='many'" in done.stderr
