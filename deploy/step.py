"""One step of a deployment: it says its name, and when it fails, what Google answered and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from deploy.advice import advice
from deploy.gcloud import Gcloud, pasteable
from deploy.place import DisagreementError
from deploy.refused import RefusedError


class FailedError(Exception):
    """A step failed; the message is for the person who ran it."""


@contextmanager
def step(gcloud: Gcloud, title: str, *roles: str) -> Iterator[None]:
    """Run the body as the step of this title, which takes these roles.

    Raises FailedError with the whole story if it cannot be done.
    """
    if gcloud.dry_run:
        gcloud.heading = f"# {title}"
    else:
        print(title, flush=True)
    before = gcloud.changes
    try:
        yield
    except DisagreementError as disagreement:
        raise FailedError(str(disagreement)) from disagreement
    except RefusedError as refused:
        answer = "\n".join(f"  {line}" for line in refused.answer.splitlines())
        raise FailedError(
            f"could not {title}\n\n"
            f"Google answered:\n{answer}\n"
            f"to:\n  {pasteable(refused.command)}\n\n"
            f"What to do: {advice(refused.answer, gcloud.project, roles)}\n"
            "What is done stays done: run the same command again and it goes on from here."
        ) from refused
    if gcloud.changes == before and not gcloud.dry_run:
        print("  nothing to change", flush=True)
