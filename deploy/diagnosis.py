"""Why an upload did not become a document: which step did not happen, what the log says, and what to do."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deploy.check_function import check_function
from deploy.check_project import check_agents
from deploy.deployment import Deployment
from deploy.findings import Status, look
from deploy.rest import Rest

if TYPE_CHECKING:
    from collections.abc import Callable

# How many lines of the log are shown, and how many characters of each.
N_LINES, N_CHARACTERS = 5, 300


@dataclass(frozen=True)
class Step:
    """A step of the way that did not happen, and by which line of the log that is known.

    Attributes:
        pattern: what is found in the line.
        text: the step.
        subject: the check that may know what to do about it.

    """

    pattern: str
    text: str
    subject: str


STEPS = (
    Step(
        r"\b40[13]\b.*(not authenticated|not authorized|POST)|not authenticated|not authorized to invoke",
        "the trigger may not invoke the function",
        "invoker",
    ),
    Step(
        r"failed to start|STARTUP TCP probe|exited with|Container called exit|ImportError|ModuleNotFoundError",
        "the function does not start",
        "function",
    ),
    Step(r"storage\.objects\.get", "the function may not read the sound", "right to read"),
    Step(
        r"Missing or insufficient permissions|datastore\.entities|PERMISSION_DENIED.*(firestore|datastore)",
        "the function may not write the document",
        "right to write",
    ),
    Step(r"Memory limit|out of memory", "the function has not enough memory", "function"),
)

# What to do where no check knows better.
TODO = {
    "invoker": "run the deployment again, which gives its trigger's account the right to invoke it",
    "function": "the lines of the log say why; an own change to the function is the usual reason",
    "right to read": "run the deployment again, which gives the function the right to read the bucket",
    "right to write": "run the deployment again, which gives the function the right to write documents",
}


def diagnose(rest: Rest, deployment: Deployment, started: datetime, waited_s: int) -> str:
    """Return what did not happen within so many seconds since a sound was uploaded, and what to do."""
    situation = look(rest, deployment)
    found = [*check_function(situation), *check_agents(situation)]
    obstacles = {one.subject: one for one in found if one.status == Status.OBSTACLE}
    lines, unreadable = read_log(rest, deployment, started)
    step = next((step for step in STEPS for line in lines if re.search(step.pattern, line, re.IGNORECASE)), None)
    if step is not None:
        text, subject = step.text, step.subject
    elif lines:
        text, subject = "the function ran into an error", "function"
    else:
        text, subject = "no event reached the function", next(iter(obstacles), "trigger")
    known = obstacles.get(subject) or next(iter(obstacles.values()), None)
    log = "\n".join(f"  {line[:N_CHARACTERS]}" for line in lines[:N_LINES]) or f"  {unreadable or 'nothing since then'}"
    retry = f"{deployment.command} --name {deployment.name} --prove"
    again = (
        TODO.get(subject)
        or "a new trigger may take longer than this to deliver, and your organisation may forbid what it needs:"
        f" {deployment.command} --name {deployment.name} --check"
    )
    todo = f"{known.text}\n  {known.todo}" if known else again
    return (
        f"the sound of the proof did not become a document within {waited_s} s: {text}\n\n"
        f"The function's log says:\n{log}\n\n"
        f"What to do: {todo}\n"
        f"What was deployed stays; try it again by {retry}"
    )


def read_log(rest: Rest, deployment: Deployment, started: datetime) -> tuple[list[str], str]:
    """Return the warnings and errors of the function since then, the newest first, and why there are none to be had."""
    name = deployment.name
    second = f'(resource.type="cloud_run_revision" AND resource.labels.service_name="{name}")'
    first = f'(resource.type="cloud_function" AND resource.labels.function_name="{name}")'
    since = started.strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {
        "resourceNames": [f"projects/{deployment.project}"],
        "filter": f'({second} OR {first}) AND severity>=WARNING AND timestamp>="{since}"',
        "orderBy": "timestamp desc",
        "pageSize": 50,
    }
    answer = rest.post("logging", "v2/entries:list", body)
    if not answer.ok:
        return [], f"it cannot be read: {answer.message}"
    return [_line(entry) for entry in answer.content.get("entries", [])], ""


def _line(entry: dict[str, Any]) -> str:
    """Return an entry of the log as one line: the request that failed, and what is said about it."""
    request = entry.get("httpRequest", {})
    payload = entry.get("jsonPayload", {})
    parts: list[Callable[[], Any]] = [
        lambda: f"{request['status']} {request.get('requestMethod', '')}" if "status" in request else "",
        lambda: entry.get("textPayload", ""),
        lambda: payload.get("message", "") if isinstance(payload, dict) else str(payload),
        lambda: entry.get("protoPayload", {}).get("status", {}).get("message", ""),
    ]
    return " ".join(str(part()) for part in parts if part()).replace("\n", " ")
