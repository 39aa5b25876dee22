"""`deploy.sh --check`: what it says of healthy projects, of planted obstacles, and that it reads only."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.__main__ import main
from deploy.advice import BUILD_REGIONS
from deploy.archive import LABEL, digest_of
from deploy.check import find
from deploy.deployment import Deployment
from deploy.findings import Finding
from tests.deploy.apis.answering import Cloud, State
from tests.deploy.apis.deployed import (
    FORGETTING,
    INDEX,
    JOB,
    NAME,
    SUBSCRIPTION,
    deploy,
    deploy_forgetting,
    give,
    make_job,
    take,
)
from tests.deploy.apis.terminal import BUCKET, PROJECT, Terminal, needs_gcloud

CPU = "run.googleapis.com/cpu_allocation us-central1"
MEMORY = "run.googleapis.com/mem_allocation us-central1"
BUILDS = "cloudbuild.googleapis.com/concurrent_public_pool_build_cpus us-central1"
READS = re.compile(r"GET |POST /cloudresourcemanager/v1/projects/sounds-test:(testIamPermissions|getIamPolicy)$")


@dataclass
class Checked:
    """What a check said."""

    code: int
    said: str
    findings: dict[str, list[dict[str, str]]]

    def of(self, status: str) -> list[dict[str, str]]:
        """Return the findings with a status."""
        return self.findings.get(status, [])


@dataclass
class Checker:
    """Runs --check in a played cloud, with a gcloud that knows its token alone."""

    cloud: Cloud
    capsys: pytest.CaptureFixture[str]

    @property
    def state(self) -> State:
        """The state of the cloud."""
        return self.cloud.state

    def check(self, *options: str) -> Checked:
        """Look once, print what was found for people and as JSON, and hold it to reading only."""
        arguments = ["--project", PROJECT, "--bucket", BUCKET, "--check", *options]
        found: list[Finding] = []

        def find_once(deployment: Deployment) -> list[Finding]:
            found.extend([] if found else find(deployment))
            return found

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("deploy.check.find", find_once)
            code = main(arguments)
            said = self.capsys.readouterr().out
            assert main([*arguments, "--json"]) == code
        parsed = json.loads(self.capsys.readouterr().out)
        requests = [f"{one.method} {one.path}" for one in self.cloud.requests]
        assert [request for request in requests if not READS.match(request)] == []
        findings: dict[str, list[dict[str, str]]] = {}
        for one in parsed["findings"]:
            findings.setdefault(one["status"], []).append(one)
            assert one["text"] in said
        assert parsed["obstacles"] == len(findings.get("obstacle", []))
        return Checked(code, said, findings)


@pytest.fixture
def checker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Checker]:
    """Return a checker of an empty project."""
    cloud = Cloud()
    program = tmp_path / "gcloud"
    program.write_text(
        '#!/bin/sh\n[ "$1 $2" = "auth print-access-token" ] && echo played\n'
        '[ "$1 $2" = "meta list-files-for-upload" ] && echo main.py\nexit 0\n'
    )
    program.chmod(0o755)
    for name, value in Terminal(tmp_path, cloud).environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    login = tmp_path / "gcloud-config" / "application_default_credentials.json"
    login.parent.mkdir()
    login.write_text(json.dumps({"quota_project_id": PROJECT}))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(login.parent))
    healthy(cloud.state)
    yield Checker(cloud, capsys)
    cloud.stop()


def healthy(state: State) -> None:
    """Let the project have the quotas of a new one, and say of which APIs it knows."""
    state.quotas = {CPU: 20000, MEMORY: 40 * 2**30, BUILDS: 10}
    state.parent = {"type": "organization", "id": "1"}


@pytest.mark.parametrize("memory", ["512MiB", "1GiB", "2GiB", "4GiB", "8GiB"])
def test_nothing_stands_in_the_way_of_an_empty_project(checker: Checker, memory: str):
    """A new project with billing and the quotas of a new one gets no obstacle at any memory, and all will be made."""
    checked = checker.check("--memory", memory)

    assert (checked.code, checked.of("obstacle")) == (0, []), checked.said
    assert {one["subject"] for one in checked.of("will be made")} >= {"bucket", "database", "function", "APIs"}
    assert checked.said.splitlines()[-1].startswith("nothing stands in the way")


def test_nothing_stands_in_the_way_of_a_deployed_function(checker: Checker):
    """A project as deploy.sh leaves it is fine in every line, and nothing is left to make."""
    deploy(checker.state)

    checked = checker.check()

    assert (checked.code, checked.of("obstacle"), checked.of("unknown")) == (0, [], []), checked.said
    assert checked.of("will be made") == []


@pytest.mark.parametrize("image", ["", "r/backfill:python313-0"])
def test_a_scheduled_job_in_step_is_fine(checker: Checker, image: str):
    """A job as the function is, and one whose function is of other sources than this checkout, are nothing to mend."""
    deploy(checker.state)
    checker.state.functions[NAME]["serviceConfig"]["environmentVariables"]["OF_ANOTHER"] = "1"
    make_job(checker.state, image=image, cron={})

    checked = checker.check()

    assert (checked.code, checked.of("obstacle")) == (0, []), checked.said
    assert f"{JOB} is what the function is" in checked.said


@pytest.mark.parametrize(
    ("there", "options", "status", "text"),
    [
        (None, [], None, ""),
        (None, ["--features", "rms"], "will be made", "will be rms, not none; what is there already has them after"),
        ("rms", ["--features", ""], "will be made", "will be none, not rms"),
        ("rms", ["--features", "rms"], "fine", "rms"),
        ("rms,mfcc:20", [], "fine", "rms,mfcc:20"),
    ],
)
def test_what_becomes_of_the_features_is_said(
    checker: Checker, there: str | None, options: list[str], status: str | None, text: str
):
    """The features that will be others are told, with the backfill that documents need then; those that stay, too."""
    deploy(checker.state)
    if there is not None:
        checker.state.functions[NAME]["serviceConfig"]["environmentVariables"]["FEATURES"] = there

    checked = checker.check(*options)

    found = [one for status in checked.findings for one in checked.of(status) if one["subject"] == "features"]
    assert checked.code == 0
    assert [one["status"] for one in found] == ([status] if status else [])
    assert all(one["text"].startswith(text) and ("--stale" in one["todo"]) is ("not" in text) for one in found)


def test_forgetting_that_is_asked_for_will_be_made(checker: Checker):
    """With --forget the second function will be made, for which the person makes a role; else nothing is said."""
    deploy(checker.state)
    checker.state.lacking.add("iam.roles.create")
    checker.state.notifications[BUCKET] = [{"event_types": ["OBJECT_DELETE"]}] * 10

    without, asked = checker.check(), checker.check("--forget")

    assert (without.code, [one for one in without.of("fine") if "forgetting" in one["subject"]]) == (0, [])
    assert "forgetting" in {one["subject"] for one in asked.of("will be made")}
    obstacles = {one["subject"]: one["text"] + one["todo"] for one in asked.of("obstacle")}
    assert set(obstacles) == {"your permissions", "notifications"}
    assert "iam.roles.create" in obstacles["your permissions"]
    assert "--role=roles/iam.roleAdmin" in obstacles["your permissions"]
    assert "has 10 for deleted objects" in obstacles["notifications"]


def test_forgetting_that_is_there_is_fine(checker: Checker):
    """A project as --forget leaves it is fine in every line, with the option and without."""
    deploy(checker.state)
    deploy_forgetting(checker.state)
    checker.state.lacking.add("iam.roles.create")  # which the role needed once

    for options in ([], ["--forget"]):
        checked = checker.check(*options)
        assert (checked.code, checked.of("obstacle"), checked.of("unknown")) == (0, [], []), checked.said
        assert {one["subject"] for one in checked.of("fine") if one["subject"].startswith("forgetting")} == {
            "forgetting",
            *(f"forgetting: {name}" for name in ("trigger", "ack deadline", "invoker", "right to read")),
            *(f"forgetting: {name}" for name in ("right to delete", "settings")),
        }


SECOND = "projects/sounds-test/roles/soundsForget"
IN_FORGETTING: dict[str, tuple[Callable[[State], Any], str, str]] = {
    "forgetting": (
        lambda state: state.functions[FORGETTING]["eventTrigger"].update(retryPolicy="NONE"),
        "analyze-forget is ACTIVE and does not retry",
        "--name analyze --forget",
    ),
    "forgetting: trigger": (
        lambda state: state.triggers.pop(FORGETTING),
        "the function has none",
        "deploy it again",
    ),
    "forgetting: invoker": (
        lambda state: take(state, "service analyze-forget", "roles/run.invoker"),
        "analyze-erase@sounds-test.iam.gserviceaccount.com may not invoke the function",
        "add-iam-policy-binding analyze-forget ",
    ),
    "forgetting: right to read": (
        lambda state: take(state, f"bucket {BUCKET}", "roles/storage.objectViewer", "analyze-erase"),
        "may not read gs://my-sounds",
        "serviceAccount:analyze-erase@",
    ),
    "forgetting: right to delete": (
        lambda state: take(state, "project", SECOND),
        "may not delete documents",
        f"--role={SECOND} ",
    ),
    "forgetting: settings": (
        lambda state: state.functions[NAME]["serviceConfig"]["environmentVariables"].update(
            FORGET="false", SOUNDS_COLLECTION="takes"
        ),
        "SOUNDS_COLLECTION is sounds, not takes; analyze lacks FORGET=true",
        "--name analyze --forget",
    ),
}


@pytest.mark.parametrize("name", IN_FORGETTING)
def test_an_obstacle_to_forgetting_is_named_as_one(checker: Checker, name: str):
    """What keeps the second function from its work is named apart from the first, with what to do about it."""
    plant, text, todo = IN_FORGETTING[name]
    deploy(checker.state)
    deploy_forgetting(checker.state)
    plant(checker.state)

    checked = checker.check()

    assert checked.code == 3
    (found,) = checked.of("obstacle")
    assert found["subject"] == name
    assert text in found["text"]
    assert todo in found["todo"]


def test_a_function_of_the_first_generation_is_looked_at(checker: Checker):
    """The second version of the API tells little of a 1st-gen function, so the first version is asked, too."""
    deploy(checker.state)
    account = "analyze-run@sounds-test.iam.gserviceaccount.com"
    checker.state.functions[NAME] = {
        "name": NAME,
        "status": "ACTIVE",
        "entryPoint": "analyze",
        "serviceAccountEmail": account,
        "eventTrigger": {"resource": f"projects/_/buckets/{BUCKET}", "failurePolicy": {"retry": {}}},
    }

    checked = checker.check("--generation", "1")

    assert (checked.code, checked.of("obstacle")) == (0, []), checked.said
    assert "analyze is active and retries" in checked.said


def set_bucket(state: State, **change: Any) -> None:
    """Let there be a bucket that is ours but for the change."""
    state.buckets[BUCKET] = {"name": BUCKET, "projectNumber": state.number, "location": "US-CENTRAL1", **change}


def set_database(state: State, **change: Any) -> None:
    """Let there be a database."""
    state.services.add("firestore.googleapis.com")
    state.databases["(default)"] = {"name": "x", "locationId": "us-central1", **change}


def forbid(constraint: str, *rules: dict[str, Any]) -> Callable[[State], None]:
    """Return what lets a policy of the organisation have these rules."""
    return lambda state: state.constraints.__setitem__(constraint, list(rules))


def allow(*values: str) -> dict[str, Any]:
    """Return the rule that allows these values alone."""
    return {"values": {"allowedValues": list(values)}}


def fill_notifications(state: State) -> None:
    """Use up the notifications of the bucket."""
    set_bucket(state)
    state.notifications[BUCKET] = [{"event_types": ["OBJECT_FINALIZE"]}] * 9 + [{}]


def change_function(**change: Any) -> Callable[[State], None]:
    """Return what changes the deployed function."""
    return lambda state: state.functions[NAME].update(change)


def expire(resource: str, role: str) -> Callable[[State], None]:
    """Return what lets a right be one that expires."""

    def change(state: State) -> None:
        for binding in state.policies[resource]["bindings"]:
            if binding["role"] == role:
                binding["condition"] = {"title": "until", "expression": "x"}

    return change


# What is planted, into an empty project or a deployed one, with what the finding says and what it advises.
IN_EMPTY: dict[str, tuple[Callable[[State], Any], str, str]] = {
    "billing": (lambda state: setattr(state, "billing", False), "no billing account", "linkedaccount?project=sounds"),
    "project": (lambda state: setattr(state, "project", "other"), "cannot be seen: 403", "roles/browser"),
    "project deleted": (
        lambda state: setattr(state, "lifecycle", "DELETE_REQUESTED"),
        "is DELETE_REQUESTED",
        "projects undelete",
    ),
    "your permissions": (
        lambda state: state.lacking.add("run.services.setIamPolicy"),
        "you lack run.services.setIamPolicy",
        "--member=user:YOU --role=roles/run.admin",
    ),
    "bucket of another project": (
        lambda state: set_bucket(state, projectNumber="99"),
        "belongs to another project (number 99)",
        "another --bucket",
    ),
    "bucket policy": (
        lambda state: (set_bucket(state), state.lacking.add(f"{BUCKET} storage.buckets.setIamPolicy")),
        "you lack storage.buckets.setIamPolicy",
        "roles/storage.admin",
    ),
    "notifications": (fill_notifications, "has 10 for new objects", "notifications list"),
    "runtime": (
        lambda state: state.runtimes.pop("python313"),
        "python313 of generation 2 is missing",
        "another region",
    ),
    "runtime ended": (
        lambda state: state.runtimes.update(python313="DECOMMISSIONED"),
        "is DECOMMISSIONED in us-central1",
        "another region",
    ),
    "quota of CPU": (
        lambda state: state.quotas.update({CPU: 5000}),
        "CPU in us-central1 covers 5",
        "--max-instances 5",
    ),
    "quota of memory": (
        lambda state: state.quotas.update({MEMORY: 4 * 2**30}),
        "memory in us-central1 covers 2",
        "--max-instances 2",
    ),
    "build region": (lambda state: state.quotas.update({BUILDS: 0}), "may not build in us-central1", "us-west2"),
    "location policy": (
        forbid("gcp.resourceLocations", allow("in:europe-locations")),
        "gcp.resourceLocations does not allow us-central1",
        "constraints/gcp.resourceLocations",
    ),
    "account policy": (
        forbid("iam.disableServiceAccountCreation", {"enforce": True}),
        "no service accounts can be made",
        "administrator",
    ),
    "ingress policy": (
        forbid("cloudfunctions.allowedIngressSettings", allow("ALLOW_ALL")),
        "does not allow ALLOW_INTERNAL_ONLY",
        "administrator",
    ),
    "generation policy": (
        forbid("cloudfunctions.restrictAllowedGenerations", {"denyAll": True}),
        "does not allow 2ndGen",
        "administrator",
    ),
    "database mode": (
        lambda state: set_database(state, type="DATASTORE_MODE"),
        "is in DATASTORE_MODE",
        "--type=firestore-native",
    ),
    "database place": (
        lambda state: setattr(state, "app_engine", "europe-west"),
        "App Engine has fixed the default database's place to europe-west1",
        "--location=europe-west1",
    ),
    "pubsub agent": (
        lambda state: state.services.add("pubsub.googleapis.com"),
        "every delivery is refused in silence",
        "--role=roles/iam.serviceAccountTokenCreator",
    ),
}
IN_DEPLOYED: dict[str, tuple[Callable[[State], Any], str, str]] = {
    "eventarc agent": (
        lambda state: take(state, "project", "roles/eventarc.serviceAgent"),
        "gcp-sa-eventarc.iam.gserviceaccount.com lacks roles/eventarc.serviceAgent",
        "--role=roles/eventarc.serviceAgent",
    ),
    "functions agent": (
        lambda state: take(state, "project", "roles/cloudfunctions.serviceAgent"),
        "lacks roles/cloudfunctions.serviceAgent",
        "--role=roles/cloudfunctions.serviceAgent",
    ),
    "storage agent": (
        lambda state: take(state, "project", "roles/pubsub.publisher"),
        "no upload becomes an event",
        "--role=roles/pubsub.publisher",
    ),
    "function failed": (change_function(state="FAILED"), "analyze is FAILED", "./deploy.sh --project"),
    "function without retry": (
        lambda state: state.functions[NAME]["eventTrigger"].pop("retryPolicy"),
        "does not retry",
        "./deploy.sh --project",
    ),
    "function of another bucket": (
        lambda state: state.functions[NAME]["eventTrigger"]["eventFilters"][0].update(value="other"),
        "analyze watches other",
        "another --name",
    ),
    "trigger": (
        lambda state: state.triggers[NAME].update(name="projects/x/locations/y/triggers/z") or drop_trigger(state),
        "the function has none",
        "./deploy.sh --project",
    ),
    "invoker": (
        lambda state: take(state, "service analyze", "roles/run.invoker"),
        "may not invoke the function",
        "gcloud run services add-iam-policy-binding analyze",
    ),
    "ack deadline": (
        lambda state: state.subscriptions[SUBSCRIPTION].update(ackDeadlineSeconds=10),
        "10 s: a sound that takes longer",
        "--ack-deadline=600",
    ),
    "right to write that expires": (
        expire("project", "roles/datastore.user"),
        "may not write documents",
        "--role=roles/datastore.user",
    ),
    "invoker that expires": (
        expire("service analyze", "roles/run.invoker"),
        "may not invoke the function",
        "gcloud run services add-iam-policy-binding analyze",
    ),
    "right to read": (
        expire(f"bucket {BUCKET}", "roles/storage.objectViewer"),
        "may not read gs://my-sounds",
        "--role=roles/storage.objectViewer --condition=None",
    ),
    "right to write": (
        lambda state: take(state, "project", "roles/datastore.user"),
        "may not write documents",
        "--role=roles/datastore.user",
    ),
    "index": (lambda state: state.indexes.clear(), "is missing: no neighbours", "./deploy.sh --project"),
    "index of another version": (
        lambda state: state.indexes[INDEX]["fields"][0]["vectorConfig"].update(dimension=12),
        "is missing: no neighbours",
        "./deploy.sh --project",
    ),
    "scheduled job": (
        lambda state: make_job(state, MAX_BYTES="1", cron={}),
        "out of step with the function: MAX_BYTES",
        f"--bucket={BUCKET} '--prefix=a b/' --name=analyze --tasks=5 '--schedule=0 3 * * *'",
    ),
    "memory of the scheduled job": (
        lambda state: make_job(state, memory="1Gi"),
        "out of step with the function: the memory",
        "--schedule=CRON",
    ),
    "image of the scheduled job": (
        lambda state: (
            make_job(state, image="r/backfill:python313-0", cron={}),
            state.functions[NAME].update(labels={LABEL: digest_of(["main.py"])}),
        ),
        "out of step with the function: the image",
        "--schedule=0 3",
    ),
    "runtime of the scheduled job": (
        lambda state: make_job(state, image="r/backfill:python312-0", cron={}),
        "out of step with the function: the runtime",
        "--schedule=0 3",
    ),
    "schedule removed": (make_job, "no schedule runs it", "./backfill.sh"),
    "schedule paused": (
        lambda state: make_job(state, cron={"state": "PAUSED"}),
        "analyze-backfill-scheduled is paused",
        "gcloud scheduler jobs resume analyze-backfill-scheduled --location=us-central1",
    ),
}


def drop_trigger(state: State) -> None:
    """Let the trigger be gone, while the service that its function is stays."""
    state.triggers[NAME].pop("name")


@pytest.mark.parametrize("name", [*IN_EMPTY, *IN_DEPLOYED])
def test_an_obstacle_is_named(checker: Checker, name: str):
    """Each obstacle, planted alone, is the one that is named, with what to do about it, and the exit code is 3."""
    if name in IN_DEPLOYED:
        deploy(checker.state)
    plant, text, todo = (IN_EMPTY | IN_DEPLOYED)[name]
    plant(checker.state)

    checked = checker.check()

    assert checked.code == 3
    found = checked.of("obstacle")
    assert any(text in one["text"] and todo in one["todo"] for one in found), checked.said
    # a project that cannot be seen hides the rest, and a lost trigger nothing
    assert len(found) == 1 or name == "project", checked.said


def test_a_region_without_the_bucket_is_an_obstacle(checker: Checker):
    """A region in which the bucket is not is named as what it is."""
    set_bucket(checker.state, location="EU")

    checked = checker.check("--region", "us-central1")

    assert checked.code == 3
    assert "bucket my-sounds is in eu, --region us-central1 is not" in checked.said


@pytest.mark.parametrize("is_seen", [True, False])
def test_a_bucket_that_nobody_pays_for_is_an_obstacle(checker: Checker, *, is_seen: bool):
    """A bucket that makes the requester pay is named as that, whether Google tells it of the bucket or refuses to."""
    set_bucket(checker.state, billing={"requesterPays": True})
    if not is_seen:
        text = "Bucket is a requester pays bucket but no user project provided."
        checker.cloud.refuse(f"GET /storage/v1/b/{BUCKET}$", 400, "INVALID_ARGUMENT", text)

    checked = checker.check()

    assert checked.code == 3
    (obstacle,) = checked.of("obstacle")
    assert "makes the requester pay" in obstacle["text"]
    assert obstacle["todo"] == f"gcloud storage buckets update gs://{BUCKET} --no-requester-pays"


def test_a_bucket_that_may_not_be_seen_is_an_obstacle(checker: Checker):
    """A bucket that is there and cannot be seen may be a stranger's."""
    checker.cloud.refuse(f"GET /storage/v1/b/{BUCKET}$", 403, "PERMISSION_DENIED", "no storage.buckets.get access")

    checked = checker.check()

    assert checked.code == 3
    assert "choose another --bucket" in checked.said


def test_nobody_signed_in_is_an_obstacle(checker: Checker, tmp_path: Path):
    """Without a login nothing can be asked, and that is said instead of everything else."""
    (tmp_path / "gcloud").write_text(
        "#!/bin/sh\necho 'ERROR: You do not currently have an active account.' >&2; exit 1\n"
    )

    checked = checker.check()

    assert checked.code == 3
    assert [one["todo"] for one in checked.of("obstacle")] == ["gcloud auth login"]


@pytest.mark.parametrize("status", [403, 503])
@pytest.mark.parametrize(
    "api", ["cloudbilling", "orgpolicy", "serviceusage", "cloudfunctions", "firestore", "eventarc", "pubsub", "run"]
)
def test_what_cannot_be_asked_is_unknown(checker: Checker, api: str, status: int):
    """An API that does not answer makes its lines unknown, with the reason, and is no obstacle."""
    deploy(checker.state)
    checker.cloud.refuse(f" /{api}/", status, "X", "not now")

    checked = checker.check()

    assert checked.code == 0, checked.said
    assert any("not now" in one["text"] or "cannot be asked" in one["text"] for one in checked.of("unknown"))
    assert "as far as can be seen" in checked.said


@pytest.mark.parametrize("region", ["us-central1", "europe-west3"])
def test_a_build_region_that_cannot_be_asked_is_judged_by_the_list(checker: Checker, region: str):
    """Where Cloud Build does not tell, the regions in which new projects may build are fine, all others unknown."""
    checker.state.quotas = {}

    checked = checker.check("--region", region)

    (found,) = [one for ones in checked.findings.values() for one in ones if one["subject"] == "build region"]
    assert found["status"] == ("fine" if region in BUILD_REGIONS else "unknown")


def test_conditions_in_the_bucket_s_policy_are_said(checker: Checker):
    """Conditions of others in the bucket's policy are no obstacle, and are said."""
    deploy(checker.state)
    give(checker.state, f"bucket {BUCKET}", "user:x@example.org", "roles/storage.objectAdmin")
    checker.state.policies[f"bucket {BUCKET}"]["bindings"][-1]["condition"] = {"title": "t", "expression": "x"}

    checked = checker.check()

    assert checked.code == 0
    assert "has conditions; the function's right is given beside them" in checked.said


def test_another_quota_project_is_said(checker: Checker, tmp_path: Path):
    """An application-default login that counts for another project does not stop a deployment, and is said."""
    login = tmp_path / "gcloud-config" / "application_default_credentials.json"
    login.write_text(json.dumps({"quota_project_id": "other"}))

    checked = checker.check()

    assert checked.code == 0
    assert f"gcloud auth application-default set-quota-project {PROJECT}" in checked.said


@pytest.mark.parametrize(
    "values", [["in:us-locations"], ["us-central1"], ["in:us-central1-locations"], ["is:us-central1"]]
)
def test_a_policy_that_allows_the_region_is_fine(checker: Checker, values: list[str]):
    """A region that a policy of the organisation allows, by its name or by a group of Google's, is fine."""
    forbid("gcp.resourceLocations", allow(*values))(checker.state)

    assert checker.check().code == 0


@needs_gcloud
def test_every_advice_is_a_command_that_gcloud_knows(checker: Checker, tmp_path: Path):
    """The linter of gcloud itself finds every command and every flag of what is advised."""
    todos = []
    for plant, _text, _todo in IN_EMPTY.values():
        checker.cloud.restore(State(url=checker.state.url))
        healthy(checker.state)
        plant(checker.state)
        todos += [one["todo"] for one in checker.check().of("obstacle")]
    for plant, _text, _todo in IN_DEPLOYED.values():
        checker.cloud.restore(State(url=checker.state.url))
        healthy(checker.state)
        deploy(checker.state)
        plant(checker.state)
        todos += [one["todo"] for one in checker.check().of("obstacle")]
    text = "\n".join(re.sub(r"^.*?(?=gcloud )", "", line) for line in "\n".join(todos).splitlines())
    (tmp_path / "lint").mkdir()

    commands, refused = Terminal(tmp_path / "lint").lint(text)

    assert len(commands) > 10
    assert refused == []


@needs_gcloud
def test_with_the_real_gcloud(tmp_path: Path):
    """deploy.sh --check, with gcloud's own token, says all of it and exits with 0 or 3."""
    cloud = Cloud()
    try:
        healthy(cloud.state)
        terminal = Terminal(tmp_path, cloud)
        fine = terminal.deploy("--check")
        cloud.state.billing = False
        obstacle = terminal.deploy("--check")
    finally:
        cloud.stop()

    assert (fine.returncode, obstacle.returncode) == (0, 3), fine.stdout + fine.stderr
    assert "obstacle     billing: no billing account" in obstacle.stdout
    assert cloud.writes == []
