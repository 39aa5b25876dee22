"""What deploy.sh would do and refuses to do, without any cloud."""

import re
from pathlib import Path

import pytest
from apis.gcloud import BUCKET, PROJECT, ROOT, Terminal, needs_gcloud

from analysis.settings import Settings
from deploy import patience
from deploy.advice import advice
from deploy.memory import MEMORIES_MIB, max_bytes
from deploy.patience import patiently
from deploy.place import DisagreementError, Place, place
from deploy.refused import RefusedError

EXPECTED = Path(__file__).parent / "deploy"


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """Open a terminal that is signed in nowhere."""
    return Terminal(tmp_path)


def test_help_is_the_header_comment(terminal: Terminal):
    """`--help` prints the comment at the top of deploy.sh, whole and unmarked."""
    header = (ROOT / "deploy.sh").read_text().split("\nset ")[0].split("\n", 1)[1]

    done = terminal.run("./deploy.sh", "--help")

    assert done.returncode == 0
    assert done.stdout == re.sub(r"^# ?", "", header, flags=re.MULTILINE) + "\n"


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
        (["--project", PROJECT, "--bucket", BUCKET, "--proj", "x"], "unrecognized arguments: --proj x"),
    ],
)
def test_wrong_options_are_one_line_and_exit_2(terminal: Terminal, options: list[str], message: str):
    """What is wrong with the options is said in one line on stderr, before anything is asked of the cloud."""
    done = terminal.run("./deploy.sh", *options)

    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@needs_gcloud
@pytest.mark.parametrize("generation", [1, 2])
def test_dry_run_is_the_whole_recipe(terminal: Terminal, generation: int):
    """Without access to the project a dry run prints, word for word, all commands that an empty one needs."""
    expected = (EXPECTED / f"dry-run-{generation}.txt").read_text()

    done = terminal.deploy("--generation", str(generation), "--dry-run")

    assert done.returncode == 0, done.stderr
    assert re.sub(r"(sounds-source=)\w{40}", r"\1digest", done.stdout.replace(str(ROOT), "ROOT")) == expected


@needs_gcloud
@pytest.mark.parametrize("generation", [1, 2])
def test_every_command_is_one_that_gcloud_knows(terminal: Terminal, generation: int):
    """The linter of gcloud itself finds the command and every flag of each line of the recipe."""
    recipe = (EXPECTED / f"dry-run-{generation}.txt").read_text()

    commands, refused = terminal.lint(recipe + "gcloud storage buckets create gs://my-sounds --public\n")

    assert len(commands) > 10
    assert refused == ["gcloud storage buckets create gs://my-sounds --public"]


@pytest.mark.parametrize("memory", MEMORIES_MIB)
def test_an_upload_fits_in_memory(memory: str):
    """MAX_BYTES is a value that the function accepts, and leaves the function itself what it was measured to take."""
    settings = Settings.from_environment({"MAX_BYTES": str(max_bytes(memory))})

    assert 0 < settings.max_bytes <= (MEMORIES_MIB[memory] - 204) * 2**20


@pytest.mark.parametrize(
    ("location", "region", "expected"),
    [
        (None, None, Place("us-central1", "us-central1")),
        (None, "europe-west3", Place("europe-west3", "europe-west3")),
        ("EUROPE-WEST3", None, Place("europe-west3", "europe-west3")),
        ("EUROPE-WEST3", "europe-west3", Place("europe-west3", "europe-west3")),
        ("US", None, Place("us-central1", "us")),
        ("US", "us-east4", Place("us-east4", "us")),
        ("EU", None, Place("europe-west1", "eu")),
        ("ASIA", "asia-south1", Place("asia-south1", "asia")),
        ("NAM4", "us-east1", Place("us-east1", "nam4")),
    ],
)
def test_the_function_is_where_its_bucket_is(location: str | None, region: str | None, expected: Place):
    """The trigger is in the bucket's location and the function in it or in a region of it."""
    bucket = location and {"name": BUCKET, "location": location}

    assert place(bucket or None, region) == expected


@pytest.mark.parametrize(
    ("location", "region"),
    [("EUROPE-WEST3", "us-central1"), ("US", "europe-west1"), ("NAM4", "us-west1"), ("EUR4", "europe-west1")],
)
def test_a_region_without_the_bucket_is_refused_with_the_reason(location: str, region: str):
    """A region in which the bucket is not is refused, with where the bucket is and a region that would do."""
    with pytest.raises(
        DisagreementError, match=f"(?s)is in {location.lower()}, --region {region} is not.*Use --region"
    ):
        place({"name": BUCKET, "location": location}, region)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("You do not currently have an active account selected.", "gcloud auth login"),
        ("Billing account for project '12' is not found.", "linkedaccount?project=p"),
        ("HTTPError 403: x does not have storage.buckets.get access", "choose another --bucket"),
        ("HTTPError 409: The requested bucket name is not available.", "choose another --bucket"),
        ("PERMISSION_DENIED: The caller does not have permission", "--member=user:YOU --role=roles/a"),
        ("RESOURCE_EXHAUSTED: Quota exceeded", "quota"),
        ("ResponseError: status=[503]", "status.cloud.google.com"),
        ("something new", "says what is wrong"),
    ],
)
def test_an_answer_comes_with_what_to_do(answer: str, expected: str):
    """What Google answers is met by what to do about it, with the project and the roles of the step filled in."""
    assert expected in advice(answer, "p", ("roles/a",))


def test_what_heals_is_waited_for(monkeypatch: pytest.MonkeyPatch):
    """A refusal that only tells that something new is not known everywhere is asked again until it is."""
    waits: list[float] = []
    monkeypatch.setattr(patience.time, "sleep", waits.append)
    answers = iter(["Service account a@p does not exist.", "Service account a@p does not exist.", None])

    def call(command: list[str]) -> str:
        if answer := next(answers):
            raise RefusedError(command, answer)
        return "done"

    assert patiently(call, ["gcloud"]) == "done"
    assert waits == [2, 4]


@pytest.mark.parametrize(
    ("answer", "waited_s"), [("Service account a@p does not exist.", 300), ("PERMISSION_DENIED", 0)]
)
def test_waiting_has_an_end(monkeypatch: pytest.MonkeyPatch, answer: str, waited_s: int):
    """What does not heal within five minutes is given up, and what cannot heal at once."""
    waits: list[float] = []
    monkeypatch.setattr(patience.time, "sleep", waits.append)

    def call(command: list[str]) -> str:
        raise RefusedError(command, answer)

    with pytest.raises(RefusedError, match=answer):
        patiently(call, ["gcloud"])
    assert sum(waits) == waited_s
