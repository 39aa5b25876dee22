"""The function that is there, the function as it should be, and the command that makes the first into the second."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from deploy.archive import LABEL, ROOT, digest
from deploy.deployment import Deployment
from deploy.failures import ConflictError
from deploy.function import DELETE_EVENTS, EVENTS, Function, differences, read_function
from deploy.gcloud import Gcloud, joined
from deploy.location import Location

# The newest that each generation has and that is tested here.
RUNTIMES = {1: "python312", 2: "python313"}

# The most that an event-driven function may have; an hour of noise as AAC took 19 s of one core.
TIMEOUT_S = 540

# pip install --target on Linux, with the bytecode that Google's buildpack compiles: 586 MB of it are the files alone.
FIRST_GENERATION = (
    "note: generation 1 can be made only in a project that has such functions already, and it has a limit of 500 MB for"
    " source and packages, which are 680 MB as deployed; if Google refuses, use --generation 2, which has neither limit"
)


def desired_function(deployment: Deployment, location: Location) -> Function:
    """Return the function as it should be."""
    second = deployment.generation == 2
    return Function(
        generation=deployment.generation,
        name=deployment.name,
        region=location.region,
        state="ACTIVE",
        source=digest(),
        runtime=RUNTIMES[deployment.generation],
        entry_point="analyze",
        bucket=deployment.bucket,
        event=EVENTS[deployment.generation],
        retry=True,
        account=deployment.run_account,
        build_account=deployment.build_account,
        memory_mib=deployment.memory_mib,
        timeout_s=TIMEOUT_S,
        instances=deployment.instances,
        ingress="ALLOW_INTERNAL_ONLY",
        environment=_environment(deployment),
        vcpus=deployment.vcpus if second else None,
        concurrency=1 if second else None,
        trigger_location=location.trigger_location if second else None,
        trigger_account=deployment.run_account if second else None,
    )


def _environment(deployment: Deployment) -> dict[str, str]:
    """Return the variables that are set; what is not asked for stays as it is, so that it is the default at first."""
    features = {} if deployment.features is None else {"FEATURES": ",".join(deployment.features)}
    forget = {"FORGET": "true"} if deployment.forget else {}
    return {"MAX_BYTES": str(deployment.max_bytes), **features, **forget}


def find_function(gcloud: Gcloud, deployment: Deployment, region: str) -> Function | None:
    """Return the function of this name, or None.

    Raises ConflictError if there is one of this name in another region: both would answer every upload.
    """
    name = deployment.name
    answer = gcloud.read("functions", "describe", name, f"--region={region}")
    if answer:
        return read_function(answer)
    there = region_of_function(list_functions(gcloud), name)
    if there:
        raise ConflictError(
            f"{name} is in {there}, not {region}: use --region {there} or another --name, or remove it:\n"
            f"  {deployment.command} --region {there} --name {name} --delete"
        )
    return None


def region_of_function(functions: Iterable[dict[str, Any]], name: str) -> str | None:
    """Return the region in which one of the functions has this name, or None."""
    paths = (function["name"] for function in functions)
    return next((path.split("/")[3] for path in paths if path.endswith(f"/functions/{name}")), None)


def list_functions(gcloud: Gcloud) -> list[dict[str, Any]]:
    """Return the functions of the project as the API describes them."""
    return gcloud.read("functions", "list", "--v2") or []


def names_watching(functions: Iterable[dict[str, Any]], bucket: str) -> list[str]:
    """Return the names of those functions that get the events of a bucket, without those that get deletions."""
    triggers = ((function["name"].rpartition("/")[2], function.get("eventTrigger", {})) for function in functions)
    return [
        name
        for name, trigger in triggers
        if trigger.get("eventType") not in DELETE_EVENTS.values()
        and any(
            one.get("attribute") == "bucket" and one.get("value") == bucket for one in trigger.get("eventFilters", [])
        )
    ]


def say_neighbours(gcloud: Gcloud, deployment: Deployment) -> None:
    """Say which other functions watch the bucket: each analyses every upload, and two of ours write one document.

    And say that the function that forgets is left as it is, where it is there and was not asked for.
    """
    functions = list_functions(gcloud)
    if not deployment.forget and region_of_function(functions, deployment.forgetting):
        gcloud.say(f"note: {deployment.forgetting} is left as it is; --forget brings it up, too")
    for function in functions:
        for name in names_watching([function], deployment.bucket):
            if name == deployment.name:
                continue
            kind = (
                "the same function, so each upload is analysed twice"
                if LABEL in function.get("labels", {})
                else "another"
            )
            gcloud.say(f"note: the function {name} watches gs://{deployment.bucket} too ({kind})")


def refuse_other_generation(function: Function | None, deployment: Deployment) -> None:
    """Raise ConflictError if the function of this name is of the other generation: that cannot be changed."""
    if function is None or function.generation == deployment.generation:
        return
    name, command = deployment.name, deployment.command
    raise ConflictError(
        f"{name} is there, as a function of generation {function.generation}, and that cannot be changed.\n"
        "Deploy beside it, so that no upload is missed, then remove it; a sound that both see is one document:\n"
        f"  {command} --generation {deployment.generation} --name {name}-{deployment.generation}\n"
        f"  {command} --name {name} --delete\n"
        f"or keep it: {command} --name {name} --generation {function.generation}"
    )


def refuse_other_bucket(function: Function | None, deployment: Deployment) -> None:
    """Raise ConflictError if the function of this name watches another bucket or none: one function watches one."""
    if function is None or function.bucket == deployment.bucket:
        return
    name, bucket = deployment.name, function.bucket
    if not bucket:
        raise ConflictError(
            f"{name} is there and watches no bucket, so it is another's.\n"
            f"Choose another --name, or remove it: gcloud functions delete {name} --project={deployment.project}"
        )
    raise ConflictError(
        f"{name} watches bucket {bucket}, and one function watches one bucket.\n"
        f"Choose another --name for {deployment.bucket}, or remove this one:"
        f" {replace(deployment, bucket=bucket).command} --name {name} --delete"
    )


def ensure_function(gcloud: Gcloud, goal: Function, found: Function | None) -> None:
    """Deploy the function unless it is there as it should be; say what differs."""
    if found is not None:
        different = differences(found, goal)
        if not different:
            return
        gcloud.say("; ".join(different))
    if goal.generation == 1 and goal.event == EVENTS[1]:
        gcloud.say(FIRST_GENERATION)
    gcloud.run("functions", "deploy", goal.name, f"--region={goal.region}", *_flags(goal, gcloud.project))


def _flags(function: Function, project: str) -> list[str]:
    """Return what gcloud is told to make the function so; its state and its event follow from the rest."""
    variables = joined(f"{name}={value}" for name, value in function.environment.items())
    mib = function.memory_mib
    memory = f"{mib // 1024}GiB" if mib >= 1024 else f"{mib}MiB"
    flags = [
        "--gen2" if function.generation == 2 else "--no-gen2",
        f"--runtime={function.runtime}",
        f"--source={ROOT}",
        f"--entry-point={function.entry_point}",
        *_trigger(function),
        *(["--retry"] if function.retry else []),
        f"--service-account={function.account}",
        f"--build-service-account=projects/{project}/serviceAccounts/{function.build_account}",
        f"--memory={memory}",
        f"--timeout={function.timeout_s}s",
        f"--max-instances={function.instances}",
        f"--ingress-settings={function.ingress.removeprefix('ALLOW_').lower().replace('_', '-')}",
        f"--update-env-vars={variables}",
        f"--update-labels={LABEL}={function.source}",
    ]
    if function.generation == 2:
        flags += [
            f"--cpu={function.vcpus}",
            f"--concurrency={function.concurrency}",
            f"--trigger-location={function.trigger_location}",
            f"--trigger-service-account={function.trigger_account}",
        ]
    return flags


def _trigger(function: Function) -> list[str]:
    """Return what gcloud is told to make the function get its events; --trigger-bucket alone means finalize events."""
    if function.event in EVENTS.values():
        return [f"--trigger-bucket=gs://{function.bucket}"]
    if function.generation == 1:
        return [f"--trigger-event={function.event}", f"--trigger-resource={function.bucket}"]
    filters = {"type": function.event, "bucket": function.bucket}
    return [f"--trigger-event-filters={name}={value}" for name, value in filters.items()]
