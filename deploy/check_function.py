"""What is wrong with functions that are deployed already: trigger, invoker, rights, index, settings, scheduled job."""

from collections.abc import Iterator
from dataclasses import replace

from analysis.definition import N_FINGERPRINT
from deploy.database import COLLECTION, DATABASE, vector_index
from deploy.findings import Finding, Situation, Status
from deploy.forgetting import ENTRY_POINT, VARIABLE, places
from deploy.function import Function, read_function
from deploy.rights import role_to_forget
from deploy.scheduled_job import (
    ask_schedule,
    ask_scheduled_job,
    describe_differences,
    differences_from,
    read_scheduled_job,
    renewal,
)

# What gcloud gives the subscription of a trigger; a bare trigger has 10 s, with which long sounds would run again.
ACK_DEADLINE_S = 600

_INVOKE, _RUN, _READ = "roles/run.invoker", "roles/datastore.user", "roles/storage.objectViewer"


def check_function(situation: Situation) -> Iterator[Finding]:
    """Look at the function of this name, if there is one, and at what it needs to work."""
    deployment, answer = situation.deployment, situation.function
    if answer.status == 404 or situation.enabled("cloudfunctions") is False:
        yield Finding("function", Status.WILL_BE_MADE, f"{deployment.name} in {situation.location.region}")
        return
    if not answer.ok:
        yield situation.unknown("function", answer, "cloudfunctions")
        return
    function = read_function(answer.content)
    yield from _function(situation, function)
    if function.generation == 2 and function.bucket == deployment.bucket:
        yield from _trigger(situation, answer.content.get("eventTrigger", {}).get("trigger", ""))
        yield _invoker(situation, function)
    yield _reading(situation, function)
    yield _writing(situation, function, (_RUN,), "write")
    yield _index(situation)
    yield from _features(situation, function)
    yield from _scheduled_job(situation, function)


def check_forgetting(situation: Situation) -> Iterator[Finding]:
    """Look at the function that forgets, if it is there or asked for, and at what the two functions share."""
    for one in _forgetting(situation):
        yield replace(one, subject="forgetting" if one.subject == "function" else f"forgetting: {one.subject}")


def _forgetting(situation: Situation) -> Iterator[Finding]:
    deployment, answer = situation.deployment, situation.forgetting
    if answer.status == 404 or situation.enabled("cloudfunctions") is False:
        if deployment.forget:
            yield Finding("function", Status.WILL_BE_MADE, f"{deployment.forgetting} in {situation.location.region}")
        return
    if not answer.ok:
        yield situation.unknown("function", answer, "cloudfunctions")
        return
    function = read_function(answer.content)
    command = f"{deployment.command} --name {deployment.name} --forget"
    if function.entry_point != ENTRY_POINT or function.bucket != deployment.bucket:
        text = f"{function.name} is there, and does not forget what is deleted from {deployment.bucket}"
        yield Finding("function", Status.OBSTACLE, text, "choose another --name")
        return
    if function.state != "ACTIVE" or not function.retry:
        retries = "retries" if function.retry else "does not retry"
        text = f"{function.name} is {function.state or 'in an unknown state'} and {retries}"
        yield Finding("function", Status.OBSTACLE, text, f"deploy it again: {command}")
    else:
        yield Finding("function", Status.FINE, f"{function.name} is active and retries")
    if function.generation == 2:
        yield from _trigger(situation, answer.content.get("eventTrigger", {}).get("trigger", ""))
        yield _invoker(situation, function)
    yield _reading(situation, function)
    yield _writing(situation, function, (role_to_forget(deployment.project), _RUN), "delete")
    if situation.function.ok:
        yield _shared(situation, read_function(situation.function.content), function, command)


def _shared(situation: Situation, analyzing: Function, forgetting: Function, command: str) -> Finding:
    """Look whether the function that analyses looks once more, and whether both have their documents in one place."""
    there, here = places(forgetting.environment), places(analyzing.environment)
    different = [f"{name} is {there[name]}, not {here[name]}" for name in here if there[name] != here[name]]
    if analyzing.environment.get(VARIABLE) != "true":
        different.append(f"{analyzing.name} lacks {VARIABLE}=true, so what is deleted while it is analysed stays")
    if not different:
        return Finding("settings", Status.FINE, f"are those of {analyzing.name}")
    status = Status.WILL_BE_MADE if situation.deployment.forget else Status.OBSTACLE
    return Finding("settings", status, "; ".join(different), f"deploy it again: {command}")


def _function(situation: Situation, function: Function) -> Iterator[Finding]:
    deployment = situation.deployment
    command = f"{deployment.command} --name {deployment.name}"
    if function.generation != deployment.generation:
        text = f"{function.name} is of generation {function.generation}, and that cannot be changed"
        todo = f"{command} --generation {function.generation} keeps it; another --name goes beside it"
        yield Finding("function", Status.OBSTACLE, text, todo)
    elif function.bucket != deployment.bucket:
        text = f"{function.name} watches {function.bucket or 'no bucket'}, and one function watches one bucket"
        yield Finding("function", Status.OBSTACLE, text, "choose another --name")
    elif function.state != "ACTIVE":
        text = f"{function.name} is {function.state or 'in an unknown state'}"
        yield Finding("function", Status.OBSTACLE, text, f"deploy it again: {command}")
    elif not function.retry:
        text = f"{function.name} does not retry: a failed run is the end of its event"
        yield Finding("function", Status.OBSTACLE, text, f"deploy it again: {command}")
    else:
        yield Finding("function", Status.FINE, f"{function.name} is active and retries")


def _trigger(situation: Situation, name: str) -> Iterator[Finding]:
    command = f"deploy it again: {situation.deployment.command} --name {situation.deployment.name}"
    if not name:
        yield Finding("trigger", Status.OBSTACLE, "the function has none", command)
        return
    answer = situation.rest.get("eventarc", f"v1/{name}")
    if answer.status == 404:
        yield Finding("trigger", Status.OBSTACLE, f"{name.rpartition('/')[2]} was removed: no event comes", command)
        return
    if not answer.ok:
        yield situation.unknown("trigger", answer, "eventarc")
        return
    yield Finding("trigger", Status.FINE, name.rpartition("/")[2])
    subscription = answer.content.get("transport", {}).get("pubsub", {}).get("subscription", "")
    if not subscription:
        return
    answer = situation.rest.get("pubsub", f"v1/{subscription}")
    deadline = answer.content.get("ackDeadlineSeconds", 0) if answer.ok else 0
    if not answer.ok:
        yield situation.unknown("ack deadline", answer, "pubsub")
    elif deadline < ACK_DEADLINE_S:
        text = f"{deadline} s: a sound that takes longer is delivered again meanwhile"
        todo = f"gcloud pubsub subscriptions update {subscription} --ack-deadline={ACK_DEADLINE_S}"
        yield Finding("ack deadline", Status.OBSTACLE, text, todo)
    else:
        yield Finding("ack deadline", Status.FINE, f"{deadline} s")


def _invoker(situation: Situation, function: Function) -> Finding:
    project, account = situation.deployment.project, function.trigger_account or function.account
    path = f"v2/projects/{project}/locations/{function.region}/services/{function.name}:getIamPolicy"
    answer = situation.rest.get("run", path)
    if not answer.ok:
        return situation.unknown("invoker", answer, "run")
    bindings = [one for one in answer.content.get("bindings", []) if "condition" not in one]
    if any(one["role"] == _INVOKE and f"serviceAccount:{account}" in one.get("members", []) for one in bindings):
        return Finding("invoker", Status.FINE, f"{account} may invoke the function")
    binding = f"--member=serviceAccount:{account} --role={_INVOKE} --condition=None --project={project}"
    todo = f"gcloud run services add-iam-policy-binding {function.name} --region={function.region} {binding}"
    return Finding("invoker", Status.OBSTACLE, f"{account} may not invoke the function: no event reaches it", todo)


def _reading(situation: Situation, function: Function) -> Finding:
    name, member = situation.deployment.bucket, f"serviceAccount:{function.account}"
    answer = situation.rest.get("storage", f"storage/v1/b/{name}/iam", optionsRequestedPolicyVersion="3")
    if not answer.ok:
        return Finding("right to read", Status.UNKNOWN, f"cannot be asked: {answer.message}")
    bindings = [one for one in answer.content.get("bindings", []) if "condition" not in one]
    readers = {one["role"] for one in bindings if member in one.get("members", [])} | situation.roles_of(
        function.account
    )
    if readers & {_READ, "roles/storage.admin", "roles/storage.objectAdmin", "roles/storage.objectUser"}:
        return Finding("right to read", Status.FINE, f"{function.account} reads gs://{name}")
    todo = (
        f"gcloud storage buckets add-iam-policy-binding gs://{name} --member={member} --role={_READ} --condition=None"
    )
    return Finding("right to read", Status.OBSTACLE, f"{function.account} may not read gs://{name}", todo)


def _writing(situation: Situation, function: Function, roles: tuple[str, ...], verb: str) -> Finding:
    """Look whether a function may write or delete documents, by the first of these roles or one that has more."""
    project, subject = situation.deployment.project, f"right to {verb}"
    if situation.policy is None:
        return Finding(subject, Status.UNKNOWN, "the project's policy cannot be read")
    if situation.roles_of(function.account) & {*roles, "roles/datastore.owner", "roles/editor", "roles/owner"}:
        return Finding(subject, Status.FINE, f"{function.account} {verb}s documents")
    binding = f"--member=serviceAccount:{function.account} --role={roles[0]} --condition=None"
    todo = f"gcloud projects add-iam-policy-binding {project} {binding}"
    return Finding(subject, Status.OBSTACLE, f"{function.account} may not {verb} documents", todo)


def _index(situation: Situation) -> Finding:
    project = situation.deployment.project
    path = f"v1/projects/{project}/databases/{DATABASE}/collectionGroups/{COLLECTION}/indexes"
    answer, indexes = situation.rest.items("firestore", path, "indexes")
    if not answer.ok:
        return situation.unknown("index", answer, "firestore")
    ours = [one for one in indexes if (index := vector_index(one)) and index.dimension == N_FINGERPRINT]
    if any(one.get("state", "READY") == "READY" for one in ours):
        return Finding("index", Status.FINE, f"finds fingerprints of {N_FINGERPRINT} numbers")
    if ours and ours[0]["state"] == "CREATING":
        return Finding("index", Status.UNKNOWN, "is still being built: no neighbours are found until then")
    command = f"deploy it again: {situation.deployment.command} --name {situation.deployment.name}"
    state = ours[0]["state"] if ours else "missing"
    return Finding("index", Status.OBSTACLE, f"is {state}: no neighbours are found", command)


def _features(situation: Situation, function: Function) -> Iterator[Finding]:
    """Look at the features that the documents have, and at those that are asked for."""
    deployment, there = situation.deployment, function.environment.get("FEATURES", "")
    asked = there if deployment.features is None else ",".join(deployment.features)
    if asked != there:
        text = f"will be {asked or 'none'}, not {there or 'none'}; what is there already has them after a backfill"
        todo = f"./backfill.sh --project {deployment.project} --bucket {deployment.bucket} --stale"
        yield Finding("features", Status.WILL_BE_MADE, text, todo)
    elif there:
        yield Finding("features", Status.FINE, there)


def _scheduled_job(situation: Situation, function: Function) -> Iterator[Finding]:
    """Look at the scheduled backfill, if there is one: it has to be what the function is, and to be run."""
    deployment = situation.deployment
    answer = ask_scheduled_job(situation.rest, deployment, function.region)
    if answer.status == 404 or situation.enabled("run") is False:
        return
    if not answer.ok:
        yield situation.unknown("scheduled job", answer, "run")
        return
    job = read_scheduled_job(answer.content)
    schedule = ask_schedule(situation.rest, deployment, function.region)
    cron = schedule.content.get("schedule") if schedule.ok else None
    different = differences_from(function, job, deployment)
    if different:
        text = describe_differences(different, deployment)
        yield Finding("scheduled job", Status.OBSTACLE, text, renewal(deployment, job, cron))
    elif schedule.status == 404:
        text = f"{deployment.scheduled_job} is there, but no schedule runs it"
        yield Finding("scheduled job", Status.OBSTACLE, text, renewal(deployment, job, cron))
    elif schedule.ok and schedule.content.get("state") == "PAUSED":
        location = schedule.content["name"].split("/")[3]
        todo = (
            f"gcloud scheduler jobs resume {deployment.scheduled_job} --location={location}"
            f" --project={deployment.project}"
        )
        yield Finding("scheduled job", Status.OBSTACLE, f"{deployment.scheduled_job} is paused", todo)
    else:
        yield Finding("scheduled job", Status.FINE, f"{deployment.scheduled_job} is what the function is")
