"""What the bucket, the database and the person's application-default login allow."""

import os
from collections.abc import Iterator

from analysis.login import read_login
from deploy.database import DATABASE
from deploy.findings import Finding, Situation, Status

# A bucket takes so many notification configurations for one kind of event.
NOTIFICATIONS = 10

# What a person needs on a bucket that is there.
PERMISSIONS = ("storage.buckets.get", "storage.buckets.getIamPolicy", "storage.buckets.setIamPolicy")


def check_bucket(situation: Situation) -> Iterator[Finding]:
    """Look at the bucket: whose it is, where, its policy, and whether it takes another notification."""
    bucket, name = situation.bucket, situation.deployment.bucket
    if bucket.status == 404:
        text = f"gs://{name} in {situation.location.region}"
        yield Finding("bucket", Status.WILL_BE_MADE, text)
        return
    if bucket.content.get("billing", {}).get("requesterPays") or "requester pays" in bucket.message:
        text = f"gs://{name} makes the requester pay: the function cannot read it, and would reject every upload"
        todo = f"gcloud storage buckets update gs://{name} --no-requester-pays"
        yield Finding("bucket", Status.OBSTACLE, text, todo)
        return
    if not bucket.ok:
        text = f"gs://{name} is there and you may not see it, so it may be somebody else's: {bucket.message}"
        todo = "choose another --bucket; if it is yours, you need roles/storage.admin"
        yield Finding("bucket", Status.OBSTACLE, text, todo)
        return
    number = str(bucket.content.get("projectNumber", ""))
    if situation.project.ok and number != str(situation.project.content["projectNumber"]):
        text = f"gs://{name} belongs to another project (number {number})"
        yield Finding("bucket", Status.OBSTACLE, text, "choose another --bucket, or the --project that it is in")
        return
    yield Finding("bucket", Status.FINE, f"gs://{name} is in {bucket.content['location'].lower()}")
    yield from _policy(situation)
    yield from _notifications(situation)
    period = bucket.content.get("retentionPolicy", {}).get("retentionPeriod")
    if period:
        yield Finding("retention", Status.FINE, f"objects stay {period} s: the proof's sound cannot be removed before")


def check_database(situation: Situation) -> Iterator[Finding]:
    """Look at the database: its mode, its place, and where App Engine has fixed the place of one to be made."""
    project, region = situation.deployment.project, situation.location.region
    answer = situation.rest.get("firestore", f"v1/projects/{project}/databases/{DATABASE}")
    if answer.ok and answer.content.get("type", "FIRESTORE_NATIVE") != "FIRESTORE_NATIVE":
        text = f"{DATABASE} is in {answer.content['type']}, and documents need native mode"
        todo = (
            f"an empty one can be changed: gcloud firestore databases update '--database={DATABASE}'"
            f" --type=firestore-native --project={project}\nelse use another --project"
        )
        yield Finding("database", Status.OBSTACLE, text, todo)
    elif answer.ok:
        there = answer.content.get("locationId", "")
        apart = f", the function in {region}" if there and there != region else ""
        yield Finding("database", Status.FINE, f"{DATABASE} is in native mode in {there or 'its place'}{apart}")
    elif answer.status == 404 or situation.enabled("firestore") is False:
        yield _place(situation)
    else:
        yield situation.unknown("database", answer, "firestore")


def check_credentials(situation: Situation) -> Iterator[Finding]:
    """Look at the quota project of the login that page.sh and backfill.sh use; deploy.sh itself does not."""
    subject, project = "application-default login", situation.deployment.project
    login = read_login(os.environ)
    if not login:
        text = "there is none; page.sh and backfill.sh need it, deploy.sh does not"
        yield Finding(subject, Status.UNKNOWN, text, f"gcloud auth application-default login --project={project}")
        return
    quota_project = login.get("quota_project_id")
    if quota_project in (None, project):
        yield Finding(subject, Status.FINE, f"counts for {quota_project or 'no project of its own'}")
        return
    text = f"counts for {quota_project}, not {project}: page.sh and backfill.sh need their APIs there"
    todo = f"gcloud auth application-default set-quota-project {project}"
    yield Finding(subject, Status.UNKNOWN, text, todo)


def _policy(situation: Situation) -> Iterator[Finding]:
    name = situation.deployment.bucket
    tested = situation.rest.get("storage", f"storage/v1/b/{name}/iam/testPermissions", permissions=list(PERMISSIONS))
    if tested.ok:
        missing = [one for one in PERMISSIONS if one not in tested.content.get("permissions", [])]
        if missing:
            todo = (
                f"gcloud storage buckets add-iam-policy-binding gs://{name} --member=user:YOU"
                " --role=roles/storage.admin --condition=None"
            )
            yield Finding(
                "bucket policy",
                Status.OBSTACLE,
                f"on gs://{name} you lack {', '.join(missing)}",
                f"have an owner run {todo}",
            )
            return
    answer = situation.rest.get("storage", f"storage/v1/b/{name}/iam", optionsRequestedPolicyVersion="3")
    if not answer.ok:
        yield Finding("bucket policy", Status.UNKNOWN, f"cannot be read: {answer.message}")
    elif any("condition" in binding for binding in answer.content.get("bindings", [])):
        yield Finding(
            "bucket policy", Status.FINE, "has conditions; the function's right is given beside them, without one"
        )
    else:
        yield Finding("bucket policy", Status.FINE, "has no conditions")


def _notifications(situation: Situation) -> Iterator[Finding]:
    name = situation.deployment.bucket
    answer = situation.rest.get("storage", f"storage/v1/b/{name}/notificationConfigs")
    if not answer.ok:
        yield Finding("notifications", Status.UNKNOWN, f"cannot be asked: {answer.message}")
        return
    kinds = {"OBJECT_FINALIZE": ("new", situation.function)}
    if situation.deployment.forget:
        kinds["OBJECT_DELETE"] = "deleted", situation.forgetting
    for kind, (which, function) in kinds.items():
        used = sum(kind in config.get("event_types", [kind]) for config in answer.content.get("items", []))
        if used >= NOTIFICATIONS and not function.ok:
            text = f"gs://{name} has {used} for {which} objects, and takes {NOTIFICATIONS}"
            todo = (
                f"gcloud storage buckets notifications list gs://{name} shows them;"
                " gcloud storage buckets notifications delete removes one"
            )
            yield Finding("notifications", Status.OBSTACLE, text, todo)
        else:
            yield Finding("notifications", Status.FINE, f"{used} of {NOTIFICATIONS} for {which} objects are used")


def _place(situation: Situation) -> Finding:
    """Return where a database will be made, or that App Engine has fixed another place."""
    project, region = situation.deployment.project, situation.location.region
    answer = situation.rest.get("appengine", f"v1/apps/{project}")
    if answer.ok and answer.content.get("locationId"):
        # App Engine calls two of its places otherwise than all others do
        fixed = {"us-central": "us-central1", "europe-west": "europe-west1"}.get(
            answer.content["locationId"], answer.content["locationId"]
        )
        if fixed != region:
            text = f"App Engine has fixed the default database's place to {fixed}, and {region} would be asked for"
            todo = (
                f"make it there: gcloud firestore databases create '--database={DATABASE}' --location={fixed}"
                f" --type=firestore-native --project={project}"
            )
            return Finding("database", Status.OBSTACLE, text, todo)
    return Finding("database", Status.WILL_BE_MADE, f"{DATABASE} in {region}")
