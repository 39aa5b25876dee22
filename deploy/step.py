"""One step of a deployment: it says its name, and when it fails, what Google answered and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from deploy.advice import advice
from deploy.failures import ConflictError, FailedError, RefusedError
from deploy.gcloud import Gcloud, pasteable


@contextmanager
def step(gcloud: Gcloud, title: str, *roles: str) -> Iterator[None]:
    """Run the body as a step with this title, for which the person who runs it needs these roles.

    Raises FailedError with the whole story if it cannot be done.
    """
    gcloud.begin(title)
    try:
        yield
    except ConflictError as conflict:
        raise FailedError(str(conflict)) from conflict
    except RefusedError as refused:
        answer = "\n".join(f"  {line}" for line in refused.answer.splitlines())
        raise FailedError(
            f"could not {title}\n\n"
            f"Google answered:\n{answer}\n"
            f"to:\n  {pasteable(refused.command)}\n\n"
            f"What to do: {advice(refused.answer, gcloud.project, roles)}\n"
            "What is done stays done: run the same command again and it goes on from here."
        ) from refused
    if not gcloud.changes and not gcloud.dry_run:
        gcloud.say("nothing to change")
