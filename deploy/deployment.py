"""The command line of deploy.sh as one frozen value, checked before anything is asked of the cloud."""

import argparse
import re
from dataclasses import dataclass

from analysis.definition import read_features

# The memory that a function may have, under gcloud's names.
MEMORIES_MIB = {"512MiB": 512, "1GiB": 1024, "2GiB": 2048, "4GiB": 4096, "8GiB": 8192}

# How much of the memory an upload cannot have; the upload itself is in memory too, as /tmp is memory in the cloud. With
# an hour of AAC the function's process has at most 204 MB resident on Linux, 163 of them after the imports; the server
# has a process of its own, and the rest is air.
RESERVED_MIB = 384

# Bounds the bill: no more than this run at once by default, whatever is uploaded.
MAX_INSTANCES = 10

# What Cloud Run lets a new project have in a region: 20 vCPU and 40 GiB.
QUOTA_VCPUS = 20
QUOTA_MEMORY_MIB = 40 * 1024

# What Google lets names be. That of a function is also its Cloud Run service's and, followed by -run, -build or -cron,
# those of its service accounts, which have 6 to 30 characters; -erase is as long as -build.
PATTERNS = {
    "project": r"[a-z][a-z0-9-]{4,28}[a-z0-9]",
    "bucket": r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]",
    "region": r"[a-z]+-[a-z]+[0-9]+",
    "name": r"[a-z][a-z0-9-]{0,22}[a-z0-9]",
    "notify": r"[^@\s,]+@[^@\s,]+\.[^@\s,]+",
}


@dataclass(frozen=True)
class Deployment:
    """What was asked for on the command line.

    Attributes:
        project: the project's id.
        bucket: name of the bucket whose sounds are analyzed.
        region: where the function runs; None: where the bucket is.
        generation: of Cloud Functions, 1 or 2.
        name: of the function.
        memory: of the function; one of MEMORIES_MIB.
        max_instances: how many of the function may run at once; None: what a new quota covers, up to 10.
        features: which of librosa's features the documents are to have; None: what the function has already.
        forget: a second function removes the documents of what is deleted.
        check: only say what would keep a deployment from succeeding.
        json: say it as one JSON object.
        prove: only send a sound the whole way.
        no_proof: deploy without doing so.
        notify: e-mail address that alerts go to; None: no alerts are made.
        dry_run: print the commands instead of running them.
        delete: remove instead of set up.
        yes: do not ask before removing.

    """

    project: str
    bucket: str
    region: str | None = None
    generation: int = 2
    name: str = "analyze"
    memory: str = "2GiB"
    max_instances: int | None = None
    features: tuple[str, ...] | None = None
    forget: bool = False
    check: bool = False
    json: bool = False
    prove: bool = False
    no_proof: bool = False
    notify: str | None = None
    dry_run: bool = False
    delete: bool = False
    yes: bool = False

    @property
    def command(self) -> str:
        """The command for this project and this bucket, as messages tell it; more options may follow."""
        return f"./deploy.sh --project {self.project} --bucket {self.bucket}"

    @property
    def run_account(self) -> str:
        """E-mail of the service account as which the function runs, and as which its trigger calls it."""
        return f"{self.name}-run@{self.project}.iam.gserviceaccount.com"

    @property
    def build_account(self) -> str:
        """E-mail of the service account that builds the function."""
        return f"{self.name}-build@{self.project}.iam.gserviceaccount.com"

    @property
    def forgetting(self) -> str:
        """Name of the function that forgets what is deleted."""
        return f"{self.name}-forget"

    @property
    def forget_account(self) -> str:
        """E-mail of the service account as which that function runs, and as which its trigger calls it."""
        return f"{self.name}-erase@{self.project}.iam.gserviceaccount.com"

    @property
    def schedule_account(self) -> str:
        """E-mail of the service account as which the schedule of backfill.sh runs its job."""
        return f"{self.name}-cron@{self.project}.iam.gserviceaccount.com"

    @property
    def backfill_job(self) -> str:
        """The Cloud Run job that `backfill.sh --tasks` executes."""
        return f"{self.name}-backfill"

    @property
    def scheduled_job(self) -> str:
        """The Cloud Run job of `backfill.sh --schedule`, and the schedule: what is executed once changes neither."""
        return f"{self.name}-backfill-scheduled"

    @property
    def repository(self) -> str:
        """The repository of the image that both jobs run."""
        return f"{self.name}-backfill"

    @property
    def memory_mib(self) -> int:
        """Memory of the function, in MiB."""
        return MEMORIES_MIB[self.memory]

    @property
    def max_bytes(self) -> int:
        """The largest upload, in bytes, that fits in memory beside the function itself."""
        return (self.memory_mib - RESERVED_MIB) * 2**20

    @property
    def instances(self) -> int:
        """How many of the function may run at once: what was asked for, else what a new project's quota covers."""
        return self.max_instances or min(MAX_INSTANCES, QUOTA_VCPUS // self.vcpus, QUOTA_MEMORY_MIB // self.memory_mib)

    @property
    def vcpus(self) -> int:
        """Cores of a 2nd-gen function."""
        return vcpus_beside(self.memory_mib)


def vcpus_beside(memory_mib: int) -> int:
    """Return how many cores go with a memory: one, as the analysis is one thread; above 4 GiB two, as Google wants."""
    return 2 if memory_mib > 4096 else 1


def parse(arguments: list[str]) -> Deployment:
    """Return what the arguments ask for; what is wrong with them is one line on stderr and exit 2."""
    parser = argparse.ArgumentParser("deploy.sh", usage=argparse.SUPPRESS, add_help=False, allow_abbrev=False)
    for name in ("project", "bucket"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--region")
    parser.add_argument("--generation", type=int, choices=(1, 2), default=Deployment.generation)
    parser.add_argument("--name", default=Deployment.name)
    parser.add_argument("--memory", choices=MEMORIES_MIB, default=Deployment.memory)
    parser.add_argument("--max-instances", type=_positive, metavar="N")
    parser.add_argument("--features", type=_features, metavar="LIST")
    parser.add_argument("--notify", metavar="EMAIL")
    modes = parser.add_mutually_exclusive_group()
    for name in ("check", "prove", "delete"):
        modes.add_argument(f"--{name}", action="store_true")
    for name in ("forget", "json", "no-proof", "dry-run", "yes"):
        parser.add_argument(f"--{name}", action="store_true")
    deployment = Deployment(**vars(parser.parse_args(arguments)))
    for name, pattern in PATTERNS.items():
        value = getattr(deployment, name)
        if value is not None and not re.fullmatch(pattern, value):
            parser.error(f"--{name} {value!r} is not a valid {name}: it has to match {pattern}")
    if deployment.json and not deployment.check:
        parser.error("--json goes with --check")
    if deployment.no_proof and (deployment.prove or deployment.check or deployment.delete):
        parser.error("--no-proof goes with a deployment")
    if deployment.forget and (deployment.prove or deployment.delete):
        parser.error("--forget goes with a deployment or --check: --prove and --delete see whether it is there")
    if deployment.dry_run and (deployment.check or deployment.prove):
        parser.error("--dry-run goes with a deployment or --delete: --check changes nothing, and --prove has to")
    return deployment


def _features(text: str) -> tuple[str, ...]:
    try:
        return read_features(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: accepted is {error}") from None


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)
