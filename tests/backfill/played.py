"""A gcloud without a cloud: what it answers is given, and what a task has logged."""

import re
from dataclasses import fields
from typing import Any

from backfill.cloud.job import Job, desired_job, desired_tasks
from backfill.plan import Counts
from backfill.request import Request, parse
from deploy.function import read_function
from deploy.gcloud import Gcloud
from tests.deploy.apis.terminal import BUCKET, PROJECT

FUNCTION = read_function(
    {
        "name": f"projects/{PROJECT}/locations/us-central1/functions/analyze",
        "environment": "GEN_2",
        "buildConfig": {"runtime": "python313"},
        "serviceConfig": {
            "serviceAccountEmail": "run@p",
            "availableMemory": "8Gi",
            "availableCpu": "2",
            "environmentVariables": {"MAX_BYTES": "1000", "EXCLUDE_NAMES": "*.txt", "OTHER": "1"},
        },
    }
)


class Answering(Gcloud):
    """A gcloud that gives the next of its answers, or raises it, and repeats the last."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(PROJECT)
        self.answers = list(answers)

    def read(self, *_: str) -> Any:
        """Return the next answer."""
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Log(Gcloud):
    """A gcloud that reads a log as Cloud Logging does: newest first unless told, filtered, and up to the limit."""

    def __init__(self, *entries: dict[str, Any]) -> None:
        super().__init__(PROJECT)
        self.entries = list(entries)
        self.filters: list[str] = []

    def read(self, *arguments: str) -> Any:
        """Return the lines; what the filter says is only kept."""
        _, _, wanted, *options = arguments
        self.filters.append(wanted)
        given = dict(option.removeprefix("--").split("=") for option in options)
        named = re.findall(r"jsonPayload\.(\w+)>=0", wanted)
        entries = [entry for entry in self.entries if all(name in entry["jsonPayload"] for name in named)]
        entries = entries if given.get("order") == "asc" else entries[::-1]
        return entries[: int(given["limit"])]


def asked(*options: str) -> Request:
    """Return the request of a run for the bucket of these tests."""
    return parse(["--project", PROJECT, "--bucket", BUCKET, *options])


def job(n_tasks: int = 3) -> Job:
    """Return a job as it is made."""
    return desired_job("analyze-backfill", "image:tag", FUNCTION, asked(), desired_tasks(FUNCTION, n_tasks, None), {})


def execution(**status: Any) -> dict[str, Any]:
    """Return an execution as the API describes it."""
    return {"metadata": {"name": "e-1", "creationTimestamp": "2026-01-01T00:00:00Z"}, "status": status}


def entry(index: int, **counts: int) -> dict[str, Any]:
    """Return a task's summary as the log has it."""
    summary = {each.name: float(counts.get(each.name, 0)) for each in fields(Counts)}
    return {"labels": {"run.googleapis.com/task_index": str(index)}, "jsonPayload": summary}
