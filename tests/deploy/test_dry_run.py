"""What deploy.sh says it does and would do, without any cloud."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from deploy.__main__ import main
from tests.deploy.apis.terminal import BUCKET, PROJECT, ROOT, TIMEOUT_S, Terminal, needs_gcloud

EXPECTED = Path(__file__).parent


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """Open a terminal that is signed in nowhere."""
    return Terminal(tmp_path)


@pytest.mark.parametrize(
    "words",
    [["--help"], ["-h"], ["--project", PROJECT, "-h", "--bucket", BUCKET], ["--frobnicate", "--name", "--help"]],
)
def test_help_is_the_header_comment(terminal: Terminal, words: list[str]):
    """`--help`, wherever it stands, prints the comment at the top of deploy.sh, whole and unmarked."""
    header = (ROOT / "deploy.sh").read_text().split("\nset ")[0].split("\n", 1)[1]

    done = terminal.run("./deploy.sh", *words)

    assert done.returncode == 0
    assert done.stdout == re.sub(r"^# ?", "", header, flags=re.MULTILINE) + "\n"


def test_help_is_there_from_everywhere(tmp_path: Path):
    """The script finds itself when it is called by a relative path from another directory."""
    script = os.path.relpath(ROOT / "deploy.sh", tmp_path)

    done = subprocess.run([script, "-h"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Sets up everything that one bucket of sounds needs")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--frobnicate"], "the following arguments are required: --project, --bucket"),
        (["--project", PROJECT, "--bucket", BUCKET, "--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["--project", PROJECT, "--bucket", BUCKET, "--generation", "3"], "invalid choice: 3"),
        (["--project", PROJECT, "--bucket", BUCKET, "--memory", "3GiB"], "invalid choice: '3GiB'"),
        (["--project", "a project", "--bucket", BUCKET], "--project 'a project' is not a valid project"),
        (["--project", PROJECT, "--bucket", "gs://my-sounds"], "--bucket 'gs://my-sounds' is not a valid bucket"),
        (["--project", PROJECT, "--bucket", BUCKET, "--region", "us"], "--region 'us' is not a valid region"),
        (["--project", PROJECT, "--bucket", BUCKET, "--name", "Analyze"], "--name 'Analyze' is not a valid name"),
        (["--project", PROJECT, "--bucket", BUCKET, "--max-instances", "0"], "'0' is not a whole number from 1"),
        (["--project", PROJECT, "--bucket", BUCKET, "--max-instances", "many"], "'many' is not a whole number from 1"),
        (["--project", PROJECT, "--bucket", BUCKET, "--json"], "--json goes with --check"),
        (["--project", PROJECT, "--bucket", BUCKET, "--check", "--delete"], "not allowed with argument --check"),
        (["--project", PROJECT, "--bucket", BUCKET, "--check", "--dry-run"], "--dry-run goes with a deployment"),
        (["--project", PROJECT, "--bucket", BUCKET, "--prove", "--no-proof"], "--no-proof goes with a deployment"),
        (["--project", PROJECT, "--bucket", BUCKET, "--notify", "me"], "--notify 'me' is not a valid notify"),
        (
            ["--project", PROJECT, "--bucket", BUCKET, "--features", "rms,loudness"],
            "'rms,loudness': accepted is chroma_stft",
        ),
        (["--project", PROJECT, "--bucket", BUCKET, "--features", "mfcc:20,mfcc:40"], "and mfcc once at most"),
        (["--project", PROJECT, "--bucket", BUCKET, "--forget", "--delete"], "--forget goes with a deployment or"),
        (["--project", PROJECT, "--bucket", BUCKET, "--proj", "x"], "unrecognized arguments: --proj x"),
    ],
)
def test_wrong_options_are_one_line_and_exit_2(
    capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    """What is wrong with the options is said in one line on stderr, before anything is asked of the cloud."""
    with pytest.raises(SystemExit) as ended:
        main(options)
    said = capsys.readouterr()

    assert ended.value.code == 2
    assert said.out == ""
    assert message in said.err
    assert said.err.count("\n") == 1


def test_the_script_ends_as_the_program_does(terminal: Terminal) -> None:
    """Wrong options of deploy.sh itself are one line too, and its exit code is 2."""
    done = terminal.run("./deploy.sh", "--frobnicate")

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


@needs_gcloud
@pytest.mark.parametrize("generation", [1, 2])
@pytest.mark.parametrize("option", ["", "--forget"])
def test_dry_run_is_the_whole_recipe(terminal: Terminal, generation: int, option: str):
    """Without access to the project a dry run prints, word for word, all commands that an empty one needs."""
    expected = (EXPECTED / f"dry-run-{generation}{option[1:]}.txt").read_text()

    done = terminal.deploy("--generation", str(generation), "--dry-run", *([option] if option else []))

    assert done.returncode == 0, done.stderr
    assert re.sub(r"(sounds-source=)\w{40}", r"\1digest", done.stdout.replace(str(ROOT), "ROOT")) == expected


@needs_gcloud
@pytest.mark.parametrize("recipe_of", ["1", "2", "1-forget", "2-forget"])
def test_every_command_is_one_that_gcloud_knows(terminal: Terminal, recipe_of: str):
    """The linter of gcloud itself finds the command and every flag of each line of the recipe."""
    recipe = (EXPECTED / f"dry-run-{recipe_of}.txt").read_text()

    commands, refused = terminal.lint(recipe + "gcloud storage buckets create gs://my-sounds --public\n")

    assert len(commands) > 10
    assert refused == ["gcloud storage buckets create gs://my-sounds --public"]


@needs_gcloud
@pytest.mark.parametrize(
    ("listed", "flag"),
    [
        ("rms", "--update-env-vars=MAX_BYTES=1744830464,FEATURES=rms"),
        (" rms, mfcc:20,rms", "'--update-env-vars=^|^MAX_BYTES=1744830464|FEATURES=rms,mfcc:20'"),
        ("", "--update-env-vars=MAX_BYTES=1744830464,FEATURES="),
    ],
)
def test_features_are_a_variable_of_the_function(terminal: Terminal, listed: str, flag: str):
    """`--features` sets FEATURES beside MAX_BYTES, with the commas that it has, and to nothing where it names none."""
    done = terminal.deploy("--features", listed, "--dry-run")

    commands, refused = terminal.lint(done.stdout)
    assert done.returncode == 0, done.stderr
    assert refused == []
    assert [flag in command for command in commands if " functions deploy " in command] == [True]


@needs_gcloud
@pytest.mark.parametrize("page", ["deploy.md", "operations.md"])
def test_every_command_of_the_docs_is_one_that_gcloud_knows(terminal: Terminal, page: str):
    """The linter of gcloud itself finds the command and every flag of what the docs of the deployment tell."""
    text = (ROOT / "docs" / page).read_text().replace("--project=P", f"--project={PROJECT}")
    in_text = re.findall(r"`(gcloud [^`]+)`", text)
    in_blocks = [line for line in text.splitlines() if line.startswith("gcloud ")]

    commands, refused = terminal.lint("\n".join([*in_text, *in_blocks]))

    assert commands
    assert refused == []
