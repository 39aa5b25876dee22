"""The function: deployed when it is not there, or when anything about it is not as it should be."""

from typing import Any

from deploy.archive import LABEL, ROOT, digest
from deploy.deployment import Deployment
from deploy.gcloud import Gcloud
from deploy.observed import observed
from deploy.place import Place

ENTRY_POINT = "analyze"

# The newest that each generation has and that is tested here.
RUNTIMES = {1: "python312", 2: "python313"}

# The most that an event-driven function may have; an hour of noise as AAC took 19 s of one core.
TIMEOUT_S = 540

# pip install --target on Linux, without bytecode: llvmlite 179 MB, av 131, scipy 112, numpy 53, scikit-learn 31.
TOO_LARGE = (
    "note: generation 1 has a limit of 500 MB for source and packages, and these packages are 586 MB;"
    " if Google refuses to build them, use --generation 2, which has no such limit"
)

# Bounds the bill: as many can run at once, whatever is uploaded.
MAX_INSTANCES = 10


def wanted(deployment: Deployment, where: Place) -> dict[str, Any]:
    """Return the settings that make the function what it should be, named as in `observed`."""
    both = {
        "state": "ACTIVE",
        "source": digest(),
        "runtime": RUNTIMES[deployment.generation],
        "entry point": ENTRY_POINT,
        "bucket": deployment.bucket,
        "event": {1: "google.storage.object.finalize", 2: "google.cloud.storage.object.v1.finalized"}[
            deployment.generation
        ],
        "retry": True,
        "account": deployment.run_account,
        "build account": deployment.build_account,
        "memory MiB": deployment.memory_mib,
        "timeout s": TIMEOUT_S,
        "instances": MAX_INSTANCES,
        "ingress": "ALLOW_INTERNAL_ONLY",
        "MAX_BYTES": str(deployment.max_bytes),
    }
    second = {
        "vCPUs": deployment.vcpus,
        "concurrency": 1,
        "trigger location": where.trigger_location,
        "trigger account": deployment.run_account,
    }
    return both | second if deployment.generation == 2 else both


def ensure_function(gcloud: Gcloud, deployment: Deployment, where: Place, function: dict[str, Any] | None) -> None:
    """Deploy the function unless it is there as it should be; say what differs."""
    goal = wanted(deployment, where)
    if function is not None:
        found = observed(function)
        different = [
            f"{name} is {found.get(name)}, not {value}" for name, value in goal.items() if found.get(name) != value
        ]
        if not different:
            return
        gcloud.say("; ".join(different))
    if deployment.generation == 1:
        gcloud.say(TOO_LARGE)
    gcloud.run(
        "functions", "deploy", deployment.name, f"--region={where.region}", *_flags(deployment, where, goal["source"])
    )


def _flags(deployment: Deployment, where: Place, source: str) -> list[str]:
    both = [
        f"--runtime={RUNTIMES[deployment.generation]}",
        f"--source={ROOT}",
        f"--entry-point={ENTRY_POINT}",
        f"--trigger-bucket=gs://{deployment.bucket}",
        "--retry",
        f"--service-account={deployment.run_account}",
        f"--build-service-account=projects/{deployment.project}/serviceAccounts/{deployment.build_account}",
        f"--memory={deployment.memory}",
        f"--timeout={TIMEOUT_S}s",
        f"--max-instances={MAX_INSTANCES}",
        "--ingress-settings=internal-only",
        f"--update-env-vars=MAX_BYTES={deployment.max_bytes}",
        f"--update-labels={LABEL}={source}",
    ]
    if deployment.generation == 1:
        return ["--no-gen2", *both]
    return [
        *("--gen2", *both, f"--cpu={deployment.vcpus}", "--concurrency=1"),
        *(f"--trigger-location={where.trigger_location}", f"--trigger-service-account={deployment.run_account}"),
    ]
