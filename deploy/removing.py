"""Back to what was there before, except the bucket and the data: those are not ours to take."""

from deploy.accounts import exists, purposes
from deploy.apis import project_number
from deploy.bucket import find_bucket
from deploy.database import COLLECTION, DATABASE, find_indexes
from deploy.existing import find_function, refuse_other_bucket
from deploy.gcloud import Gcloud
from deploy.options import Options
from deploy.place import place
from deploy.rights import PUBLISH, READ_OBJECTS, accounts_rights, members, storage_agent
from deploy.source import LABEL
from deploy.step import step


def remove(gcloud: Gcloud, options: Options) -> None:
    """Remove what `set_up` made, the trigger first, and say what is left.

    Raises FailedError at the first step that cannot be done.
    """
    with step(gcloud, "look at the bucket", "roles/storage.admin"):
        bucket = find_bucket(gcloud, options.bucket)
        region = place(bucket, options.region).region
    with step(gcloud, "remove the function and its trigger", "roles/cloudfunctions.admin"):
        function = find_function(gcloud, options, region)
        refuse_other_bucket(function, options)
        if function:
            gcloud.run("functions", "delete", options.name, f"--region={region}")
    with step(gcloud, "take back the right to read the bucket", "roles/storage.admin"):
        _remove_bucket_rights(gcloud, options)
    with step(gcloud, "take back the rights on the project", "roles/resourcemanager.projectIamAdmin"):
        _remove_project_rights(gcloud, options)
    with step(gcloud, "remove the service accounts", "roles/iam.serviceAccountAdmin"):
        for account in purposes(options):
            if exists(gcloud, account):
                gcloud.run("iam", "service-accounts", "delete", account)
    with step(gcloud, "remove the vector index", "roles/datastore.indexAdmin"):
        _remove_indexes(gcloud, options)
    for line in _left(options, bucket_exists=bucket is not None):
        print(f"# {line}" if gcloud.dry_run else line)


def _remove_bucket_rights(gcloud: Gcloud, options: Options) -> None:
    bucket, right = f"gs://{options.bucket}", (f"serviceAccount:{options.run_account}", READ_OBJECTS)
    if right in members(gcloud.read("storage", "buckets", "get-iam-policy", bucket)):
        flags = f"--member={right[0]}", f"--role={right[1]}"
        gcloud.run("storage", "buckets", "remove-iam-policy-binding", bucket, *flags)


def _remove_project_rights(gcloud: Gcloud, options: Options) -> None:
    ours = accounts_rights(options, generation=2)
    agent = (storage_agent(options.project, project_number(gcloud)), PUBLISH)
    given = members(gcloud.read("projects", "get-iam-policy", gcloud.project))
    if agent in given and not _another_storage_trigger(gcloud, options):
        ours.append(agent)
    for member, role in ours:
        if (member, role) in given:
            flags = f"--member={member}", f"--role={role}", "--condition=None"
            gcloud.run("projects", "remove-iam-policy-binding", gcloud.project, *flags)


def _remove_indexes(gcloud: Gcloud, options: Options) -> None:
    indexes = find_indexes(gcloud)
    if indexes and _another_function(gcloud, options):
        gcloud.say("kept: another function writes sounds")
        return
    for index in indexes:
        name = index.rpartition("/")[2]
        gcloud.run("firestore", "indexes", "composite", "delete", name, f"--database={DATABASE}")


def _another_storage_trigger(gcloud: Gcloud, options: Options) -> bool:
    triggers = gcloud.read("eventarc", "triggers", "list", "--location=-") or []
    return any(
        one["value"].startswith("google.cloud.storage.") and trigger.get("serviceAccount") != options.run_account
        for trigger in triggers
        for one in trigger["eventFilters"]
    )


def _another_function(gcloud: Gcloud, options: Options) -> bool:
    functions = gcloud.read("functions", "list", "--v2") or []
    return any(
        LABEL in function.get("labels", {}) and not function["name"].endswith(f"/{options.name}")
        for function in functions
    )


def _left(options: Options, *, bucket_exists: bool) -> list[str]:
    return [
        "What is left:",
        *([f"  the bucket gs://{options.bucket} and the sounds in it"] if bucket_exists else []),
        f"  the Firestore database {DATABASE} and the documents in {COLLECTION} and rejections",
        "  the enabled APIs, as other things may use them",
        "  what Google keeps of builds: the repository gcf-artifacts, the buckets gcf-v2-sources-* or gcf-sources-*",
    ]
